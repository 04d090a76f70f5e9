//! A recorded cluster: what `kubectl get … -A -o json --show-managed-fields` prints, plain or gzip.
//!
//! ```text
//! kubectl get namespaces,secrets,configmaps,serviceaccounts -A -o json --show-managed-fields > dump.json
//! ```
//!
//! Where service accounts are planned, with `clusterrolebindings,rolebindings,clusterroles,roles` too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use canary_core::disguise::Digester;
use canary_core::graph::Handle;
use canary_core::observe::{Gap, Given, Grant, Observed, Place, Reason, Scope, Site};
use jiff::Timestamp;
use serde_json::Value;

use crate::client::request;
use crate::observe::{BINDINGS, ROLES, full, grant, handle, provider, rules};

/// Larger dumps are refused, also when they were small before they were unpacked: ten thousand objects are below 200 MB.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// Why a dump cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// It cannot be unpacked, or is larger than a dump can be.
    #[error("the dump cannot be unpacked")]
    Packed(#[source] std::io::Error),
    /// It is not JSON.
    #[error("the dump is not JSON")]
    Syntax(#[source] serde_json::Error),
    /// It is JSON, and no list of objects.
    #[error("the dump is no list of Kubernetes objects")]
    NoList,
}

/// A dump that was read. Holds secret values where the dump does; they leave it as digests.
pub struct Dump {
    items: Vec<Value>,
}

impl Dump {
    /// Reads a dump: a `List`, or one object a line.
    ///
    /// # Errors
    /// When it is neither.
    pub fn read(bytes: &[u8]) -> Result<Self, DumpError> {
        let bytes = unpacked(bytes)?;
        if bytes.trim_ascii().is_empty() {
            return Err(DumpError::NoList);
        }
        let mut items = Vec::new();
        for value in serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>() {
            let mut value = value.map_err(DumpError::Syntax)?;
            match value.get_mut("items").map(Value::take) {
                Some(Value::Array(list)) => items.extend(list),
                _ if value["kind"].is_string() => items.push(value),
                _ => return Err(DumpError::NoList),
            }
        }
        Ok(Self { items })
    }

    /// Where it was taken: the uid of `kube-system` where that namespace is in it.
    #[must_use]
    pub fn site(&self) -> Site {
        let kube_system = self
            .items
            .iter()
            .find(|item| item["kind"] == "Namespace" && item["metadata"]["name"] == "kube-system");
        let uid = kube_system.and_then(|item| item["metadata"]["uid"].as_str());
        Site {
            id: uid.unwrap_or("dump").to_owned(),
            name: "dump".into(),
            ..Site::default()
        }
    }

    /// What was seen. A kind that occurs at all counts as listed in every namespace that occurs; the time is the latest
    /// in the dump, so that the same dump gives the same plan.
    #[must_use]
    pub fn observed(&self, digester: &Digester) -> Observed {
        let mut observed = Observed {
            at: self.latest(),
            ..Observed::default()
        };
        let mut kinds = BTreeSet::new();
        let mut namespaces = BTreeSet::new();
        let objects = observed.objects.entry(provider()).or_default();
        for item in &self.items {
            let kind = item["kind"].as_str().unwrap_or_default();
            if let Some(namespace) = item["metadata"]["namespace"].as_str() {
                namespaces.insert(namespace.to_owned());
            }
            if kind == "Namespace" {
                namespaces.extend(item["metadata"]["name"].as_str().map(str::to_owned));
            }
            if request::plural(kind).is_none() {
                continue;
            }
            kinds.insert(kind);
            objects.extend(full(kind, item, digester));
        }
        let listed = kinds.iter().flat_map(|kind| {
            let of_all = std::iter::once(None);
            let scopes = of_all.chain(namespaces.iter().cloned().map(Some));
            scopes.map(|scope| Scope {
                kind: (*kind).to_owned(),
                scope,
            })
        });
        observed.listed.insert(provider(), listed.collect());
        observed.sites.insert(provider(), self.site());
        self.rights(&mut observed);
        observed
    }

    /// Bindings as grants. A dump without any says nothing of rights; one that lacks a part says which.
    fn rights(&self, observed: &mut Observed) {
        let of_kind =
            |kind: &'static str| self.items.iter().filter(move |item| item["kind"] == kind);
        let has = |kind: &'static str| of_kind(kind).next().is_some();
        if !BINDINGS.into_iter().any(has) {
            return;
        }
        let roles: BTreeMap<Handle, Given> = ROLES
            .into_iter()
            .flat_map(|kind| of_kind(kind).map(move |item| (kind, item)))
            .filter_map(|(kind, item)| Some((handle(kind, item)?, Given::Rules(rules(item)))))
            .collect();
        let given = |role: &Handle| match roles.get(role) {
            Some(given) => given.clone(),
            None if ROLES.into_iter().any(|kind| kind == role.kind && has(kind)) => Given::Missing,
            None => Given::Unseen,
        };
        let grants: BTreeSet<Grant> = BINDINGS
            .into_iter()
            .flat_map(|kind| of_kind(kind).filter_map(move |item| grant(kind, item)))
            .map(|grant| Grant {
                given: given(&grant.role),
                ..grant
            })
            .collect();
        let unread = ROLES.into_iter().filter(|kind| {
            let unread = |grant: &Grant| grant.role.kind == *kind && grant.given == Given::Unseen;
            grants.iter().any(unread)
        });
        let absent: Vec<&str> = BINDINGS
            .into_iter()
            .filter(|kind| !has(kind))
            .chain(unread)
            .collect();
        observed.grants.insert(provider(), grants);
        observed.gaps.extend(absent.into_iter().map(|kind| Gap {
            provider: provider(),
            place: Place::Rights(format!("rights that {kind}s give")),
            reason: Reason::NotAsked,
            detail: "not in the dump".into(),
        }));
    }

    /// Namespaces that are not in the dump, of those that a caller asks about. Only a dump that has namespaces can tell.
    #[must_use]
    pub fn missing(&self, namespaces: &BTreeSet<String>) -> BTreeSet<Handle> {
        let has = |name: &str| {
            self.items
                .iter()
                .any(|item| item["kind"] == "Namespace" && item["metadata"]["name"] == name)
        };
        if !self.items.iter().any(|item| item["kind"] == "Namespace") {
            return BTreeSet::new();
        }
        namespaces
            .iter()
            .filter(|name| !has(name))
            .map(|name| Handle {
                kind: "Namespace".into(),
                scope: None,
                name: name.clone(),
            })
            .collect()
    }

    fn latest(&self) -> Timestamp {
        let times = self.items.iter().flat_map(|item| {
            let metadata = &item["metadata"];
            let written = metadata["managedFields"].as_array().into_iter().flatten();
            written
                .filter_map(|entry| entry["time"].as_str())
                .chain(metadata["creationTimestamp"].as_str())
        });
        times
            .filter_map(|text| text.parse().ok())
            .max()
            .unwrap_or_default()
    }
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, DumpError> {
    // RFC 1952: a gzip file begins so.
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut out = Vec::new();
    let mut limited = flate2::read::MultiGzDecoder::new(bytes).take(LARGEST);
    limited.read_to_end(&mut out).map_err(DumpError::Packed)?;
    if out.len() as u64 == LARGEST {
        return Err(DumpError::Packed(std::io::Error::other("it is too large")));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_says_when_and_where_it_was_taken() {
        let text = r#"{"kind":"List","items":[
            {"kind":"Namespace","metadata":{"name":"kube-system","uid":"k"}},
            {"kind":"Secret","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"1",
             "creationTimestamp":"2026-11-01T00:00:00Z"},"data":{"p":"eA=="}},
            {"kind":"Deployment","metadata":{"name":"d","namespace":"m"}}]}"#;
        let dump = Dump::read(text.as_bytes()).unwrap();
        assert_eq!(dump.site().id, "k");
        let observed = dump.observed(&Digester::new(&[0; 32]));
        assert_eq!(observed.at.to_string(), "2026-11-01T00:00:00Z");
        assert!(
            observed
                .object(&provider(), &Handle::scoped("Secret", "n", "a"))
                .is_some()
        );
        let elsewhere = Scope {
            kind: "Secret".into(),
            scope: Some("m".into()),
        };
        assert!(observed.listed[&provider()].contains(&elsewhere));
    }

    #[test]
    fn bindings_of_a_dump_are_grants_and_what_it_lacks_of_them_is_told() {
        let reference = r#""roleRef":{"kind":"ClusterRole","name":"NAME"},
            "subjects":[{"kind":"Group","name":"system:authenticated"}]"#;
        let text = format!(
            r#"{{"kind":"List","items":[
            {{"kind":"ClusterRole","metadata":{{"name":"read"}},"rules":[{{"verbs":["get"]}}]}},
            {{"kind":"ClusterRoleBinding","metadata":{{"name":"a"}},{}}},
            {{"kind":"ClusterRoleBinding","metadata":{{"name":"b"}},{}}}]}}"#,
            reference.replace("NAME", "read"),
            reference.replace("NAME", "gone"),
        );
        let dump = Dump::read(text.as_bytes()).unwrap();
        let observed = dump.observed(&Digester::new(&[0; 32]));
        let given: Vec<bool> = observed.grants[&provider()]
            .iter()
            .map(|grant| grant.given == Given::Missing)
            .collect();
        assert_eq!(given, [false, true]);
        let gaps: Vec<String> = observed.gaps.iter().map(ToString::to_string).collect();
        assert_eq!(
            gaps,
            ["rights that RoleBindings give: nobody looked (not in the dump)"]
        );
    }

    #[test]
    fn roles_that_bindings_of_a_dump_need_and_it_lacks_are_told() {
        let text = r#"{"kind":"RoleBinding","metadata":{"name":"a","namespace":"n"},
            "roleRef":{"kind":"Role","name":"r"},"subjects":[]}"#;
        let dump = Dump::read(text.as_bytes()).unwrap();
        let observed = dump.observed(&Digester::new(&[0; 32]));
        let gaps: Vec<String> = observed.gaps.iter().map(ToString::to_string).collect();
        assert_eq!(
            gaps,
            [
                "rights that ClusterRoleBindings give: nobody looked (not in the dump)",
                "rights that Roles give: nobody looked (not in the dump)"
            ]
        );
    }

    #[test]
    fn a_dump_without_bindings_says_nothing_of_rights() {
        let dump = Dump::read(br#"{"kind":"List","items":[]}"#).unwrap();
        let observed = dump.observed(&Digester::new(&[0; 32]));
        assert!(observed.grants.is_empty() && observed.gaps.is_empty());
    }

    #[test]
    fn what_is_no_dump_is_refused() {
        for text in ["[1]", "{}", "no", "{\"items\":3}"] {
            assert!(Dump::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
