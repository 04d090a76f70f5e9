//! What commands share.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use canary_core::config::{Config, ConfigError};
use canary_core::engine::{Engine, EngineError, Loaded, View};
use canary_core::graph::{Address, CanaryId, GraphError};
use canary_core::ledger::LockError;

use crate::cli::Global;
use crate::error::{CommandError, Exit};
use crate::project::Project;
use crate::providers::Connect;
use crate::render::diagnostics;
use crate::ui::Ui;

/// What every command is given.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) connects: Vec<Box<dyn Connect>>,
    pub(crate) ui: Ui,
}

/// How often a lock that is waited for is asked for.
const LOCK_POLL: Duration = Duration::from_millis(500);

impl Context {
    pub(crate) fn project(&self) -> Result<Project, CommandError> {
        Project::read(&self.global, &self.connects, self.ui)
    }

    /// The ledger, with a word about a tail that was cut off.
    pub(crate) async fn load(&self, engine: &Engine) -> Result<Loaded, CommandError> {
        let loaded = engine.load().await?;
        if let Some(torn) = loaded.torn {
            self.ui.say(&format!(
                "Note: the ledger at {} ends in the middle of an entry ({} bytes): that write was never finished. \
                 What it was about is looked at again; should a canary be missing: canary recover",
                engine.ledger_place(),
                torn.bytes
            ));
        }
        Ok(loaded)
    }

    /// Refuses what is no canary, before a server is asked for anything.
    pub(crate) async fn refuse_unknown(
        &self,
        project: &Project,
        targets: &BTreeSet<CanaryId>,
    ) -> Result<(), CommandError> {
        let declared = &project.config.canaries;
        if targets.iter().all(|target| declared.contains_key(target)) {
            return Ok(());
        }
        let engine = project.offline(&self.connects)?;
        let ledger = engine.load().await?.ledger;
        for target in targets {
            engine.known(target, &ledger)?;
        }
        Ok(())
    }

    /// The view, with errors of lowering shown in the configuration.
    pub(crate) async fn look(
        &self,
        project: &Project,
        engine: &Engine,
    ) -> Result<View, CommandError> {
        let loaded = self.load(engine).await?;
        engine
            .look(loaded.ledger)
            .await
            .map_err(|error| self.explain(project, error))
    }

    /// Errors that stand in the configuration are shown there.
    pub(crate) fn explain(&self, project: &Project, error: EngineError) -> CommandError {
        match error {
            EngineError::Lower(errors) => {
                let path = project.path.display().to_string();
                let text = diagnostics::render_lower_errors(
                    &errors,
                    &project.source,
                    &path,
                    self.ui.colour_err,
                );
                CommandError::rendered(Exit::Config, text)
            }
            EngineError::Graph(errors) => {
                let path = project.path.display().to_string();
                let errors: Vec<ConfigError> = errors
                    .iter()
                    .map(|error| misfit(&project.config, error))
                    .collect();
                let text = diagnostics::render(&errors, &project.source, &path, self.ui.colour_err);
                CommandError::rendered(Exit::Config, text)
            }
            other => other.into(),
        }
    }

    /// Runs what needs the lock, for as long as we may wait for it.
    pub(crate) async fn locked<T, F>(&self, work: impl Fn() -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>>,
    {
        let began = Instant::now();
        loop {
            match work().await {
                Err(EngineError::Lock(error))
                    if matches!(*error, LockError::Held(_))
                        && began.elapsed() < self.global.lock_timeout =>
                {
                    tokio::time::sleep(LOCK_POLL).await;
                }
                result => return result,
            }
        }
    }
}

/// What does not fit together, where it is declared.
fn misfit(config: &Config, error: &GraphError) -> ConfigError {
    let span = |address: &Address, field: &str| {
        let canary = config.canaries.get(address.canary());
        canary
            .map(|canary| canary.table.span_of(field))
            .unwrap_or_default()
    };
    match error {
        GraphError::SameHandle { first, second, .. } => {
            ConfigError::new(span(second, "name"), error.to_string(), "again here")
                .and_at(span(first, "name"), "first here")
                .with_help("give one of them another name".to_owned())
        }
        GraphError::Duplicate { address } | GraphError::Missing { address, .. } => {
            ConfigError::new(span(address, "of"), error.to_string(), "")
        }
        GraphError::Cycle { members } => {
            let place = members.first().map(|member| span(member, "of"));
            ConfigError::new(place.unwrap_or_default(), error.to_string(), "")
        }
    }
}

/// The targets of a plan.
pub(crate) fn targets(texts: &[String]) -> Result<BTreeSet<CanaryId>, CommandError> {
    texts.iter().map(|text| canary(text)).collect()
}

/// A canary as it was named.
pub(crate) fn canary(text: &str) -> Result<CanaryId, CommandError> {
    text.parse()
        .map_err(|error| CommandError::from_error(Exit::Usage, &error))
}
