//! What the API server asks of the data of a Secret, by its type (`ValidateSecret` of `k8s.io/kubernetes`).

use std::collections::BTreeMap;

use canary_core::graph::Input;

/// Why the server would refuse this data under this type, and what to do about it.
pub(super) fn refusal(kind: &str, data: &BTreeMap<String, Input>) -> Option<(String, String)> {
    let field = |key: &str| data.get(&format!("data.{key}"));
    let has = |key: &&str| field(key).is_some();
    let needs = |keys: &[&str], all: bool| {
        let fine = if all {
            keys.iter().all(has)
        } else {
            keys.iter().any(has)
        };
        let joined = keys.join(if all { " and " } else { " or " });
        (!fine).then(|| {
            (
                format!("a Secret of type {kind} has {joined}"),
                format!("give it that data, or leave `type` out ({kind} is checked by the server)"),
            )
        })
    };
    let json = |key: &str| match field(key) {
        Some(Input::Secret(bytes)) if !is_json(bytes.expose()) => Some((
            format!("{key} of a Secret of type {kind} is a JSON object"),
            "write it as JSON, or use template = \"docker-registry\"".to_owned(),
        )),
        _ => None,
    };
    match kind {
        "kubernetes.io/tls" => needs(&["tls.crt", "tls.key"], true),
        "kubernetes.io/basic-auth" => needs(&["username", "password"], false),
        "kubernetes.io/ssh-auth" => {
            let is_empty =
                |input: &Input| matches!(input, Input::Secret(key) if key.expose().is_empty());
            let empty = field("ssh-privatekey").is_some_and(is_empty);
            needs(&["ssh-privatekey"], true).or_else(|| {
                let words = "ssh-privatekey of such a Secret is not empty".to_owned();
                empty.then(|| (words, "use template = \"ssh-key\"".to_owned()))
            })
        }
        "kubernetes.io/dockerconfigjson" => {
            needs(&[".dockerconfigjson"], true).or_else(|| json(".dockerconfigjson"))
        }
        "kubernetes.io/dockercfg" => needs(&[".dockercfg"], true).or_else(|| json(".dockercfg")),
        "kubernetes.io/service-account-token" => Some((
            format!("a Secret of type {kind} is made with its account"),
            "declare a service_account with token = \"legacy\"".to_owned(),
        )),
        _ => None,
    }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(fields: &[(&str, &str)]) -> BTreeMap<String, Input> {
        let field = |(key, value): &(&str, &str)| {
            let value = Input::Secret((*value).into());
            (format!("data.{key}"), value)
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn each_type_is_refused_without_what_the_server_asks_for_and_taken_with_it() {
        for (kind, fit, unfit) in [
            (
                "tls",
                &[("tls.crt", ""), ("tls.key", "")][..],
                &[("tls.crt", "")][..],
            ),
            ("basic-auth", &[("password", "")], &[("other", "")]),
            (
                "ssh-auth",
                &[("ssh-privatekey", "x")],
                &[("ssh-privatekey", "")],
            ),
            (
                "dockerconfigjson",
                &[(".dockerconfigjson", "{}")],
                &[(".dockerconfigjson", "{")],
            ),
            (
                "dockercfg",
                &[(".dockercfg", "{}")],
                &[(".dockerconfigjson", "{}")],
            ),
        ] {
            let kind = format!("kubernetes.io/{kind}");
            assert_eq!(refusal(&kind, &data(fit)), None, "{kind}");
            assert!(refusal(&kind, &data(unfit)).is_some(), "{kind}");
        }
        assert_eq!(refusal("Opaque", &data(&[])), None);
        assert!(refusal("kubernetes.io/service-account-token", &data(&[])).is_some());
    }
}
