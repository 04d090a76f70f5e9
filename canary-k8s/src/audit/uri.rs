//! A request's path and query, as the API server reads them (`k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`,
//! Go's `net/url`).

use canary_core::detect::Selectors;

/// Go refuses a query of more pairs than this (1.26, `urlmaxqueryparams`) and then sees none of them.
const MAX_QUERY_PAIRS: usize = 10_000;

/// A selector longer than this is not kept: the server's own limit for a whole request line is 1 MiB, people's selectors
/// are below 1 KiB. One that is not kept covers everything.
const MAX_SELECTOR: usize = 64 * 1024;

/// What a path is about. Empty texts where it does not say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The path is one of the old `/watch/` ones.
    pub(crate) watch: bool,
}

/// What a query narrows a request by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Query {
    pub(super) selectors: Selectors,
    pub(super) dry_run: bool,
    pub(super) watch: bool,
}

/// Splits a request's URI into its path and its query, both as written.
pub(crate) fn split(uri: &str) -> (&str, &str) {
    uri.split_once('?').unwrap_or((uri, ""))
}

/// What a path is about; `None` for a path that is not about a resource.
pub(crate) fn target(path: &str) -> Option<Target> {
    let decoded = unescape(path, false)?;
    let mut parts = decoded.split('/').filter(|part| !part.is_empty());
    let group = match parts.next()? {
        "api" => String::new(),
        "apis" => parts.next()?.to_owned(),
        _ => return None,
    };
    let version = parts.next()?.to_owned();
    let mut rest: Vec<&str> = parts.take(MAX_SEGMENTS).collect();
    let watch = rest.first() == Some(&"watch");
    if watch || rest.first() == Some(&"proxy") {
        rest.remove(0);
    }
    let mut namespace = String::new();
    if let ["namespaces", inside, tail @ ..] = rest.as_slice() {
        (*inside).clone_into(&mut namespace);
        // `/namespaces/x/status` is about the namespace, `/namespaces/x/secrets` is not.
        if !matches!(tail, [] | ["status" | "finalize", ..]) {
            rest = tail.to_vec();
        }
    }
    let text = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
    Some(Target {
        group,
        version,
        resource: Some(text(0)).filter(|resource| !resource.is_empty())?,
        name: text(1),
        subresource: text(2),
        namespace,
        watch,
    })
}

/// Nothing after the subresource says what a request is about: `watch`, `namespaces`, its name, resource, name,
/// subresource are six.
const MAX_SEGMENTS: usize = 6;

/// Reads the query. Of repeated keys the first counts, as in the server's `ListOptions`; a pair that Go drops (a bad
/// escape, a semicolon) is dropped, so that the one that follows is the first.
pub(super) fn query(text: &str) -> Query {
    if text.bytes().filter(|&byte| byte == b'&').count() >= MAX_QUERY_PAIRS {
        return Query::default();
    }
    let mut query = Query::default();
    let (mut label, mut field, mut watch) = (None, None, None);
    for pair in text.split('&').filter(|pair| !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(key) = unescape(key, true).filter(|key| !key.is_empty()) else {
            continue;
        };
        let slot = match key.as_str() {
            "labelSelector" => &mut label,
            "fieldSelector" => &mut field,
            "watch" => &mut watch,
            "dryRun" => {
                query.dry_run |= unescape(value, true).is_some_and(|value| value == "All");
                continue;
            }
            _ => continue,
        };
        if slot.is_none() {
            *slot = unescape(value, true);
        }
    }
    query.selectors.label = label.filter(narrows);
    query.selectors.field = field.filter(narrows);
    query.watch = watch.is_some_and(|value| !matches!(value.as_str(), "false" | "0" | "False"));
    query
}

#[expect(clippy::ptr_arg, reason = "the form that Option::filter asks for")]
fn narrows(selector: &String) -> bool {
    (1..=MAX_SELECTOR).contains(&selector.len())
}

/// Go's `url.PathUnescape` and, with `plus`, `url.QueryUnescape`; `None` for a bad escape. Bytes that are not UTF-8 are
/// replaced, which no name of Kubernetes survives.
pub(crate) fn unescape(text: &str, plus: bool) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if plus => b' ',
            _ => byte,
        });
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(resource: &str, namespace: &str, name: &str) -> Target {
        Target {
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Target::default()
        }
    }

    #[test]
    fn a_path_names_what_the_server_would_serve() {
        let target = |path| target(path).unwrap();
        assert_eq!(
            target("/api/v1/namespaces/payments/secrets/db"),
            named("secrets", "payments", "db")
        );
        assert_eq!(target("/api/v1/secrets"), named("secrets", "", ""));
        assert_eq!(target("/api/v1/namespaces/payments"), {
            named("namespaces", "payments", "payments")
        });
        assert_eq!(
            target("/api/v1/namespaces/payments/serviceaccounts/ci/token").subresource,
            "token"
        );
        assert_eq!(
            target("/api/v1/namespaces/payments/status").subresource,
            "status"
        );
        let bindings = target("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/x");
        assert_eq!(bindings.group, "rbac.authorization.k8s.io");
        assert_eq!(bindings.name, "x");
    }

    #[test]
    fn percent_signs_and_double_slashes_do_not_hide_a_name() {
        assert_eq!(
            target("//api/v1/namespaces/pay%6Dents//secrets/d%62"),
            Some(named("secrets", "payments", "db"))
        );
    }

    #[test]
    fn the_old_watch_paths_watch() {
        let target = target("/api/v1/watch/namespaces/payments/secrets/db").unwrap();
        assert!(target.watch);
        assert_eq!(target.name, "db");
        assert_eq!(target.resource, "secrets");
    }

    #[test]
    fn paths_that_are_about_no_resource_are_about_nothing() {
        for path in [
            "/",
            "/api",
            "/api/v1",
            "/apis/apps/v1",
            "/healthz",
            "/openapi/v3/api/v1",
            "",
        ] {
            assert_eq!(target(path), None, "{path}");
        }
    }

    #[test]
    fn selectors_are_decoded_and_the_first_counts() {
        let read = query(
            "limit=500&labelSelector=owner%3Dhelm%2Cname+in+(a)&labelSelector=x&fieldSelector=metadata.name%3Ddb",
        );
        assert_eq!(
            read.selectors.label.as_deref(),
            Some("owner=helm,name in (a)")
        );
        assert_eq!(read.selectors.field.as_deref(), Some("metadata.name=db"));
        assert!(!read.dry_run);
    }

    #[test]
    fn pairs_that_the_server_drops_do_not_count_as_the_first() {
        let read = query("labelSelector=%zz&labelSelector=a;b&labelSelector=real&dryRun=All");
        assert_eq!(read.selectors.label.as_deref(), Some("real"));
        assert!(read.dry_run);
    }

    #[test]
    fn a_query_that_the_server_refuses_narrows_nothing() {
        let flood = format!(
            "{}labelSelector=owner%3Dhelm",
            "a=b&".repeat(MAX_QUERY_PAIRS)
        );
        assert_eq!(query(&flood).selectors, Selectors::default());
        assert_eq!(query("labelSelector=").selectors, Selectors::default());
    }
}
