//! A ledger in a file.
//!
//! ```text
//! ledger         the journal, 0600
//! ledger.lock    who holds the lock, the epoch, the length when it was last closed; put in place whole
//! ledger.mutex   empty; locked (flock) for the moment of each operation
//! ```
//!
//! An append is conditional: under the mutex the epoch must still be the writer's. A writer that stalled and lost its
//! lock writes nothing. The window that remains is the world's: a call that was already sent.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use canary_core::ledger::{Holder, Lease, LockError, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::whole::{MODE, put, sync_folder};

/// An operation is one write of some kilobytes and its sync: milliseconds, a second on a slow disk.
const PATIENCE: Duration = Duration::from_secs(10);
/// Shorter than a sync takes.
const POLL: Duration = Duration::from_millis(2);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    epoch: u64,
    holder: Option<Holder>,
    /// The length when the ledger was last closed in order.
    length: Option<u64>,
}

/// A ledger in a file.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

impl FileStore {
    /// The ledger in this file, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> StoreError + use<> {
        let place = self.path.display().to_string();
        move |source| StoreError::Io {
            action,
            place,
            source: Box::new(source),
        }
    }

    /// Runs with the mutex held.
    fn exclusively<T>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(self.failed("making the folder of"))?;
        }
        let mutex = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(MODE)
            .open(self.beside(".mutex"))
            .map_err(self.failed("locking"))?;
        self.enter(&mutex)?;
        work()
    }

    /// Waits for whoever is in the middle of an operation. The lock of a process that is dead is free; one that is
    /// stopped cannot be told from a slow one, and must not be overtaken: it may go on in the middle of its write.
    fn enter(&self, mutex: &File) -> Result<(), StoreError> {
        let began = Instant::now();
        loop {
            match mutex.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(self.failed("locking")(error)),
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    std::thread::sleep(POLL);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Stalled {
                        place: self.path.display().to_string(),
                        holder: self.state()?.holder.map(Box::new),
                    });
                }
            }
        }
    }

    fn state(&self) -> Result<State, StoreError> {
        match fs::read(self.beside(".lock")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| StoreError::LockDamaged {
                place: self.path.display().to_string(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(self.failed("reading the lock of")(error)),
        }
    }

    fn set_state(&self, state: &State) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(state)
            .map_err(|error| self.failed("writing the lock of")(std::io::Error::other(error)))?;
        put(&self.beside(".lock"), &bytes).map_err(self.failed("writing the lock of"))
    }

    fn length(&self) -> Result<u64, StoreError> {
        match fs::metadata(&self.path) {
            Ok(meta) => Ok(meta.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(self.failed("reading")(error)),
        }
    }

    fn check(&self, lease: &Lease) -> Result<State, StoreError> {
        let state = self.state()?;
        if state.epoch == lease.epoch && state.holder.is_some() {
            Ok(state)
        } else {
            Err(StoreError::Fenced { now: state.epoch })
        }
    }

    fn read(&self) -> Result<Vec<u8>, StoreError> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            // One that was moved away is a new one.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("reading")(error)),
        };
        let mode = file
            .metadata()
            .map_err(self.failed("reading"))?
            .permissions()
            .mode()
            & 0o777;
        if mode & 0o077 != 0 {
            return Err(StoreError::Exposed {
                place: self.path.display().to_string(),
                mode,
            });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(self.failed("reading"))?;
        self.check_length(bytes.len() as u64)?;
        Ok(bytes)
    }

    /// How long the ledger was when it was last closed, where it is not there any more.
    pub(crate) fn gone(&self) -> Option<u64> {
        let there = self.path.try_exists().unwrap_or(true);
        let length = self.state().ok()?.length.filter(|length| *length > 0)?;
        (!there).then_some(length)
    }

    /// One that is shorter than it was is cut, also one of which nothing is left.
    fn check_length(&self, found: u64) -> Result<(), StoreError> {
        match self.state()?.length {
            Some(expected) if found < expected => Err(StoreError::Cut {
                place: self.path.display().to_string(),
                found,
                expected,
            }),
            _ => Ok(()),
        }
    }

    fn append_bytes(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(MODE)
            .open(&self.path)
            .map_err(self.failed("writing"))?;
        let before = file.metadata().map_err(self.failed("writing"))?.len();
        let written = file.write_all(bytes).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // What was written of it does not count; without it the next reader need not wonder.
            drop(file.set_len(before));
            return Err(self.failed("writing")(error));
        }
        if before == 0
            && let Some(folder) = self.path.parent()
        {
            sync_folder(folder).map_err(self.failed("writing"))?;
        }
        Ok(())
    }

    fn take_lock(
        &self,
        holder: &Holder,
        ttl: Duration,
    ) -> Result<Result<Lease, Holder>, StoreError> {
        self.exclusively(|| {
            let mut state = self.state()?;
            if let Some(other) = &state.holder
                && other.expires > holder.since
                && !is_dead(other, holder)
            {
                return Ok(Err(other.clone()));
            }
            state.epoch += 1;
            let expires = after(holder.since, ttl);
            state.holder = Some(Holder {
                expires,
                ..holder.clone()
            });
            self.set_state(&state)?;
            Ok(Ok(Lease {
                epoch: state.epoch,
                expires,
            }))
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

fn after(moment: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A holder on this machine whose process is gone. Elsewhere only its expiry tells.
fn is_dead(other: &Holder, we: &Holder) -> bool {
    let machine = |holder: &Holder| {
        holder
            .who
            .rsplit_once('@')
            .map(|(_, machine)| machine.to_owned())
    };
    machine(other).is_some()
        && machine(other) == machine(we)
        && Path::new("/proc/self").exists()
        && !Path::new("/proc").join(other.pid.to_string()).exists()
}

#[async_trait]
impl Store for FileStore {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    async fn load(&self) -> Result<Vec<u8>, StoreError> {
        self.blocking(Self::read).await
    }

    async fn lock(&self, holder: &Holder, ttl: Duration) -> Result<Lease, LockError> {
        let holder = holder.clone();
        let taken = self
            .blocking(move |store| store.take_lock(&holder, ttl))
            .await;
        taken.map_err(LockError::Store)?.map_err(LockError::Held)
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError> {
        let lease = lease.clone();
        self.blocking(move |store| {
            store.exclusively(|| {
                let mut state = store.check(&lease)?;
                let expires = after(Timestamp::now(), ttl);
                if let Some(holder) = &mut state.holder {
                    holder.expires = expires;
                }
                store.set_state(&state)?;
                Ok(Lease {
                    epoch: lease.epoch,
                    expires,
                })
            })
        })
        .await
    }

    async fn append(&self, lease: &Lease, bytes: &[u8]) -> Result<(), StoreError> {
        let (lease, bytes) = (lease.clone(), bytes.to_vec());
        self.blocking(move |store| {
            store.exclusively(|| {
                store.check(&lease)?;
                store.append_bytes(&bytes)
            })
        })
        .await
    }

    async fn replace(&self, lease: &Lease, bytes: &[u8]) -> Result<(), StoreError> {
        let (lease, bytes) = (lease.clone(), bytes.to_vec());
        self.blocking(move |store| {
            store.exclusively(|| {
                let mut state = store.check(&lease)?;
                // Until it is closed again, a shorter ledger is not a cut one.
                state.length = None;
                store.set_state(&state)?;
                put(&store.path, &bytes).map_err(store.failed("writing"))
            })
        })
        .await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.blocking(move |store| {
            store.exclusively(|| {
                let mut state = store.state()?;
                if state.epoch == lease.epoch {
                    state.holder = None;
                    state.length = Some(store.length()?);
                    store.set_state(&state)?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn holder(&self) -> Result<Option<Holder>, StoreError> {
        self.blocking(|store| Ok(store.state()?.holder)).await
    }

    async fn unlock(&self) -> Result<(), StoreError> {
        self.blocking(|store| {
            store.exclusively(|| {
                let mut state = match store.state() {
                    // Milliseconds are more than there were ever locks: whoever had one is fenced.
                    Err(StoreError::LockDamaged { .. }) => State {
                        epoch: Timestamp::now().as_millisecond().unsigned_abs(),
                        ..State::default()
                    },
                    state => state?,
                };
                state.epoch += 1;
                state.holder = None;
                store.set_state(&state)
            })
        })
        .await
    }
}
