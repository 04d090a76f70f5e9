//! A sandbox as a process of its own, told what to do line by line.
//!
//! ```text
//! ◀ {"url":"http://127.0.0.1:…","audit_log":"…","kubeconfigs":{"admin":"…"}}
//! ▶ {"fault":{"kind":"cut_after","method":"POST","path":"/secrets"}}
//! ◀ "done"
//! ▶ "release"
//! ◀ "done"
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

use super::{Fault, Sandbox, SandboxError, SandboxOptions};

/// What can be told to it, one JSON value a line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    /// Something is to go wrong.
    Fault(Fault),
    /// What hangs goes on.
    Release,
    /// Nothing more is to go wrong.
    Clear,
    /// The past is forgotten.
    Compact,
}

/// Why it ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Nobody can be heard or told anything any more.
    #[error("the sandbox lost whoever started it")]
    Lost(#[source] io::Error),
}

/// Runs a sandbox until the input ends, with a kubeconfig for each user in a folder. Says first where everything is.
///
/// # Errors
/// When it cannot be started, or input or output fail.
pub async fn serve(
    options: SandboxOptions,
    folder: &Path,
    input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<(), ServeError> {
    let users: Vec<String> = options.users.iter().map(|user| user.name.clone()).collect();
    let audit_log = options.audit_log.clone();
    let sandbox = Sandbox::start(options).await?;
    let mut kubeconfigs: BTreeMap<String, PathBuf> = BTreeMap::new();
    for user in users {
        let path = folder.join(format!("{}.kubeconfig", user.replace([':', '/'], "-")));
        sandbox.write_kubeconfig(&path, &user, CONTEXT)?;
        kubeconfigs.insert(user, path);
    }
    let greeting = json!({
        "url": sandbox.url(),
        "audit_log": audit_log,
        "kubeconfigs": kubeconfigs,
    });
    say(&mut output, &greeting).await?;
    let mut lines = BufReader::new(input).lines();
    while let Some(line) = lines.next_line().await.map_err(ServeError::Lost)? {
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(command) => {
                obey(&sandbox, command);
                json!("done")
            }
            Err(error) => json!({ "error": error.to_string() }),
        };
        say(&mut output, &answer).await?;
    }
    sandbox.close().await;
    Ok(())
}

/// The context of its kubeconfigs.
const CONTEXT: &str = "sandbox";

fn obey(sandbox: &Sandbox, command: Command) {
    match command {
        Command::Fault(fault) => sandbox.faults().push(fault),
        Command::Release => sandbox.faults().release(),
        Command::Clear => sandbox.faults().clear(),
        Command::Compact => sandbox.compact(),
    }
}

async fn say(output: &mut (impl AsyncWrite + Unpin), value: &Value) -> Result<(), ServeError> {
    let line = format!("{value}\n");
    output
        .write_all(line.as_bytes())
        .await
        .map_err(ServeError::Lost)?;
    output.flush().await.map_err(ServeError::Lost)
}
