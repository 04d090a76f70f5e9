//! A log as it grows: across its rotation, our restarts, and what is planted meanwhile.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use canary_core::alert::{Change, Changes, Folder};
use canary_core::detect::{Judge, Listened, Sighting, Tripwire};
use canary_core::disguise::Key;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use super::kept::{self, Kept};
use super::pace::Pace;
use super::place::{Log, Place, Reading};
use super::sources::names;
use super::tell::{self, Totals};
use super::trouble::{self, Trouble};
use super::turns::in_turn;
use crate::cli::Detect;
use crate::commands::Context;
use crate::commands::watch::Watch;
use crate::error::{CommandError, Exit};
use crate::project::{Project, Stamp};
use crate::sink::Post;

/// How often the ledger is looked at, and what waits is let go: often enough that a canary is watched before the person
/// who planted it has read that it was.
const TICK: Duration = Duration::from_millis(250);

/// How often what is recorded of pods is looked at: the agent writes once a second at most, and of what is used before its
/// record is taken in the log is read again.
const PODS: Duration = Duration::from_secs(2);

/// A log that is read again gives the next of it within milliseconds; one that gives nothing for so long has no more.
const SILENT: Duration = Duration::from_secs(2);

/// What changes is kept at once, and so often at most: what a receiver took is told to it again after a kill in between.
const KEEP_CHANGES: Duration = Duration::from_secs(1);

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
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut turn = 0;
    let mut failed = None;
    while !following.logs.is_empty() {
        tokio::select! {
            (n, listened) = next(&mut following.logs, turn) => {
                turn = n + 1;
                match listened {
                    Ok(Some(listened)) => following.take(n, listened).await?,
                    Ok(None) => following.log_ended(n).await?,
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            },
            ended = following.post.next() => {
                following.post.ended(&ended, Timestamp::now());
                following.is_changed = true;
            }
            _ = tick.tick() => following.tick().await?,
            () = &mut stop => break,
        }
    }
    // What waits goes on waiting in the next run, unless there is no more to come.
    if following.logs.is_empty() {
        let rest = following.judge.finish();
        following.tell(&rest)?;
    }
    following.last_post().await;
    following.keep().await?;
    following.say_troubles();
    let failed = failed.or_else(|| trouble::failure(&following.troubles()));
    // Of a log that was not read, that nothing was touched is not what it tells.
    if args.json || (failed.is_some() && following.told == 0) {
        tell::unread(context, &following.totals);
    } else {
        tell::summary(context, &following.totals, &following.judge, following.told);
    }
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(if args.exit_code && following.told > 0 {
        Exit::Touched
    } else {
        Exit::Done
    })
}

/// What comes next of any log, and of which; they are asked from that one on. Waiting for it may be given up at any time.
async fn next(
    logs: &mut [Followed],
    turn: usize,
) -> (usize, Result<Option<Listened>, CommandError>) {
    let waiting = logs
        .iter_mut()
        .map(|followed| Box::pin(followed.log.next()));
    in_turn(waiting.collect(), turn).await
}

/// A log that is followed.
struct Followed {
    place: Place,
    log: Log,
    trouble: Trouble,
    /// After what was told.
    position: Option<String>,
    /// Up to where its source knows that what it gave is kept.
    done: Option<String>,
    /// Where it was when the ledger was last seen to be as it was loaded: what is planted later is touched later.
    checked: Option<String>,
    /// So many bytes were read since then.
    since: u64,
    /// So many are to be read again until it is where it was when something new was last taken in.
    behind: u64,
    /// When something came of it, or it was begun again.
    heard: Instant,
    /// The identities that were had with a canary's, as they were known from its beginning on.
    derived: Vec<Tripwire>,
}

impl Followed {
    /// So many bytes more were read.
    fn read(&mut self, bytes: u64) {
        let again = bytes.min(self.behind);
        self.behind -= again;
        self.since += bytes - again;
        self.heard = Instant::now();
    }

    /// Whether it is still being read again.
    fn is_behind(&mut self) -> bool {
        // What was read before may be gone since, and does not come again.
        if self.heard.elapsed() > SILENT {
            self.behind = 0;
        }
        self.behind > 0
    }

    /// Everything that is out there by now was known when it was read up to here.
    fn is_up_to_date(&mut self) {
        self.checked.clone_from(&self.position);
        self.since = 0;
    }

    /// Reads on with what is known now: from where it was when what is new was not there yet, where that can be.
    async fn renew(&mut self, watch: &Watch) -> Result<(), CommandError> {
        if matches!(self.place, Place::Audit(_)) && !self.place.is_stream() {
            let from = self.checked.clone();
            self.log = self.place.open(reading(watch), from.as_deref()).await?;
            self.behind = std::mem::take(&mut self.since);
            self.heard = Instant::now();
            // It goes on from there also after a restart.
            self.checked = std::mem::replace(&mut self.position, from);
        } else {
            self.log.want(watch);
            self.is_up_to_date();
        }
        Ok(())
    }
}

/// Two that follow the same log here would each undo what the other keeps.
fn alone(place: &Path, logs: &str) -> Result<File, CommandError> {
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
            let words = format!("another `canary detect --follow` here follows {logs}");
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
    watch: Watch,
    logs: Vec<Followed>,
    /// How far those were read that ended, by name.
    ended: BTreeMap<String, String>,
    post: Post,
    totals: Totals,
    /// How many alerts were created.
    told: usize,
    /// There is something to keep that was told, or taken.
    is_changed: bool,
    keeping: Pace,
    /// Incidents are found out at once, unless there are so many alerts that it takes long.
    relating: Pace,
    /// The ledger as it was last loaded.
    stamp: Option<Stamp>,
    /// When what is recorded of pods was.
    pods_looked_at: Instant,
    /// Why that could not be, as it was last said.
    pods_trouble: Option<String>,
}

impl<'a> Following<'a> {
    async fn begin(
        context: &'a Context,
        project: &'a Project,
        args: &'a Detect,
    ) -> Result<Self, CommandError> {
        let stamp = project.ledger_stamp();
        let mut watch = Watch::following(context, project, &args.planned).await?;
        let key = project.key().ok();
        let places = Place::all(args);
        let names = names(&places);
        let place = Kept::of_follower(project, &names, args.planned.planned);
        let alone = alone(&place, &names)?;
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
        let positions = kept.resume(&mut judge, &mut folder);
        watch.derived = judge.derived();
        let mut logs = Vec::new();
        for place in places {
            if let Place::Audit(path) = &place
                && !place.is_stream()
                && !path.exists()
            {
                let path = path.display();
                context
                    .ui
                    .say(&format!("There is no {path} yet: waiting for it"));
            }
            let position = positions.get(&place.name()).cloned();
            let log = place.open(reading(&watch), position.as_deref()).await?;
            if let Some(caution) = log.caution() {
                let name = place.name();
                context.ui.say(&format!("Note: {name} {caution}"));
            }
            logs.push(Followed {
                log,
                trouble: Trouble::default(),
                done: position.clone(),
                checked: position.clone(),
                since: 0,
                behind: 0,
                heard: Instant::now(),
                position,
                derived: watch.derived.clone(),
                place,
            });
        }
        let post = Post::new(&project.config.alerts, kept.outbox, context.ui)?;
        // Planted while nobody followed.
        let open = judge.look_at_open_watches();
        let mut following = Self {
            context,
            project,
            args,
            key,
            judge,
            folder,
            watch,
            logs,
            ended: BTreeMap::new(),
            post,
            totals: Totals::default(),
            told: 0,
            is_changed: false,
            keeping: Pace::new(KEEP_CHANGES),
            relating: Pace::new(Duration::ZERO),
            stamp,
            pods_looked_at: Instant::now(),
            pods_trouble: None,
            place,
            _alone: alone,
        };
        following.tell(&open)?;
        Ok(following)
    }

    /// Takes in what came of a log.
    async fn take(&mut self, n: usize, mut listened: Listened) -> Result<(), CommandError> {
        self.totals.add(&listened);
        let mut seen = Vec::new();
        for event in &mut listened.events {
            self.watch.ours(event);
            seen.extend(self.judge.judge(event));
        }
        if let Some(followed) = self.logs.get_mut(n) {
            followed.read(listened.bytes);
            followed.position = Some(listened.position);
        }
        // Before anything is kept, after which a queue forgets what it gave.
        if listened.events.iter().any(|event| !event.gives.is_empty()) {
            self.learn_derived();
        }
        self.tell(&seen)?;
        self.keep_when_due().await
    }

    /// Tells the logs of the identities that were had with a canary's: what was done with them may have come already.
    fn learn_derived(&mut self) {
        let derived = self.judge.derived();
        if derived == self.watch.derived {
            return;
        }
        self.watch.derived = derived;
        for followed in &mut self.logs {
            followed.log.want(&self.watch);
        }
    }

    /// No more comes of a log, but for files of a trail that are read again, where more is wanted of them than when they
    /// were begun. What came of it is still to be kept.
    async fn log_ended(&mut self, n: usize) -> Result<(), CommandError> {
        if let Some(followed) = self.logs.get_mut(n)
            && followed.place.is_read_whole()
            && !self
                .watch
                .derived
                .iter()
                .all(|one| followed.derived.contains(one))
        {
            followed.derived.clone_from(&self.watch.derived);
            followed.log = followed.place.open(reading(&self.watch), None).await?;
            return Ok(());
        }
        let followed = self.logs.remove(n);
        if let Some(position) = followed.position {
            self.ended.insert(followed.place.name(), position);
        }
        self.is_changed = true;
        Ok(())
    }

    /// Takes sightings in, and tells what they changed.
    fn tell(&mut self, seen: &[Sighting]) -> Result<(), CommandError> {
        let mut changes = self.folder.push(seen, &self.post.outbox);
        for uid in self.folder.learn(&self.judge.take_readings()) {
            changes.add(uid, Change::Updated);
        }
        self.tell_changes(changes)
    }

    /// Tells alerts that changed.
    fn tell_changes(&mut self, mut changes: Changes) -> Result<(), CommandError> {
        self.relate(&mut changes);
        for (uid, change) in changes {
            self.is_changed = true;
            self.told += usize::from(change == Change::Created);
            if change != Change::Counted
                && let Some(alert) = self.folder.get(&uid)
            {
                self.post.put(&uid, change);
                tell::alert(self.context, self.args.json, &alert, change)?;
            }
        }
        self.post.send(&self.folder, Timestamp::now());
        Ok(())
    }

    /// Adds the alerts that belong to another incident now.
    fn relate(&mut self, changes: &mut Changes) {
        if !self.relating.is_due() {
            return;
        }
        let began = Instant::now();
        for uid in self.folder.relate() {
            changes.add(uid, Change::Updated);
        }
        self.relating.done(began);
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
                self.post.ended(&ended, now);
            }
        };
        drop(tokio::time::timeout(LAST_POST, send).await);
    }

    /// Keeps what changed, and now and then what told nothing, though no more may come for long: a queue waits for that.
    async fn keep_when_due(&mut self) -> Result<(), CommandError> {
        let mut logs = self.logs.iter();
        let is_due = if self.is_changed {
            self.keeping.is_due()
        } else {
            self.keeping.rested() >= KEEP && logs.any(|log| log.position != log.done)
        };
        if is_due { self.keep().await } else { Ok(()) }
    }

    /// After its alerts were told, so that none is lost; told again is better than never.
    async fn keep(&mut self) -> Result<(), CommandError> {
        let began = Instant::now();
        let is_kept = self.write()?;
        self.is_changed = false;
        self.keeping.done(began);
        if !is_kept {
            return Ok(());
        }
        // Only now may a queue forget what it gave.
        for followed in &mut self.logs {
            if followed.position != followed.done
                && let Some(position) = followed.position.clone()
            {
                followed.log.done(&position).await?;
                followed.done = Some(position);
            }
        }
        Ok(())
    }

    /// Gives whether it could be kept.
    fn write(&self) -> Result<bool, CommandError> {
        let Some(key) = &self.key else {
            return Ok(false);
        };
        let judge = self.judge.save().map_err(|error| {
            CommandError::new(Exit::Failed, format!("keeping what was learned: {error}"))
        })?;
        let positions = self.logs.iter().filter_map(|followed| {
            let position = followed.position.clone()?;
            Some((followed.place.name(), position))
        });
        let ended = self.ended.clone();
        let positions: BTreeMap<String, String> = ended.into_iter().chain(positions).collect();
        if positions.is_empty() && self.folder.is_empty() {
            return Ok(false);
        }
        let kept = Kept {
            followed: Some(kept::Followed { positions, judge }),
            alerts: self.folder.save(&self.post.outbox),
            outbox: self.post.outbox.clone(),
        };
        kept.write(&self.place, key)?;
        Ok(true)
    }

    /// What keeps a log from being read is said to whoever runs it, or its silence would look like peace.
    fn say_troubles(&mut self) {
        let now = Timestamp::now();
        for followed in &mut self.logs {
            let (name, why) = (followed.place.name(), followed.log.trouble());
            if let Some(news) = followed.trouble.news(&name, why, now) {
                self.context.ui.say(&news);
            }
        }
    }

    /// Those that are not over.
    fn troubles(&self) -> Vec<String> {
        let logs = self.logs.iter();
        logs.filter_map(|followed| followed.trouble.at_the_end(&followed.place.name()))
            .collect()
    }

    async fn tick(&mut self) -> Result<(), CommandError> {
        self.say_troubles();
        let waited = self.judge.tick(Timestamp::now());
        self.tell(&waited)?;
        self.keep_when_due().await?;
        // What is still read again is read with what was known then: before that is done, nothing else is taken in.
        let mut is_behind = false;
        for followed in &mut self.logs {
            is_behind |= followed.is_behind();
        }
        if is_behind {
            return Ok(());
        }
        let stamp = self.project.ledger_stamp();
        if self.args.planned.planned || stamp == self.stamp {
            return self.look_at_pods().await;
        }
        let Ok(watch) = Watch::following(self.context, self.project, &self.args.planned).await
        else {
            // In the middle of a write: at the next look.
            return Ok(());
        };
        self.stamp = stamp;
        self.watch = watch;
        self.replant().await
    }

    /// Takes in what was recorded of pods since they were last looked at.
    async fn look_at_pods(&mut self) -> Result<(), CommandError> {
        if self.watch.attribution().is_some() && self.pods_looked_at.elapsed() < PODS {
            return Ok(());
        }
        self.pods_looked_at = Instant::now();
        match self.watch.look_at_pods().await {
            Ok(true) => self.replant().await,
            Ok(false) => {
                self.logs.iter_mut().for_each(Followed::is_up_to_date);
                self.pods_trouble = None;
                Ok(())
            }
            // At the next look; what was recorded by then is known.
            Err(error) => {
                if self.pods_trouble.as_ref() != Some(&error.message) {
                    self.context.ui.say(&format!(
                        "Note: what is recorded of pods cannot be read, so alerts may come without theirs: {}",
                        error.message
                    ));
                }
                self.pods_trouble = Some(error.message);
                Ok(())
            }
        }
    }

    /// Something else is out there. The log is read again from where it was when what is new was not there yet.
    async fn replant(&mut self) -> Result<(), CommandError> {
        self.watch.derived = self.judge.derived();
        let watch = &self.watch;
        for followed in &mut self.logs {
            followed.renew(watch).await?;
        }
        self.folder.rekey(watch.alerts.clone());
        self.folder.hold(watch.holders());
        let mut changes = Changes::default();
        for uid in self.folder.attribute(watch.attribution()) {
            changes.add(uid, Change::Updated);
        }
        let open = self.judge.replant(
            watch.all_planted(),
            watch.all_tripwires(),
            watch.own.clone(),
            watch.attribution(),
        );
        self.tell_changes(changes)?;
        self.tell(&open)?;
        self.keep().await
    }
}

fn reading(watch: &Watch) -> Reading<'_> {
    Reading {
        watch,
        follow: true,
        touches_only: false,
    }
}
