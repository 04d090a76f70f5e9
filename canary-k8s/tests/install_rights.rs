//! What the agent's own account may do, asked of a real API server with a real token of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod install_support;

use std::fmt::Write as _;

use canary_fixtures::ControlPlane;
use install_support::{Agent, HOME, LOOK_ALIKE, installed, standard};
use serde_json::{Value, json};

/// As a handle is: digits of chance, which the API server does not look behind.
const HANDLE: &str = "checkout-settings-0123456789abcdef";

fn secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": name }, "data": { "config": "b3Vycw==" },
    })
}

fn token_request() -> Value {
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} })
}

const EVERYWHERE: [&str; 6] = ["shop", "web", "other", "kube-system", "default", HOME];

#[test]
fn no_foreign_secret_is_read_written_or_removed_anywhere() {
    let Some(cluster) = installed(&standard()) else {
        return;
    };
    let agent = Agent::of(&cluster);
    let merge = [("Content-Type", "application/merge-patch+json")];
    let apply = [("Content-Type", "application/apply-patch+yaml")];
    for namespace in EVERYWHERE {
        let all = format!("/api/v1/namespaces/{namespace}/secrets");
        for name in ["payments-db", LOOK_ALIKE] {
            let one = format!("{all}/{name}");
            let body = secret(name);
            for (what, method, path, body, headers) in [
                ("patch", "PATCH", one.clone(), Some(json!({})), &merge[..]),
                (
                    "dry-run patch",
                    "PATCH",
                    format!("{one}?dryRun=All"),
                    Some(json!({})),
                    &merge,
                ),
                (
                    "dry-run apply",
                    "PATCH",
                    format!("{one}?dryRun=All&fieldManager=x&force=true"),
                    Some(secret(name)),
                    &apply,
                ),
                ("update", "PUT", one.clone(), Some(body.clone()), &[]),
                (
                    "dry-run update",
                    "PUT",
                    format!("{one}?dryRun=All"),
                    Some(body),
                    &[],
                ),
                ("delete", "DELETE", one.clone(), None, &[]),
                (
                    "dry-run delete that waits",
                    "DELETE",
                    format!("{one}?dryRun=All&propagationPolicy=Foreground"),
                    None,
                    &[],
                ),
                ("delete of all", "DELETE", all.clone(), None, &[]),
            ] {
                let answer = agent.asks(method, &path, body.as_ref(), headers);
                assert_eq!(answer.status, 403, "{what} {namespace}/{name}: {answer:?}");
            }
            if namespace != HOME {
                for (what, path) in [
                    ("get", one.clone()),
                    ("list", all.clone()),
                    (
                        "list of one",
                        format!("{all}?fieldSelector=metadata.name={name}"),
                    ),
                    ("watch", format!("{all}?watch=true&timeoutSeconds=1")),
                    ("list of all", "/api/v1/secrets".into()),
                ] {
                    let answer = agent.asks("GET", &path, None, &[]);
                    assert_eq!(answer.status, 403, "{what} {namespace}/{name}");
                }
            }
            let there = cluster.admin("GET", &one, None);
            assert_eq!(there["data"]["theirs"], "c2VjcmV0", "{namespace}/{name}");
        }
    }
}

#[test]
fn no_account_is_taken_over_anywhere() {
    let Some(cluster) = installed(&standard()) else {
        return;
    };
    let agent = Agent::of(&cluster);
    for namespace in EVERYWHERE {
        let at = format!("/api/v1/namespaces/{namespace}");
        for name in [HANDLE, &format!("{HOME}-tokens-of")] {
            for (what, kind, account) in [
                (
                    "a token Secret",
                    "kubernetes.io/service-account-token",
                    "builder",
                ),
                ("a certificate", "kubernetes.io/tls", ""),
                ("a bootstrap token", "bootstrap.kubernetes.io/token", ""),
            ] {
                let mut body = secret(name);
                body["type"] = kind.into();
                if !account.is_empty() {
                    body["metadata"]["annotations"] =
                        json!({ "kubernetes.io/service-account.name": account });
                }
                let path = format!("{at}/secrets");
                let answer = agent.asks("POST", &path, Some(&body), &[]);
                assert!(
                    matches!(answer.status, 403 | 422),
                    "{what} in {namespace}: {answer:?}"
                );
            }
        }
        for account in ["builder", "default", HOME] {
            let path = format!("{at}/serviceaccounts/{account}/token");
            let answer = agent.asks("POST", &path, Some(&token_request()), &[]);
            assert_eq!(answer.status, 403, "{namespace}/{account}");
        }
        for (what, path) in [
            ("pods", format!("{at}/pods")),
            ("service accounts", format!("{at}/serviceaccounts")),
            ("config maps", format!("{at}/configmaps")),
        ] {
            let body = json!({ "metadata": { "name": "x" } });
            let answer = agent.asks("POST", &path, Some(&body), &[]);
            assert_eq!(answer.status, 403, "making {what} in {namespace}");
        }
        let exec = format!("{at}/pods/any/exec?command=id&stdout=true");
        assert_eq!(agent.asks("POST", &exec, None, &[]).status, 403);
        assert_eq!(agent.asks("GET", &exec, None, &[]).status, 403);
    }
}

#[test]
fn nothing_at_all_is_done_where_it_is_not_covered() {
    let Some(cluster) = installed(&standard()) else {
        return;
    };
    let agent = Agent::of(&cluster);
    for namespace in ["kube-system", "other", "default", "kube-public"] {
        let at = format!("/api/v1/namespaces/{namespace}");
        let path = format!("{at}/secrets");
        let answer = agent.asks("POST", &path, Some(&secret(HANDLE)), &[]);
        assert_eq!(answer.status, 403, "a handle in {namespace}");
        for what in ["pods", "resourcequotas", "configmaps", "serviceaccounts"] {
            let answer = agent.asks("GET", &format!("{at}/{what}"), None, &[]);
            assert_eq!(answer.status, 403, "listing {what} in {namespace}");
        }
    }
    for path in ["/api/v1/pods", "/api/v1/namespaces", "/api/v1/nodes"] {
        assert_eq!(agent.asks("GET", path, None, &[]).status, 403, "{path}");
    }
    let hook =
        format!("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{HOME}");
    for method in ["GET", "DELETE"] {
        assert_eq!(agent.asks(method, &hook, None, &[]).status, 403);
    }
}

#[test]
fn what_it_is_there_for_it_may_do() {
    let Some(cluster) = installed(&standard()) else {
        return;
    };
    let agent = Agent::of(&cluster);
    let works = |method: &str, path: &str, body: Option<&Value>| {
        let answer = agent.asks(method, path, body, &[]);
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer.body
    };
    for namespace in ["shop", "web"] {
        let at = format!("/api/v1/namespaces/{namespace}");
        works("POST", &format!("{at}/secrets"), Some(&secret(HANDLE)));
        works(
            "PUT",
            &format!("{at}/secrets/{HANDLE}"),
            Some(&secret(HANDLE)),
        );
        works("DELETE", &format!("{at}/secrets/{HANDLE}"), None);
        works("GET", &format!("{at}/pods"), None);
        works(
            "GET",
            &format!("{at}/pods?watch=true&timeoutSeconds=1"),
            None,
        );
        works("GET", &format!("{at}/resourcequotas"), None);
    }
    let token = "/api/v1/namespaces/shop/serviceaccounts/deployer/token";
    works("POST", token, Some(&token_request()));
    let mut bound = token_request();
    bound["spec"]["boundObjectRef"] =
        json!({ "apiVersion": "v1", "kind": "Secret", "name": "payments-db" });
    assert_eq!(agent.asks("POST", token, Some(&bound), &[]).status, 403);

    let home = format!("/api/v1/namespaces/{HOME}/secrets");
    let segment = format!("{HOME}-1");
    works("POST", &home, Some(&secret(&segment)));
    works("GET", &home, None);
    works("GET", &format!("{home}/{segment}"), None);
    works("PUT", &format!("{home}/{segment}"), Some(&secret(&segment)));
    works("DELETE", &format!("{home}/{segment}"), None);
    // What the installer has put there is read and not written.
    for name in [HOME.to_owned(), format!("{HOME}-ca")] {
        let path = format!("{home}/{name}");
        works("GET", &path, None);
        for (method, body) in [("DELETE", None), ("PUT", Some(secret(&name)))] {
            let answer = agent.asks(method, &path, body.as_ref(), &[]);
            // A type cannot be changed by anybody.
            assert!(
                matches!(answer.status, 403 | 422),
                "{method} {name}: {answer:?}"
            );
        }
    }
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases");
    let mut lease = json!({ "metadata": { "name": HOME } });
    let made = works("POST", &leases, Some(&lease));
    lease["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    works("GET", &format!("{leases}/{HOME}"), None);
    works("PUT", &format!("{leases}/{HOME}"), Some(&lease));
    assert_eq!(
        agent
            .asks("GET", &format!("{leases}/other"), None, &[])
            .status,
        403
    );
}

#[test]
fn a_token_is_for_no_other_audience_than_those_that_are_named() {
    const API_SERVER: &str = "https://kubernetes.default.svc.cluster.local";
    let mut values = standard();
    values.audiences = vec![API_SERVER.into()];
    let Some(cluster) = installed(&values) else {
        return;
    };
    let agent = Agent::of(&cluster);
    let path = "/api/v1/namespaces/shop/serviceaccounts/deployer/token";
    for (audiences, status) in [
        (json!([]), 201),
        (json!([API_SERVER]), 201),
        (json!(["sts.amazonaws.com"]), 403),
        (json!([API_SERVER, "sts.amazonaws.com"]), 403),
    ] {
        let mut body = token_request();
        body["spec"]["audiences"] = audiences;
        let answer = agent.asks("POST", path, Some(&body), &[]);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
}

#[test]
fn a_foreign_secret_that_is_as_ours_in_everything_can_be_overwritten_but_not_read() {
    let Some(cluster) = installed(&standard()) else {
        return;
    };
    let agent = Agent::of(&cluster);
    let all = "/api/v1/namespaces/shop/secrets";
    let one = format!("{all}/{HANDLE}");
    let mut theirs = secret(HANDLE);
    theirs["data"] = json!({ "theirs": "c2VjcmV0" });
    cluster.admin("POST", all, Some(&theirs));
    for query in [
        "?propagationPolicy=Foreground",
        "?dryRun=All&propagationPolicy=Foreground",
        "?dryRun=All&propagationPolicy=Orphan",
        "?dryRun=All&orphanDependents=true",
    ] {
        let answer = agent.asks("DELETE", &format!("{one}{query}"), None, &[]);
        assert_eq!(answer.status, 403, "{query}");
    }
    for (method, path, body) in [
        ("PUT", format!("{one}?dryRun=All"), Some(secret(HANDLE))),
        ("DELETE", format!("{one}?dryRun=All"), None),
        ("PUT", one.clone(), Some(secret(HANDLE))),
        ("DELETE", one.clone(), None),
    ] {
        let answer = agent.asks(method, &path, body.as_ref(), &[]);
        assert_eq!(answer.status, 200, "{method} {path}");
        let shown = answer.body.to_string();
        assert!(!shown.contains("c2VjcmV0"), "{method} {path}: {shown}");
    }
}

/// Why removals that wait are refused: the right to delete alone reads every Secret by them.
#[test]
fn without_the_policy_a_removal_that_waits_shows_the_secret() {
    let Some(cluster) = installed(&standard()) else {
        return;
    };
    let delete = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["delete"] }]);
    cluster.grant("intruder", "shop", &delete);
    let path =
        "/api/v1/namespaces/shop/secrets/payments-db?dryRun=All&propagationPolicy=Foreground";
    let answer = cluster.request("intruder", "DELETE", path, None).unwrap();
    assert_eq!(answer.body["data"]["theirs"], "c2VjcmV0");
}

#[test]
fn of_a_pod_it_changes_one_annotation_and_nothing_else() {
    let mut values = standard();
    values.annotate_pods = true;
    let Some(cluster) = installed(&values) else {
        return;
    };
    let agent = Agent::of(&cluster);
    let pod = json!({
        "metadata": { "name": "api", "labels": { "app": "api" }, "annotations": { "theirs": "x" } },
        "spec": { "containers": [{ "name": "api", "image": "api:1" }] },
    });
    cluster.admin("POST", "/api/v1/namespaces/shop/pods", Some(&pod));
    let merge = [("Content-Type", "application/merge-patch+json")];
    let path = "/api/v1/namespaces/shop/pods/api";
    let ours = format!("{HOME}/synced-at");
    agent.wait_until("policy on pods", || {
        let patch = json!({ "metadata": { "labels": { "more": "x" } } });
        let dry = format!("{path}?dryRun=All");
        agent.asks("PATCH", &dry, Some(&patch), &merge).status == 403
    });
    for (patch, status) in [
        (
            json!({ "metadata": { "annotations": { (&ours): "1" } } }),
            200,
        ),
        (
            json!({ "metadata": { "annotations": { (&ours): "2" } } }),
            200,
        ),
        (
            json!({ "metadata": { "annotations": { (&ours): null } } }),
            200,
        ),
        (
            json!({ "metadata": { "annotations": { "theirs": "y" } } }),
            403,
        ),
        (
            json!({ "metadata": { "annotations": { "theirs": null } } }),
            403,
        ),
        (
            json!({ "metadata": { "annotations": { "another": "x" } } }),
            403,
        ),
        (json!({ "metadata": { "labels": { "app": "other" } } }), 403),
        (json!({ "metadata": { "labels": { "more": "x" } } }), 403),
        (json!({ "metadata": { "finalizers": ["a/b"] } }), 403),
        (json!({ "spec": { "activeDeadlineSeconds": 1 } }), 403),
    ] {
        let answer = agent.asks("PATCH", path, Some(&patch), &merge);
        assert_eq!(answer.status, status, "{patch}: {answer:?}");
    }
    let image = json!([{ "op": "replace", "path": "/spec/containers/0/image", "value": "evil:1" }]);
    let by_steps = [("Content-Type", "application/json-patch+json")];
    assert_eq!(
        agent.asks("PATCH", path, Some(&image), &by_steps).status,
        403
    );
    let elsewhere = "/api/v1/namespaces/kube-system/pods/any";
    assert_eq!(
        agent
            .asks("PATCH", elsewhere, Some(&json!({})), &merge)
            .status,
        403
    );
}

#[test]
fn nobody_else_is_held_to_anything() {
    let Some(cluster) = installed(&standard()) else {
        return;
    };
    let all = "/api/v1/namespaces/shop/secrets";
    let mut theirs = secret("anything");
    theirs["metadata"]["labels"] = json!({ "app": "x" });
    theirs["type"] = "example.com/own".into();
    cluster.admin("POST", all, Some(&theirs));
    let waits = format!("{all}/anything?propagationPolicy=Foreground");
    cluster.admin("DELETE", &waits, None);
    cluster.admin(
        "POST",
        "/api/v1/namespaces/shop/serviceaccounts/builder/token",
        Some(&token_request()),
    );
}

#[test]
fn its_rights_are_these() {
    let mut everything = standard();
    everything.all_pods = true;
    everything.annotate_pods = true;
    for (name, values) in [("standard", standard()), ("everything", everything)] {
        let Some(cluster) = installed(&values) else {
            return;
        };
        let agent = Agent::of(&cluster);
        let told: String = ["shop", "web", HOME, "kube-system", "other"]
            .iter()
            .map(|namespace| rights(&agent, &cluster, namespace))
            .collect();
        insta::assert_snapshot!(name, told);
    }
}

/// As `kubectl auth can-i --list` tells them, without what everybody may who is logged in.
fn rights(agent: &Agent<'_>, cluster: &ControlPlane, namespace: &str) -> String {
    let rules_of = |answer: &Value| -> Vec<String> {
        let mut rules: Vec<String> = answer["status"]["resourceRules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| {
                let words = |field: &str| {
                    let all = rule[field].as_array().cloned().unwrap_or_default();
                    let all: Vec<String> = all
                        .iter()
                        .map(|word| word.as_str().unwrap_or_default().to_owned())
                        .collect();
                    all.join(",")
                };
                let mut line = format!("{} {}", words("verbs"), words("resources"));
                for (word, field) in [("of", "apiGroups"), ("named", "resourceNames")] {
                    let text = words(field);
                    if !text.is_empty() {
                        write!(line, " {word} {text}").unwrap();
                    }
                }
                line
            })
            .collect();
        rules.sort();
        rules
    };
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let review = json!({ "spec": { "namespace": namespace } });
    let theirs = agent.asks("POST", path, Some(&review), &[]);
    let anybody = cluster
        .request("auditor", "POST", path, Some(&review))
        .unwrap();
    let common = rules_of(&anybody.body);
    let mut told = format!("{namespace}\n");
    for rule in rules_of(&theirs.body) {
        if !common.contains(&rule) {
            writeln!(told, "  {rule}").unwrap();
        }
    }
    told
}
