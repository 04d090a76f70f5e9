//! Everything secret of a project, and looking for it where it must not be.

use canary_core::testing::Search;
use canary_fixtures::ControlPlane;

use super::Project;

/// The secret values of a project.
#[derive(Default)]
pub(crate) struct Secrets {
    names: Vec<String>,
    values: Vec<Vec<u8>>,
}

/// What is public on purpose: it says where something is and who one is there, and a person needs it to know a canary
/// again. A token Secret's `ca.crt` is the cluster's, which every client has.
const PUBLIC: &[&str] = &["username", "host", "port", "database", "namespace"];

impl Secrets {
    /// The key, the operator's own token, and every value that is planted in these namespaces.
    pub(crate) fn of(project: &Project, cluster: &ControlPlane, namespaces: &[String]) -> Self {
        let mut secrets = Self::default();
        let text = std::fs::read_to_string(project.path(".canary/key")).unwrap();
        secrets.add("the key", &from_base64(text.trim()));
        secrets.add("the operator's token", cluster.token("operator").as_bytes());
        for namespace in namespaces {
            secrets.read(cluster, namespace);
        }
        secrets
    }

    /// What an account gave out or was given, but for what is written in the configuration.
    pub(crate) fn of_account(project: &Project, given: &canary_fixtures::aws::Secrets) -> Self {
        let written = std::fs::read_to_string(project.path("canaries.toml")).unwrap();
        let mut secrets = Self::default();
        for secret in given.all() {
            let is_written = str::from_utf8(&secret).is_ok_and(|secret| written.contains(secret));
            if !is_written {
                secrets.add("of the account", &secret);
            }
        }
        secrets
    }

    /// The values that are in a namespace now.
    pub(crate) fn read(&mut self, cluster: &ControlPlane, namespace: &str) {
        for kind in ["secrets", "configmaps"] {
            let path = format!("/api/v1/namespaces/{namespace}/{kind}");
            let list = cluster.admin("GET", &path, None);
            for object in list["items"].as_array().unwrap() {
                let name = object["metadata"]["name"].as_str().unwrap();
                // The cluster's own: its authority, in every namespace.
                if name == "kube-root-ca.crt" {
                    continue;
                }
                for (key, value) in object["data"].as_object().into_iter().flatten() {
                    let text = value.as_str().unwrap();
                    let is_token = object["type"] == "kubernetes.io/service-account-token";
                    if PUBLIC.contains(&key.as_str()) || (is_token && key == "ca.crt") {
                        continue;
                    }
                    let value = match kind {
                        "secrets" => from_base64(text),
                        _ => text.as_bytes().to_vec(),
                    };
                    self.add(&format!("{kind} {namespace}/{name} {key}"), &value);
                }
            }
        }
    }

    /// A value, and the passwords, tokens and lines of keys within it: a part is as secret as the whole.
    pub(crate) fn add(&mut self, name: &str, value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-".contains(c)));
        let parts = parts.filter(|part| is_credential(part)).map(str::as_bytes);
        for part in [value].into_iter().chain(parts) {
            if !self.values.iter().any(|known| known == part) {
                self.names.push(name.to_owned());
                self.values.push(part.to_vec());
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    #[track_caller]
    fn are_not_in(&self, search: &Search, place: &str, text: &[u8]) {
        let found: Vec<String> = search
            .leaks(text)
            .iter()
            .map(|leak| {
                let around = leak.at.saturating_sub(200)..(leak.at + 200).min(text.len());
                let around = String::from_utf8_lossy(&text[around]);
                format!("{} ({}): {around}", self.names[leak.value], leak.form)
            })
            .collect();
        assert!(found.is_empty(), "in {place}: {found:#?}");
    }

    /// None of them is in anything that runs of the project said, or left in its folder beside the key.
    #[track_caller]
    pub(crate) fn do_not_show(&self, project: &Project) {
        let search = Search::of(&self.values);
        self.are_not_in(&search, "what was said", &project.said());
        for (path, content) in project.files() {
            self.are_not_in(&search, &path.display().to_string(), &content);
        }
    }
}

/// Whether a word is a password, a piece of a token or a line of a key, told from names of hosts and accounts, which
/// have neither capitals nor the length of a digest, and from identifiers of keys, which logs are full of.
fn is_credential(word: &str) -> bool {
    if word.len() == 20 && (word.starts_with("AKIA") || word.starts_with("ASIA")) {
        return false;
    }
    let hex = word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex || (word.len() >= 16 && word.bytes().any(|byte| byte.is_ascii_uppercase()))
}

pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}
