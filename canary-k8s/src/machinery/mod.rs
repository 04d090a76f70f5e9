//! What Kubernetes itself does to canaries by rule, each rule for one identity with a credential that the control plane
//! issued. The same name with a credential from elsewhere is somebody with a stolen one.
//!
//! ```text
//! control_plane   who the control plane's own are         pins, tokens
//! consequences    what others did that it only follows    deletions, writes, uses
//! rules           what is excused by rule                 pure
//! makers          who made the pods that a node reads for
//! ```

mod consequences;
mod control_plane;
mod makers;
mod rules;
#[cfg(test)]
mod tests;

use canary_core::detect::{Event, Ground, Machinery, Outcome, Ruling, Touches};
use serde::{Deserialize, Serialize};

use consequences::Consequences;
use control_plane::ControlPlane;
use makers::Makers;

/// The rules of one cluster, with what they remember of its log.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct KubernetesMachinery {
    control_plane: ControlPlane,
    consequences: Consequences,
    makers: Makers,
}

impl Machinery for KubernetesMachinery {
    fn learn(&mut self, event: &Event, touches: &Touches) {
        self.control_plane.learn(event);
        self.consequences.learn(event, touches);
        self.makers.learn(event);
    }

    fn rule(&self, event: &Event, touches: &Touches, ground: &Ground) -> Ruling {
        rules::rule(
            event,
            touches,
            ground,
            &self.control_plane,
            &self.consequences,
        )
    }

    fn context(&self, event: &Event, touches: &Touches) -> Vec<String> {
        self.makers.context(event, touches)
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }

    fn load(&mut self, memory: serde_json::Value) {
        *self = serde_json::from_value(memory).unwrap_or_default();
    }
}

/// The request did what it asked for.
fn is_done(outcome: &Outcome) -> bool {
    outcome.code.is_some_and(|code| (200..300).contains(&code))
}
