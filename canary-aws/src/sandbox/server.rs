//! The server: starting and ending.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::account::Account;
use super::clock::SandboxClock;
use super::faults::Faults;
use super::http::handle;
use super::iam::May;
use super::options::{Keys, SandboxOptions};
use super::wire::{Wire, Wires};

/// A running sandbox. Ends when it is dropped.
pub struct Sandbox {
    address: SocketAddr,
    admin: Keys,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<io::Result<()>>>,
}

/// What every request has in common.
pub(super) struct Shared {
    account: Mutex<Account>,
    pub(super) faults: Faults,
    pub(super) clock: SandboxClock,
    pub(super) checks_signing_time: bool,
    /// Told after every request, for those that wait for a message.
    pub(super) changed: watch::Sender<u64>,
    ending: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        let mut ending = self.ending.subscribe();
        // The sender lives as long as this does.
        drop(ending.wait_for(|ending| *ending).await);
    }
}

/// Answers under way are small and leave within milliseconds; whoever takes longer has stopped listening.
const GRACE: Duration = Duration::from_secs(2);

/// The user who may do everything.
const ADMINISTRATOR: &str = "administrator";

impl Sandbox {
    /// Starts one within the current runtime, with an administrator.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(options: SandboxOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let mut account = Account::new(&options);
        let admin = account.seed(ADMINISTRATOR, &May::Everything);
        let shared = Arc::new(Shared {
            account: Mutex::new(account),
            faults: Faults::new(),
            clock: options.clock,
            checks_signing_time: options.checks_signing_time,
            changed: watch::Sender::new(0),
            ending: watch::Sender::new(false),
        });
        let service = Router::new()
            .fallback(handle)
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<Wire>();
        let until = shared.clone();
        let serving = tokio::spawn(async move {
            axum::serve(Wires::new(listener), service)
                .with_graceful_shutdown(async move { until.ended().await })
                .await
        });
        Ok(Self {
            address,
            admin,
            shared,
            serving: Some(serving),
        })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The keys of the IAM user `administrator`, who may do everything.
    #[must_use]
    pub fn admin(&self) -> Keys {
        self.admin.clone()
    }

    /// Adds an IAM user who may do these actions on everything (`iam:List*`), known at once. Gives the keys. One of that
    /// name who was there before is replaced, and the keys of before are not known any more.
    #[must_use]
    pub fn principal(&self, name: &str, allowed: &[&str]) -> Keys {
        self.shared.account().seed(name, &May::Only(allowed))
    }

    /// What is to go wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Its time.
    #[must_use]
    pub fn clock(&self) -> SandboxClock {
        self.shared.clock.clone()
    }

    /// How often an operation was asked for (`iam:CreateUser`), also in vain.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.shared.account().requests.count(operation)
    }

    /// How often each operation was asked for.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.shared.account().requests.counts()
    }

    /// Operations in the order in which they were asked for, the last hundred thousand.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.shared.account().requests.in_order()
    }

    /// The CloudTrail records that were written, the last twenty thousand, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.shared.account().records()
    }

    /// Ends it: requests that hang are dropped, and everything is forgotten.
    pub async fn close(mut self) {
        self.shared.ending.send_replace(true);
        if let Some(mut serving) = self.serving.take()
            && tokio::time::timeout(GRACE, &mut serving).await.is_err()
        {
            serving.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.ending.send_replace(true);
    }
}
