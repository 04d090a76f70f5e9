//! A project of thirty resources in namespaces that others use too, with a proxy before its cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::OnceLock;

use canary_fixtures::{ControlPlane, CuttingProxy, Fault, Options, Struck, Write};
use serde_json::{Value, json};

use super::secrets::Secrets;
use super::thirty::{Stage, TAKEN, config};
use super::touch::{Touch, plural};
use super::{Project, Ran};

/// With controllers, which fill token Secrets. Shared by the tests of this file, each with namespaces of its own.
pub(crate) fn cluster() -> Option<&'static ControlPlane> {
    static SHARED: OnceLock<Option<ControlPlane>> = OnceLock::new();
    let start = || {
        let options = Options {
            controllers: true,
            ..Options::default()
        };
        let cluster = ControlPlane::for_test_alone(&options)?;
        let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
        cluster.grant_everywhere("operator", &all);
        Some(cluster)
    };
    SHARED.get_or_init(start).as_ref()
}

/// A project in three namespaces that others use too.
pub(crate) struct Case {
    pub(crate) cluster: &'static ControlPlane,
    pub(crate) project: Project,
    pub(crate) namespaces: [String; 3],
    server: String,
    pub(crate) theirs: BTreeMap<String, Value>,
    ours: BTreeSet<(String, String)>,
    began: u64,
}

impl Case {
    pub(crate) fn new(cluster: &'static ControlPlane) -> Self {
        let namespaces = ["cut-a", "cut-b", "cut-c"].map(|name| cluster.namespace(name));
        let mut case = Self {
            cluster,
            project: Project::new(cluster, "operator", ""),
            server: cluster.url(),
            theirs: BTreeMap::new(),
            ours: BTreeSet::new(),
            began: cluster.audit_log().position(),
            namespaces,
        };
        let [a, b, c] = case.namespaces.clone();
        for namespace in [&a, &b] {
            case.put(
                namespace,
                "secrets",
                json!({ "metadata": { "name": "theirs" }, "data": { "x": "eA==" } }),
            );
        }
        case.put(
            &a,
            "secrets",
            json!({ "metadata": { "name": TAKEN }, "data": { "theirs": "eA==" } }),
        );
        case.put(
            &a,
            "configmaps",
            json!({ "metadata": { "name": "theirs" }, "data": { "x": "y" } }),
        );
        case.put(
            &b,
            "serviceaccounts",
            json!({ "metadata": { "name": "theirs" } }),
        );
        // Where neighbours are written by server-side apply, so are ours.
        for (kind, plural) in [("Secret", "secrets"), ("ServiceAccount", "serviceaccounts")] {
            case.apply(&c, kind, plural);
        }
        case.theirs = case.there();
        case
    }

    pub(crate) fn put(&self, namespace: &str, plural: &str, body: Value) {
        let path = format!("/api/v1/namespaces/{namespace}/{plural}?fieldManager=kubectl-create");
        self.cluster.admin("POST", &path, Some(&body));
    }

    pub(crate) fn apply(&self, namespace: &str, kind: &str, plural: &str) {
        let path =
            format!("/api/v1/namespaces/{namespace}/{plural}/theirs?fieldManager=helm&force=true");
        let body = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "theirs" } });
        let headers = [("Content-Type", "application/apply-patch+yaml")];
        let token = self.cluster.token("admin");
        let answer = self
            .cluster
            .request_with(&token, "PATCH", &path, Some(&body), &headers);
        assert_eq!(answer.unwrap().status, 201);
    }

    pub(crate) fn configure(&self, stage: Stage) {
        self.project
            .configure(&config(&self.server, &self.namespaces, stage));
    }

    /// What is in the namespaces, but for what the controllers put into each: who wrote it when, by where it is.
    pub(crate) fn there(&self) -> BTreeMap<String, Value> {
        let mut there = BTreeMap::new();
        for namespace in &self.namespaces {
            for plural in ["secrets", "configmaps", "serviceaccounts"] {
                let path = format!("/api/v1/namespaces/{namespace}/{plural}");
                let list = self.cluster.admin("GET", &path, None);
                for object in list["items"].as_array().unwrap() {
                    let meta = &object["metadata"];
                    let name = meta["name"].as_str().unwrap();
                    if !matches!(name, "default" | "kube-root-ca.crt") {
                        let version = json!([meta["uid"], meta["resourceVersion"]]);
                        there.insert(format!("{namespace}/{plural}/{name}"), version);
                    }
                }
            }
        }
        there
    }

    /// What a plan would write.
    pub(crate) fn planned(&mut self, args: &[&str]) -> Vec<Touch> {
        let ran = self
            .project
            .run(&[&["plan", "--json"], args].concat())
            .exits(0);
        let lines = ran.json_lines().into_iter();
        let touches: Vec<Touch> = lines.filter_map(|line: Value| Touch::of(&line)).collect();
        for touch in &touches {
            self.ours
                .insert((touch.namespace.clone(), touch.name.clone()));
        }
        touches
    }

    /// Runs through a proxy with a fault at the write that a rule picks. Gives what the run said, the write that was
    /// struck, and how many writes came by.
    pub(crate) fn struck(
        &self,
        args: &[&str],
        fault: Fault,
        rule: impl Fn(&Write) -> bool + Send + 'static,
        end: End,
    ) -> (Ran, Struck, usize) {
        let proxy = CuttingProxy::start(self.cluster);
        proxy.strike(fault, rule);
        let kubeconfig = self.cluster.kubeconfig("operator", Some(&proxy.url()));
        let mut child = self
            .project
            .command(args)
            .env("KUBECONFIG", kubeconfig)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if end == End::Killed {
            proxy.wait_until_struck().unwrap();
            child.kill().unwrap();
        }
        let ran = self.project.ran(child.wait_with_output().unwrap());
        let mut struck = proxy.struck();
        assert_eq!(struck.len(), 1, "{ran:#?}");
        let struck = struck.remove(0);
        (ran, struck, proxy.writes().len())
    }

    /// One command with a fault at one of the writes that it is planned to do, and once more without. `exit` is how it
    /// ends when all is done that can be. What is held is killed; everything else it overcomes by itself.
    pub(crate) fn overcome(
        &self,
        args: &[&str],
        planned: &[Touch],
        touch: &Touch,
        fault: Fault,
        exit: i32,
    ) -> Struck {
        let end = match fault {
            Fault::HangBefore | Fault::HangAfter => End::Killed,
            _ => End::ByItself,
        };
        let wanted = touch.clone();
        let verbose = [args, &["-vv"]].concat();
        let (ran, struck, writes) =
            self.struck(&verbose, fault, move |write| wanted.is(write), end);
        if end == End::Killed {
            assert_eq!(ran.code, -1, "it was killed: {ran:#?}");
        } else {
            ran.exits(exit);
            // One more where the first came to nothing, or where nobody can tell.
            let most = planned.iter().map(Touch::writes).sum::<usize>() + 1;
            assert!(writes <= most, "{writes} writes instead of {most}");
        }
        self.project.run(args).exits(exit);
        self.show_no_secrets(lost_token(&struck).as_deref());
        struck
    }

    /// A run with nothing to do does nothing, and everything is there once.
    pub(crate) fn is_settled(&self, exit: i32) {
        let (position, ledger) = (self.cluster.audit_log().position(), self.project.ledger());
        self.project.run(&["apply", "--auto-approve"]).exits(exit);
        assert_eq!(
            self.project.ledger(),
            ledger,
            "a run with nothing to do wrote the ledger"
        );
        let writes = self.writes(position);
        assert!(
            writes.is_empty(),
            "a run with nothing to do wrote: {writes:#?}"
        );
        let listed = self.listed();
        let ours = listed.iter().filter_map(|line| {
            let handle = &line["handle"];
            let plural = plural(handle["kind"].as_str()?)?;
            Some(format!(
                "{}/{plural}/{}",
                handle["scope"].as_str()?,
                handle["name"].as_str()?
            ))
        });
        let wanted: BTreeSet<String> = ours.chain(self.theirs.keys().cloned()).collect();
        let there = self.there();
        assert_eq!(there.keys().cloned().collect::<BTreeSet<_>>(), wanted);
        for (place, version) in &self.theirs {
            assert_eq!(
                &there[place], version,
                "{place} is not ours and was touched"
            );
        }
    }

    /// Whether something is kept that was ours before.
    pub(crate) fn has_retired(&self) -> bool {
        self.listed()
            .iter()
            .any(|line| line["lifetime"] != "current")
    }

    /// What the ledger has.
    pub(crate) fn listed(&self) -> Vec<Value> {
        let list = self.project.run(&["list", "--json"]).exits(0);
        let lines = list.json_lines().into_iter();
        lines
            .filter(|line: &Value| line["type"] == "resource")
            .collect()
    }

    /// A public output that the ledger has of a canary.
    pub(crate) fn output(&self, canary: &str, name: &str) -> String {
        let shown = self.project.run(&["show", canary, "--json"]).exits(0);
        let lines = shown.json_lines().into_iter();
        let mut found =
            lines.filter_map(|line: Value| Some(line["outputs"][name].as_str()?.to_owned()));
        found.next_back().unwrap()
    }

    /// What the operator wrote in these namespaces, as the server tells it.
    pub(crate) fn writes(&self, position: u64) -> Vec<Value> {
        let mut events = self.events(position);
        events.retain(|event| {
            let verb = event["verb"].as_str().unwrap_or_default();
            event["user"]["username"] == "operator" && !matches!(verb, "get" | "list" | "watch")
        });
        events
    }

    pub(crate) fn events(&self, position: u64) -> Vec<Value> {
        let is_ours = |line: &str| self.namespaces.iter().any(|ours| line.contains(ours));
        let mut events = self.cluster.audit_log().since_with(position, is_ours);
        events.retain(|event| {
            let namespace = event["objectRef"]["namespace"].as_str();
            self.namespaces
                .iter()
                .any(|ours| Some(ours.as_str()) == namespace)
        });
        events
    }

    /// Judged by the server's own log: only names of ours were written, each was made and removed once, and none of it
    /// raises an alert.
    pub(crate) fn left_everything_else_alone(&self) {
        let mut done: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for event in self.writes(self.began) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let object = &event["objectRef"];
            let (namespace, name) = (text(&object["namespace"]), text(&object["name"]));
            let kind = text(&object["resource"]);
            assert!(
                matches!(kind.as_str(), "secrets" | "configmaps" | "serviceaccounts"),
                "{event:#}"
            );
            assert!(
                self.ours.contains(&(namespace.clone(), name.clone())),
                "not ours: {event:#}"
            );
            let made = event["responseStatus"]["code"] == 201 && object["subresource"].is_null();
            let removed = event["verb"] == "delete" && event["responseStatus"]["code"] == 200;
            if made || removed {
                let what = if made { "made" } else { "removed" };
                *done
                    .entry((what.to_owned(), kind, format!("{namespace}/{name}")))
                    .or_default() += 1;
            }
        }
        let twice: Vec<_> = done.iter().filter(|(_, n)| **n > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        let alerts = self.alerts_of("operator");
        assert!(alerts.is_empty(), "our own calls raise: {alerts:#?}");
    }

    /// The alerts that this case's part of the log gives about a user.
    pub(crate) fn alerts_of(&self, user: &str) -> Vec<Value> {
        let events = self.events(self.began);
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        std::fs::write(self.project.path("audit.log"), lines).unwrap();
        let ran = self
            .project
            .run(&["detect", "--audit-log", "audit.log", "--json"])
            .exits(0);
        let alerts = ran.json_lines().into_iter();
        alerts
            .filter(|alert: &Value| alert["evidences"][0]["actor"]["user"]["name"] == user)
            .collect()
    }

    pub(crate) fn show_no_secrets(&self, lost_token: Option<&str>) {
        let mut secrets = Secrets::of(&self.project, self.cluster, &self.namespaces);
        if let Some(token) = lost_token {
            secrets.add("a token whose answer was lost", token.as_bytes());
        }
        secrets.do_not_show(&self.project);
    }
}

/// How a run ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    ByItself,
    /// With -9, when the write was struck.
    Killed,
}

/// The token that was issued and never arrived.
pub(crate) fn lost_token(struck: &Struck) -> Option<String> {
    let answer = struck.answer.as_ref()?;
    Some(answer.body["status"]["token"].as_str()?.to_owned())
}
