//! Who asks and what they may: tokens, impersonation, RBAC.

mod bootstrap;
mod escalation;
mod identity;
mod impersonate;
mod rbac;
mod tokens;

pub(super) use bootstrap::objects as bootstrap;
pub(super) use escalation::escalates;
pub(super) use identity::{Identity, Users, authenticate};
pub(super) use impersonate::{Modes, impersonate};
pub(super) use rbac::{Attributes, Decision, authorize, forbidden};
pub(super) use tokens::{ISSUER, Issuer, Lifetime};
