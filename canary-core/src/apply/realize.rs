//! One touch.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::disguise::Digester;
use crate::graph::{Address, Handle, Written};
use crate::ledger::{OutputValue, Outputs, Verb};
use crate::observe::{Object, Version};
use crate::value::SecretBytes;

/// A field's value, ready to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// May be shown.
    Public(String),
    /// May not.
    Secret(SecretBytes),
}

impl Content {
    /// The bytes, whichever it is.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Public(text) => text.as_bytes(),
            Self::Secret(bytes) => bytes.expose(),
        }
    }
}

/// One touch, every choice made.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is done.
    pub verb: Verb,
    /// Our name, for logs; never sent.
    pub address: Address,
    /// What it is done to.
    pub handle: Handle,
    /// The incarnation and state it must be done to; `None`: nothing must be there.
    pub have: Option<Version>,
    /// All of the content as it is to be afterwards. Empty for a delete.
    pub content: BTreeMap<String, Content>,
    /// How it is written.
    pub written: Option<Written>,
    /// Makes the digests of what is read back.
    pub digester: Digester,
    /// The call must have ended by then, so that the lease outlives it.
    pub timeout: Duration,
}

/// What a touch gave.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Made {
    /// The object as it is now; `None` where there is no object (any more).
    pub object: Option<Object>,
    /// What it gave.
    pub outputs: Outputs,
    /// When it stops working, as granted.
    pub expires: Option<Timestamp>,
}

impl Made {
    /// Adds an output.
    #[must_use]
    pub fn with(mut self, name: &str, value: OutputValue) -> Self {
        self.outputs.insert(name.into(), value);
        self
    }
}

/// What was found after an answer was lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing is there.
    Absent,
    /// This is there, read in full.
    There(Box<Object>),
    /// Such a thing leaves nothing that could be found: do it again.
    NothingToFind,
}

/// Why a touch did not come about, or whether it did is not known.
#[derive(Debug, thiserror::Error)]
pub enum RealizeError {
    /// Something is there already, and a create never takes over.
    #[error("{handle} exists and is not ours")]
    Exists {
        /// Its name.
        handle: Handle,
    },
    /// It is not as it was when the plan was made.
    #[error("{handle} has changed since the plan was made")]
    Changed {
        /// Its name.
        handle: Handle,
    },
    /// The place for it is missing, as in a namespace.
    #[error("{handle} cannot be made: {place} does not exist")]
    NoPlace {
        /// Its name.
        handle: Handle,
        /// What is missing.
        place: String,
    },
    /// We may not.
    #[error("{handle}: not permitted: {detail}")]
    Denied {
        /// Its name.
        handle: Handle,
        /// The server's words, without secrets.
        detail: String,
    },
    /// The server refuses the content, or anything else about it. Nothing was done.
    #[error("{handle}: refused: {detail}")]
    Refused {
        /// Its name.
        handle: Handle,
        /// The server's words, without secrets.
        detail: String,
    },
    /// It is marked for removal and stays until what holds it lets go.
    #[error("{handle} is being deleted, and {by} holds it")]
    Held {
        /// Its name.
        handle: Handle,
        /// What holds it, as a finalizer.
        by: String,
    },
    /// What it is in, or names, is not there, or was made moments ago and is not shown everywhere yet; nothing was done.
    #[error("{handle}: what it needs is not there: {detail}")]
    Awaits {
        /// Its name.
        handle: Handle,
        /// The server's words, without secrets.
        detail: String,
    },
    /// The server is busy; nothing was done.
    #[error("{handle}: the server is busy: {detail}")]
    Busy {
        /// Its name.
        handle: Handle,
        /// As the server asked.
        retry_after: Option<Duration>,
        /// The server's words, without secrets.
        detail: String,
    },
    /// The answer was lost or was an error: it may have been done.
    #[error("{handle}: no usable answer: {detail}")]
    Unknown {
        /// Its name.
        handle: Handle,
        /// What happened instead.
        detail: String,
    },
}

/// Touches. One request per call, no retries of its own: the policy is the core's.
#[async_trait]
pub trait Realize: Send + Sync {
    /// Does it. A create never takes over what is there; an update and a delete carry uid and revision; a delete of
    /// what is gone succeeds.
    ///
    /// # Errors
    /// See [`RealizeError`]; whatever may have been done is `Unknown`.
    async fn realize(&self, call: &Call) -> Result<Made, RealizeError>;

    /// Looks at what a call with a lost answer was about, in full.
    ///
    /// # Errors
    /// When that cannot be told either.
    async fn find(&self, call: &Call) -> Result<Found, RealizeError>;

    /// The identifiers that the site gave our requests since this was last asked: how its log names them.
    fn requests(&self) -> Vec<String> {
        Vec::new()
    }

    /// What an object gives, told from the object alone: for a create that is known to have happened although its
    /// answer was lost.
    ///
    /// # Errors
    /// As [`Realize::realize`].
    async fn outputs_of(&self, call: &Call, object: &Object) -> Result<Made, RealizeError>;
}
