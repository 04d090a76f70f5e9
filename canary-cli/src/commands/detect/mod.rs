//! `canary detect`: an audit log to its end, or as it grows.

mod follow;
mod kept;
mod pace;
mod place;
pub(super) mod pods;
mod replay;
mod sources;
mod tell;
mod trouble;
mod turns;

pub(crate) use kept::Kept;

use super::Context;
use crate::cli::Detect;
use crate::error::{CommandError, Exit};

/// Reads a log to its end, or follows it; tells each alert.
pub(crate) async fn run(context: &Context, args: &Detect) -> Result<Exit, CommandError> {
    if args.follow {
        follow::run(context, args).await
    } else {
        replay::run(context, args).await
    }
}
