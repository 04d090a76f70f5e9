//! A configuration of thirty resources of every kind, and what it becomes.

/// What a configuration is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// As it is first applied, with a canary whose name somebody has.
    Taken,
    /// Without that one.
    Planted,
    /// Some content changed, a value and two accounts rotated, one canary left out.
    Changed,
}

/// Thirty resources in three namespaces, and one that somebody is in the way of.
pub(crate) fn config(server: &str, [a, b, c]: &[String; 3], stage: Stage) -> String {
    let changed = stage == Stage::Changed;
    let pick = |before, after| if changed { after } else { before };
    let generation = pick("1", "2");
    let note = pick("ops", "dev");
    let ending = pick("", "?sslmode=require");
    // `server`: without it a planted kubeconfig names the address that we use, which is another through the proxy.
    let mut text = format!(
        r#"
[kubernetes]
server = "{server}"

[secret.free]
namespace = "{a}"
name = "payments"
data = {{ "API_KEY" = "sk_live_{{token:32}}", "note" = "for {{{{{note}}}}}" }}

[secret.login]
namespace = "{b}"
template = "basic-auth"
generation = {generation}

[config_map.settings]
namespace = "{a}"
data = {{ "DATABASE_URL" = "postgres://{{username}}:{{password}}@{{host}}/{{database}}{ending}" }}

[config_map.env]
namespace = "{c}"
template = "env-file"

[service_account.deployer]
namespace = "{a}"
generation = {generation}

[secret.deployer]
namespace = "{a}"
template = "kubeconfig"
of = "service_account.deployer"

[service_account.backup]
namespace = "{b}"
token = "legacy"
generation = {generation}

[secret.backup]
namespace = "{b}"
template = "kubeconfig"
of = "service_account.backup"

[service_account.runner]
namespace = "{c}"
expiry = "30d"

[secret.runner]
namespace = "{c}"
template = "kubeconfig"
of = "service_account.runner"

[service_account.idle]
namespace = "{c}"
token = "none"
"#
    );
    let mut secret = |label: &str, namespace: &str, template: &str, more: &str| {
        let table = format!(
            "[secret.{label}]\nnamespace = \"{namespace}\"\ntemplate = \"{template}\"\n{more}"
        );
        text.push_str(&table);
    };
    for (letter, namespace) in [("a", a), ("b", b), ("c", c)] {
        for template in ["postgres", "basic-auth", "env-file", "tls", "ssh-key"] {
            secret(&format!("{template}-{letter}"), namespace, template, "");
        }
    }
    if !changed {
        secret("pull", b, "docker-registry", "");
    }
    if stage == Stage::Taken {
        secret("taken", a, "postgres", &format!("name = \"{TAKEN}\"\n"));
    }
    text
}

/// A name that we want and that somebody else has.
pub(crate) const TAKEN: &str = "orders-db-admin";
