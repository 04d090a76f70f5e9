//! `canary schema`, `completions` and `man`.

use canary_core::config::json_schema;

use super::Context;
use crate::cli::{Completions, Man};
use crate::error::{CommandError, Exit};
use crate::project::vocabulary;

/// The JSON Schema of `canaries.toml`.
pub(crate) fn schema(context: &Context) -> Result<Exit, CommandError> {
    let schema = json_schema(&vocabulary(&context.connects));
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| CommandError::new(Exit::Failed, error.to_string()))?;
    context.ui.data(&format!("{text}\n"));
    Ok(Exit::Done)
}

/// Completions for a shell.
pub(crate) fn completions(
    context: &Context,
    args: &Completions,
    command: &mut clap::Command,
) -> Result<Exit, CommandError> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, command, "canary", &mut out);
    context.ui.data(&String::from_utf8_lossy(&out));
    Ok(Exit::Done)
}

/// Man pages, one for each command.
pub(crate) fn man(
    context: &Context,
    args: &Man,
    command: clap::Command,
) -> Result<Exit, CommandError> {
    clap_mangen::generate_to(command, &args.folder).map_err(|error| {
        CommandError::new(
            Exit::Failed,
            format!("writing into {}: {error}", args.folder.display()),
        )
    })?;
    context.ui.say(&format!(
        "Wrote the man pages into {}.",
        args.folder.display()
    ));
    Ok(Exit::Done)
}
