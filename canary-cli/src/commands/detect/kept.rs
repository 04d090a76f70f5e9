//! What is kept of watching, sealed, beside the ledger: the position in the log, what was learned from it, and the
//! alerts, in one file, so that they always fit each other.

use std::fs;
use std::path::PathBuf;

use canary_core::alert::{Alert, Folded, Folder, Outbox};
use canary_core::detect::Judge;
use canary_core::disguise::{Key, SealForm, open, seal};
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, Exit};
use crate::project::{FOLDER, Project};
use crate::store::put;
use crate::ui::Ui;

const FORM: SealForm = SealForm {
    magic: b"\x89SWATCH\n",
    version: 1,
    word: "watch",
};

/// A followed log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Followed {
    /// Its path, as given.
    pub(crate) log: String,
    /// How far it was read.
    pub(crate) position: String,
    /// What the judge learned.
    pub(crate) judge: serde_json::Value,
}

/// All that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) followed: Option<Followed>,
    pub(crate) alerts: Folded,
    /// What is still to be delivered.
    #[serde(default)]
    pub(crate) outbox: Outbox,
}

impl Kept {
    fn path(project: &Project) -> PathBuf {
        project.folder().join(FOLDER).join("watch")
    }

    /// What was kept; nothing, said aloud, when it cannot be read: then a log is read from its beginning, and alerts are
    /// told again rather than never.
    pub(crate) fn read(project: &Project, key: &Key, ui: Ui) -> Self {
        let path = Self::path(project);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Self::default(),
            Err(error) => {
                ui.say(&format!("Note: reading {}: {error}", path.display()));
                return Self::default();
            }
        };
        let kept = open(key, &FORM, &bytes)
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
        kept.unwrap_or_else(|why| {
            ui.say(&format!(
                "Note: what was kept of watching in {} cannot be used ({why}): the log is read from its beginning",
                path.display()
            ));
            Self::default()
        })
    }

    /// Keeps it.
    pub(crate) fn write(&self, project: &Project, key: &Key) -> Result<(), CommandError> {
        let path = Self::path(project);
        let failed = |why: String| {
            CommandError::new(Exit::Failed, format!("writing {}: {why}", path.display()))
        };
        let text = serde_json::to_vec(self).map_err(|error| failed(error.to_string()))?;
        let bytes = seal(key, &FORM, &text).map_err(|error| failed(error.to_string()))?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        put(&path, &bytes).map_err(|error| failed(error.to_string()))
    }

    /// Goes on where the same log was left.
    pub(crate) fn resume(
        &self,
        log: &str,
        judge: &mut Judge,
        folder: &mut Folder,
    ) -> Option<String> {
        folder.load(self.alerts.clone());
        let followed = self.followed.as_ref().filter(|f| f.log == log)?;
        // What was learned is worth less than the position: a newer program may not understand it.
        drop(judge.load(followed.judge.clone()));
        Some(followed.position.clone())
    }

    /// The kept alerts whose uid begins so.
    pub(crate) fn find(&self, short: &str) -> Vec<&Alert> {
        self.alerts
            .alerts()
            .filter(|alert| alert.uid.starts_with(short))
            .collect()
    }
}
