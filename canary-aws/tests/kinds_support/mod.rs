//! An engine with the production client before a sandbox.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use canary_aws::sandbox::{Keys, Sandbox, SandboxOptions};
use canary_aws::{AwsCatalog, AwsObserve, AwsRealize, Connection};
use canary_core::apply::{Clock, Report};
use canary_core::catalog::Catalog;
use canary_core::config;
use canary_core::disguise::Key;
use canary_core::engine::{ApplyRequest, Approved, Engine, Provider, View};
use canary_core::graph::{Address, CanaryId};
use canary_core::ledger::{Holder, Ledger};
use canary_core::plan::{Plan, Purpose};
use canary_core::testing::MemoryStore;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub(crate) const HOME: &str = "eu-west-1";

/// The machine's, and as much later as a test says.
#[derive(Clone, Default)]
struct TestClock(Arc<AtomicI64>);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let later = SignedDuration::from_secs(self.0.load(Ordering::Relaxed));
        Timestamp::now().checked_add(later).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// An account, and a site that is applied to it.
pub(crate) struct Life {
    pub(crate) sandbox: Sandbox,
    store: Arc<MemoryStore>,
    clock: TestClock,
    engine: Engine,
    keys: Keys,
}

/// Pages of three.
pub(crate) fn options() -> SandboxOptions {
    SandboxOptions {
        page_size: 3,
        ..SandboxOptions::default()
    }
}

impl Life {
    pub(crate) async fn begin(source: &str) -> Self {
        Self::with(options(), source).await
    }

    pub(crate) async fn with(options: SandboxOptions, source: &str) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let keys = sandbox.admin();
        let store = Arc::new(MemoryStore::default());
        let clock = TestClock::default();
        let engine = engine(&sandbox, &keys, &store, &clock, source).await;
        Self {
            sandbox,
            store,
            clock,
            engine,
            keys,
        }
    }

    /// The same site with another configuration.
    pub(crate) async fn configure(&mut self, source: &str) {
        self.engine = engine(&self.sandbox, &self.keys, &self.store, &self.clock, source).await;
    }

    /// An hour goes by for us: nothing of ours was made moments ago.
    pub(crate) fn wait(&self) {
        self.clock.0.fetch_add(3600, Ordering::Relaxed);
    }

    /// The same site by somebody else.
    pub(crate) async fn by(&mut self, keys: Keys, source: &str) {
        self.keys = keys;
        self.configure(source).await;
    }

    pub(crate) async fn view(&self) -> View {
        let ledger = self.engine.load().await.unwrap().ledger;
        self.engine.look(ledger).await.unwrap()
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        self.engine.load().await.unwrap().ledger
    }

    pub(crate) async fn plan(&self) -> Plan {
        self.plan_for(&Purpose::default()).await
    }

    pub(crate) async fn plan_for(&self, purpose: &Purpose) -> Plan {
        let view = self.view().await;
        self.engine.plan(&view, purpose).unwrap()
    }

    pub(crate) async fn apply(&self) -> Option<Report> {
        self.apply_for(Purpose::default()).await
    }

    pub(crate) async fn destroy(&self) {
        self.apply_for(Purpose {
            destroy: true,
            retired_too: true,
            ..Purpose::default()
        })
        .await;
    }

    async fn apply_for(&self, purpose: Purpose) -> Option<Report> {
        let now = self.clock.now();
        let stop = AtomicBool::new(false);
        let request = ApplyRequest {
            purpose,
            saved: None,
            approve: &Approved,
            holder: holder(now),
            stop: &stop,
            progress: &|_| {},
        };
        self.engine.apply(request).await.unwrap().report
    }

    /// Plans and applies; then there is nothing left to do, nothing is written, and no value is read.
    pub(crate) async fn settles(&self) {
        let report = self.apply().await;
        let is_complete = report.as_ref().is_none_or(Report::is_complete);
        assert!(is_complete, "{report:#?}");
        let before = self.sandbox.requests().len();
        let plan = self.plan().await;
        assert!(plan.is_settled() && !plan.has_drift(), "{plan:#?}");
        assert_eq!(plan.gaps, []);
        self.apply().await;
        let requests = self.sandbox.requests();
        for request in &requests[before..] {
            let (_, name) = request.split_once(':').unwrap();
            let is_look = ["Get", "List", "Describe", "Head"]
                .iter()
                .any(|verb| name.starts_with(verb));
            let reads = ["GetParameter", "GetSecretValue", "GetObject"].contains(&name);
            assert!(is_look && !reads, "{request}");
        }
    }

    /// The name of a canary's main resource.
    pub(crate) async fn name(&self, kind: &str, label: &str) -> String {
        let address = Address::of(CanaryId::new(kind, label));
        self.ledger().await.records[&address].handle.name.clone()
    }

    pub(crate) async fn recover(&self) -> Vec<Address> {
        let recovered = self.engine.recover(&holder(Timestamp::now())).await;
        let found = recovered.unwrap().found.into_iter();
        found.map(|adopted| adopted.address).collect()
    }

    pub(crate) async fn import(&self, canary: CanaryId, path: &str) -> Result<(), String> {
        let holder = holder(Timestamp::now());
        let imported = self.engine.import(&canary, path, &holder).await;
        imported.map(drop).map_err(|error| error.to_string())
    }

    /// The same account whose ledger is lost.
    pub(crate) async fn lose_ledger(&mut self, source: &str) {
        self.store = Arc::new(MemoryStore::default());
        self.configure(source).await;
    }

    pub(crate) async fn sdk(&self, region: &str) -> SdkConfig {
        sdk(&self.sandbox, &self.sandbox.admin(), region).await
    }

    /// Everything that is known, planned and seen, as it would be printed.
    pub(crate) async fn printed(&self) -> String {
        let view = self.view().await;
        let plan = self.engine.plan(&view, &Purpose::default()).unwrap();
        let ledger = self.ledger().await;
        format!("{view:?} {plan:?} {ledger:?}")
    }
}

fn holder(now: Timestamp) -> Holder {
    Holder {
        who: "tester".into(),
        pid: 1,
        operation: "apply".into(),
        since: now,
        expires: now,
    }
}

async fn engine(
    sandbox: &Sandbox,
    keys: &Keys,
    store: &Arc<MemoryStore>,
    clock: &TestClock,
    source: &str,
) -> Engine {
    let catalog = Arc::new(AwsCatalog);
    let words = Engine::vocabulary([catalog.as_ref() as &dyn Catalog]);
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let source = format!("[aws]\naccount = \"123456789012\"\nregion = \"{HOME}\"\n{source}");
    let config = config::parse(&source, &words, today).unwrap();
    let connection = Connection {
        account: "123456789012".into(),
        region: HOME.into(),
        profile: None,
    };
    let client = connection.through(&sdk(sandbox, keys, HOME).await);
    Engine::builder(config, Key::from_bytes([7; 32]))
        .provider(Provider {
            catalog,
            observe: Some(Arc::new(AwsObserve::new(client.clone()))),
            realize: Some(Arc::new(AwsRealize::new(client))),
        })
        .build(store.clone(), Arc::new(clock.clone()))
}

async fn sdk(sandbox: &Sandbox, keys: &Keys, region: &str) -> SdkConfig {
    let credentials = Credentials::new(&keys.id, keys.secret_text(), None, None, "test");
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(sandbox.endpoint())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}
