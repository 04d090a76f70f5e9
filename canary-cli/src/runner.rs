//! From the command line to an exit code.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::cli::{Cli, Command};
use crate::commands::{self, Context};
use crate::error::{CommandError, Exit};
use crate::providers::{Connect, Kubernetes};
use crate::ui::Ui;

/// Runs the command line. Others add providers to it.
pub struct CliRunner {
    connects: Vec<Box<dyn Connect>>,
}

impl Default for CliRunner {
    fn default() -> Self {
        Self::new()
    }
}

impl CliRunner {
    /// With the providers of this product.
    #[must_use]
    pub fn new() -> Self {
        Self {
            connects: vec![
                Box::new(Kubernetes),
                #[cfg(feature = "aws")]
                Box::new(crate::providers::Aws),
            ],
        }
    }

    /// With one more provider.
    #[must_use]
    pub fn provider(mut self, connect: Box<dyn Connect>) -> Self {
        self.connects.push(connect);
        self
    }

    /// Runs with the arguments of this process.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let cli = match Cli::try_parse() {
            Ok(cli) => cli,
            Err(error) => return usage(&error),
        };
        let ui = Ui::detect(cli.global.no_color);
        log(cli.global.verbose, ui);
        // One thread waits for all answers: there are at most some dozen at once. What blocks has threads of its own.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = match runtime.enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&CommandError::new(Exit::Failed, error.to_string()), ui),
        };
        let context = Context {
            global: cli.global,
            connects: self.connects,
            ui,
        };
        let ended = runtime.block_on(dispatch(&context, cli.command));
        // A request that hangs must not hold up the end.
        runtime.shutdown_background();
        match ended {
            Ok(_) if Ui::has_lost_output() => {
                let words = "standard output could not be written to its end";
                failed(&CommandError::new(Exit::Failed, words), ui)
            }
            Ok(exit) => code(exit),
            Err(error) => failed(&error, ui),
        }
    }
}

async fn dispatch(context: &Context, command: Command) -> Result<Exit, CommandError> {
    match command {
        Command::Init => commands::init::run(context),
        Command::Check(args) => commands::check::run(context, &args).await,
        Command::Plan(args) => commands::plan::run(context, &args).await,
        Command::Apply(args) => commands::apply::apply(context, &args).await,
        Command::Destroy(args) => commands::apply::destroy(context, &args).await,
        Command::Rotate(args) => commands::rotate::run(context, &args).await,
        Command::Drift(args) => commands::drift::run(context, &args).await,
        Command::List(args) => commands::list::run(context, &args).await,
        Command::Show(args) => commands::show::run(context, &args).await,
        Command::Graph(args) => commands::graph::run(context, &args).await,
        Command::Import(args) => commands::adopt::import(context, &args).await,
        Command::Recover => commands::adopt::recover(context).await,
        Command::Unlock => commands::unlock::run(context).await,
        Command::Detect(args) => commands::detect::run(context, &args).await,
        Command::KnownReaders(args) => commands::known_readers::run(context, &args).await,
        Command::Install(args) => commands::install::install(context, &args).await,
        Command::Uninstall(args) => commands::install::uninstall(context, &args).await,
        Command::Demo(args) => commands::demo::run(context, &args).await,
        Command::Schema => commands::generate::schema(context),
        Command::Completions(args) => {
            commands::generate::completions(context, &args, &mut Cli::command())
        }
        Command::Man(args) => commands::generate::man(context, &args, Cli::command()),
    }
}

fn usage(error: &clap::Error) -> ExitCode {
    drop(error.print());
    if error.use_stderr() {
        code(Exit::Usage)
    } else {
        code(Exit::Done)
    }
}

fn failed(error: &CommandError, ui: Ui) -> ExitCode {
    if error.rendered {
        ui.say(error.message.trim_end());
    } else {
        let (red, plain) = if ui.colour_err {
            ("\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "")
        };
        ui.say(&format!("{red}Error:{plain} {}", error.message));
    }
    if let Some(hint) = &error.hint {
        ui.say(&format!("Hint: {hint}"));
    }
    code(error.exit)
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}

fn log(verbose: u8, ui: Ui) {
    let level = match verbose {
        0 => return,
        1 => "canary=info,canary_core=info,canary_k8s=info,canary_aws=info,canary_cli=info",
        2 => "canary=debug,canary_core=debug,canary_k8s=debug,canary_aws=debug,canary_cli=debug",
        _ => "canary=trace,canary_core=trace,canary_k8s=trace,canary_aws=trace,canary_cli=trace",
    };
    tracing_subscriber::fmt()
        .with_env_filter(level)
        .with_ansi(ui.colour_err)
        .with_writer(std::io::stderr)
        .init();
}
