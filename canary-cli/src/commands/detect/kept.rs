//! What is kept of watching, sealed, beside the ledger: the position in the log, what was learned from it, and the
//! alerts, in one file, so that they always fit each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use canary_core::alert::{Folded, Folder, Outbox};
use canary_core::detect::Judge;
use canary_core::disguise::{Digester, Key, SealForm, open, seal};
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, Exit};
use crate::project::{FOLDER, Project};
use crate::store::put;
use crate::ui::Ui;

/// How the files begin that followers keep.
const FOLLOWED: &str = "watch-";
/// The file of what replays told.
const REPLAYED: &str = "replayed";

fn folder(project: &Project) -> PathBuf {
    project.folder().join(FOLDER)
}

const FORM: SealForm = SealForm {
    magic: b"\x89SWATCH\n",
    version: 1,
    word: "watch",
};

/// Logs that are followed together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Followed {
    /// How far each was read, by its name as given.
    pub(crate) positions: BTreeMap<String, String>,
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
    /// Where what a follower of these logs keeps is: each has its own, so that none undoes another's.
    /// With `--planned` other things are canaries, and what was passed over is not known to the other.
    pub(crate) fn of_follower(project: &Project, logs: &str, planned: bool) -> PathBuf {
        let mut what = logs.as_bytes().to_vec();
        what.extend([0, u8::from(planned)]);
        let digest = Digester::new(&[0; 32]).digest(&what);
        let short: String = digest.as_bytes()[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        folder(project).join(format!("{FOLLOWED}{short}"))
    }

    /// Where the alerts of replays are kept.
    pub(crate) fn of_replays(project: &Project) -> PathBuf {
        folder(project).join(REPLAYED)
    }

    /// Where anything is kept.
    pub(crate) fn places(project: &Project) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder(project))
            .into_iter()
            .flatten()
            .flatten();
        let is_kept = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| {
                let followed = name.strip_prefix(FOLLOWED);
                name == REPLAYED || followed.is_some_and(|rest| !rest.contains('.'))
            })
        };
        let mut places: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_kept).collect();
        places.sort();
        places
    }

    /// What was kept; nothing, said aloud, when it cannot be read: then a log is read from its beginning, and alerts are
    /// told again rather than never.
    pub(crate) fn read(path: &Path, key: &Key, ui: Ui) -> Self {
        let bytes = match fs::read(path) {
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
    pub(crate) fn write(&self, path: &Path, key: &Key) -> Result<(), CommandError> {
        let failed = |why: String| {
            CommandError::new(Exit::Failed, format!("writing {}: {why}", path.display()))
        };
        let text = serde_json::to_vec(self).map_err(|error| failed(error.to_string()))?;
        let bytes = seal(key, &FORM, &text).map_err(|error| failed(error.to_string()))?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        put(path, &bytes).map_err(|error| failed(error.to_string()))
    }

    /// Goes on where these logs were left.
    pub(crate) fn resume(
        &self,
        judge: &mut Judge,
        folder: &mut Folder,
    ) -> BTreeMap<String, String> {
        folder.load(self.alerts.clone());
        let Some(followed) = &self.followed else {
            return BTreeMap::new();
        };
        // What was learned is worth less than the position: a newer program may not understand it.
        drop(judge.load(followed.judge.clone()));
        followed.positions.clone()
    }
}
