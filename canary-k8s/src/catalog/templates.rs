//! Believable shapes: which keys a Secret or ConfigMap has, and what is in them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::catalog::AccessKey;
use canary_core::disguise::{Alphabet, Filler, Style};
use canary_core::graph::{Address, Input, Piece};
use canary_core::observe::Site;
use canary_core::value::SecretBytes;
use jiff::Timestamp;
use serde_json::json;

use super::credentials;
use super::placeholders::{database, exposed, host, username};
use crate::kubeconfig::{Cluster, before_token};

/// The templates of Secrets.
pub(super) const SECRET: &[&str] = &[
    "basic-auth",
    "postgres",
    "docker-registry",
    "tls",
    "ssh-key",
    "env-file",
    "kubeconfig",
    "aws-credentials",
];

/// The templates of ConfigMaps.
pub(super) const CONFIG_MAP: &[&str] = &["env-file", "aws-credentials"];

/// What a template is filled from.
pub(super) struct Ground<'a> {
    pub(super) filler: Filler<'a>,
    pub(super) namespace: &'a str,
    pub(super) born: Timestamp,
    pub(super) site: &'a Site,
    /// The API server's address, where the configuration says another than we use.
    pub(super) server: Option<&'a str>,
    /// Whose token a kubeconfig holds: the resource that gives it, and the account's name.
    pub(super) token: Option<(Address, String)>,
    /// Whose access key is held.
    pub(super) key: Option<AccessKey>,
}

type Data = BTreeMap<String, Input>;

/// The Secret type that goes with a template.
pub(super) fn secret_type(template: &str) -> &'static str {
    match template {
        "basic-auth" => "kubernetes.io/basic-auth",
        "docker-registry" => "kubernetes.io/dockerconfigjson",
        "tls" => "kubernetes.io/tls",
        "ssh-key" => "kubernetes.io/ssh-auth",
        _ => "Opaque",
    }
}

/// What names of a template's objects are made of.
pub(super) fn style(template: &str) -> Style {
    let (stems, endings, topic): (&[&str], &[&str], &[&str]) = match template {
        "basic-auth" => (
            &["admin", "metrics", "gateway"],
            &["-basic-auth", "-credentials", "-auth", "-login"],
            &["creds", "password", "secret", "user"],
        ),
        "postgres" => (
            &["orders", "accounts", "billing"],
            &[
                "-db-credentials",
                "-postgres",
                "-postgresql",
                "-db-admin",
                "-database",
            ],
            &["creds", "login", "password", "pg", "secret", "user"],
        ),
        "docker-registry" => (
            &["harbor", "mirror", "release"],
            &[
                "-pull-secret",
                "-registry",
                "-regcred",
                "-registry-credentials",
            ],
            &["creds", "docker", "dockerconfig", "image", "images"],
        ),
        "tls" => (
            &["gateway", "admin", "edge"],
            &["-tls", "-cert", "-server-tls", "-internal-tls"],
            &["certificate", "key", "secret", "ssl"],
        ),
        "ssh-key" => (
            &["release", "mirror", "ops"],
            &["-ssh-key", "-deploy-key", "-ssh", "-git-ssh"],
            &["keys", "secret"],
        ),
        "kubeconfig" => (
            &["ci", "deployer", "automation"],
            &["-kubeconfig", "-cluster-access", "-cluster-credentials"],
            &["config", "kube", "secret", "token"],
        ),
        "service_account" => (
            &["deployer", "backup", "automation", "maintenance"],
            &["", "-deployer", "-operator", "-runner", "-sync"],
            &["account", "sa"],
        ),
        "config_map" => (
            &["app", "gateway", "platform"],
            &["-config", "-settings"],
            &["cm", "env"],
        ),
        "config_map/env-file" => (
            &["app", "gateway", "platform"],
            &["-config", "-env", "-settings"],
            &["cm"],
        ),
        "aws-credentials" => (
            &["backup", "velero", "export"],
            &[
                "-aws-credentials",
                "-s3-credentials",
                "-cloud-credentials",
                "-aws",
            ],
            &["s3", "secret", "creds", "credentials", "key"],
        ),
        "env-file" => (
            &["app", "backend", "platform"],
            &["-secrets", "-env", "-credentials", "-config"],
            &["creds", "secret"],
        ),
        _ => (
            &["app", "backend", "platform"],
            &["-secrets", "-credentials", "-keys", "-config"],
            &["creds", "data", "key", "secret"],
        ),
    };
    Style {
        stems,
        endings,
        topic,
    }
}

/// Whether a template's content is itself an identity whose use is logged.
pub(super) fn is_active(template: &str, ground: &Ground<'_>) -> bool {
    template == "kubeconfig" || ground.key.is_some()
}

/// The `data` of a template; `None` where a key or certificate cannot be made.
pub(super) fn data(template: &str, ground: &Ground<'_>) -> Option<Data> {
    match template {
        "basic-auth" => Some(basic_auth(ground)),
        "postgres" => Some(postgres(ground)),
        "docker-registry" => Some(docker_registry(ground)),
        "tls" => tls(ground),
        "ssh-key" => ssh(ground),
        "kubeconfig" => kubeconfig(ground),
        "aws-credentials" => aws_credentials(ground),
        _ => Some(env_file(ground)),
    }
}

fn secret(text: impl Into<SecretBytes>) -> Input {
    Input::Secret(text.into())
}

fn keyed<const N: usize>(fields: [(&str, Input); N]) -> Data {
    fields
        .into_iter()
        .map(|(key, input)| (format!("data.{key}"), input))
        .collect()
}

fn password(ground: &Ground<'_>, topic: &str) -> SecretBytes {
    ground.filler.text(topic, 20, Alphabet::Alphanumeric)
}

fn basic_auth(ground: &Ground<'_>) -> Data {
    keyed([
        ("username", secret(username(&ground.filler))),
        ("password", Input::Secret(password(ground, "password"))),
    ])
}

fn postgres(ground: &Ground<'_>) -> Data {
    keyed([
        ("host", secret(host(ground.namespace, &ground.filler))),
        ("port", secret("5432")),
        ("database", secret(database(&ground.filler))),
        ("username", secret(username(&ground.filler))),
        ("password", Input::Secret(password(ground, "password"))),
    ])
}

fn docker_registry(ground: &Ground<'_>) -> Data {
    let registry = ground.filler.choose(
        "registry",
        &[
            "images-mirror",
            "release-registry",
            "harbor-internal",
            "registry-mirror",
        ],
    );
    let registry = format!("{registry}.{}.svc.cluster.local:5000", ground.namespace);
    let user = ground
        .filler
        .choose("registry user", &["ci", "puller", "robot", "deploy"]);
    let password = exposed(&password(ground, "registry password"));
    let auth = STANDARD.encode(format!("{user}:{password}"));
    let config =
        json!({ "auths": { registry: { "username": user, "password": password, "auth": auth } } });
    keyed([(".dockerconfigjson", secret(config.to_string()))])
}

fn tls(ground: &Ground<'_>) -> Option<Data> {
    let service = ground.filler.choose(
        "served",
        &[
            "admin-internal",
            "edge-gateway",
            "api-internal",
            "console-internal",
        ],
    );
    let host = format!("{service}.{}.svc.cluster.local", ground.namespace);
    let authority = format!("{}-ca", ground.namespace);
    let made = credentials::certificate(&ground.filler, &host, &authority, ground.born)?;
    Some(keyed([
        ("ca.crt", Input::Secret(made.authority)),
        ("tls.crt", Input::Secret(made.certificate)),
        ("tls.key", Input::Secret(made.key)),
    ]))
}

fn ssh(ground: &Ground<'_>) -> Option<Data> {
    let who = ground
        .filler
        .choose("key owner", &["ci", "deploy", "ops", "release"]);
    let comment = format!("{who}@{}", ground.namespace);
    let (private, public) = credentials::ssh_key(&ground.filler, &comment)?;
    Some(keyed([
        ("ssh-privatekey", Input::Secret(private)),
        ("ssh-publickey", secret(public)),
    ]))
}

fn env_file(ground: &Ground<'_>) -> Data {
    let filler = &ground.filler;
    let user = username(filler);
    let host = host(ground.namespace, filler);
    let database = database(filler);
    let text = |topic: &str, length, alphabet| exposed(&filler.text(topic, length, alphabet));
    let lines = [
        format!(
            "DATABASE_URL=postgres://{user}:{}@{host}:5432/{database}?sslmode=require",
            text("password", 20, Alphabet::Alphanumeric)
        ),
        format!(
            "SECRET_KEY_BASE={}",
            text("secret key base", 128, Alphabet::Hex)
        ),
        format!(
            "SESSION_SECRET={}",
            text("session secret", 43, Alphabet::UrlSafe)
        ),
        format!(
            "REDIS_URL=redis://:{}@{database}-redis-primary.{}.svc.cluster.local:6379/0",
            text("redis", 24, Alphabet::Alphanumeric),
            ground.namespace
        ),
    ];
    let text = format!("{}\n", lines.join("\n"));
    let Some(key) = &ground.key else {
        return keyed([(".env", secret(text))]);
    };
    // What only this place has stands apart from what another gives: it is what proves the object to be ours.
    let held = held(
        key,
        "AWS_ACCESS_KEY_ID=",
        "\nAWS_SECRET_ACCESS_KEY=",
        &format!("\nAWS_DEFAULT_REGION={}\n", key.region),
    );
    keyed([(".env", held), (".env.local", secret(text))])
}

/// A file of credentials as the AWS command line and Velero read it, and beside it the key by which backups are encrypted
/// before they leave: it opens nothing, and is what proves the object to be ours.
fn aws_credentials(ground: &Ground<'_>) -> Option<Data> {
    let key = ground.key.as_ref()?;
    let file = held(
        key,
        "[default]\naws_access_key_id = ",
        "\naws_secret_access_key = ",
        &format!("\nregion = {}\n", key.region),
    );
    let encryption = ground
        .filler
        .text("encryption key", 44, Alphabet::Alphanumeric);
    Some(keyed([
        ("credentials", file),
        ("encryption-key", Input::Secret(encryption)),
    ]))
}

/// An access key within a text.
fn held(key: &AccessKey, before: &str, between: &str, after: &str) -> Input {
    let output = |name: &str| Piece::Output {
        of: key.of.clone(),
        name: name.to_owned(),
    };
    Input::Join(vec![
        Piece::Known(before.into()),
        output(key.id),
        Piece::Known(between.into()),
        output(key.secret),
        Piece::Known(after.into()),
    ])
}

/// A kubeconfig whose token belongs to a decoy account, and beside it the login of the cluster's basic authentication of
/// old, as installers left it: it opens nothing, and its password is what proves the Secret to be ours.
fn kubeconfig(ground: &Ground<'_>) -> Option<Data> {
    let (token, account) = ground.token.as_ref()?;
    let fact = |name: &str| ground.site.facts.get(name).map(String::as_str);
    let server = ground
        .server
        .or_else(|| fact("server"))
        .unwrap_or("https://kubernetes.default.svc");
    let cluster = fact("cluster").unwrap_or("kubernetes");
    let authority = fact("ca");
    let before = before_token(&Cluster {
        server,
        authority,
        name: cluster,
        namespace: ground.namespace,
        account,
    });
    let pieces = vec![
        Piece::Known(before.into()),
        Piece::Output {
            of: token.clone(),
            name: "token".into(),
        },
        Piece::Known("\n".into()),
    ];
    Some(keyed([
        ("kubeconfig", Input::Join(pieces)),
        ("username", secret("admin")),
        (
            "password",
            Input::Secret(
                ground
                    .filler
                    .text("admin password", 32, Alphabet::Alphanumeric),
            ),
        ),
    ]))
}
