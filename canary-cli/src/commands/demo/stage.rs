//! The cluster of the demo: a shop with its databases, installed by Helm; an ingress controller that may read every
//! Secret, as many do; and somebody who has its token.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use canary_core::disguise::Key;
use canary_k8s::sandbox::{Sandbox, SandboxOptions, User};
use serde_json::{Value, json};

use super::actor::{Actor, Answer};
use crate::SystemClock;
use crate::error::{CommandError, Exit};
use crate::store::put;

/// What is planted, as a person would write it.
const CONFIG: &str = r#"[kubernetes]

# A login to a database that is not there.
[secret.payments-db]
namespace = "payments"
template  = "postgres"

# An account without rights, and a kubeconfig that holds its token.
[service_account.deployer]
namespace = "ci"

[secret.deployer-kubeconfig]
namespace = "ci"
template  = "kubeconfig"
of        = "service_account.deployer"
"#;

/// The demo's key and cluster are the same every time, and so are its decoys. They open nothing.
const KEY: [u8; 32] = *b"the key of a demo opens nothing.";
const SEED: [u8; 32] = *b"a cluster in memory, for a demo.";

/// The running cluster, and the account beside it.
pub(super) struct Stage {
    sandbox: Sandbox,
    #[cfg(feature = "aws")]
    pub(super) cloud: super::cloud::Cloud,
    admin: Actor,
    pub(super) intruder: Actor,
}

pub(super) fn failed(error: &dyn std::error::Error) -> CommandError {
    CommandError::new(Exit::Failed, format!("the demo's cluster: {error}"))
}

impl Stage {
    /// Starts the cluster, fills it, and writes a project for its operator into the folder.
    pub(super) async fn set(folder: &Path) -> Result<Self, CommandError> {
        let options = SandboxOptions {
            users: vec![
                User::new("admin", &["system:masters"]),
                User::new("maria", &["security"]),
            ],
            audit_log: folder.join("audit.log"),
            seed: SEED,
            clock: Arc::new(SystemClock),
            port: 0,
        };
        let sandbox = Sandbox::start(options)
            .await
            .map_err(|error| failed(&error))?;
        sandbox
            .write_kubeconfig(&folder.join("kubeconfig"), "maria", "prod")
            .map_err(|error| failed(&error))?;
        let admin = Actor {
            port: sandbox.port(),
            token: sandbox.token("admin").unwrap_or_default().to_owned(),
        };
        let token = fill(&admin).await?;
        let intruder = Actor {
            port: sandbox.port(),
            token,
        };
        project(folder).map_err(|error| failed(&error))?;
        Ok(Self {
            sandbox,
            #[cfg(feature = "aws")]
            cloud: super::cloud::Cloud::start().await?,
            admin,
            intruder,
        })
    }

    /// Somebody with that token.
    pub(super) fn somebody(&self, token: String) -> Actor {
        Actor {
            port: self.sandbox.port(),
            token,
        }
    }

    /// Every object of the kinds that canaries are of, as `kubectl get -o json` prints them.
    pub(super) async fn dump(&self) -> Result<Value, CommandError> {
        let mut items = Vec::new();
        for (kind, path) in [
            ("Namespace", "/api/v1/namespaces"),
            ("Secret", "/api/v1/secrets"),
            ("ConfigMap", "/api/v1/configmaps"),
            ("ServiceAccount", "/api/v1/serviceaccounts"),
        ] {
            let answer = self.admin.get(path).await.map_err(|error| failed(&error))?;
            for mut item in answer.body["items"].as_array().cloned().unwrap_or_default() {
                item["apiVersion"] = "v1".into();
                item["kind"] = kind.into();
                items.push(item);
            }
        }
        Ok(json!({ "apiVersion": "v1", "kind": "List", "items": items }))
    }

    pub(super) async fn close(self) {
        self.sandbox.close().await;
        #[cfg(feature = "aws")]
        self.cloud.close().await;
    }
}

fn project(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder.join(".canary"))?;
    let key = Key::from_bytes(KEY).to_text();
    put(
        &folder.join(".canary/key"),
        format!("{}\n", *key).as_bytes(),
    )?;
    std::fs::write(folder.join("canaries.toml"), config())
}

/// All that is planted.
pub(super) fn config() -> String {
    #[cfg(feature = "aws")]
    let more = super::cloud::CONFIG;
    #[cfg(not(feature = "aws"))]
    let more = "";
    format!("{CONFIG}{more}")
}

/// Gives the token of the ingress controller.
async fn fill(admin: &Actor) -> Result<String, CommandError> {
    for namespace in ["payments", "ci", "ingress"] {
        let body =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        done(admin.post("/api/v1/namespaces", &body).await)?;
    }
    for (namespace, release, chart, name, data) in neighbours() {
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data,
            "metadata": {
                "name": name, "namespace": namespace,
                "labels": {
                    "app.kubernetes.io/instance": release, "app.kubernetes.io/managed-by": "Helm",
                    "app.kubernetes.io/name": chart,
                },
                "annotations": { "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace },
            },
        });
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        done(admin.apply(&path, &body).await)?;
    }
    for (namespace, name) in [
        ("ci", "runner"),
        ("ci", "image-builder"),
        ("payments", "api"),
        ("ingress", "traefik"),
    ] {
        let body = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": namespace } });
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}");
        done(admin.apply(&path, &body).await)?;
    }
    grant(admin).await?;
    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "expirationSeconds": 3600 } });
    let path = "/api/v1/namespaces/ingress/serviceaccounts/traefik/token";
    let token = done(admin.post(path, &request).await)?;
    Ok(token["status"]["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

async fn grant(admin: &Actor) -> Result<(), CommandError> {
    let api = "rbac.authorization.k8s.io/v1";
    let everywhere = [
        (
            "traefik",
            json!(["get", "list", "watch"]),
            json!({ "kind": "ServiceAccount", "name": "traefik", "namespace": "ingress" }),
        ),
        (
            "security",
            json!(["*"]),
            json!({ "kind": "User", "name": "maria", "apiGroup": "rbac.authorization.k8s.io" }),
        ),
    ];
    for (name, verbs, subject) in everywhere {
        let resources = match name {
            "traefik" => json!(["secrets"]),
            _ => json!(["*"]),
        };
        let role = json!({
            "apiVersion": api, "kind": "ClusterRole", "metadata": { "name": name },
            "rules": [{ "apiGroups": ["", "rbac.authorization.k8s.io"], "resources": resources, "verbs": verbs }],
        });
        done(
            admin
                .post(&format!("/apis/{api}/clusterroles"), &role)
                .await,
        )?;
        let binding = json!({
            "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [subject],
        });
        done(
            admin
                .post(&format!("/apis/{api}/clusterrolebindings"), &binding)
                .await,
        )?;
    }
    Ok(())
}

type Neighbour = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Value,
);

/// What Helm installed before us. The values are not worth stealing.
fn neighbours() -> Vec<Neighbour> {
    let login = |user: &str| {
        json!({
            "host": "cGF5bWVudHMtcGc=", "port": "NTQzMg==", "username": base64(user), "password": "c29tZXRoaW5nMTI=",
        })
    };
    let key = || json!({ "token": "c29tZXRoaW5nLWVsc2UtMTI=" });
    vec![
        (
            "payments",
            "payments-pg",
            "postgresql",
            "payments-pg-admin",
            login("postgres"),
        ),
        (
            "payments",
            "payments-pg",
            "postgresql",
            "payments-pg-app",
            login("payments"),
        ),
        (
            "payments",
            "ledger-pg",
            "postgresql",
            "ledger-pg-app",
            login("ledger"),
        ),
        (
            "payments",
            "payments-api",
            "payments-api",
            "payments-api-stripe",
            key(),
        ),
        (
            "ci",
            "runner",
            "gitlab-runner",
            "runner-registration",
            key(),
        ),
        ("ci", "registry", "docker-registry", "registry-push", key()),
    ]
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn done(answer: std::io::Result<Answer>) -> Result<Value, CommandError> {
    let answer = answer.map_err(|error| failed(&error))?;
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    let words = answer.body["message"].as_str().unwrap_or("no reason given");
    Err(failed(&std::io::Error::other(words.to_owned())))
}
