//! What everybody may do in a cluster as it comes out of the box: find out what the API is, and who one is.
//!
//! The rules of `system:discovery`, `system:basic-user`, `system:public-info-viewer`,
//! `system:service-account-issuer-discovery` and `system:cluster-trust-bundle-discovery` in Kubernetes 1.36
//! (`rbac/bootstrappolicy`), and paths that the first of them had in earlier versions: an upgrade does not remove them.

use std::collections::BTreeSet;

use canary_core::observe::Rule;

/// Questions about oneself: who am I, what may I do.
const ABOUT_ONESELF: [&str; 3] = [
    "selfsubjectaccessreviews",
    "selfsubjectreviews",
    "selfsubjectrulesreviews",
];
const AUTHORITIES: [&str; 2] = ["authentication.k8s.io", "authorization.k8s.io"];

/// Paths that tell the version, the health and the kinds of an API server, and how its tokens are verified.
const PATHS: [&str; 15] = [
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/",
    "/api",
    "/apis",
    "/healthz",
    "/livez",
    "/openapi",
    "/openid/v1/jwks",
    "/openid/v1/jwks/",
    "/readyz",
    "/swagger-2.0.0.pb-v1",
    "/swagger.json",
    "/swaggerapi",
    "/version",
    "/version/",
];
/// Everything below these is discovery too.
const TREES: [&str; 4] = ["/api/", "/apis/", "/openapi/", "/swaggerapi/"];

/// The part of a rule that gives more than that; `None` when there is nothing of it. Paths that are no resources are
/// given by rules that hold everywhere only.
pub(super) fn beyond(rule: &Rule, everywhere: bool) -> Option<Rule> {
    let none = BTreeSet::new();
    let paths = if everywhere { &rule.paths } else { &none };
    let of_resource = |verb: &str, resource: &str| {
        let apis = &mut rule.apis.iter();
        apis.any(|api| !is_harmless(verb, api, resource))
    };
    let of_path = |verb: &str, path: &str| !is_discovery(verb, path);
    let resources = picked(&rule.resources, |resource| {
        rule.verbs.iter().any(|verb| of_resource(verb, resource))
    });
    let paths = picked(paths, |path| {
        rule.verbs.iter().any(|verb| of_path(verb, path))
    });
    if resources.is_empty() && paths.is_empty() {
        return None;
    }
    let verbs = picked(&rule.verbs, |verb| {
        resources.iter().any(|resource| of_resource(verb, resource))
            || paths.iter().any(|path| of_path(verb, path))
    });
    Some(Rule {
        verbs,
        resources,
        paths,
        ..rule.clone()
    })
}

fn picked(texts: &BTreeSet<String>, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    texts.iter().filter(|text| wanted(text)).cloned().collect()
}

fn is_harmless(verb: &str, api: &str, resource: &str) -> bool {
    let about_oneself =
        verb == "create" && AUTHORITIES.contains(&api) && ABOUT_ONESELF.contains(&resource);
    // Certificates of authorities: public by nature.
    let trust = matches!(verb, "get" | "list" | "watch")
        && api == "certificates.k8s.io"
        && resource == "clustertrustbundles";
    about_oneself || trust
}

fn is_discovery(verb: &str, path: &str) -> bool {
    matches!(verb, "get" | "head")
        && (PATHS.contains(&path) || TREES.iter().any(|tree| path.starts_with(tree)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn paths(verbs: &[&str], paths: &[&str]) -> Rule {
        Rule {
            verbs: set(verbs),
            paths: set(paths),
            ..Rule::default()
        }
    }

    fn rule(verbs: &[&str], apis: &[&str], resources: &[&str]) -> Rule {
        Rule {
            verbs: set(verbs),
            apis: set(apis),
            resources: set(resources),
            ..Rule::default()
        }
    }

    #[test]
    fn what_every_cluster_is_born_with_is_not_beyond_discovery() {
        let born = [
            paths(
                &["get"],
                &["/livez", "/readyz", "/healthz", "/version", "/version/"],
            ),
            paths(
                &["get"],
                &[
                    "/openapi",
                    "/openapi/*",
                    "/api",
                    "/api/*",
                    "/apis",
                    "/apis/*",
                ],
            ),
            paths(
                &["get"],
                &[
                    "/.well-known/openid-configuration",
                    "/.well-known/openid-configuration/",
                    "/openid/v1/jwks",
                    "/openid/v1/jwks/",
                ],
            ),
            rule(
                &["create"],
                &["authorization.k8s.io"],
                &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
            ),
            rule(
                &["create"],
                &["authentication.k8s.io"],
                &["selfsubjectreviews"],
            ),
        ];
        for rule in born {
            assert_eq!(beyond(&rule, true), None, "{rule:?}");
        }
    }

    #[test]
    fn of_a_widened_rule_only_the_widening_is_told() {
        let widened = rule(
            &["create", "list"],
            &["authorization.k8s.io"],
            &["selfsubjectaccessreviews"],
        );
        assert_eq!(beyond(&widened, true).unwrap().verbs, set(&["list"]));
        let other = rule(
            &["create"],
            &["authorization.k8s.io"],
            &["selfsubjectaccessreviews", "subjectaccessreviews"],
        );
        assert_eq!(
            beyond(&other, true).unwrap().resources,
            set(&["subjectaccessreviews"])
        );
        let more = paths(&["get"], &["/version", "/metrics", "/logs/*"]);
        assert_eq!(
            beyond(&more, true).unwrap().paths,
            set(&["/logs/*", "/metrics"])
        );
    }

    #[test]
    fn a_wildcard_is_beyond_discovery_wherever_it_stands() {
        for rule in [
            rule(
                &["*"],
                &["authorization.k8s.io"],
                &["selfsubjectaccessreviews"],
            ),
            rule(&["create"], &["*"], &["selfsubjectaccessreviews"]),
            rule(&["create"], &["authorization.k8s.io"], &["*"]),
            paths(&["get"], &["*"]),
            paths(&["get"], &["/*"]),
            paths(&["get"], &["/api*"]),
            paths(&["*"], &["/version"]),
        ] {
            assert_eq!(beyond(&rule, true), Some(rule.clone()), "{rule:?}");
        }
    }

    #[test]
    fn what_combines_with_nothing_gives_nothing() {
        assert_eq!(beyond(&rule(&[], &[""], &["secrets"]), true), None);
        assert_eq!(beyond(&rule(&["get"], &[], &["secrets"]), true), None);
        assert_eq!(beyond(&Rule::default(), true), None);
        // A binding in a namespace gives no paths, whatever its role says.
        assert_eq!(beyond(&paths(&["get"], &["/metrics"]), false), None);
    }
}
