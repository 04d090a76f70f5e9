//! Two servers, one way of asking them.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(
    clippy::panic,
    reason = "a test whose ground cannot be laid has failed"
)]

pub(crate) mod normal;
pub(crate) mod script;
pub(crate) mod table;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use canary_core::apply::Clock;
use canary_fixtures::{ControlPlane, Request, Response};
use canary_k8s::sandbox::{Sandbox, SandboxOptions, User};
use jiff::Timestamp;

/// A server that a script is played to.
pub(crate) trait Server {
    fn token(&self, user: &str) -> String;
    fn send(&self, request: &Request<'_>) -> Option<Response>;
    /// The lines of its audit log.
    fn audit(&self) -> Vec<String>;
}

pub(crate) struct Real<'a>(pub(crate) &'a ControlPlane);

impl Server for Real<'_> {
    fn token(&self, user: &str) -> String {
        self.0.token(user)
    }

    fn send(&self, request: &Request<'_>) -> Option<Response> {
        let Request {
            method,
            path,
            token,
            body,
            headers,
        } = *request;
        self.0.request_with(token, method, path, body, headers)
    }

    fn audit(&self) -> Vec<String> {
        lines(self.0.audit_log().path().to_owned())
    }
}

fn lines(path: PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineClock;

#[async_trait]
impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Users as the fixture of the real server has them.
pub(crate) fn users() -> Vec<User> {
    [
        ("admin", "system:masters"),
        ("operator", "operators"),
        ("intruder", "intruders"),
        ("alice", "platform:admins"),
    ]
    .map(|(name, group)| User::new(name, &[group]))
    .into()
}

/// A sandbox with a runtime and a folder of its own.
pub(crate) struct Sand {
    pub(crate) sandbox: Option<Sandbox>,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) folder: tempfile::TempDir,
}

impl Sand {
    pub(crate) fn start() -> Self {
        Self::with_clock(Arc::new(MachineClock))
    }

    pub(crate) fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = SandboxOptions {
            users: users(),
            audit_log: folder.path().join("audit.log"),
            seed: [7; 32],
            clock,
            port: 0,
        };
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        Self {
            sandbox: Some(sandbox),
            runtime,
            folder,
        }
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// One request by a user, with a JSON body.
    pub(crate) fn ask(
        &self,
        user: &str,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Option<Response> {
        self.send(&Request {
            method,
            path,
            token: &self.token(user),
            body,
            headers: &[],
        })
    }

    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let lines = self.audit();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Server for Sand {
    fn token(&self, user: &str) -> String {
        self.sandbox().token(user).unwrap_or_default().to_owned()
    }

    fn send(&self, request: &Request<'_>) -> Option<Response> {
        request.send_plain(self.sandbox().port()).ok()
    }

    fn audit(&self) -> Vec<String> {
        lines(self.folder.path().join("audit.log"))
    }
}

/// Waits for something that comes in milliseconds; a minute covers a machine that is busy with other things.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{what} never came"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
