//! The issuing itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sts::types::Credentials;
use canary_core::bait::{Fresh, Issue, Refusal, Sessions, TouchError, Wanted};
use canary_core::graph::CanaryId;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::recent::Recent;
use super::refusal::{is_too_long, meaning};
use super::{PodRole as Role, files};
use crate::client::{CallError, Client, Failure};

/// STS answers within a second; a pod waits for this, and the next try is soon.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// What every role allows, and a role that assumes another: an hour.
const SHORT: Duration = Duration::from_secs(3600);
/// Tokens of a cluster have some 1,000 characters; STS takes 20,000 at most.
const LONGEST_TOKEN: u64 = 20_000;

/// The decoy role of one canary, and the files that its sessions are written to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodRole {
    /// Its ARN.
    pub arn: String,
    /// So long a session of it may last, as the role was made.
    pub longest: Duration,
    /// The profile in the files.
    pub profile: String,
    /// The region in the files.
    pub region: String,
    /// The key in the Secret of the file with the session.
    pub credentials: String,
    /// The key of the file beside it.
    pub config: String,
}

/// As whom sessions are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// By the credentials of the client. Those of a role give sessions of an hour.
    Credentials,
    /// By a token in a file, which is read anew each time. Needs no credentials, and is no chaining of roles.
    Token(PathBuf),
}

/// Issues sessions of decoy roles.
pub struct AwsBaits {
    client: Client,
    sessions: Sessions,
    way: Way,
    roles: BTreeMap<CanaryId, PodRole>,
    /// Roles whose sessions were refused for as long as they say.
    short: Mutex<BTreeMap<CanaryId, Duration>>,
    recent: Recent,
}

impl std::fmt::Debug for AwsBaits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let canaries: Vec<&CanaryId> = self.roles.keys().collect();
        write!(f, "AwsBaits({:?}, {canaries:?})", self.way)
    }
}

impl AwsBaits {
    /// Issues through a client of its own, in its home region.
    #[must_use]
    pub fn new(
        client: Client,
        sessions: Sessions,
        way: Way,
        roles: BTreeMap<CanaryId, PodRole>,
    ) -> Self {
        Self {
            client,
            sessions,
            way,
            roles,
            short: Mutex::default(),
            recent: Recent::default(),
        }
    }

    /// The identifiers that the account gave the requests since this was last asked, those that were refused among them: so
    /// its log names them. Of thousands the latest.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.recent.take()
    }

    fn length(&self, canary: &CanaryId, role: &Role) -> Duration {
        let short = self.short.lock().unwrap_or_else(PoisonError::into_inner);
        short.get(canary).copied().unwrap_or(role.longest)
    }

    fn shorten(&self, canary: &CanaryId) {
        let mut short = self.short.lock().unwrap_or_else(PoisonError::into_inner);
        short.insert(canary.clone(), SHORT);
    }

    /// A session, as long as it can be had.
    async fn session(&self, wanted: &Wanted, role: &Role) -> Result<Credentials, TouchError> {
        let name = self.sessions.name(wanted.number, wanted.at);
        let token = self.token().await?;
        let length = self.length(&wanted.canary, role);
        match self.ask(role, &name, token.as_deref(), length).await {
            Err(error) if length > SHORT && is_too_long(&error) => {
                let answer = self.ask(role, &name, token.as_deref(), SHORT).await;
                if answer.is_ok() {
                    self.shorten(&wanted.canary);
                }
                answer
            }
            answer => answer,
        }
        .map_err(|error| meaning(&error))
    }

    /// The token, where it is asked by one.
    async fn token(&self) -> Result<Option<Zeroizing<String>>, TouchError> {
        let Way::Token(path) = &self.way else {
            return Ok(None);
        };
        let missing = |why: &str| {
            let detail = format!("the token in {} {why}", path.display());
            TouchError::new(Refusal::Missing, detail)
        };
        let size = tokio::fs::metadata(path).await;
        let size = size.map_err(|error| missing(&format!("cannot be read: {error}")))?;
        if !size.is_file() || size.len() > LONGEST_TOKEN {
            return Err(missing("is none"));
        }
        let bytes = tokio::fs::read(path).await.map(Zeroizing::new);
        let bytes = bytes.map_err(|error| missing(&format!("cannot be read: {error}")))?;
        match std::str::from_utf8(&bytes).map(str::trim) {
            Ok(token) if !token.is_empty() => Ok(Some(Zeroizing::new(token.to_owned()))),
            _ => Err(missing("is none")),
        }
    }

    async fn ask(
        &self,
        role: &Role,
        name: &str,
        token: Option<&String>,
        length: Duration,
    ) -> Result<Credentials, CallError> {
        let seconds = i32::try_from(length.as_secs()).unwrap_or(i32::MAX);
        let sts = &self.client.sts;
        let (action, credentials) = match token {
            None => {
                let request = sts.assume_role().role_arn(&role.arn);
                let request = request.role_session_name(name).duration_seconds(seconds);
                let answer = self.client.send("sts:AssumeRole", request.send()).await?;
                ("sts:AssumeRole", answer.credentials)
            }
            Some(token) => {
                let action = "sts:AssumeRoleWithWebIdentity";
                let request = sts.assume_role_with_web_identity().role_arn(&role.arn);
                let request = request.role_session_name(name).duration_seconds(seconds);
                let request = request.web_identity_token(token);
                let answer = self.client.send(action, request.send()).await?;
                (action, answer.credentials)
            }
        };
        credentials.ok_or_else(|| CallError {
            action,
            failure: Failure::NotUnderstood,
            code: String::new(),
            message: "the answer has no credentials".to_owned(),
        })
    }
}

/// When a session ends, as granted. An answer whose end is not to be understood is of no use: it would never be refreshed.
fn end(session: &Credentials) -> Result<Timestamp, TouchError> {
    let end = session.expiration().secs();
    Timestamp::from_second(end)
        .map_err(|_| TouchError::new(Refusal::Unreachable, "the session has no end"))
}

#[async_trait]
impl Issue for AwsBaits {
    async fn issue(&self, wanted: &Wanted) -> Result<Fresh, TouchError> {
        let role = self.roles.get(&wanted.canary).ok_or_else(|| {
            let detail = format!("{} has no role", wanted.canary);
            TouchError::new(Refusal::Missing, detail)
        })?;
        let asked = self.client.changing(self.session(wanted, role));
        let asked = self.client.within(LONGEST_CALL, asked).await;
        self.recent.extend(self.client.meter.take_changes());
        let session = match asked {
            Some(session) => session?,
            None => return Err(meaning(&CallError::timed_out("sts:AssumeRole"))),
        };
        let until = end(&session)?;
        Ok(Fresh {
            files: BTreeMap::from([
                (role.credentials.clone(), files::credentials(role, &session)),
                (role.config.clone(), files::config(role)),
            ]),
            token: None,
            until,
        })
    }
}
