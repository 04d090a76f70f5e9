//! The tools, and what each is asked to do.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use canary_fixtures::ControlPlane;
use serde_json::json;

use crate::measure::{Measured, run, run_counted};

/// What is measured, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Nothing is there.
    First,
    /// Nothing is to be done: what would be done?
    Look,
    /// Nothing is to be done: do it.
    Again,
    /// Some are declared otherwise.
    Declared,
    /// Somebody has changed some.
    Outside,
    /// All of it goes.
    Delete,
}

impl Phase {
    pub(crate) const ALL: [Self; 6] = [
        Self::First,
        Self::Look,
        Self::Again,
        Self::Declared,
        Self::Outside,
        Self::Delete,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::First => "first apply",
            Self::Look => "nothing to do: plan",
            Self::Again => "nothing to do: apply",
            Self::Declared => "10 declared otherwise: apply",
            Self::Outside => "10 changed by somebody else: apply",
            Self::Delete => "delete",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tool {
    Canary,
    Kubectl,
    Kapp,
    Helm,
}

impl Tool {
    /// Ours is the first.
    pub(crate) const ALL: [Self; 4] = [Self::Canary, Self::Kubectl, Self::Kapp, Self::Helm];

    fn program(self) -> &'static str {
        match self {
            Self::Canary => env!("CARGO_BIN_EXE_canary"),
            Self::Kubectl => "kubectl",
            Self::Kapp => "kapp",
            Self::Helm => "helm",
        }
    }

    fn asks_version(self) -> &'static str {
        match self {
            Self::Canary => "--version",
            Self::Kubectl => "version --client",
            Self::Kapp => "version",
            Self::Helm => "version --short",
        }
    }

    /// Whether it is on the PATH.
    pub(crate) fn is_there(self) -> bool {
        let mut command = Command::new(self.program());
        command.args(self.asks_version().split(' '));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Its first word on its version.
    pub(crate) fn version(self) -> String {
        let mut command = Command::new(self.program());
        let output = command.args(self.asks_version().split(' ')).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        format!("{self:?}: {}", text.lines().next().unwrap_or_default())
    }

    /// What a person would type; `None` where it has no such command, or does not notice.
    pub(crate) fn words(self, phase: Phase) -> Option<&'static str> {
        use Phase::{Again, Declared, Delete, First, Look, Outside};
        Some(match (self, phase) {
            (Self::Canary, First | Again | Declared | Outside) => "canary apply --auto-approve",
            (Self::Canary, Look) => "canary plan",
            (Self::Canary, Delete) => "canary destroy --auto-approve",
            (Self::Kubectl, First | Again | Declared) => {
                "kubectl apply --server-side -f secrets.yaml"
            }
            (Self::Kubectl, Look) => "kubectl diff --server-side -f secrets.yaml",
            (Self::Kubectl, Outside) => {
                "kubectl apply --server-side --force-conflicts -f secrets.yaml"
            }
            (Self::Kubectl, Delete) => "kubectl delete --wait=false -f secrets.yaml",
            (Self::Kapp, First | Again | Declared | Outside) => {
                "kapp deploy -y -a bench -f secrets.yaml"
            }
            (Self::Kapp, Look) => "kapp deploy --diff-run -a bench -f secrets.yaml",
            (Self::Kapp, Delete) => "kapp delete -y -a bench",
            (Self::Helm, First) => "helm install bench chart",
            (Self::Helm, Again | Declared) => "helm upgrade bench chart",
            (Self::Helm, Look) => "helm upgrade --dry-run=server bench chart",
            (Self::Helm, Outside) => return None,
            (Self::Helm, Delete) => "helm uninstall bench",
        })
    }
}

/// A tool with a folder, a namespace and a user of its own.
pub(crate) struct Place {
    tool: Tool,
    folder: tempfile::TempDir,
    kubeconfig: PathBuf,
    namespace: String,
    count: usize,
}

impl Place {
    /// `count` Secrets are declared, none is there.
    pub(crate) fn new(tool: Tool, cluster: &ControlPlane, count: usize) -> Self {
        let place = Self {
            tool,
            folder: tempfile::tempdir().unwrap(),
            kubeconfig: cluster.certificate(&user(tool), &["system:masters"]),
            namespace: cluster.namespace("bench"),
            count,
        };
        if tool == Tool::Canary {
            run(place.command().arg("init"));
        }
        place.declare(0);
        place
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.tool.program());
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("USER", "bench")
            .env("HELM_NAMESPACE", &self.namespace)
            .env("KAPP_NAMESPACE", &self.namespace)
            .env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Runs the phase; `None` where the tool has none.
    #[track_caller]
    pub(crate) fn measure(&self, cluster: &ControlPlane, phase: Phase) -> Option<Measured> {
        let words = self.tool.words(phase)?;
        let mut command = self.command();
        command.args(words.split(' ').skip(1));
        Some(run_counted(cluster, &user(self.tool), &mut command))
    }

    /// Makes what the phase is about.
    pub(crate) fn prepare(&self, cluster: &ControlPlane, phase: Phase, changed: usize) {
        match phase {
            Phase::Declared => self.declare(changed),
            Phase::Outside => {
                for i in 0..changed {
                    let theirs = json!({ "data": { "username": "dGhlaXJz" } });
                    cluster.admin("PATCH", &self.path(&name(i)), Some(&theirs));
                }
            }
            Phase::First | Phase::Look | Phase::Again | Phase::Delete => {}
        }
    }

    /// The figures of a tool that did not do it say nothing.
    #[track_caller]
    pub(crate) fn check(&self, cluster: &ControlPlane, phase: Phase, changed: usize) {
        let first = cluster.request("admin", "GET", &self.path(&name(0)), None);
        let first = first.unwrap();
        if phase == Phase::Delete {
            assert_eq!(first.status, 404, "{:?} left {}", self.tool, name(0));
            return;
        }
        let last = cluster.admin("GET", &self.path(&name(self.count - 1)), None);
        let is_changed = matches!(phase, Phase::Declared | Phase::Outside) && changed > 0;
        let note = if is_changed { "b3RoZXI=" } else { "b25l" };
        assert_eq!(
            first.body["data"]["note"], note,
            "{:?} {phase:?}",
            self.tool
        );
        assert_eq!(last["data"]["note"], "b25l");
        if self.tool.words(phase).is_some() {
            assert_eq!(first.body["data"]["username"], "YXBw");
        }
    }

    fn path(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/secrets/{name}", self.namespace)
    }

    /// Declares all; the first `changed` have another note than at first.
    fn declare(&self, changed: usize) {
        let note = |i| if i < changed { "other" } else { "one" };
        let all = (0..self.count).map(|i| (name(i), note(i)));
        match self.tool {
            Tool::Canary => self.write("canaries.toml", &self.canaries(all)),
            Tool::Kubectl | Tool::Kapp => self.write("secrets.yaml", &self.manifests(all)),
            Tool::Helm => {
                self.write(
                    "chart/Chart.yaml",
                    "apiVersion: v2\nname: bench\nversion: 1.0.0\n",
                );
                self.write("chart/templates/secrets.yaml", &self.manifests(all));
            }
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn canaries(&self, all: impl Iterator<Item = (String, &'static str)>) -> String {
        let namespace = &self.namespace;
        let canary = |(name, note)| {
            format!(
                "\n[secret.{name}]\nnamespace = \"{namespace}\"\nname = \"{name}\"\n\
                 data = {{ username = \"app\", password = \"{{password:24}}\", note = \"{note}\" }}\n"
            )
        };
        let all: String = all.map(canary).collect();
        format!("[kubernetes]\n{all}")
    }

    /// JSON is YAML.
    fn manifests(&self, all: impl Iterator<Item = (String, &'static str)>) -> String {
        let secret = |(name, note): (String, &str)| {
            let secret = json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "Opaque",
                "metadata": { "name": name, "namespace": self.namespace },
                "data": {
                    "username": "YXBw",
                    "password": "cGFzc3dvcmQtb2YtMjQtY2hhcmFjdGVy",
                    "note": if note == "one" { "b25l" } else { "b3RoZXI=" },
                },
            });
            format!("---\n{secret}\n")
        };
        all.map(secret).collect()
    }
}

fn user(tool: Tool) -> String {
    format!("bench-{tool:?}").to_lowercase()
}

fn name(i: usize) -> String {
    format!("app-{i:04}-login")
}
