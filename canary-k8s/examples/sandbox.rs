//! Runs a sandbox for scripts, and for trying things by hand. Ends with its standard input.
//!
//! Usage: `sandbox FOLDER [USER=GROUP …]`. Kubeconfigs and the audit log are in the folder; `canary_k8s::sandbox::serve` has
//! what can be told to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use canary_core::apply::Clock;
use canary_k8s::sandbox::{SandboxOptions, User, serve};
use jiff::Timestamp;

struct MachineClock;

#[async_trait]
impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("usage: sandbox FOLDER [USER=GROUP …]")?);
    std::fs::create_dir_all(&folder)?;
    let mut users = vec![
        User::new("admin", &["system:masters"]),
        User::new("operator", &["operators"]),
        User::new("intruder", &["intruders"]),
    ];
    for arg in args {
        let (name, group) = arg.split_once('=').ok_or("expected USER=GROUP")?;
        users.push(User::new(name, &[group]));
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let options = SandboxOptions {
        users,
        audit_log: folder.join("audit.log"),
        seed,
        clock: Arc::new(MachineClock),
        port: 0,
    };
    serve(options, &folder, tokio::io::stdin(), tokio::io::stdout()).await?;
    Ok(())
}
