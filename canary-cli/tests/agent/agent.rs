//! A running agent, and what it is in.

#![allow(dead_code, reason = "tests and benches use their part of this")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_cli::agent::settings::{Accounts, Cluster, KEY, SETTINGS, Settings};
use canary_core::bait::{
    BaitKind, Containers, Files, Pattern, PodHandles, PodLog, Pods, Seal, SegmentName, Target,
};
use canary_core::disguise::{Key, SiteKeys};
use canary_core::graph::CanaryId;
use canary_fixtures::{ControlPlane, Options};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::{Value, json};

/// Long enough for a loaded machine; waiting ends as soon as it is so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// What everything of the agent is called here.
pub(crate) const NAME: &str = "settings-sync";

/// In the folder of a replica.
const ADDRESSES: &str = "addresses";
const LOG: &str = "log";

/// Waits until something is so.
pub(crate) fn until<T>(what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = is_so() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A cluster of its own with what an installer makes.
pub(crate) struct Installed {
    pub(crate) cluster: ControlPlane,
    folder: tempfile::TempDir,
    site: String,
    authority: String,
    key: Key,
}

/// One replica. Dropped, it is killed.
pub(crate) struct Agent {
    process: Child,
    pub(crate) reviews: u16,
    pub(crate) numbers: u16,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}

impl Agent {
    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// As SIGKILL does.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// As SIGTERM does; waits for its end.
    pub(crate) fn stop(mut self) -> bool {
        let pid = self.process.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.process.wait().unwrap().success()
    }

    /// A page of its plain server.
    pub(crate) fn page(&self, path: &str) -> Option<String> {
        use std::io::{Read as _, Write as _};
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", self.numbers)).ok()?;
        write!(socket, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut text = String::new();
        socket.read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// One number.
    pub(crate) fn number(&self, name: &str) -> f64 {
        let page = self.page("/metrics").unwrap_or_default();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(&format!("settings_sync_{name} ")));
        line.map_or(f64::NAN, |text| text.parse().unwrap())
    }
}

impl Installed {
    /// `None`: skip the test.
    pub(crate) fn new() -> Option<Self> {
        let options = Options {
            controllers: true,
            ..Options::default()
        };
        let cluster = ControlPlane::for_test_alone(&options)?;
        let system = cluster.admin("GET", "/api/v1/namespaces/kube-system", None);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap().pem();
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca");
        fs::create_dir(&ca).unwrap();
        fs::write(ca.join("tls.crt"), &authority).unwrap();
        fs::write(ca.join("tls.key"), key.serialize_pem()).unwrap();
        let installed = Self {
            site: system["metadata"]["uid"].as_str().unwrap().to_owned(),
            cluster,
            folder,
            authority,
            key: Key::from_bytes([5; 32]),
        };
        installed.namespace(NAME);
        Some(installed)
    }

    pub(crate) fn namespace(&self, name: &str) {
        let body = json!({ "metadata": { "name": name } });
        self.cluster
            .admin("POST", "/api/v1/namespaces", Some(&body));
        let path = format!("/api/v1/namespaces/{name}/serviceaccounts");
        for account in ["default", "deployer"] {
            // The controller makes the default one, too.
            let body = json!({ "metadata": { "name": account } });
            let path = path.clone();
            let made = self.cluster.request("admin", "POST", &path, Some(&body));
            assert!(made.is_some_and(|answer| matches!(answer.status, 201 | 409)));
        }
    }

    pub(crate) fn keys(&self) -> SiteKeys {
        self.key.at_site(&canary_k8s::provider(), &self.site)
    }

    /// Kubeconfigs for all pods of these namespaces.
    pub(crate) fn settings(&self, namespaces: &[&str]) -> Settings {
        let canary = CanaryId::new("pod_credentials", "web");
        let files = Files {
            directory: "/etc/{workload}-sync".to_owned(),
            names: [("kubeconfig".to_owned(), "config".to_owned())].into(),
        };
        let by_namespace = namespaces
            .iter()
            .map(|name| ((*name).to_owned(), "deployer".to_owned()));
        Settings {
            site: self.site.clone(),
            targets: vec![Target {
                canary: canary.clone(),
                namespaces: namespaces.iter().map(|name| Pattern::new(*name)).collect(),
                except: Vec::new(),
                selector: None,
                workloads: BTreeSet::new(),
                containers: Containers::default(),
                share: 100,
                base: "{workload}-settings".to_owned(),
                baits: BTreeMap::from([(BaitKind::Kubeconfig, files)]),
            }],
            accounts: BTreeMap::from([(
                canary,
                Accounts {
                    by_namespace: by_namespace.collect(),
                    expiry: 24 * 3600,
                },
            )]),
            roles: BTreeMap::new(),
            aws: None,
            audit_token: None,
            cluster: Cluster {
                server: self.cluster.url(),
                authority: Some(self.cluster.ca_pem().to_owned()),
                name: "prod".to_owned(),
            },
            namespaces: Some(namespaces.iter().map(|name| (*name).to_owned()).collect()),
        }
    }

    /// One replica with these settings, listening on a port of its own.
    pub(crate) fn start(&self, settings: &Settings) -> Agent {
        let (process, folder) = self.spawn(settings, &self.folder.path().join("ca"));
        let addresses = folder.join(ADDRESSES);
        let told = until("the agent listens", || {
            let text = fs::read_to_string(&addresses).ok();
            text.or_else(|| {
                let log = fs::read_to_string(folder.join(LOG)).unwrap();
                assert!(!log.contains("ERROR"), "{log}");
                None
            })
        });
        let ports: Vec<u16> = told
            .lines()
            .map(|line| line.rsplit_once(':').unwrap().1.parse().unwrap())
            .collect();
        Agent {
            process,
            reviews: ports[0],
            numbers: ports[1],
        }
    }

    /// One that cannot begin: whether it ended well, and its last words.
    pub(crate) fn ends(&self, settings: &Settings, ca: &Path) -> (bool, String) {
        let (mut process, folder) = self.spawn(settings, ca);
        let status = until("it ends", || process.try_wait().unwrap());
        (
            status.success(),
            fs::read_to_string(folder.join(LOG)).unwrap(),
        )
    }

    /// Its process, and the folder with its log.
    fn spawn(&self, settings: &Settings, ca: &Path) -> (Child, PathBuf) {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        fs::write(folder.join(KEY), self.key.to_text().as_str()).unwrap();
        fs::write(folder.join(SETTINGS), settings.sealed(&self.key).unwrap()).unwrap();
        let log = fs::File::create(folder.join(LOG)).unwrap();
        let kubeconfig: PathBuf = self.cluster.kubeconfig("admin", None);
        let process = Command::new(env!("CARGO_BIN_EXE_canaryd"))
            .env_clear()
            .env("LOG_LEVEL", "debug")
            .args(["run", "--name", NAME, "--namespace", NAME])
            .arg("--config")
            .arg(&folder)
            .arg("--ca")
            .arg(ca)
            .args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"])
            .args(["--host", "127.0.0.1", "--drain", "0"])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--addresses")
            .arg(folder.join(ADDRESSES))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        (process, folder)
    }

    /// Has the API server ask this port about pods.
    pub(crate) fn hook(&self, port: u16) {
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
        let body = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": { "name": NAME },
            "webhooks": [{
                "name": "pods.settings-sync.internal", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": "Ignore", "timeoutSeconds": 1, "reinvocationPolicy": "IfNeeded",
                "clientConfig": { "url": format!("https://127.0.0.1:{port}/"),
                    "caBundle": STANDARD.encode(&self.authority) },
                "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }],
            }],
        });
        self.cluster.admin("POST", path, Some(&body));
        // A configuration is in force some moments later.
        let path = "/api/v1/namespaces/web/pods?dryRun=All";
        let volumes = |pod: Value| pod["spec"]["volumes"].as_array().map_or(0, Vec::len);
        until("the webhook is asked", || {
            let tried = self
                .cluster
                .request("admin", "POST", path, Some(&pod("try")))?;
            // The account's token is a volume, too.
            (volumes(tried.body) == 2).then_some(())
        });
    }

    /// Pods that wait for a Secret as admission would have had them, many at once and without asking it.
    pub(crate) fn waiting_pods(&self, namespace: &str, many: usize) {
        let handles = PodHandles::new(&self.keys());
        std::thread::scope(|scope| {
            for part in 0..8 {
                let handles = handles.clone();
                scope.spawn(move || {
                    for number in (part..many).step_by(8) {
                        let name = format!("p{number}");
                        let handle = handles.make(namespace, "app-settings", name.as_bytes());
                        let mut pod = pod(&name);
                        pod["spec"]["volumes"] = json!([{ "name": "app-settings",
                            "secret": { "secretName": handle.as_str(), "optional": true } }]);
                        let path = format!("/api/v1/namespaces/{namespace}/pods");
                        self.cluster.admin("POST", &path, Some(&pod));
                    }
                });
            }
        });
    }

    /// What the log of pods says.
    pub(crate) fn pods(&self) -> Pods {
        let path = format!("/api/v1/namespaces/{NAME}/secrets");
        let list = self.cluster.admin("GET", &path, None);
        let segments: Vec<(SegmentName, Vec<u8>)> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|secret| {
                let name = secret["metadata"]["name"].as_str()?;
                let name = name.strip_prefix(NAME)?.strip_prefix('-')?.parse().ok()?;
                let data = STANDARD.decode(secret["data"]["data"].as_str()?).unwrap();
                Some((name, data))
            })
            .collect();
        let (_, pods, defects) = PodLog::read(&Seal::new(&self.keys()), &segments);
        assert_eq!(defects, []);
        pods
    }

    /// All Secrets of a namespace by name, with what is in them.
    pub(crate) fn secrets(&self, namespace: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        let list = self.cluster.admin("GET", &path, None);
        let secrets = list["items"].as_array().unwrap().iter();
        secrets
            .map(|secret| {
                let name = secret["metadata"]["name"].as_str().unwrap().to_owned();
                let data = secret["data"].as_object().unwrap().iter();
                let files = data.map(|(key, value)| {
                    let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
                    (key.clone(), String::from_utf8(bytes).unwrap())
                });
                (name, files.collect())
            })
            .collect()
    }

    /// The Secret that a pod waits for.
    pub(crate) fn waits_for(&self, pod: &Value) -> Option<String> {
        let handles = PodHandles::new(&self.keys());
        let namespace = pod["metadata"]["namespace"].as_str()?;
        let volumes = pod["spec"]["volumes"].as_array()?.iter();
        let mut names = volumes.filter_map(|volume| volume["secret"]["secretName"].as_str());
        names
            .find(|name| handles.read(namespace, name).is_some())
            .map(str::to_owned)
    }
}

/// A bare pod.
pub(crate) fn pod(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "containers": [{ "name": "app", "image": "registry.example/app:1" }] } })
}
