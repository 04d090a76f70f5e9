//! Files beside a log that were not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ui::Ui;

/// Says how many there are: once, however often the log is read, and also where only machines listen.
#[derive(Clone)]
pub(super) struct PassedBy {
    ui: Ui,
    said: Arc<AtomicU64>,
}

impl PassedBy {
    pub(super) fn new(ui: Ui) -> Self {
        Self {
            ui,
            said: Arc::default(),
        }
    }

    pub(super) fn say(&self, files: u64) {
        if self.said.swap(files, Ordering::Relaxed) != files {
            self.ui.say(&format!(
                "Note: {files} files that are neither JSON nor gzip were passed by"
            ));
        }
    }
}
