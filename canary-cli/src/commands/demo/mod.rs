//! `canary demo`: the whole loop in a few screens, against an API server in memory. Nothing is installed, and nothing is
//! left behind.
//!
//! ```text
//! stage   the cluster with its neighbours and its intruder
//! actor   requests of others, as kubectl would send them
//! story   what is told, command by command: each is this very program, run as a person would
//! ```

mod actor;
#[cfg(feature = "aws")]
mod cloud;
mod stage;
mod story;

use std::path::{Path, PathBuf};

use super::Context;
use crate::cli::Demo;
use crate::error::{CommandError, Exit};
use stage::Stage;
use story::Story;

/// Tells the story. With `--keep`, leaves the project and, on a terminal, the cluster.
pub(crate) async fn run(context: &Context, args: &Demo) -> Result<Exit, CommandError> {
    // Gone when this ends, in whatever way it returns.
    let (folder, _temporary) = match &args.keep {
        Some(folder) => (fresh(folder)?, None),
        None => {
            let temporary =
                tempfile::Builder::new()
                    .prefix("demo-")
                    .tempdir()
                    .map_err(|error| {
                        CommandError::new(Exit::Failed, format!("making a folder: {error}"))
                    })?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    let keeps = args.keep.is_some();
    let told = tokio::select! {
        told = tell(context, &folder, keeps) => told,
        _ = tokio::signal::ctrl_c() => Ok(None),
    };
    let Some(stage) = told? else {
        return Ok(Exit::Failed);
    };
    if keeps && context.ui.interactive {
        context.ui.say(&format!(
            "\nThe cluster stays until you press Ctrl-C. In another terminal:\n\n    cd {}\n    export KUBECONFIG=$PWD/kubeconfig\n    canary plan",
            folder.display()
        ));
        drop(tokio::signal::ctrl_c().await);
    }
    stage.close().await;
    Ok(Exit::Done)
}

async fn tell(
    context: &Context,
    folder: &Path,
    keeps: bool,
) -> Result<Option<Stage>, CommandError> {
    let stage = Stage::set(folder).await?;
    Story {
        ui: context.ui,
        folder,
        stage: &stage,
    }
    .tell(keeps)
    .await?;
    Ok(Some(stage))
}

/// A folder that is not there yet, or is empty: nobody's files are mixed with a demo's.
fn fresh(folder: &Path) -> Result<PathBuf, CommandError> {
    let failed = |why: String| {
        CommandError::new(Exit::Failed, format!("{}: {why}", folder.display()))
            .hint("name a folder that is not there yet, or is empty")
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    let mut entries = std::fs::read_dir(folder).map_err(|error| failed(error.to_string()))?;
    if entries.next().is_some() {
        return Err(failed("there is something in it".into()));
    }
    std::fs::canonicalize(folder).map_err(|error| failed(error.to_string()))
}
