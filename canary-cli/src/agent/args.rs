//! How the agent is called.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// What the agent is told by whoever starts it. No help and no name of its own: it goes by what it is called.
#[derive(Parser, Clone, Debug)]
#[command(
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true
)]
pub struct AgentArgs {
    #[command(subcommand)]
    pub(super) command: AgentCommand,
}

#[derive(clap::Subcommand, Clone, Debug)]
pub(super) enum AgentCommand {
    Run(RunArgs),
}

#[derive(clap::Args, Clone, Debug)]
pub(super) struct RunArgs {
    #[arg(long)]
    pub(super) name: String,
    #[arg(long)]
    pub(super) namespace: String,
    #[arg(long)]
    pub(super) config: PathBuf,
    /// The authority, of which certificates are made.
    #[arg(long, required_unless_present = "certificate")]
    pub(super) ca: Option<PathBuf>,
    /// A certificate that somebody else makes.
    #[arg(long, conflicts_with = "ca")]
    pub(super) certificate: Option<PathBuf>,
    #[arg(long, default_value = "127.0.0.1:8443")]
    pub(super) listen: SocketAddr,
    #[arg(long, default_value = "127.0.0.1:9090")]
    pub(super) metrics: SocketAddr,
    /// Outside a cluster.
    #[arg(long)]
    pub(super) kubeconfig: Option<PathBuf>,
    /// What other replicas do not have.
    #[arg(long, env = "POD_NAME")]
    pub(super) identity: Option<String>,
    /// Further names that it is called by.
    #[arg(long)]
    pub(super) host: Vec<String>,
    /// Seconds to go on for after it was told to end: until every node knows.
    #[arg(long, default_value_t = 5)]
    pub(super) drain: u64,
    /// A folder of its own that outlives the process.
    #[arg(long)]
    pub(super) state: Option<PathBuf>,
    /// Where its addresses are written once it listens.
    #[arg(long)]
    pub(super) addresses: Option<PathBuf>,
}
