//! What the agent in the cluster is given by the configuration.

use std::collections::BTreeMap;

use canary_core::bait::{PodHandles, Target};
use canary_core::disguise::{Key, SealForm, seal};
use canary_k8s::installer::Installer;
use serde_json::json;

use crate::error::{CommandError, Exit};
use crate::project::Project;

/// What its sealed configuration looks like from outside.
pub(crate) const SEAL: SealForm = SealForm {
    magic: b"\x89SCONF\r\n",
    version: 1,
    word: "agent",
};

/// What the agent is given, and what it asks of an installation.
pub(crate) struct AgentSettings {
    /// The pods that are meant.
    pub(crate) targets: Vec<Target>,
    /// The account that tokens are asked for, by namespace.
    pub(crate) accounts: BTreeMap<String, String>,
    /// Its configuration, sealed under its key.
    pub(crate) config: Vec<u8>,
    /// Its key: all that it has.
    pub(crate) key: Key,
    /// The names of what it writes for pods.
    pub(crate) handles: PodHandles,
}

/// Of this project, at a site.
pub(crate) fn agent_settings(
    _project: &Project,
    installer: &Installer,
) -> Result<AgentSettings, CommandError> {
    let key = installer.keys().agent();
    // From the agent's key, as it has no other.
    let handles = PodHandles::new(&key.at_site(&canary_k8s::provider(), installer.site()));
    let config = seal(&key, &SEAL, json!({}).to_string().as_bytes())
        .map_err(|error| CommandError::from_error(Exit::Failed, &error))?;
    Ok(AgentSettings {
        targets: Vec::new(),
        accounts: BTreeMap::new(),
        config,
        key,
        handles,
    })
}
