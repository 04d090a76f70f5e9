//! The account: everything that is kept, and what a request does to it.

mod handle;
mod publish;
mod run;
mod state;

pub(super) use state::Account;
