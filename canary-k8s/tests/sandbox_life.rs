//! The production client's whole life against the sandbox.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use canary_core::apply::{Clock as _, Report};
use canary_core::config;
use canary_core::disguise::Key;
use canary_core::engine::{ApplyRequest, Approved, Engine, Provider};
use canary_core::ledger::Holder;
use canary_core::plan::{Plan, Purpose};
use canary_core::testing::MemoryStore;
use canary_k8s::sandbox::{Fault, FaultKind};
use canary_k8s::{Connection, KubernetesCatalog, KubernetesObserve, KubernetesRealize};
use jiff::tz::TimeZone;
use sandbox_support::{MachineClock, Sand, Server as _};
use serde_json::{Value, json};

const NS: &str = "/api/v1/namespaces/shop";

const CONFIG: &str = r#"
[kubernetes]
[secret.db]
namespace = "shop"
name      = "orders-db-admin"
template  = "postgres"
[secret.web]
namespace = "shop"
template  = "tls"
[config_map.settings]
namespace = "shop"
data      = { "DATABASE_URL" = "postgres://{username}:{password}@{host}/{database}" }
[service_account.deployer]
namespace = "shop"
[service_account.old]
namespace = "shop"
token     = "legacy"
[secret.kubeconfig]
namespace = "shop"
template  = "kubeconfig"
of        = "service_account.deployer"
"#;

struct Life {
    sand: Sand,
    engine: Engine,
}

impl Life {
    fn begin(persona: &str) -> Self {
        let sand = Sand::start();
        let namespace = json!({ "metadata": { "name": "shop" } });
        sand.ask("admin", "POST", "/api/v1/namespaces", Some(&namespace));
        let kubeconfig = sand.folder.path().join("kubeconfig");
        sand.sandbox()
            .write_kubeconfig(&kubeconfig, "admin", "demo")
            .unwrap();
        let catalog = Arc::new(KubernetesCatalog::new());
        let words = Engine::vocabulary([catalog.as_ref() as &dyn canary_core::catalog::Catalog]);
        let today = MachineClock.now().to_zoned(TimeZone::UTC).date();
        let source = CONFIG.replace(
            "[kubernetes]",
            &format!("[kubernetes]\npersona = \"{persona}\""),
        );
        let config = config::parse(&source, &words, today).unwrap();
        let connection = Connection {
            kubeconfig: Some(kubeconfig),
            context: None,
        };
        let client = sand.runtime.block_on(connection.connect()).unwrap();
        let engine = Engine::builder(config, Key::from_bytes([7; 32]))
            .provider(Provider {
                catalog,
                observe: Some(Arc::new(KubernetesObserve::new(client.clone()))),
                realize: Some(Arc::new(KubernetesRealize::new(client))),
            })
            .build(Arc::new(MemoryStore::default()), Arc::new(MachineClock));
        Self { sand, engine }
    }

    fn plan(&self) -> Plan {
        self.sand.runtime.block_on(async {
            let view = self
                .engine
                .look(self.engine.load().await.unwrap().ledger)
                .await
                .unwrap();
            self.engine.plan(&view, &Purpose::default()).unwrap()
        })
    }

    fn apply(&self, purpose: Purpose) -> Option<Report> {
        let now = MachineClock.now();
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
        self.sand
            .runtime
            .block_on(self.engine.apply(request))
            .unwrap()
            .report
    }

    /// Every object of the kinds that are planted.
    fn everything(&self) -> Vec<Value> {
        ["secrets", "configmaps", "serviceaccounts"]
            .iter()
            .flat_map(|kind| {
                let list = self.sand.ask("admin", "GET", &format!("{NS}/{kind}"), None);
                list.unwrap().body["items"].as_array().unwrap().clone()
            })
            .collect()
    }

    fn destroy(&self) {
        let purpose = Purpose {
            destroy: true,
            ..Purpose::default()
        };
        self.apply(purpose);
        assert_eq!(self.everything(), Vec::<Value>::new());
    }

    /// The writes in the log after a line, as verb and code.
    fn writes_after(&self, line: usize) -> usize {
        let events = self.sand.events();
        let writes = ["create", "update", "patch", "delete"];
        let ours = events.iter().skip(line).filter(|event| {
            writes.contains(&event["verb"].as_str().unwrap())
                && event["userAgent"]
                    .as_str()
                    .is_some_and(|agent| agent.starts_with("kubectl/"))
                && event["objectRef"]["resource"] != "selfsubjectreviews"
        });
        ours.count()
    }
}

fn whole_life(persona: &str, operation: &str) {
    let life = Life::begin(persona);
    let planned = life.plan().summary().add;
    let report = life.apply(Purpose::default()).unwrap();
    assert_eq!(report.done(), planned);
    assert_eq!(life.everything().len(), 7);
    for object in life.everything() {
        let written = &object["metadata"]["managedFields"];
        let ours = written
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["manager"] != "kube-controller-manager");
        for entry in ours {
            assert_eq!(
                entry["operation"], operation,
                "{}",
                object["metadata"]["name"]
            );
        }
    }

    // Nothing to do: nothing is written.
    let before = life.sand.audit().len();
    assert!(!life.plan().has_drift());
    life.apply(Purpose::default());
    assert_eq!(life.writes_after(before), 0);

    // Somebody changes a value, adds a label, and deletes one.
    let path = format!("{NS}/secrets/orders-db-admin");
    let change =
        json!({ "data": { "password": "aGFja2Vk" }, "metadata": { "labels": { "team": "red" } } });
    life.sand.ask("admin", "PATCH", &path, Some(&change));
    let maps = life
        .sand
        .ask("admin", "GET", &format!("{NS}/configmaps"), None)
        .unwrap()
        .body;
    let map = maps["items"][0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    life.sand
        .ask("admin", "DELETE", &format!("{NS}/configmaps/{map}"), None);
    assert!(life.plan().has_drift());
    life.apply(Purpose::default());
    assert!(!life.plan().has_drift());
    let repaired = life.sand.ask("admin", "GET", &path, None).unwrap().body;
    assert!(repaired["metadata"]["labels"].is_null());
    assert_ne!(repaired["data"]["password"], "aGFja2Vk");
    assert_eq!(
        repaired["metadata"]["managedFields"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    life.destroy();
}

#[test]
fn what_is_planned_is_planted_kept_repaired_and_removed() {
    whole_life("kubectl", "Update");
}

#[test]
fn the_same_by_server_side_apply() {
    whole_life("helm", "Apply");
}

#[test]
fn answers_that_never_come_and_servers_that_are_busy_leave_nothing_half_done() {
    let life = Life::begin("helm");
    let faults = life.sand.sandbox().faults();
    for kind in [
        FaultKind::TooManyRequests,
        FaultKind::ErrorAfter,
        FaultKind::CutAfter,
        FaultKind::Error,
    ] {
        faults.push(Fault::once(kind).on("PATCH", "/secrets/").times(1));
    }
    faults.push(Fault::once(FaultKind::CutAfter).on("POST", "/token"));
    // A run or two later everything is there once.
    for _ in 0..3 {
        life.apply(Purpose::default());
    }
    assert_eq!(faults.done(), 5);
    assert!(!life.plan().has_drift());
    assert_eq!(life.everything().len(), 7);
    let before = life.sand.audit().len();
    life.apply(Purpose::default());
    assert_eq!(life.writes_after(before), 0);
    life.destroy();
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let life = Life::begin("kubectl");
    life.apply(Purpose::default()).unwrap();
    let faults = life.sand.sandbox().faults();
    for path in ["/kube-system", "/secrets", "/configmaps"] {
        faults.push(Fault::once(FaultKind::TooManyRequests).on("GET", path));
    }
    let plan = life.plan();
    assert!(plan.is_settled());
    assert_eq!(plan.gaps, []);
    assert_eq!(faults.done(), 3);
}
