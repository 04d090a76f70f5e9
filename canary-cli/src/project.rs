//! A project on disk: configuration, key, ledger; and the engine made from them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use canary_core::apply::Settings;
use canary_core::config::{Config, LedgerPlace, Vocabulary, parse_bytes};
use canary_core::disguise::Key;
use canary_core::engine::{Engine, Provider};
use canary_core::ledger::Holder;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::SystemClock;
use crate::cli::Global;
use crate::error::{CommandError, Exit};
use crate::providers::Connect;
use crate::render::diagnostics;
use crate::store::FileStore;
use crate::ui::Ui;

/// Where things are kept beside the configuration.
pub(crate) const FOLDER: &str = ".canary";

/// The configuration as it was read, with its text for diagnostics.
pub(crate) struct Project {
    pub(crate) config: Arc<Config>,
    pub(crate) source: String,
    pub(crate) path: PathBuf,
    global: Global,
}

/// A state of the ledger, told from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    inode: u64,
    length: u64,
}

/// What all providers let a configuration say.
pub(crate) fn vocabulary(connects: &[Box<dyn Connect>]) -> Vocabulary {
    let catalogs: Vec<_> = connects.iter().map(|connect| connect.catalog()).collect();
    Engine::vocabulary(catalogs.iter().map(AsRef::as_ref))
}

impl Project {
    /// Reads the configuration.
    pub(crate) fn read(
        global: &Global,
        connects: &[Box<dyn Connect>],
        ui: Ui,
    ) -> Result<Self, CommandError> {
        let path = global.config.clone();
        let bytes = fs::read(&path).map_err(|error| {
            CommandError::new(Exit::Config, format!("reading {}: {error}", path.display()))
                .hint("canary init makes one")
        })?;
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let source = String::from_utf8_lossy(&bytes).into_owned();
        let config = parse_bytes(&bytes, &vocabulary(connects), today).map_err(|errors| {
            let name = path.display().to_string();
            let text = diagnostics::render(&errors, &source, &name, ui.colour_err);
            CommandError::rendered(Exit::Config, text)
        })?;
        let project = Self {
            config: Arc::new(config),
            source,
            path,
            global: global.clone(),
        };
        if let Some(length) = project.store().gone() {
            ui.say(&format!(
                "Note: the ledger at {} is gone (it had {length} bytes): of nothing that is planted it is known here that it \
                 is ours. To rebuild it: canary recover",
                project.ledger_path().display()
            ));
        }
        Ok(project)
    }

    /// The folder that paths in the configuration start from.
    pub(crate) fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The key: from `CANARY_KEY`, or from a file that only its owner can read.
    pub(crate) fn key(&self) -> Result<Key, CommandError> {
        if self.global.key_file.is_none()
            && let Some(text) = std::env::var_os("CANARY_KEY")
        {
            let text = text.to_string_lossy();
            return Key::from_text(&text).map_err(|error| {
                CommandError::new(Exit::Config, format!("CANARY_KEY: {error}"))
                    .hint("canary init makes one")
            });
        }
        let path = self
            .global
            .key_file
            .clone()
            .unwrap_or_else(|| self.folder().join(FOLDER).join("key"));
        read_key(&path)
    }

    fn store(&self) -> FileStore {
        FileStore::at(self.ledger_path())
    }

    fn ledger_path(&self) -> PathBuf {
        match &self.config.ledger {
            Some(LedgerPlace::File(path)) => self.folder().join(path),
            None => self.folder().join(FOLDER).join("ledger"),
        }
    }

    /// What tells whether the ledger was written to: it only grows, or is replaced.
    pub(crate) fn ledger_stamp(&self) -> Option<Stamp> {
        let meta = fs::metadata(self.ledger_path()).ok()?;
        Some(Stamp {
            inode: meta.ino(),
            length: meta.len(),
        })
    }

    /// The engine, connected.
    pub(crate) async fn engine(
        &self,
        connects: &[Box<dyn Connect>],
    ) -> Result<Engine, CommandError> {
        let key = self.key()?;
        let settings = Settings {
            concurrency: self.global.parallelism.into(),
            ..Settings::default()
        };
        let mut builder = Engine::builder(self.config.clone(), key).settings(settings);
        for connect in connects {
            let provider = match self.config.providers.get(&connect.catalog().provider()) {
                Some(section) => connect.connect(section).await?,
                None => unconnected(connect.as_ref()),
            };
            builder = builder.provider(provider);
        }
        Ok(builder.build(Arc::new(self.store()), Arc::new(SystemClock)))
    }

    /// The engine without any connection: for what the ledger and the configuration alone tell.
    pub(crate) fn offline(&self, connects: &[Box<dyn Connect>]) -> Result<Engine, CommandError> {
        Ok(self.offline_with(connects, self.key()?))
    }

    /// The same with a key of the caller's.
    pub(crate) fn offline_with(&self, connects: &[Box<dyn Connect>], key: Key) -> Engine {
        let begun = Engine::builder(self.config.clone(), key);
        let builder = connects.iter().fold(begun, |builder, connect| {
            builder.provider(unconnected(connect.as_ref()))
        });
        builder.build(Arc::new(self.store()), Arc::new(SystemClock))
    }
}

fn unconnected(connect: &dyn Connect) -> Provider {
    Provider {
        catalog: connect.catalog(),
        observe: None,
        realize: None,
    }
}

fn read_key(path: &Path) -> Result<Key, CommandError> {
    let place = path.display();
    let meta = fs::metadata(path).map_err(|error| {
        CommandError::new(Exit::Config, format!("reading the key {place}: {error}"))
            .hint("canary init makes one; --key-file and CANARY_KEY name another")
    })?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(CommandError::new(
            Exit::Config,
            format!("the key {place} can be read by others (mode {mode:o})"),
        )
        .hint(format!(
            "chmod 600 {place}; if others may have read it, make a new key"
        )));
    }
    let text = fs::read_to_string(path).map_err(|error| {
        CommandError::new(Exit::Config, format!("reading the key {place}: {error}"))
    })?;
    Key::from_text(&text)
        .map_err(|error| CommandError::new(Exit::Config, format!("the key {place}: {error}")))
}

/// Who we are, for the lock.
pub(crate) fn holder(operation: &str) -> Holder {
    let user = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "somebody".into());
    let machine = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"))
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "this-machine".into());
    let now = Timestamp::now();
    Holder {
        who: format!("{user}@{machine}"),
        pid: std::process::id(),
        operation: operation.into(),
        since: now,
        expires: now,
    }
}
