//! Who calls, and whether they may.

mod action;
mod caller;
mod condition;
mod decide;
mod glob;
mod policy;
mod resource;
mod session;
mod wording;

pub(super) use action::actions;
pub(super) use caller::{Caller, Who, authenticate};
pub(super) use decide::{Asked, Refused, decide, trusts};
pub(super) use glob::matches;
pub(super) use policy::{Context, allows_service, parse};
pub(super) use resource::{Place, resources};
pub(super) use session::{Session, Sessions};
pub(super) use wording::denial;
