//! An engine over an account in memory, whose time is the account's.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use canary_aws::sandbox::{Sandbox, SandboxClock, SandboxOptions};
use canary_aws::{AwsCatalog, AwsObserve, AwsRealize, Connection};
use canary_core::apply::{Clock, Report};
use canary_core::catalog::Catalog;
use canary_core::check::{Note, Severity};
use canary_core::config;
use canary_core::disguise::Key;
use canary_core::engine::{ApplyRequest, Approved, Engine, Provider, View};
use canary_core::ledger::Holder;
use canary_core::plan::{Plan, Purpose};
use canary_core::testing::MemoryStore;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::sandbox_support::{ACCOUNT, REGION, config_in, of, options};

/// The account's time, which passes when somebody waits.
#[derive(Clone, Debug)]
pub(crate) struct Time(pub(crate) SandboxClock);

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
        tokio::task::yield_now().await;
    }
}

pub(crate) const REGIONS: [&str; 3] = ["ap-southeast-2", REGION, "us-east-1"];

pub(crate) struct Account {
    pub(crate) sandbox: Sandbox,
    store: Arc<MemoryStore>,
    engine: Engine,
}

impl Account {
    /// An account with three regions, a trail of somebody's that logs in all of them, and a listener of that table.
    pub(crate) async fn with(table: &str) -> Self {
        let account = Self::without_trail(table).await;
        account.log_everywhere().await;
        account
    }

    /// Somebody makes a trail and starts it.
    async fn log_everywhere(&self) {
        let config = self.admin(REGION).await;
        let s3 = aws_sdk_s3::Client::new(&config);
        let place = aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
            .build();
        let request = s3.create_bucket().bucket("theirs");
        let request = request.create_bucket_configuration(place);
        request.send().await.unwrap();
        let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:*","Resource":["arn:aws:s3:::theirs","arn:aws:s3:::theirs/*"]}]}"#;
        let request = s3.put_bucket_policy().bucket("theirs").policy(open);
        request.send().await.unwrap();
        let cloudtrail = aws_sdk_cloudtrail::Client::new(&config);
        let request = cloudtrail.create_trail().name("theirs");
        let request = request.s3_bucket_name("theirs");
        request.is_multi_region_trail(true).send().await.unwrap();
        let request = cloudtrail.start_logging().name("theirs");
        request.send().await.unwrap();
    }

    /// The same account without a trail.
    pub(crate) async fn without_trail(table: &str) -> Self {
        let options = SandboxOptions {
            regions: REGIONS.map(ToOwned::to_owned).to_vec(),
            ..options()
        };
        Self::of(Sandbox::start(options).await.unwrap(), table).await
    }

    pub(crate) async fn of(sandbox: Sandbox, table: &str) -> Self {
        let store = Arc::new(MemoryStore::default());
        let engine = engine(&sandbox, store.clone(), table).await;
        Self {
            sandbox,
            store,
            engine,
        }
    }

    /// The same account and ledger under another configuration.
    pub(crate) async fn configured(&mut self, table: &str) {
        self.engine = engine(&self.sandbox, self.store.clone(), table).await;
    }

    pub(crate) async fn admin(&self, region: &str) -> SdkConfig {
        config_in(&self.sandbox, of(&self.sandbox.admin()), region).await
    }

    pub(crate) async fn view(&self) -> View {
        let ledger = self.engine.load().await.unwrap().ledger;
        self.engine.look(ledger).await.unwrap()
    }

    pub(crate) async fn plan(&self) -> Plan {
        let view = self.view().await;
        self.engine.plan(&view, &Purpose::default()).unwrap()
    }

    pub(crate) async fn notes(&self, severity: Severity) -> Vec<Note> {
        let mut notes = self.view().await.notes;
        notes.retain(|note| note.severity == severity);
        notes
    }

    pub(crate) async fn try_apply(&self, purpose: Purpose) -> Option<Report> {
        let now = self.sandbox.clock().now();
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
        self.engine.apply(request).await.unwrap().report
    }

    pub(crate) async fn apply(&self) -> Option<Report> {
        self.try_apply(Purpose::default()).await
    }

    pub(crate) async fn destroy(&self) {
        self.try_apply(Purpose {
            destroy: true,
            ..Purpose::default()
        })
        .await;
    }

    /// What was made has been there for long, and is shown everywhere.
    pub(crate) fn later(&self) {
        self.sandbox.clock().advance(Duration::from_secs(600));
    }

    /// Applies and shows that nothing is left to do.
    pub(crate) async fn settles(&self) {
        self.apply().await;
        self.later();
        let plan = self.plan().await;
        assert!(plan.is_settled(), "{}", told(&plan));
        assert!(!plan.has_drift(), "{}", told(&plan));
    }

    /// A public output of a resource.
    pub(crate) async fn output(&self, address: &str, name: &str) -> String {
        let ledger = self.engine.load().await.unwrap().ledger;
        let record = &ledger.records[&address.parse().unwrap()];
        record.outputs[name].public().unwrap().to_owned()
    }

    pub(crate) async fn tripwires(&self) -> Vec<canary_core::detect::Tripwire> {
        let ledger = self.engine.load().await.unwrap().ledger;
        self.engine.tripwires(&Engine::planted(&ledger))
    }

    /// What is called from outside with these credentials in a region.
    pub(crate) async fn sts(&self, credentials: Credentials, region: &str) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&config_in(&self.sandbox, credentials, region).await)
    }
}

/// One line for each step that is not only kept.
pub(crate) fn told(plan: &Plan) -> String {
    let steps = plan.steps.iter();
    let steps = steps.map(|step| {
        format!(
            "{} {}: {:?} {:?}\n",
            step.address, step.handle, step.action, step.outside
        )
    });
    steps.filter(|line| !line.contains("Keep None")).collect()
}

async fn engine(sandbox: &Sandbox, store: Arc<MemoryStore>, table: &str) -> Engine {
    let catalog = Arc::new(AwsCatalog);
    let words = Engine::vocabulary([catalog.as_ref() as &dyn Catalog]);
    let time = Time(sandbox.clock());
    let today = time.now().to_zoned(TimeZone::UTC).date();
    let source = format!("[aws]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\n{table}");
    let config = config::parse(&source, &words, today).unwrap();
    let connection = Connection {
        account: ACCOUNT.into(),
        region: REGION.into(),
        profile: None,
    };
    let client = connection.through(&config_in(sandbox, of(&sandbox.admin()), REGION).await);
    Engine::builder(config, Key::from_bytes([7; 32]))
        .provider(Provider {
            catalog,
            observe: Some(Arc::new(AwsObserve::new(client.clone()))),
            realize: Some(Arc::new(AwsRealize::new(client))),
        })
        .build(store, Arc::new(time))
}
