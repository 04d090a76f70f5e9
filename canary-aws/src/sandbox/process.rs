//! A sandbox as a process of its own, told what to do line by line.
//!
//! ```text
//! ◀ {"endpoint":"http://127.0.0.1:…","keys":{"administrator":{"id":"AKIA…","secret":"…"}}}
//! ▶ {"fault":{"kind":"cut_after","operation":"iam:CreateAccessKey"}}
//! ◀ "done"
//! ▶ {"advance":3600}
//! ◀ "done"
//! ▶ "events"
//! ◀ [{"eventName":"CreateUser",…}]
//! ```

use std::io;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

use super::{Fault, Keys, Sandbox, SandboxOptions};

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
    /// The clock is moved on by so many seconds.
    Advance(u64),
    /// Which records were written.
    Events,
    /// How often each operation was asked for.
    Counts,
}

/// Somebody who is there from the start.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The user's name.
    pub name: String,
    /// Actions on everything, `iam:List*`.
    pub allowed: Vec<String>,
}

/// Runs a sandbox until the input ends. Says first where it is, and with which keys.
///
/// # Errors
/// When it cannot be started, or input or output fail.
pub async fn serve(
    options: SandboxOptions,
    principals: &[Principal],
    input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let sandbox = Sandbox::start(options).await?;
    let mut keys = Map::new();
    keys.insert("administrator".to_owned(), shown(&sandbox.admin()));
    for principal in principals {
        let allowed: Vec<&str> = principal.allowed.iter().map(String::as_str).collect();
        let key = sandbox.principal(&principal.name, &allowed);
        keys.insert(principal.name.clone(), shown(&key));
    }
    let greeting = json!({ "endpoint": sandbox.endpoint(), "keys": keys });
    say(&mut output, &greeting).await?;
    let mut lines = BufReader::new(input).lines();
    while let Some(line) = lines.next_line().await? {
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(command) => obey(&sandbox, command),
            Err(error) => json!({ "error": error.to_string() }),
        };
        say(&mut output, &answer).await?;
    }
    sandbox.close().await;
    Ok(())
}

/// Keys are told to whoever started it, and to nobody else.
fn shown(keys: &Keys) -> Value {
    json!({ "id": keys.id, "secret": keys.secret_text() })
}

fn obey(sandbox: &Sandbox, command: Command) -> Value {
    match command {
        Command::Fault(fault) => sandbox.faults().push(fault),
        Command::Release => sandbox.faults().release(),
        Command::Clear => sandbox.faults().clear(),
        Command::Advance(seconds) => sandbox.clock().advance(Duration::from_secs(seconds)),
        Command::Events => return Value::Array(sandbox.events()),
        Command::Counts => return json!(sandbox.counts()),
    }
    json!("done")
}

async fn say(output: &mut (impl AsyncWrite + Unpin), value: &Value) -> io::Result<()> {
    let line = format!("{value}\n");
    output.write_all(line.as_bytes()).await?;
    output.flush().await
}
