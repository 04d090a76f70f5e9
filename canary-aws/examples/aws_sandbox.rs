//! Runs a sandbox for scripts, and for trying things by hand. Ends with its standard input.
//!
//! Usage: `aws_sandbox [USER=ACTION,ACTION …]`. `canary_aws::sandbox::serve` has what can be told to it.

use canary_aws::sandbox::{Principal, SandboxOptions, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut principals = Vec::new();
    for arg in std::env::args().skip(1) {
        let (name, actions) = arg.split_once('=').ok_or("expected USER=ACTION,ACTION")?;
        principals.push(Principal {
            name: name.to_owned(),
            allowed: actions.split(',').map(ToOwned::to_owned).collect(),
        });
    }
    let options = SandboxOptions::default();
    serve(
        options,
        &principals,
        tokio::io::stdin(),
        tokio::io::stdout(),
    )
    .await?;
    Ok(())
}
