//! What stands beside a log and is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ui::Ui;

/// Says how many there are: once, however often the log is read, and also where only machines listen.
#[derive(Clone)]
pub(super) struct PassedBy {
    ui: Ui,
    files: Arc<AtomicU64>,
    objects: Arc<AtomicU64>,
}

impl PassedBy {
    pub(super) fn new(ui: Ui) -> Self {
        Self {
            ui,
            files: Arc::default(),
            objects: Arc::default(),
        }
    }

    pub(super) fn say(&self, files: u64, objects: u64) {
        let say = |said: &AtomicU64, count: u64, what: &str| {
            if said.swap(count, Ordering::Relaxed) != count {
                self.ui.say(&format!("Note: {count} {what} were passed by"));
            }
        };
        say(&self.files, files, "files that are neither JSON nor gzip");
        say(&self.objects, objects, "JSON objects of no known form");
    }
}
