//! One file for each command.

pub(crate) mod adopt;
mod agent_settings;
pub(crate) mod apply;
pub(crate) mod check;
mod context;
pub(crate) mod demo;
pub(crate) mod detect;
pub(crate) mod drift;
pub(crate) mod generate;
pub(crate) mod graph;
mod in_order;
pub(crate) mod init;
pub(crate) mod install;
pub(crate) mod known_readers;
pub(crate) mod list;
#[cfg(feature = "aws")]
mod passed_by;
pub(crate) mod plan;
pub(crate) mod rotate;
pub(crate) mod show;
pub(crate) mod unlock;
mod watch;

pub(crate) use context::Context;
