//! The production client's life against the sandbox, on one clock that nobody waits for.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

pub(crate) mod account;
pub(crate) mod notes;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use canary_aws::sandbox::{Keys, Sandbox, SandboxClock, SandboxOptions};
use canary_aws::{AwsCatalog, AwsObserve, AwsRealize, Client, Connection};
use canary_core::apply::{Clock, Report};
use canary_core::catalog::Catalog;
use canary_core::config;
use canary_core::disguise::Key;
use canary_core::engine::{Applied, ApplyRequest, Approved, Engine, EngineError, Provider};
use canary_core::graph::CanaryId;
use canary_core::ledger::{Holder, Ledger, Store as _};
use canary_core::plan::{Outside, Plan, Purpose, Step};
use canary_core::testing::{MemoryStore, World};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-west-1";

/// An account, a room for notes, a ledger.
pub(crate) struct Life {
    pub(crate) sandbox: Sandbox,
    pub(crate) world: Arc<World>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) keys: Keys,
    somebody: Keys,
    /// The tables of the canaries.
    pub(crate) config: String,
    /// How far our machine's clock is ahead.
    pub(crate) ahead: SignedDuration,
}

/// A machine's clock: so far ahead of the account's.
#[derive(Clone, Debug)]
struct MachineClock(SandboxClock, SignedDuration);

#[async_trait]
impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        self.0.now() + self.1
    }

    async fn sleep(&self, duration: Duration) {
        Clock::sleep(&self.0, duration).await;
    }
}

/// Pages of three, a clock that stands.
pub(crate) fn options() -> SandboxOptions {
    SandboxOptions {
        page_size: 3,
        clock: SandboxClock::standing("2026-11-03T09:14:11Z".parse().unwrap()),
        ..SandboxOptions::default()
    }
}

impl Life {
    pub(crate) async fn begin(options: SandboxOptions, config: &str) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        Self {
            world: Arc::new(World::new("room", Arc::new(sandbox.clock()))),
            store: Arc::default(),
            keys: sandbox.admin(),
            somebody: sandbox.principal("somebody", &["*"]),
            config: config.to_owned(),
            ahead: SignedDuration::ZERO,
            sandbox,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(self.sandbox.endpoint())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(
                &self.keys.id,
                self.keys.secret_text(),
                None,
                None,
                "test",
            ))
            .load()
            .await;
        let connection = Connection {
            account: ACCOUNT.into(),
            region: REGION.into(),
            profile: None,
        };
        Client::new(&config, connection, Arc::new(self.clock()))
    }

    fn clock(&self) -> MachineClock {
        MachineClock(self.sandbox.clock(), self.ahead)
    }

    /// As a new process would have it.
    pub(crate) async fn engine(&self) -> Engine {
        let clock = self.clock();
        let catalogs: [Arc<dyn Catalog>; 2] = [Arc::new(AwsCatalog), Arc::new(notes::NoteCatalog)];
        let words = Engine::vocabulary(catalogs.iter().map(AsRef::as_ref));
        let source = format!(
            "[world]\n[aws]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\n{}",
            self.config
        );
        let today = clock.now().to_zoned(TimeZone::UTC).date();
        let config = config::parse(&source, &words, today).unwrap();
        let client = self.client().await;
        let [aws, notes] = catalogs;
        Engine::builder(config, Key::from_bytes([7; 32]))
            .provider(Provider {
                catalog: aws,
                observe: Some(Arc::new(AwsObserve::new(client.clone()))),
                realize: Some(Arc::new(AwsRealize::new(client))),
            })
            .provider(Provider {
                catalog: notes,
                observe: Some(self.world.clone()),
                realize: Some(self.world.clone()),
            })
            .build(self.store.clone(), Arc::new(clock))
    }

    /// An apply of its own, which can be killed.
    pub(crate) async fn starting(
        &self,
        purpose: Purpose,
    ) -> impl Future<Output = Result<Applied, EngineError>> + Send + 'static {
        let engine = self.engine().await;
        let now = self.clock().now();
        async move {
            let stop = AtomicBool::new(false);
            let request = ApplyRequest {
                purpose,
                saved: None,
                approve: &Approved,
                holder: Holder {
                    who: "tester".into(),
                    pid: 1,
                    operation: "apply".into(),
                    since: now,
                    expires: now,
                },
                stop: &stop,
                progress: &|_| {},
            };
            engine.apply(request).await
        }
    }

    pub(crate) async fn applied(&self, purpose: Purpose) -> Applied {
        self.starting(purpose).await.await.unwrap()
    }

    /// What an apply did; nothing where there was nothing to do.
    pub(crate) async fn apply(&self) -> Report {
        let applied = self.applied(Purpose::default()).await;
        applied.report.unwrap_or_default()
    }

    /// Everything that changed something or was refused, for whoever reads a failed test.
    pub(crate) fn told(&self) -> String {
        let told = |event: &serde_json::Value| {
            let about = &event["requestParameters"];
            format!(
                "{} {} {} {} {} {}\n",
                event["eventTime"],
                event["userIdentity"]["userName"],
                event["eventName"],
                about,
                event["responseElements"]["accessKey"]["accessKeyId"],
                event["errorCode"]
            )
        };
        let mut events = self.sandbox.events();
        events.retain(|event| event["readOnly"] == false || !event["errorCode"].is_null());
        events.iter().map(told).collect()
    }

    /// Applies until nothing is left to do.
    pub(crate) async fn settles(&self) {
        let report = self.apply().await;
        assert!(report.is_complete(), "{report:?}\n{}", self.told());
        self.is_settled().await;
    }

    /// One more apply writes nothing, neither here nor there.
    pub(crate) async fn is_settled(&self) {
        let (writes, ledger) = (self.writes(), self.store.bytes());
        let report = self.apply().await;
        assert!(report.is_complete(), "{report:#?}");
        assert_eq!(self.writes(), writes, "a second apply wrote");
        assert_eq!(
            self.store.bytes(),
            ledger,
            "a second apply wrote the ledger"
        );
    }

    pub(crate) async fn plan(&self) -> Plan {
        self.plan_for(&Purpose::default()).await
    }

    pub(crate) async fn plan_for(&self, purpose: &Purpose) -> Plan {
        let engine = self.engine().await;
        let loaded = engine.load().await.unwrap();
        let view = engine.look(loaded.ledger).await.unwrap();
        engine.plan(&view, purpose).unwrap()
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        self.engine().await.load().await.unwrap().ledger
    }

    /// Whoever held the lock is dead.
    pub(crate) async fn unlock(&self) {
        self.store.unlock().await.unwrap();
    }

    /// Raises a canary's generation.
    pub(crate) fn rotate(&mut self, id: &str, generation: u32) {
        let id: CanaryId = id.parse().unwrap();
        self.config = config::with_generation(&self.config, &id, generation).unwrap();
    }

    /// Requests that changed, or were to change, the account.
    pub(crate) fn writes(&self) -> Vec<String> {
        let mut requests = self.sandbox.requests();
        requests.retain(|request| is_write(request));
        requests
    }
}

pub(crate) fn is_write(request: &str) -> bool {
    let (service, operation) = request.split_once(':').unwrap();
    let reads = ["Get", "List", "Generate", "Simulate"];
    service == "iam" && !reads.iter().any(|read| operation.starts_with(read))
}

pub(crate) fn destroying(retired_too: bool) -> Purpose {
    Purpose {
        destroy: true,
        retired_too,
        ..Purpose::default()
    }
}

/// A user with a key that a note holds.
pub(crate) const CONFIG: &str = r#"
[iam_user.backup]
name = "svc-backup"
[note.backup]
of = "iam_user.backup"
"#;

/// An account where that is planted, long enough ago that everything is shown.
pub(crate) async fn planted(options: SandboxOptions) -> Life {
    let life = Life::begin(options, CONFIG).await;
    life.settles().await;
    life.sandbox.clock().advance(Duration::from_secs(600));
    life
}

/// What was put there and is not ours.
pub(crate) fn intruders(plan: &Plan) -> Vec<&Step> {
    let is_intruder = |step: &&Step| matches!(step.outside, Some(Outside::Intruder { .. }));
    plan.steps.iter().filter(is_intruder).collect()
}
