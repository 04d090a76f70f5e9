//! The plan as data. Holds no secret value: digests stand for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Purpose;
use crate::catalog::Pinned;
use crate::graph::{Address, Handle, Lifetime, ProviderId};
use crate::observe::{Gap, Observed, Seen, Site, Version};

/// All of it, in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// When the world was looked at.
    pub at: Timestamp,
    /// Where.
    pub sites: BTreeMap<ProviderId, Site>,
    /// What for.
    pub purpose: Purpose,
    /// One step per resource, each after what it needs.
    pub steps: Vec<Step>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// What was told by something that may be hours old, and is not asked for because nothing seems to have changed.
    #[serde(default)]
    pub told_earlier: Option<ToldEarlier>,
}

/// Places of which something old told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ToldEarlier {
    /// Of what kinds.
    pub kinds: BTreeSet<String>,
    /// How many places.
    pub places: usize,
    /// The oldest moment that they were told of.
    pub at: Timestamp,
}

impl ToldEarlier {
    pub(super) fn of(observed: &Observed) -> Option<Self> {
        let told = || observed.told_earlier.values().flatten();
        Some(Self {
            kinds: told().map(|(scope, _)| scope.kind.clone()).collect(),
            places: told().count(),
            at: told().map(|(_, at)| *at).min()?,
        })
    }
}

/// What is said about one resource.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Our name.
    pub address: Address,
    /// Whose it is.
    pub provider: ProviderId,
    /// The provider's name.
    pub handle: Handle,
    /// What will be done.
    pub action: Action,
    /// What others did to it since we last wrote it.
    pub outside: Option<Outside>,
    /// Steps that come first.
    pub needs: BTreeSet<Address>,
    /// The choices that the plan was made with; `None` for what is only removed.
    pub choice: Option<Pinned>,
    /// Its whole content as it is to be; empty for what is only removed or kept.
    pub content: BTreeMap<String, Wanted>,
    /// Remarks of the catalog, by topic.
    pub remarks: BTreeMap<String, String>,
    /// Of today, or kept.
    pub lifetime: Lifetime,
    /// Its content is itself an identity.
    pub active: bool,
    /// When it stops working, as granted.
    pub expires: Option<Timestamp>,
}

/// What will be done about one resource.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    Keep,
    /// Made where nothing is.
    Create {
        /// Why.
        cause: CreateCause,
    },
    /// Changed in place.
    Update {
        /// What it must still be.
        have: Version,
        /// Field by field.
        changes: Vec<FieldChange>,
    },
    /// Removed and made anew under the same name.
    Replace {
        /// What it must still be; `None` for what has no object.
        have: Option<Version>,
        /// Why.
        cause: ReplaceCause,
    },
    /// Removed.
    Delete {
        /// What it must still be; `None` for what has no object.
        have: Option<Version>,
        /// Why.
        cause: DeleteCause,
    },
    /// Only the ledger changes: from now on it is kept under its retired address.
    Retire {
        /// Its address until now.
        from: Address,
        /// Until when it is kept.
        until: Timestamp,
    },
    /// Only the ledger changes: what is out there is wanted under another address, as again after it was retired.
    Reinstate {
        /// Its address from now on.
        to: Address,
    },
    /// Only the ledger changes: it is gone already.
    Forget,
    /// Nothing can be done.
    Blocked(Obstacle),
}

/// Why something is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreateCause {
    /// It is new.
    New,
    /// Somebody removed it.
    DeletedOutside,
}

/// Why something is made anew.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplaceCause {
    /// A field cannot be changed in place.
    Immutable(Vec<FieldChange>),
    /// It has stopped working, or is about to.
    Expiring,
    /// Its generation was raised.
    Rotated,
    /// It was rotated, and its place holds no second one.
    NoRoom,
    /// What it is in is made anew.
    Place,
}

/// Why something is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteCause {
    /// It is not declared any more.
    NotDeclared,
    /// It was kept long enough.
    KeptLongEnough,
    /// Everything goes.
    Destroy,
    /// Its place holds no more, and a newer one is made.
    NoRoom,
    /// Its making was not answered, and what it gave is not known.
    Stray,
}

/// What a field is to be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// This.
    Now(Seen),
    /// Known once something else is made.
    AfterApply,
}

/// One field that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldChange {
    /// The provider's dotted path.
    pub field: String,
    /// What it is.
    pub before: Option<Seen>,
    /// What it is to be; `None`: not there.
    pub after: Option<Wanted>,
    /// It cannot be changed in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

/// What others did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// They changed these fields (`before` as we wrote them, `after` as they are).
    Changed(Vec<FieldChange>),
    /// They removed it.
    Deleted,
    /// They are removing it.
    Deleting,
    /// They removed it and made another of that name.
    Recreated {
        /// The other one.
        uid: String,
    },
    /// They put something into a place of ours.
    Intruder {
        /// What they put there.
        uid: String,
    },
}

/// What is in the way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Nobody could look.
    Unseen(Option<Gap>),
    /// Something that is not ours has the name.
    Foreign {
        /// Its uid.
        uid: String,
        /// What the provider says there is to do, other than to choose another name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        way_out: Option<String>,
    },
    /// Something of ours has the name, under this address.
    Ours(Address),
    /// It is in a place of ours, and neither ours nor of any use to anybody but an intruder.
    Stranger,
    /// Something that is not ours is in it.
    Holds(Handle),
    /// Something of ours is in it, and stays.
    HoldsOurs(Address),
    /// Its place holds so many, and what is in it stays.
    Full(usize),
    /// It is on its way out; until it is gone nothing can be done.
    Deleting,
    /// The place for it is missing, as in a namespace.
    NoPlace(String),
    /// It would do harm or give itself away; in the words of a check.
    Unsafe(String),
    /// It needs something that is blocked.
    Waits(Address),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen(Some(gap)) => write!(f, "could not be seen: {gap}"),
            Self::Unseen(None) => f.write_str("could not be seen"),
            Self::Foreign { .. } => f.write_str("exists and is not ours"),
            Self::Ours(address) => write!(f, "has the name of {address}, which is planted"),
            Self::Stranger => f.write_str("is not ours, and is in a place of ours: an intruder's, unless somebody knows better"),
            Self::Holds(handle) => write!(f, "{handle} is in it, and is not ours"),
            Self::HoldsOurs(address) => write!(f, "{address} is in it, and stays"),
            Self::Full(most) => write!(f, "its place holds no more than {most}, and none of them may go"),
            Self::Deleting => f.write_str("is being deleted, and something holds it"),
            Self::NoPlace(place) => write!(f, "{place} does not exist"),
            Self::Unsafe(why) => f.write_str(why),
            Self::Waits(address) => write!(f, "waits for {address}"),
        }
    }
}

impl Step {
    /// True when something will be done to the world or to the ledger.
    #[must_use]
    pub fn does_something(&self) -> bool {
        !matches!(self.action, Action::Keep | Action::Blocked(_))
    }

    /// True when the step's delete ends a credential or object that still fires.
    #[must_use]
    pub fn stops_firing(&self) -> bool {
        matches!(self.action, Action::Delete { .. })
    }
}

/// How many of what: the last line of a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Made where nothing was.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Made anew: removed before, by us or by others.
    pub replace: usize,
    /// Removed.
    pub destroy: usize,
    /// Could not be planned.
    pub blocked: usize,
    /// Kept although retired.
    pub kept: usize,
    /// Only the ledger changes.
    pub ledger: usize,
}

impl Plan {
    /// Counts the steps.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for step in &self.steps {
            let count = match &step.action {
                Action::Create {
                    cause: CreateCause::New,
                } => &mut summary.add,
                Action::Update { .. } => &mut summary.change,
                Action::Create {
                    cause: CreateCause::DeletedOutside,
                }
                | Action::Replace { .. } => &mut summary.replace,
                Action::Delete { .. } => &mut summary.destroy,
                Action::Blocked(_) => &mut summary.blocked,
                Action::Retire { .. } | Action::Reinstate { .. } | Action::Forget => {
                    &mut summary.ledger
                }
                Action::Keep => {
                    if matches!(step.lifetime, Lifetime::Retired { .. }) {
                        summary.kept += 1;
                    }
                    continue;
                }
            };
            *count += 1;
        }
        summary
    }

    /// True when nothing is to be done and nothing is in the way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.steps
            .iter()
            .all(|step| matches!(step.action, Action::Keep))
    }

    /// True when something can be done.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(Step::does_something)
    }

    /// True when others changed something of ours.
    #[must_use]
    pub fn has_drift(&self) -> bool {
        self.steps.iter().any(|step| step.outside.is_some())
    }

    /// The step of an address.
    #[must_use]
    pub fn step(&self, address: &Address) -> Option<&Step> {
        self.steps.iter().find(|step| step.address == *address)
    }
}
