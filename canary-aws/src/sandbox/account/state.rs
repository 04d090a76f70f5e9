//! What is kept.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use crate::sandbox::access::Sessions;
use crate::sandbox::call::Uses;
use crate::sandbox::clock::SandboxClock;
use crate::sandbox::cloudtrail::Trails;
use crate::sandbox::entropy::Entropy;
use crate::sandbox::events::Events;
use crate::sandbox::iam::{Iam, May};
use crate::sandbox::lagging::Lagging;
use crate::sandbox::options::{Keys, SandboxOptions};
use crate::sandbox::protocol::Request;
use crate::sandbox::requests::Requests;
use crate::sandbox::s3::S3;
use crate::sandbox::secrets::Secrets;
use crate::sandbox::service::Service;
use crate::sandbox::sqs::{self, Sqs};
use crate::sandbox::ssm::Ssm;
use crate::sandbox::trail::Records;

/// What a region has of its own.
pub(super) struct Region {
    pub(super) sqs: Sqs,
    pub(super) ssm: Lagging<Ssm>,
    pub(super) secrets: Lagging<Secrets>,
    pub(super) events: Events,
}

/// Everything.
pub(in crate::sandbox) struct Account {
    pub(super) id: String,
    pub(super) enabled: Vec<String>,
    pub(super) page_size: usize,
    pub(super) event_delay: SignedDuration,
    pub(super) event_copies: usize,
    pub(super) events_need_trail: bool,
    pub(super) clock: SandboxClock,
    pub(super) entropy: Entropy,
    pub(super) iam: Lagging<Iam>,
    pub(super) sessions: Sessions,
    pub(super) uses: Uses,
    pub(super) regions: BTreeMap<String, Region>,
    pub(super) trails: Trails,
    pub(super) s3: S3,
    pub(super) records: Records,
    pub(in crate::sandbox) requests: Requests,
}

impl Account {
    pub(in crate::sandbox) fn new(options: &SandboxOptions) -> Self {
        let region = |name: &String| {
            let region = Region {
                sqs: Sqs::default(),
                ssm: Lagging::new(Ssm::default(), options.consistency),
                secrets: Lagging::new(
                    Secrets::new(options.secrets_hide_deletion),
                    options.consistency,
                ),
                events: Events::default(),
            };
            (name.clone(), region)
        };
        let iam = Iam::new(options.report_age, options.report_polls);
        Self {
            id: options.account.clone(),
            enabled: options.regions.clone(),
            page_size: options.page_size,
            event_delay: options.event_delay,
            event_copies: options.event_copies,
            events_need_trail: options.events_need_trail,
            clock: options.clock.clone(),
            entropy: Entropy::new(options.seed),
            iam: Lagging::new(iam, options.consistency),
            sessions: Sessions::new(),
            uses: Uses::new(),
            regions: options.regions.iter().map(region).collect(),
            trails: Trails::default(),
            s3: S3::default(),
            records: Records::default(),
            requests: Requests::default(),
        }
    }

    /// Adds a user with a key that is known at once.
    pub(in crate::sandbox) fn seed(&mut self, name: &str, may: &May<'_>) -> Keys {
        let now = self.clock.now();
        let seeded = Iam::seeded(name, may, &self.id, now, &mut self.entropy);
        self.iam.write_everywhere(|iam| iam.insert_seeded(&seeded));
        let id = seeded.key_id();
        let secret = self.entropy.secret_key(&id).into();
        Keys { id, secret }
    }

    pub(in crate::sandbox) fn records(&self) -> Vec<Value> {
        self.records.all().cloned().collect()
    }

    /// How many seconds a request waits for a message that is not there; none when it does not wait.
    pub(in crate::sandbox) fn waits(&self, request: &Request) -> Option<i64> {
        if request.service != Service::Sqs || request.operation != "ReceiveMessage" {
            return None;
        }
        let region = self.regions.get(&request.region)?;
        sqs::waits(&region.sqs, &request.params, self.clock.now())
    }
}
