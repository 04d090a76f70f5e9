//! What a provider's own machinery does by rule: its controllers and agents touch everything by nature, and touch
//! canaries in consequence of what others did.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Event, Planted, Touches};
use crate::graph::Address;

/// What the rules say of an event that touched canaries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ruling {
    /// No rule covers it.
    Unruled,
    /// A rule covers it.
    ByRule,
    /// A rule covers it if what it is the consequence of is told by then, in event time. What that is raises an alert of
    /// its own.
    Waits(Timestamp),
}

/// Everything that is planted, by address; more than one where a name was buried and planted anew.
pub type Ground = BTreeMap<Address, Vec<Planted>>;

/// A provider's rules, with what they need to remember. Only authenticated identity excuses.
pub trait Machinery: Send {
    /// Learns from an event, whatever it touched. The same event may come again, and late.
    fn learn(&mut self, event: &Event, touches: &Touches);

    /// What the rules say.
    fn rule(&self, event: &Event, touches: &Touches, ground: &Ground) -> Ruling;

    /// What else is known that a person should be told with it, a sentence each: as who made the pod that a node read
    /// for.
    fn context(&self, event: &Event, touches: &Touches) -> Vec<String>;

    /// What it remembers.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    fn save(&self) -> serde_json::Result<serde_json::Value>;

    /// Remembers again. What is not understood is forgotten.
    fn load(&mut self, memory: serde_json::Value);
}
