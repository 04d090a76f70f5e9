//! The logs that a replay reads: one after another in the order of their events, as far as they tell it.

use canary_core::detect::{Listen, Listened};
use jiff::Timestamp;

use crate::cli::Detect;
use crate::commands::watch::Watch;
use crate::error::{CommandError, Exit};

/// A log being read.
struct Source {
    log: Box<dyn Listen>,
    /// The latest event of it so far.
    latest: Timestamp,
    has_ended: bool,
}

/// All logs of a replay.
pub(super) struct Sources {
    all: Vec<Source>,
}

impl Sources {
    /// The logs that were named.
    pub(super) fn of(watch: &Watch, args: &Detect) -> Result<Self, CommandError> {
        let mut logs: Vec<Box<dyn Listen>> = Vec::new();
        if let Some(path) = &args.audit_log {
            logs.push(watch.log(path, false, None)?.into_listen());
        }
        Self::new(logs, watch, args)
    }

    /// The same as sources of nothing but what touches a canary. A stream can be read only once, and is left out.
    pub(super) fn of_touches(watch: &Watch, args: &Detect) -> Result<Self, CommandError> {
        let mut logs: Vec<Box<dyn Listen>> = Vec::new();
        if let Some(path) = &args.audit_log
            && !canary_k8s::audit::AuditFile::is_stream(path)
        {
            logs.push(watch.touches(path)?.into_listen());
        }
        Self::new(logs, watch, args)
    }

    #[cfg_attr(
        not(feature = "aws"),
        expect(
            clippy::unnecessary_wraps,
            unused_variables,
            unused_mut,
            reason = "without AWS there is one log"
        )
    )]
    fn new(
        mut logs: Vec<Box<dyn Listen>>,
        watch: &Watch,
        args: &Detect,
    ) -> Result<Self, CommandError> {
        #[cfg(feature = "aws")]
        if !args.cloudtrail.is_empty() {
            if let Some(missing) = args.cloudtrail.iter().find(|path| !path.exists()) {
                let words = format!("there is no {}", missing.display());
                return Err(CommandError::new(Exit::Failed, words));
            }
            logs.push(Box::new(watch.trail(&args.cloudtrail)));
        }
        let source = |log| Source {
            log,
            latest: Timestamp::MIN,
            has_ended: false,
        };
        Ok(Self {
            all: logs.into_iter().map(source).collect(),
        })
    }

    /// What comes next, of the log whose events are the earliest; `None` at the end of all.
    pub(super) async fn next(&mut self) -> Result<Option<Listened>, CommandError> {
        loop {
            let going_on = self.all.iter_mut().filter(|source| !source.has_ended);
            let Some(source) = going_on.min_by_key(|source| source.latest) else {
                return Ok(None);
            };
            let listened = source.log.next().await;
            let listened = listened.map_err(|error| {
                source.has_ended = true;
                CommandError::from_error(Exit::Failed, &error)
            })?;
            match listened {
                Some(listened) => {
                    let times = listened.events.iter().filter_map(|event| event.at);
                    source.latest = times.max().unwrap_or(source.latest).max(source.latest);
                    return Ok(Some(listened));
                }
                None => source.has_ended = true,
            }
        }
    }
}

/// What the logs are called.
pub(super) fn names(args: &Detect) -> String {
    let mut names: Vec<String> = args
        .audit_log
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    #[cfg(feature = "aws")]
    names.extend(
        args.cloudtrail
            .iter()
            .map(|path| path.display().to_string()),
    );
    names.join(", ")
}
