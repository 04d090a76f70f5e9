//! What an agent is to do: made by whoever installs it, sealed under the agent's own key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use canary_core::bait::Target;
use canary_core::disguise::{Key, KeyError, SealError, SealForm, open, seal};
use canary_core::graph::CanaryId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The file with the agent's key, in its folder.
pub const KEY: &str = "key";
/// The file with the sealed settings.
pub const SETTINGS: &str = "config";

const FORM: SealForm = SealForm {
    magic: b"\x89AGENT\r\n",
    version: 1,
    word: "agent settings",
};

/// The decoy accounts of a canary's pods.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accounts {
    /// The account of each namespace.
    pub by_namespace: BTreeMap<String, String>,
    /// How long a token is asked to live, in seconds.
    pub expiry: u64,
}

/// The decoy role of a canary's pods.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// Where sessions are asked for, and what the files name.
    pub region: String,
    /// The named profile.
    pub profile: String,
}

/// The account that sessions are asked of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Aws {
    /// Its number.
    pub account: String,
    /// Its home region.
    pub region: String,
}

/// The cluster as the kubeconfigs of baits name it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cluster {
    /// The API server's address.
    pub server: String,
    /// Its authority, PEM.
    pub authority: Option<String>,
    /// What it is called.
    pub name: String,
}

/// Everything that an agent is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The cluster's identity: keys are of one site.
    pub site: String,
    /// Which pods get what, in order.
    pub targets: Vec<Target>,
    /// The decoy accounts, by canary.
    pub accounts: BTreeMap<CanaryId, Accounts>,
    /// The decoy roles, by canary.
    pub roles: BTreeMap<CanaryId, Role>,
    /// The account of the roles.
    pub aws: Option<Aws>,
    /// The cluster.
    pub cluster: Cluster,
    /// What the API server shows when it sends audit events; `None`: none are taken.
    pub audit_token: Option<String>,
    /// The namespaces that are watched; `None` for all.
    pub namespaces: Option<BTreeSet<String>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings(secret)")
    }
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The key is none.
    #[error("{path} holds no key")]
    Key {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: KeyError,
    },
    /// The settings do not open.
    #[error("{path} does not open")]
    Sealed {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SealError,
    },
    /// What is in them is not understood.
    #[error("{path} is not understood")]
    Content {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}

impl Settings {
    /// The bytes that an agent with this key reads.
    ///
    /// # Errors
    /// Only when they are longer than the cipher can take.
    pub fn sealed(&self, key: &Key) -> Result<Vec<u8>, SealError> {
        let text = serde_json::to_vec(self).map(Zeroizing::new);
        seal(key, &FORM, &text.unwrap_or_default())
    }

    /// Reads key and settings from a folder, as a Secret is mounted.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn read(folder: &Path) -> Result<(Key, Self), SettingsError> {
        let path = folder.join(KEY);
        let text = file(&path)?;
        let key = Key::from_text(&String::from_utf8_lossy(&text));
        let key = key.map_err(|source| SettingsError::Key { path, source })?;
        let path = folder.join(SETTINGS);
        let sealed = file(&path)?;
        let text = open(&key, &FORM, &sealed).map(Zeroizing::new);
        let text = text.map_err(|source| SettingsError::Sealed {
            path: path.clone(),
            source,
        })?;
        let settings = serde_json::from_slice(&text);
        let settings = settings.map_err(|source| SettingsError::Content { path, source })?;
        Ok((key, settings))
    }
}

fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, SettingsError> {
    let bytes = fs::read(path).map_err(|source| SettingsError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(Zeroizing::new(bytes))
}
