//! What listening to queues and log groups is tried with.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use canary_aws::trail::Lines;
use canary_aws::{Client, Connection};
use canary_core::detect::{Event, Interest, Listen, Listened, RequestKey};

pub(crate) const REGION: &str = "eu-west-1";

/// The client under test, at an endpoint.
pub(crate) fn client(config: &SdkConfig, account: &str) -> Client {
    let connection = Connection {
        account: account.to_owned(),
        region: REGION.to_owned(),
        profile: None,
    };
    connection.through(config)
}

pub(crate) async fn config(endpoint: &str, id: &str, secret: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(id, secret, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}

/// What comes within some time; `None`: nothing.
pub(crate) async fn soon(listener: &mut impl Listen, most: Duration) -> Option<Listened> {
    let next = tokio::time::timeout(most, listener.next()).await;
    next.ok().and_then(|next| next.unwrap())
}

/// Everything that comes until nothing comes for a while.
pub(crate) async fn all(listener: &mut impl Listen) -> Gathered {
    let mut gathered = Gathered::default();
    while let Some(listened) = soon(listener, Duration::from_millis(1500)).await {
        gathered.add(listened);
    }
    gathered
}

/// What came of a listener.
#[derive(Default, Debug)]
pub(crate) struct Gathered {
    pub(crate) events: Vec<Event>,
    pub(crate) position: String,
    pub(crate) unreadable: u64,
    pub(crate) lines: u64,
}

impl Gathered {
    pub(crate) fn add(&mut self, listened: Listened) {
        self.events.extend(listened.events);
        self.position = listened.position;
        self.unreadable += listened.unreadable;
        self.lines += listened.lines;
    }

    /// How often each request came.
    pub(crate) fn requests(&self) -> BTreeMap<RequestKey, usize> {
        let mut requests = BTreeMap::new();
        for event in &self.events {
            *requests.entry(event.request()).or_default() += 1;
        }
        requests
    }

    /// Identifiers of the events, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.events.iter().map(|event| event.id.clone()).collect();
        ids.sort();
        ids
    }
}

/// A reader that makes an event of each line, with the line as its id.
pub(crate) fn lines() -> Option<Lines> {
    Some(Box::new(|line: &[u8]| {
        let mut found =
            canary_aws::trail::messages(br#"{"eventID":"a","eventTime":"2026-01-02T03:04:05Z"}"#);
        let text = String::from_utf8_lossy(line).into_owned();
        for event in &mut found.events {
            event.id.clone_from(&text);
        }
        found.events
    }))
}

pub(crate) const ALL: Interest = Interest::Everything;
