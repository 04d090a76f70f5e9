//! What canaries are. Decides everything, touches nothing.
//!
//! `─▶` is a pure function, `═▶` touches the world.
//!
//! ```text
//!  canaries.toml ─parse─▶ Config ─Catalog::lower─▶ Desired ──────────────┐
//!                         key ─▶ Namer, Filler, Marker                    ├─plan─▶ Plan ─check─▶ Notes
//!  cluster, account ═Observe═▶ ┐                                          │          │
//!  recorded dump ──────────────├─▶ Observed ──────────────────────────────┘          │
//!  Ledger ═load═▶──────────────┘       │                                             ═apply: Realize, Ledger═▶ Report
//!               Desired, Observed ─Catalog::tripwires─▶ Tripwires
//!                                                          │
//!  audit log, webhook, CloudTrail ═Listen═▶ Event ─sightings─▶ Sighting ─fold─▶ Alert ═Sink═▶ SIEM, chat, pager
//! ```
//!
//! This crate has no clock, no environment, no files, no network and no randomness that was not handed to it.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod alert;
pub mod apply;
pub mod bait;
pub mod catalog;
pub mod check;
pub mod config;
pub mod detect;
pub mod disguise;
pub mod engine;
pub mod graph;
pub mod ledger;
pub mod observe;
pub mod plan;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod value;
