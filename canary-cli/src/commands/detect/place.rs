//! The logs that were named, and how each is opened.

use std::path::PathBuf;

#[cfg(feature = "aws")]
use canary_core::detect::Listen as _;
use canary_core::detect::Listened;
use canary_k8s::audit::AuditFile;

use crate::cli::Detect;
#[cfg(feature = "aws")]
use crate::commands::passed_by::PassedBy;
use crate::commands::watch::Watch;
use crate::error::CommandError;
#[cfg(feature = "aws")]
use crate::error::Exit;

/// A log that was named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// A cluster's audit log.
    Audit(PathBuf),
    /// Files and folders of a trail.
    #[cfg(feature = "aws")]
    Trail(Vec<PathBuf>),
    /// A queue that a trail's events come by.
    #[cfg(feature = "aws")]
    Queue(String),
    /// A log group.
    #[cfg(feature = "aws")]
    Group(String),
    /// The last uses of keys.
    #[cfg(feature = "aws")]
    LastUsed,
}

/// How a log is to be read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) watch: &'a Watch,
    pub(super) follow: bool,
    /// Nothing but what touches a canary.
    pub(super) touches_only: bool,
}

impl Place {
    /// Everything that was named.
    pub(super) fn all(args: &Detect) -> Vec<Self> {
        let all = args.audit_log.clone().map(Self::Audit).into_iter();
        #[cfg(feature = "aws")]
        let all = all.chain(Self::of_account(args));
        all.collect()
    }

    #[cfg(feature = "aws")]
    fn of_account(args: &Detect) -> Vec<Self> {
        let is_queue = |name: &&String| name.starts_with("sqs://");
        let (queues, paths): (Vec<&String>, Vec<&String>) =
            args.cloudtrail.iter().partition(is_queue);
        let mut all = Vec::new();
        if !paths.is_empty() {
            all.push(Self::Trail(paths.into_iter().map(PathBuf::from).collect()));
        }
        all.extend(queues.into_iter().cloned().map(Self::Queue));
        all.extend(args.cloudwatch.iter().cloned().map(Self::Group));
        all.extend(args.last_used.then_some(Self::LastUsed));
        all
    }

    /// What it is called, for people and for what is kept of it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Audit(path) => path.display().to_string(),
            #[cfg(feature = "aws")]
            Self::Trail(paths) => {
                let names: Vec<String> = paths
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                names.join(", ")
            }
            #[cfg(feature = "aws")]
            Self::Queue(name) => name.clone(),
            #[cfg(feature = "aws")]
            Self::Group(name) => format!("log group {name}"),
            #[cfg(feature = "aws")]
            Self::LastUsed => "the last uses of keys".into(),
        }
    }

    /// Whether it can be read only once.
    pub(super) fn is_stream(&self) -> bool {
        match self {
            Self::Audit(path) => AuditFile::is_stream(path),
            #[cfg(feature = "aws")]
            Self::Trail(_) => false,
            #[cfg(feature = "aws")]
            Self::Queue(_) | Self::Group(_) | Self::LastUsed => true,
        }
    }

    /// Whether nobody can have it read again.
    pub(super) fn is_gone_when_read(&self) -> bool {
        match self {
            Self::Audit(path) => AuditFile::is_stream(path),
            #[cfg(feature = "aws")]
            Self::Trail(paths) => paths.iter().any(|path| AuditFile::is_stream(path)),
            #[cfg(feature = "aws")]
            Self::Queue(_) => true,
            #[cfg(feature = "aws")]
            Self::Group(_) | Self::LastUsed => false,
        }
    }

    /// Whether it is always read from its beginning.
    pub(super) fn is_read_whole(&self) -> bool {
        match self {
            Self::Audit(_) => false,
            #[cfg(feature = "aws")]
            Self::Trail(_) => !self.is_gone_when_read(),
            #[cfg(feature = "aws")]
            Self::Queue(_) | Self::Group(_) | Self::LastUsed => false,
        }
    }

    /// Opens it.
    #[cfg_attr(
        not(feature = "aws"),
        expect(clippy::unused_async, reason = "files are opened at once")
    )]
    pub(super) async fn open(
        &self,
        reading: Reading<'_>,
        position: Option<&str>,
    ) -> Result<Log, CommandError> {
        let watch = reading.watch;
        Ok(match self {
            Self::Audit(path) if reading.touches_only => Log::Audit(Box::new(watch.touches(path)?)),
            Self::Audit(path) => Log::Audit(Box::new(watch.log(path, reading.follow, position)?)),
            #[cfg(feature = "aws")]
            Self::Trail(paths) => {
                if let Some(missing) = paths.iter().find(|path| !path.exists()) {
                    let words = format!("there is no {}", missing.display());
                    return Err(CommandError::new(Exit::Failed, words));
                }
                let interest = watch.elsewhere();
                let files = canary_aws::trail::TrailFiles::new(
                    paths.clone(),
                    &interest,
                    Some(watch.lines()),
                );
                Log::Trail(Box::new(files), watch.passed_by.clone())
            }
            #[cfg(feature = "aws")]
            Self::Queue(name) if !reading.follow => {
                let words = format!(
                    "{name} is a queue, and what is read from it is gone: it needs --follow"
                );
                return Err(CommandError::new(Exit::Usage, words));
            }
            #[cfg(feature = "aws")]
            Self::Queue(name) => {
                let client = watch.account_client().await?;
                let (interest, lines) = (watch.elsewhere(), Some(watch.lines()));
                let queue =
                    canary_aws::trail::QueueListener::connect(&client, name, &interest, lines)
                        .await;
                Log::Queue(Box::new(queue.map_err(|error| unread(&error))?))
            }
            #[cfg(feature = "aws")]
            Self::Group(name) => {
                let client = watch.account_client().await?;
                let options = canary_aws::logs::LogsOptions {
                    follow: reading.follow,
                    ..canary_aws::logs::LogsOptions::of_group(name)
                };
                let (interest, lines) = (watch.elsewhere(), Some(watch.lines()));
                let group = canary_aws::logs::LogsListener::connect(
                    &client, name, &options, &interest, lines, position,
                );
                Log::Group(Box::new(group.await.map_err(|error| unread(&error))?))
            }
            #[cfg(feature = "aws")]
            Self::LastUsed => {
                let client = watch.account_client().await?;
                Log::LastUsed(Box::new(canary_aws::LastUsed::new(
                    client,
                    watch.watched(),
                    reading.follow,
                    position,
                )))
            }
        })
    }
}

#[cfg(feature = "aws")]
fn unread(error: &(dyn std::error::Error + 'static)) -> CommandError {
    CommandError::from_error(Exit::Failed, error)
}

/// A log being read.
pub(super) enum Log {
    Audit(Box<crate::commands::watch::Log>),
    #[cfg(feature = "aws")]
    Trail(Box<canary_aws::trail::TrailFiles>, PassedBy),
    #[cfg(feature = "aws")]
    Queue(Box<canary_aws::trail::QueueListener>),
    #[cfg(feature = "aws")]
    Group(Box<canary_aws::logs::LogsListener>),
    #[cfg(feature = "aws")]
    LastUsed(Box<canary_aws::LastUsed>),
}

impl Log {
    /// The next events; may be dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<Option<Listened>, CommandError> {
        match self {
            Self::Audit(log) => log.next().await,
            #[cfg(feature = "aws")]
            Self::Trail(log, passed_by) => {
                let listened = log.next().await;
                if matches!(listened, Ok(None)) {
                    let counts = log.counts();
                    passed_by.say(counts.others, counts.unknown);
                }
                listened.map_err(|error| unread(&error))
            }
            #[cfg(feature = "aws")]
            Self::Queue(log) => log.next().await.map_err(|error| unread(&error)),
            #[cfg(feature = "aws")]
            Self::Group(log) => log.next().await.map_err(|error| unread(&error)),
            #[cfg(feature = "aws")]
            Self::LastUsed(log) => log.next().await.map_err(|error| unread(&error)),
        }
    }

    /// What was read up to there is told and kept.
    #[cfg_attr(
        not(feature = "aws"),
        expect(
            clippy::unused_async,
            unused_variables,
            reason = "files need not be told"
        )
    )]
    pub(super) async fn done(&mut self, position: &str) -> Result<(), CommandError> {
        match self {
            #[cfg(feature = "aws")]
            Self::Queue(log) => log.done(position).await.map_err(|error| unread(&error)),
            _ => Ok(()),
        }
    }

    /// Why nothing comes of it at the moment, or something of it stays undone.
    pub(super) fn trouble(&self) -> Option<String> {
        match self {
            #[cfg(feature = "aws")]
            Self::Queue(log) => log.trouble(),
            #[cfg(feature = "aws")]
            Self::Group(log) => log.trouble(),
            #[cfg(feature = "aws")]
            Self::LastUsed(log) => log.trouble(),
            _ => None,
        }
    }

    /// What whoever runs it should know of it beforehand.
    pub(super) fn caution(&self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "aws")]
            Self::Queue(log) if !log.has_dead_letters() => Some(
                "has no dead-letter queue: a message that cannot be read is deleted at the fifth time",
            ),
            _ => None,
        }
    }

    /// From now on these tripwires.
    pub(super) fn want(&mut self, watch: &Watch) {
        match self {
            Self::Audit(log) => log.want(watch),
            // What was read is not read again: whatever was planted since is used later.
            #[cfg(feature = "aws")]
            Self::Trail(..) => {}
            #[cfg(feature = "aws")]
            Self::Queue(log) => log.want(&watch.elsewhere(), Some(watch.lines())),
            #[cfg(feature = "aws")]
            Self::Group(log) => log.want(&watch.elsewhere(), Some(watch.lines())),
            #[cfg(feature = "aws")]
            Self::LastUsed(log) => log.watch(watch.watched()),
        }
    }
}
