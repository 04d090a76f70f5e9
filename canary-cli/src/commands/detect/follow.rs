//! A log as it grows: across its rotation, our restarts, and what is planted meanwhile.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use canary_core::alert::{Change, Folder};
use canary_core::detect::{Judge, Sighting, Tripwires};
use canary_core::disguise::Key;
use canary_k8s::audit::AuditFile;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use super::kept::{Followed, Kept};
use super::tell::{self, Totals};
use crate::cli::Detect;
use crate::commands::Context;
use crate::commands::watch::{Log, Watch};
use crate::error::{CommandError, Exit};
use crate::project::{Project, Stamp};
use crate::sink::Post;

/// How often the ledger is looked at, and what waits is let go: often enough that a canary is watched before the person
/// who planted it has read that it was.
const TICK: Duration = Duration::from_millis(250);

/// How long what tells nothing may go unkept: so much of the log is read again after a kill, which changes nothing.
const KEEP: Duration = Duration::from_secs(5);

/// How long an end is held up by a receiver that does not answer.
const LAST_POST: Duration = Duration::from_secs(5);

/// Tells creations and updates of alerts until it is stopped.
pub(super) async fn run(context: &Context, args: &Detect) -> Result<Exit, CommandError> {
    let project = context.project()?;
    // From the first moment on: what is asked to end while it begins must end in order.
    let mut stop = std::pin::pin!(stopped()?);
    let mut following = Following::begin(context, &project, args).await?;
    let mut tick = tokio::time::interval(TICK);
    let mut has_ended = false;
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            listened = following.log.next() => match listened? {
                Some(listened) => {
                    following.totals.add(&listened);
                    let mut seen = Vec::new();
                    for event in &listened.events {
                        seen.extend(following.judge.judge(event));
                    }
                    following.position = Some(listened.position);
                    if following.tell(&seen)? || following.kept_at.elapsed() >= KEEP {
                        following.keep()?;
                    }
                }
                None => {
                has_ended = true;
                break;
            }
            },
            ended = following.post.next() => {
                following.post.ended(&ended, context.ui, Timestamp::now());
                following.keep()?;
            }
            _ = tick.tick() => following.tick().await?,
            () = &mut stop => break,
        }
    }
    // What waits goes on waiting in the next run, unless there is no more to come.
    if has_ended {
        let rest = following.judge.finish();
        following.tell(&rest)?;
    }
    following.last_post().await;
    following.keep()?;
    if args.json {
        tell::unread(context, &following.totals);
    } else {
        tell::summary(context, &following.totals, &following.judge, following.told);
    }
    Ok(if args.exit_code && following.told > 0 {
        Exit::Touched
    } else {
        Exit::Done
    })
}

/// Two that follow the same log here would each undo what the other keeps.
fn alone(place: &Path, log: &Path) -> Result<File, CommandError> {
    let path = place.with_extension("mutex");
    let failed = |error: std::io::Error| {
        CommandError::new(Exit::Failed, format!("writing {}: {error}", path.display()))
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = File::options();
    let mutex = options
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match mutex.try_lock() {
        Ok(()) => Ok(mutex),
        Err(TryLockError::WouldBlock) => {
            let words = format!(
                "another `canary detect --follow` here follows {}",
                log.display()
            );
            Err(CommandError::new(Exit::Locked, words))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Asked to end: by a terminal, or by whoever runs us. It is listened for from now on, whenever that is waited for.
fn stopped() -> Result<impl Future<Output = ()>, CommandError> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            CommandError::new(Exit::Failed, format!("listening for signals: {error}"))
        })
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

struct Following<'a> {
    context: &'a Context,
    project: &'a Project,
    args: &'a Detect,
    key: Option<Key>,
    /// Where what is kept is kept.
    place: PathBuf,
    /// Held for as long as this runs.
    _alone: File,
    judge: Judge,
    folder: Folder,
    log: Log,
    post: Post,
    totals: Totals,
    /// How many alerts were created.
    told: usize,
    kept_at: Instant,
    /// After what was told.
    position: Option<String>,
    /// The ledger as it was last loaded.
    stamp: Option<Stamp>,
    /// Where the log was when the ledger was last seen to be as it was loaded: what is planted later is touched later.
    checked: Option<String>,
}

impl<'a> Following<'a> {
    async fn begin(
        context: &'a Context,
        project: &'a Project,
        args: &'a Detect,
    ) -> Result<Self, CommandError> {
        let stamp = project.ledger_stamp();
        let watch = Watch::following(context, project, &args.planned).await?;
        let key = project.key().ok();
        let place = Kept::of_follower(project, args.log(), args.planned.planned);
        let alone = alone(&place, args.log())?;
        let kept = match &key {
            Some(key) => Kept::read(&place, key, context.ui),
            None => {
                context.ui.say(
                    "Note: there is no key, so nothing is kept: after a restart the log is read from its beginning",
                );
                Kept::default()
            }
        };
        let mut judge = watch.judge(project.config.known_readers.clone());
        let mut folder = watch.folder();
        let path = args.log().display().to_string();
        let position = kept.resume(&path, &mut judge, &mut folder);
        let log = watch.log(args.log(), true, position.as_deref())?;
        if !AuditFile::is_stream(args.log()) && !args.log().exists() {
            let path = args.log().display();
            context
                .ui
                .say(&format!("There is no {path} yet: waiting for it"));
        }
        let post = Post::new(&project.config.alerts, kept.outbox)?;
        // Planted while nobody followed.
        let open = judge.look_at_open_watches();
        let mut following = Self {
            context,
            project,
            args,
            key,
            judge,
            folder,
            log,
            post,
            totals: Totals::default(),
            told: 0,
            kept_at: Instant::now(),
            checked: position.clone(),
            position,
            stamp,
            place,
            _alone: alone,
        };
        following.tell(&open)?;
        Ok(following)
    }

    /// Gives whether anything changed.
    fn tell(&mut self, seen: &[Sighting]) -> Result<bool, CommandError> {
        let mut any = false;
        for sighting in seen {
            for (uid, change) in self.folder.push(sighting) {
                any = true;
                self.told += usize::from(change == Change::Created);
                if change != Change::Counted
                    && let Some(alert) = self.folder.get(&uid)
                {
                    self.post.put(&uid, change);
                    tell::alert(self.context, self.args.json, &alert, change)?;
                }
            }
        }
        self.post.send(&self.folder, Timestamp::now());
        Ok(any)
    }

    /// What is due goes out before we end, as far as it goes quickly; the rest is kept for the next run.
    async fn last_post(&mut self) {
        let send = async {
            loop {
                let now = Timestamp::now();
                self.post.send(&self.folder, now);
                if self.post.is_idle() {
                    return;
                }
                let ended = self.post.next().await;
                self.post.ended(&ended, self.context.ui, now);
            }
        };
        drop(tokio::time::timeout(LAST_POST, send).await);
    }

    /// After its alerts were told, so that none is lost; told again is better than never.
    fn keep(&mut self) -> Result<(), CommandError> {
        self.kept_at = Instant::now();
        let (Some(key), Some(position)) = (&self.key, &self.position) else {
            return Ok(());
        };
        let judge = self.judge.save().map_err(|error| {
            CommandError::new(Exit::Failed, format!("keeping what was learned: {error}"))
        })?;
        let kept = Kept {
            followed: Some(Followed {
                log: self.args.log().display().to_string(),
                position: position.clone(),
                judge,
            }),
            alerts: self.folder.save(),
            outbox: self.post.outbox.clone(),
        };
        kept.write(&self.place, key)
    }

    async fn tick(&mut self) -> Result<(), CommandError> {
        let waited = self.judge.tick(Timestamp::now());
        self.post.send(&self.folder, Timestamp::now());
        if !waited.is_empty() {
            self.tell(&waited)?;
            self.keep()?;
        }
        let stamp = self.project.ledger_stamp();
        if self.args.planned.planned || stamp == self.stamp {
            self.checked.clone_from(&self.position);
            return Ok(());
        }
        let Ok(watch) = Watch::following(self.context, self.project, &self.args.planned).await
        else {
            // In the middle of a write: at the next look.
            return Ok(());
        };
        self.stamp = stamp;
        self.replant(watch)
    }

    /// Something else is out there. The log is read again from where it was when what is new was not there yet.
    fn replant(&mut self, watch: Watch) -> Result<(), CommandError> {
        if AuditFile::is_stream(self.args.log()) {
            self.log.want(&watch);
        } else {
            self.log = watch.log(self.args.log(), true, self.checked.as_deref())?;
        }
        self.folder.rekey(watch.alerts.clone());
        self.folder.hold(watch.holders());
        let open = self
            .judge
            .replant(watch.planted, Tripwires::new(watch.tripwires), watch.own);
        self.tell(&open)?;
        self.keep()
    }
}
