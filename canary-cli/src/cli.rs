//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Canaries for Kubernetes and AWS, managed as Terraform manages infrastructure.
#[derive(Parser, Debug)]
#[command(
    name = "canary",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The configuration
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "canaries.toml",
        env = "CANARY_CONFIG"
    )]
    pub(crate) config: PathBuf,
    /// The key, a file that only you can read [default: .canary/key beside the configuration]
    #[arg(long, global = true, value_name = "FILE", env = "CANARY_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Wait for a lock that somebody holds, as in 30s or 5m
    #[arg(long, global = true, value_name = "TIME", default_value = "0s", env = "CANARY_LOCK_TIMEOUT", value_parser = duration)]
    pub(crate) lock_timeout: std::time::Duration,
    /// Changes that are made at the same time
    #[arg(long, global = true, value_name = "NUMBER", default_value = "16", env = "CANARY_PARALLELISM", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) parallelism: u8,
    /// No colour
    #[arg(long, global = true, env = "CANARY_NO_COLOR", value_parser = switch)]
    pub(crate) no_color: bool,
    /// Say what happens, on standard error; twice for each request, three times with the names in it
    #[arg(long, short, global = true, action = clap::ArgAction::Count, env = "CANARY_VERBOSE")]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make a commented canaries.toml and a key
    Init,
    /// Read the configuration and say what is wrong or worth knowing; nothing is touched
    Check(Check),
    /// Show what would change
    Plan(Plan),
    /// Carry a plan out
    Apply(Apply),
    /// Remove every canary
    Destroy(Destroy),
    /// Give a canary a new generation; the old one is kept so that a stolen copy still fires
    Rotate(Rotate),
    /// Show what others changed
    Drift(Json),
    /// List the canaries that are planted
    List(Json),
    /// Show a canary, an alert, or a saved plan
    Show(Show),
    /// Draw what depends on what
    Graph(Graph),
    /// Adopt an object that is there already
    Import(Import),
    /// Rebuild a lost ledger from what can be proven to be ours
    Recover,
    /// Remove the lock of a run that is dead
    Unlock,
    /// Watch or replay the logs of a cluster and of an account, and tell who touched a canary
    Detect(Detect),
    /// Propose entries for those who read everything by nature, from a log
    KnownReaders(KnownReaders),
    /// Put into the cluster what gives every pod a canary of its own, or bring it up to date
    Install(Install),
    /// Take it out of the cluster again, and everything that it wrote for pods
    Uninstall(Uninstall),
    /// Watch the whole loop in a few screens, with nothing installed
    Demo(Demo),
    /// Print the JSON Schema of canaries.toml
    Schema,
    /// Print completions for a shell
    Completions(Completions),
    /// Write man pages into a folder
    Man(Man),
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
    /// Do not ask the cluster what service accounts would be given
    #[arg(long, env = "CANARY_OFFLINE", value_parser = switch)]
    pub(crate) offline: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Json {
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Plan {
    /// Save the plan, sealed, for `apply FILE`
    #[arg(long, value_name = "FILE", env = "CANARY_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
    /// Exit with 2 when there are changes
    #[arg(long, env = "CANARY_DETAILED_EXITCODE", value_parser = switch)]
    pub(crate) detailed_exitcode: bool,
    /// Only this canary and what it needs (with --destroy: what needs it); more with commas, or given again
    #[arg(
        long,
        value_name = "CANARY",
        env = "CANARY_TARGET",
        value_delimiter = ','
    )]
    pub(crate) target: Vec<String>,
    /// Plan to remove everything
    #[arg(long, env = "CANARY_DESTROY", value_parser = switch)]
    pub(crate) destroy: bool,
    /// Plan from a recorded look instead of the cluster
    #[arg(long, value_name = "FILE", env = "CANARY_FROM")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Apply {
    /// A saved plan: exactly this or nothing
    #[arg(value_name = "PLAN")]
    pub(crate) plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long, env = "CANARY_AUTO_APPROVE", value_parser = switch)]
    pub(crate) auto_approve: bool,
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
    /// Only this canary and what it needs; more with commas, or given again
    #[arg(
        long,
        value_name = "CANARY",
        env = "CANARY_TARGET",
        value_delimiter = ',',
        conflicts_with = "plan"
    )]
    pub(crate) target: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Destroy {
    /// Do not ask
    #[arg(long, env = "CANARY_AUTO_APPROVE", value_parser = switch)]
    pub(crate) auto_approve: bool,
    /// Retired ones too: what was stolen of them stops firing
    #[arg(long, env = "CANARY_RETIRED_TOO", value_parser = switch)]
    pub(crate) retired_too: bool,
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Rotate {
    /// The canary, as in secret.payments-db
    #[arg(value_name = "CANARY")]
    pub(crate) canary: String,
    /// Do not ask
    #[arg(long, env = "CANARY_AUTO_APPROVE", value_parser = switch)]
    pub(crate) auto_approve: bool,
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// A canary, as in secret.payments-db, the uid of an alert, or a saved plan
    #[arg(value_name = "CANARY|ALERT|PLAN")]
    pub(crate) what: String,
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Graph {
    /// The language of the drawing
    #[arg(long, value_enum, default_value = "dot", env = "CANARY_FORMAT")]
    pub(crate) format: GraphFormat,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
pub(crate) enum GraphFormat {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
}

#[derive(Args, Debug)]
pub(crate) struct Import {
    /// The canary, as in secret.payments-db
    #[arg(value_name = "CANARY")]
    pub(crate) canary: String,
    /// What it adopts, as in payments/payments-db-admin; a user or role of AWS by its name alone
    #[arg(value_name = "NAME")]
    pub(crate) handle: String,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("source").required(true).multiple(true))]
pub(crate) struct Detect {
    /// A cluster's audit log, plain or gzip; - is standard input
    #[arg(long, value_name = "FILE", env = "CANARY_AUDIT_LOG", group = "source")]
    pub(crate) audit_log: Option<PathBuf>,
    /// An account's CloudTrail: files and folders of log files, plain or gzip; with --follow also a queue, as sqs://NAME;
    /// more with commas, or given again
    #[cfg(feature = "aws")]
    #[arg(
        long,
        value_name = "PATH|sqs://QUEUE",
        env = "CANARY_CLOUDTRAIL",
        value_delimiter = ',',
        group = "source"
    )]
    pub(crate) cloudtrail: Vec<String>,
    /// A log group of CloudWatch that has an EKS cluster's audit log, or a trail; more with commas, or given again
    #[cfg(feature = "aws")]
    #[arg(
        long,
        value_name = "GROUP",
        env = "CANARY_CLOUDWATCH",
        value_delimiter = ',',
        group = "source"
    )]
    pub(crate) cloudwatch: Vec<String>,
    /// Ask AWS when each planted key was last used, and which other keys its user has: what no event has told an hour later is an alert
    #[cfg(feature = "aws")]
    #[arg(long, env = "CANARY_LAST_USED", value_parser = switch, group = "source")]
    pub(crate) last_used: bool,
    /// Go on as the log grows, also across its rotation and our restarts
    #[arg(long, env = "CANARY_FOLLOW", value_parser = switch)]
    pub(crate) follow: bool,
    /// Alerts as OCSF Detection Findings, one a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
    /// Exit with 9 when a canary was touched
    #[arg(long, env = "CANARY_EXIT_CODE", value_parser = switch)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) planned: Planned,
}

#[derive(Args, Debug)]
pub(crate) struct KnownReaders {
    /// The audit log, plain or gzip; - is standard input
    #[arg(value_name = "LOG")]
    pub(crate) log: PathBuf,
    #[command(flatten)]
    pub(crate) planned: Planned,
}

#[derive(Args, Debug)]
pub(crate) struct Planned {
    /// Take the canaries as configured: no cluster, no ledger
    #[arg(long, env = "CANARY_PLANNED", value_parser = switch)]
    pub(crate) planned: bool,
    /// With --planned: creating them and issuing their tokens by this principal is the apply
    #[arg(
        long,
        value_name = "PRINCIPAL",
        env = "CANARY_APPLIED_BY",
        requires = "planned"
    )]
    pub(crate) applied_by: Option<String>,
    /// The folder that holds the log of pods, which tells whose each bait is
    #[arg(
        long,
        value_name = "FOLDER",
        env = "CANARY_PODS",
        hide = true,
        conflicts_with = "planned"
    )]
    pub(crate) pods: Option<PathBuf>,
    /// The account that the agent runs as: its proven calls are ours
    #[arg(
        long,
        value_name = "PRINCIPAL",
        env = "CANARY_AGENT",
        hide = true,
        requires = "pods"
    )]
    pub(crate) agent: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Install {
    /// What everything is called by [default: as it is called already, or one that fits the site]
    #[arg(long, value_name = "NAME", env = "CANARY_NAME")]
    pub(crate) name: Option<String>,
    /// A namespace of its own [default: where it is already, or one that fits]
    #[arg(long, value_name = "NAMESPACE", env = "CANARY_NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// The image that you built
    #[arg(long, value_name = "IMAGE", env = "CANARY_IMAGE")]
    pub(crate) image: String,
    /// Cover this namespace, too, with the account that tokens are asked for; more with commas, or given again
    #[arg(
        long,
        value_name = "NAMESPACE[=ACCOUNT]",
        env = "CANARY_COVER",
        value_delimiter = ','
    )]
    pub(crate) cover: Vec<String>,
    /// Touch an annotation of a pod when its canary is refreshed, so that it arrives within a second; gives the right to patch pods
    #[arg(long, env = "CANARY_ANNOTATE_PODS", value_parser = switch)]
    pub(crate) annotate_pods: bool,
    /// Whom the agent may talk to; anybody where none is given; more with commas, or given again
    #[arg(
        long,
        value_name = "CIDR",
        env = "CANARY_EGRESS",
        value_delimiter = ','
    )]
    pub(crate) egress: Vec<String>,
    /// Do not ask
    #[arg(long, env = "CANARY_AUTO_APPROVE", value_parser = switch)]
    pub(crate) auto_approve: bool,
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
    /// Print the objects instead, as a list of JSON for kubectl; the agent's key is in it
    #[arg(long, env = "CANARY_OBJECTS", value_parser = switch, conflicts_with = "helm_values")]
    pub(crate) objects: bool,
    /// Print the values for the Helm chart instead; the agent's key is in them
    #[arg(long, env = "CANARY_HELM_VALUES", value_parser = switch)]
    pub(crate) helm_values: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Uninstall {
    /// What everything is called by [default: as what is there is called]
    #[arg(long, value_name = "NAME", env = "CANARY_NAME")]
    pub(crate) name: Option<String>,
    /// Remove what was written for the pods of this namespace, too, as after helm uninstall; more with commas, or given again
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "CANARY_SWEEP",
        value_delimiter = ','
    )]
    pub(crate) sweep: Vec<String>,
    /// Do not ask
    #[arg(long, env = "CANARY_AUTO_APPROVE", value_parser = switch)]
    pub(crate) auto_approve: bool,
    /// One JSON object a line
    #[arg(long, env = "CANARY_JSON", value_parser = switch)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Leave a project to play with in this folder, which must be empty or not there yet
    #[arg(long, value_name = "FOLDER", env = "CANARY_KEEP")]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The folder, which must be there
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

/// Of a variable that stands for a flag. What is neither is refused: nobody wants `CANARY_AUTO_APPROVE=flase` to approve.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected 1 or 0".into()),
    }
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("`{text}` is not a time: expected a number and s, m or h, as in 30s");
    let at = text.len().checked_sub(1).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(at).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    Ok(std::time::Duration::from_secs(
        number.saturating_mul(seconds),
    ))
}
