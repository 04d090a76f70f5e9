//! The requests that both servers must answer alike.

use serde_json::{Value, json};

use super::script::{Step, step};

const NS: &str = "/api/v1/namespaces/shop";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn secret(name: &str, data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "data": data })
}

pub(crate) fn steps() -> Vec<Step> {
    [
        namespaces(),
        create(),
        read(),
        update(),
        patch(),
        apply(),
        delete(),
        paging(),
        watches(),
        accounts(),
        roles(),
        people(),
        strays(),
    ]
    .concat()
}

fn namespaces() -> Vec<Step> {
    let all = "/api/v1/namespaces";
    let new = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    vec![
        step("admin", "POST", all).body(new("shop")),
        step("admin", "POST", all).body(new("shop")),
        step("admin", "POST", all).body(new("Shop_1")),
        step("admin", "POST", all).body(new("a.b")),
        step("admin", "GET", &format!("{all}/shop")),
        step("admin", "GET", &format!("{all}/kube-system")).metadata(""),
        step("operator", "GET", &format!("{all}/kube-system")),
        step("admin", "GET", &format!("{all}/nowhere")),
        step("admin", "POST", all).body(new("going")),
        step("admin", "DELETE", &format!("{all}/going")),
        step("admin", "POST", "/api/v1/namespaces/going/secrets").body(secret("late", &json!({}))),
        step("admin", "DELETE", &format!("{all}/kube-system")),
        step("admin", "GET", all).metadata("List"),
        step("operator", "GET", all),
        step(
            "admin",
            "GET",
            &format!("{all}?fieldSelector=status.phase%3DTerminating"),
        ),
    ]
}

fn create() -> Vec<Step> {
    let at = format!("{NS}/secrets");
    let of_type = |name: &str, kind: &str, data: Value| {
        let mut secret = secret(name, &data);
        secret["type"] = kind.into();
        secret
    };
    vec![
        step("admin", "POST", &format!("{at}?fieldManager=helm")).body(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "db", "labels": { "app": "shop", "tier": "back" }, "annotations": { "note": "x" } },
            "data": { "password": "aHVudGVyMg==", "username": "cm9vdA==" },
        })).keep("db", "/metadata/uid").keep("db_revision", "/metadata/resourceVersion"),
        step("admin", "POST", &at).body(secret("db", &json!({}))),
        step("admin", "POST", &at).header("Content-Type", "text/plain").body(secret("db", &json!({}))),
        step("admin", "POST", &at).header("Content-Type", "application/json; charset=utf-8").body(secret("typed", &json!({}))),
        step("admin", "POST", &at).body(json!([1])).differs("Go's words for JSON that is no object"),
        step("admin", "POST", &at).body(json!({ "metadata": { "generateName": "Bad_" } })).differs("what comes behind a generated name is chance"),
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "texts" }, "stringData": { "a": "b" } })),
        step("admin", "POST", &at).body(secret("Bad_Name", &json!({}))),
        step("admin", "POST", &at).body(json!({ "metadata": {} })),
        step("admin", "POST", &at).body(secret("keys", &json!({ "a/b": "eA==" }))),
        step("admin", "POST", &at).body(secret("b64", &json!({ "a": "#" }))),
        step("admin", "POST", &at).body(secret("b64", &json!({ "a": "abc" }))),
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "type" }, "data": 3 })),
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "type" }, "type": 3 })),
        step("admin", "POST", &at).body(json!({ "apiVersion": "v2", "kind": "Secret", "metadata": { "name": "x" } })),
        step("admin", "POST", &at).body(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" } })),
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "x", "namespace": "other" } })),
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "x", "resourceVersion": "1" } })),
        // One at a time: of two the real server tells now this one first, now the other.
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "x", "labels": { "a b": "c" } } })),
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "x", "labels": { "d": "e f" } } })),
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "unknown", "oops": 1 }, "more": 1 })),
        step("admin", "POST", "/api/v1/namespaces/nowhere/secrets").body(secret("x", &json!({}))),
        step("operator", "POST", &at).body(secret("x", &json!({}))),
        step("", "POST", &at).body(secret("x", &json!({}))),
        step("$wrong", "POST", &at).body(secret("x", &json!({}))),
        step("admin", "POST", &format!("{at}?dryRun=All")).body(secret("dry", &json!({ "a": "eA==" }))),
        step("admin", "GET", &format!("{at}/dry")),
        step("admin", "POST", &format!("{at}?dryRun=Some")).body(secret("dry", &json!({}))),
        step("admin", "POST", &at).body(of_type("t1", "kubernetes.io/tls", json!({ "tls.crt": "eA==" }))),
        step("admin", "POST", &at).body(of_type("t2", "kubernetes.io/basic-auth", json!({}))),
        step("admin", "POST", &at).body(of_type("t3", "kubernetes.io/ssh-auth", json!({}))),
        step("admin", "POST", &at).body(of_type("t4", "kubernetes.io/dockerconfigjson", json!({}))),
        step("admin", "POST", &at).body(of_type("t5", "kubernetes.io/service-account-token", json!({}))),
        step("admin", "POST", &at).body(of_type("free", "example.com/own", json!({}))),
        step("admin", "POST", &format!("{NS}/configmaps?fieldManager=me")).body(json!({
            "metadata": { "name": "conf" }, "data": { "k": "v" }, "binaryData": { "b": "eA==" },
        })),
        step("admin", "POST", &format!("{NS}/configmaps")).body(json!({ "metadata": { "name": "fixed" }, "data": { "k": "v" }, "immutable": true })),
        step("admin", "POST", &at).body(json!({ "metadata": { "name": "fixed" }, "data": { "k": "eA==" }, "immutable": true })),
    ]
}

fn read() -> Vec<Step> {
    let at = format!("{NS}/secrets");
    vec![
        step("admin", "GET", &format!("{at}/db")),
        step("admin", "GET", &format!("{at}/db")).metadata(""),
        step("admin", "GET", &format!("{at}/nothing")),
        step("intruder", "GET", &format!("{at}/db")),
        step("intruder", "GET", &at),
        step(
            "intruder",
            "GET",
            &format!("{at}?fieldSelector=metadata.name%3Ddb"),
        ),
        step("intruder", "GET", "/api/v1/secrets"),
        step("admin", "GET", &at),
        step("admin", "GET", &at).metadata("List"),
        step(
            "admin",
            "GET",
            &format!("{at}?fieldSelector=metadata.name%3Ddb"),
        ),
        step(
            "admin",
            "GET",
            &format!("{at}?fieldSelector=type%3Dexample.com%2Fown"),
        )
        .metadata("List"),
        step(
            "admin",
            "GET",
            &format!("{at}?fieldSelector=type%21%3DOpaque"),
        )
        .metadata("List"),
        step("admin", "GET", &format!("{at}?fieldSelector=data%3Dx")),
        step(
            "admin",
            "GET",
            &format!("{NS}/configmaps?fieldSelector=type%3Dx"),
        ),
        step("admin", "GET", &format!("{at}?labelSelector=app%3Dshop")).metadata("List"),
        step(
            "admin",
            "GET",
            &format!("{at}?labelSelector=app+in+(shop,y),!gone"),
        )
        .metadata("List"),
        step(
            "admin",
            "GET",
            &format!("{at}?labelSelector=tier%21%3Dback"),
        )
        .metadata("List"),
        step(
            "admin",
            "GET",
            "/api/v1/secrets?fieldSelector=metadata.namespace%3Dshop%2Cmetadata.name%3Ddb",
        ),
        step("admin", "GET", "/api/v1/namespaces/nowhere/secrets"),
        step("admin", "GET", &format!("{at}/db")).header("Accept", "text/html"),
        step("admin", "GET", &format!("{NS}/configmaps/conf")),
    ]
}

fn update() -> Vec<Step> {
    let at = format!("{NS}/secrets/db");
    let db = |metadata: Value, data: Value| {
        let mut secret = secret("db", &data);
        for (key, value) in metadata.as_object().into_iter().flatten() {
            secret["metadata"][key] = value.clone();
        }
        secret
    };
    let put = |body: Value| step("admin", "PUT", &at).body(body);
    vec![
        put(db(json!({ "resourceVersion": "{db_revision}", "uid": "{db}" }), json!({ "password": "eA==", "username": "cm9vdA==" })))
            .keep("db_revision2", "/metadata/resourceVersion"),
        put(db(json!({ "resourceVersion": "{db_revision}" }), json!({}))),
        put(db(json!({ "uid": "3f1e9c1e-0d5c-4d0b-9d5e-0f5a54a5ad7c" }), json!({}))),
        put(db(json!({}), json!({ "password": "eA==", "username": "cm9vdA==" }))),
        put(db(json!({ "labels": { "new": "label" } }), json!({ "password": "eQ==" }))),
        put(db(json!({ "uid": "3f1e9c1e-0d5c-4d0b-9d5e-0f5a54a5ad7c", "resourceVersion": "{db_revision}" }), json!({}))),
        put(db(json!({ "creationTimestamp": "2020-01-01T00:00:00Z", "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "3f1e9c1e-0d5c-4d0b-9d5e-0f5a54a5ad7c" }] }), json!({ "password": "eQ==" }))),
        put(secret("other", &json!({}))),
        put(json!({ "metadata": {} })),
        put(json!({ "metadata": { "name": "db", "namespace": "other" } })),
        put(json!({ "metadata": { "name": "db" }, "type": "kubernetes.io/tls" })),
        step("admin", "PUT", &format!("{at}?dryRun=All")).body(db(json!({}), json!({ "dry": "eA==" }))),
        step("admin", "GET", &at),
        step("admin", "PUT", &format!("{NS}/secrets/none")).body(secret("none", &json!({}))),
        step("operator", "PUT", &at).body(secret("db", &json!({}))),
        step("admin", "PUT", &format!("{NS}/secrets/fixed")).body(secret("fixed", &json!({ "k": "eQ==" }))),
        step("admin", "PUT", &format!("{NS}/configmaps/fixed")).body(json!({ "metadata": { "name": "fixed" }, "data": { "k": "w" }, "immutable": true })),
        step("admin", "PUT", &format!("{at}?fieldManager=me")).body(json!({
            "metadata": { "name": "db", "managedFields": [{ "manager": "helm", "operation": "Apply", "apiVersion": "v1",
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": { "f:data": { "f:z": {} } } }] },
            "data": { "z": "eA==" },
        })),
        put(json!({ "metadata": { "name": "db", "managedFields": [{}] }, "data": { "z": "eA==" } })),
        put(json!({ "metadata": { "name": "db" }, "data": { "z": "eQ==" } })),
    ]
}

fn patch() -> Vec<Step> {
    let at = format!("{NS}/configmaps/conf");
    let merge = |body: Value| step("admin", "PATCH", &at).body(body);
    vec![
        merge(json!({ "data": { "k": "w", "n": "x" } })),
        merge(json!({ "data": { "k": null }, "metadata": { "labels": { "l": "m" } } })),
        merge(json!({ "metadata": { "resourceVersion": "1" } })),
        merge(json!({ "metadata": { "uid": "3f1e9c1e-0d5c-4d0b-9d5e-0f5a54a5ad7c" } })),
        merge(json!({ "metadata": { "name": "other" } })),
        merge(json!({ "data": { "k": 3 } })).differs("the real message repeats the whole object"),
        merge(json!({})),
        merge(json!({ "data": { "s": "t" }, "metadata": { "annotations": { "a": "b" } } }))
            .strategic(),
        merge(json!({ "data": { "s": null } })).strategic(),
        step(
            "admin",
            "PATCH",
            &format!("{at}?dryRun=All&fieldManager=dry"),
        )
        .body(json!({ "data": { "dry": "x" } })),
        step("intruder", "PATCH", &format!("{at}?dryRun=All")).body(json!({})),
        step("admin", "PATCH", &format!("{NS}/configmaps/none")).body(json!({})),
        merge(json!({})).header("Content-Type", "application/x"),
        step("admin", "GET", &at),
    ]
}

fn apply() -> Vec<Step> {
    let at = |name: &str, manager: &str| {
        format!("{NS}/secrets/{name}?fieldManager={manager}&force=true")
    };
    let gentle = |name: &str, manager: &str| format!("{NS}/secrets/{name}?fieldManager={manager}");
    let apply = |path: String, body: Value| step("admin", "PATCH", &path).body(body).apply();
    let with = |metadata: Value, data: Value| {
        let mut secret = secret("ssa", &data);
        for (key, value) in metadata.as_object().into_iter().flatten() {
            secret["metadata"][key] = value.clone();
        }
        secret
    };
    vec![
        apply(at("ssa", "helm"), with(json!({ "resourceVersion": "1", "labels": { "a": "b" } }), json!({ "one": "eA==", "two": "eA==" })))
            .keep("ssa", "/metadata/uid"),
        apply(at("ssa", "helm"), with(json!({ "resourceVersion": "1" }), json!({ "one": "eQ==" }))),
        apply(at("ssa", "helm"), with(json!({ "labels": { "a": "b" } }), json!({ "one": "eA==", "two": "eA==" }))),
        apply(gentle("ssa", "argocd"), with(json!({}), json!({ "one": "eQ==" }))),
        apply(gentle("ssa", "argocd"), with(json!({}), json!({ "one": "eQ==", "two": "eQ==" }))),
        apply(gentle("ssa", "argocd"), with(json!({}), json!({ "two": "eA==", "three": "eA==" }))),
        apply(at("ssa", "helm"), with(json!({}), json!({ "one": "eA==" }))),
        apply(at("ssa", "argocd"), with(json!({}), json!({}))),
        step("admin", "PATCH", &format!("{NS}/secrets/ssa?fieldManager=kubectl-edit")).body(json!({ "data": { "one": "eg==" }, "metadata": { "labels": { "x": "y" } } })),
        apply(gentle("ssa", "helm"), with(json!({}), json!({ "one": "eA==" }))),
        apply(at("ssa", "helm"), with(json!({}), json!({ "one": "eA==" }))),
        apply(at("ssa", "helm"), with(json!({ "uid": "3f1e9c1e-0d5c-4d0b-9d5e-0f5a54a5ad7c" }), json!({ "one": "eA==" }))),
        apply(at("ssa", "helm"), with(json!({ "uid": "3f1e9c1e-0d5c-4d0b-9d5e-0f5a54a5ad7c", "resourceVersion": "1" }), json!({ "one": "eA==" }))),
        apply(at("ssa", "helm"), with(json!({ "uid": "{ssa}" }), json!({ "one": "eA==" }))),
        apply(format!("{NS}/configmaps/cm?fieldManager=argocd"), json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "cm", "finalizers": ["example.com/a"] }, "data": { "k": "v" } })),
        apply(format!("{NS}/configmaps/cm?fieldManager=argocd"), json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "cm", "finalizers": ["example.com/b"] } })),
        apply(format!("{NS}/configmaps/cm?fieldManager=argocd"), json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "cm" } })),
        apply(format!("{RBAC}/namespaces/shop/roles/ssa?fieldManager=argocd"), json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "ssa" }, "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }] })),
        apply(format!("{RBAC}/namespaces/shop/roles/ssa?fieldManager=argocd"), json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "ssa" }, "rules": [] })),
        step("admin", "PUT", &format!("{RBAC}/namespaces/shop/roles/put")).body(json!({ "metadata": { "name": "put" }, "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }] })),
        step("admin", "DELETE", &format!("{RBAC}/namespaces/shop/roles")),
        apply(format!("{NS}/secrets/ssa"), with(json!({}), json!({}))),
        apply(at("ssa", "helm"), json!({ "metadata": { "name": "ssa" } })),
        apply(at("ssa", "helm"), secret("other", &json!({}))),
        apply(at("ssa", "helm"), with(json!({ "managedFields": [{}] }), json!({}))),
        apply(at("new", "helm"), json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "new", "uid": "3f1e9c1e-0d5c-4d0b-9d5e-0f5a54a5ad7c" } })),
        apply(format!("{}&dryRun=All", at("new", "helm")), secret("new", &json!({ "a": "eA==" }))),
        step("operator", "PATCH", &at("ssa", "helm")).body(secret("ssa", &json!({}))).apply(),
        // An object that nobody is known to have written.
        step("admin", "PUT", &format!("{NS}/secrets/ssa")).body(json!({ "metadata": { "name": "ssa", "managedFields": [{}] }, "data": { "one": "eA==" } })),
        apply(gentle("ssa", "helm"), with(json!({}), json!({ "one": "eQ==" }))),
        apply(gentle("ssa", "helm"), with(json!({}), json!({ "four": "eQ==" }))),
    ]
}

fn delete() -> Vec<Step> {
    let at = |name: &str| format!("{NS}/secrets/{name}");
    let options = |preconditions: Value| json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions });
    vec![
        step("admin", "DELETE", &at("ssa")).body(options(
            json!({ "uid": "3f1e9c1e-0d5c-4d0b-9d5e-0f5a54a5ad7c" }),
        )),
        step("admin", "DELETE", &at("ssa"))
            .body(options(json!({ "uid": "{ssa}", "resourceVersion": "1" }))),
        step("admin", "DELETE", &format!("{}?dryRun=All", at("ssa"))),
        step("admin", "DELETE", &at("ssa")).body(json!({ "dryRun": ["All"] })),
        step("admin", "DELETE", &at("ssa")).body(json!({ "dryRun": ["Some"] })),
        step("admin", "GET", &at("ssa")).metadata(""),
        step("operator", "DELETE", &at("ssa")),
        step("admin", "DELETE", &at("ssa")).body(options(json!({ "uid": "{ssa}" }))),
        step("admin", "DELETE", &at("ssa")),
        step("admin", "POST", &format!("{NS}/secrets"))
            .body(json!({ "metadata": { "name": "held", "finalizers": ["example.com/hold"] } })),
        step("admin", "DELETE", &at("held")),
        step("admin", "PATCH", &at("held")).body(json!({ "metadata": { "finalizers": null } })),
        step("admin", "GET", &at("held")),
        step(
            "admin",
            "DELETE",
            &format!("{NS}/secrets?labelSelector=none%3Dsuch"),
        ),
        step(
            "admin",
            "DELETE",
            &format!("{NS}/secrets?fieldSelector=type%3Dexample.com%2Fown"),
        ),
        step("operator", "DELETE", &format!("{NS}/secrets")),
        step("admin", "DELETE", "/api/v1/secrets"),
        step("admin", "DELETE", &format!("{NS}/configmaps?dryRun=All")),
        step("admin", "DELETE", &format!("{NS}/configmaps")),
        step("admin", "GET", &format!("{NS}/configmaps")),
    ]
}

fn paging() -> Vec<Step> {
    let at = format!("{NS}/secrets");
    let page = |query: &str| step("admin", "GET", &format!("{at}?{query}")).metadata("List");
    vec![
        page("limit=2").keep("more", "/metadata/continue"),
        step("admin", "POST", &at).body(secret("aaa", &json!({}))),
        page("limit=2&continue={more}"),
        page("limit=500&continue={more}"),
        page("limit=2&labelSelector=new"),
        page("limit=2&continue=%23"),
        page("limit=2&continue=e30"),
        page("limit=x"),
        page("limit=0"),
        page("resourceVersion=0"),
        page("watch=false&limit=1"),
        step("admin", "GET", "/api/v1/secrets?limit=1").metadata("List"),
    ]
}

fn watches() -> Vec<Step> {
    let at = format!("{NS}/secrets?watch=true&timeoutSeconds=1");
    vec![
        step("admin", "GET", &at).stays_open(),
        step("admin", "GET", &format!("{at}&fieldSelector=metadata.name%3Ddb"))
            .metadata("")
            .stays_open(),
        step("admin", "GET", &format!("{at}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=new"))
            .stays_open(),
        step("admin", "GET", &format!("{at}&sendInitialEvents=true")).stays_open(),
        step("admin", "GET", &format!("{at}&resourceVersion={{db_revision}}&fieldSelector=metadata.name%3Daaa"))
            .stays_open(),
        step("admin", "GET", &format!("{at}&resourceVersion=x")).stays_open(),
        step("intruder", "GET", &at).stays_open(),
        step("intruder", "GET", "/api/v1/secrets?watch=true").stays_open(),
        step("$wrong", "GET", &at),
        step("operator", "GET", &at)
            .header("Impersonate-User", "alice")
            .stays_open(),
    ]
}

const REMEMBERED: &str = "the real server remembers for ten seconds whom a token is of";

fn accounts() -> Vec<Step> {
    let at = format!("{NS}/serviceaccounts");
    let token = format!("{at}/robot/token");
    let ask = |spec: Value| {
        step("admin", "POST", &token).body(json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec }))
    };
    let who = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    vec![
        step("admin", "POST", &format!("{at}?fieldManager=kubectl-create")).body(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "robot" },
            "automountServiceAccountToken": false, "secrets": [{ "name": "s1" }], "imagePullSecrets": [{ "name": "p" }],
        })),
        step("admin", "PATCH", &format!("{at}/robot?fieldManager=x")).body(json!({ "secrets": [{ "name": "s2" }, { "name": "s1", "$patch": "delete" }] })).strategic(),
        step("admin", "PATCH", &format!("{at}/robot?fieldManager=helm&force=true")).body(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "robot", "annotations": { "a": "b" } }, "secrets": [{ "name": "s3" }],
        })).apply(),
        ask(json!({})).keep("robot", "/status/token"),
        ask(json!({ "expirationSeconds": 7200, "audiences": ["vault"] })).keep("vault", "/status/token"),
        ask(json!({ "expirationSeconds": 10 })),
        step("admin", "POST", &token).body(json!({ "metadata": { "name": "other" }, "spec": {} })),
        step("admin", "POST", &format!("{token}?dryRun=All")).body(json!({ "spec": {} })),
        step("admin", "GET", &token),
        ask(json!({ "expirationSeconds": 5_000_000_000_i64 })),
        ask(json!({ "boundObjectRef": { "kind": "Secret", "apiVersion": "v1", "name": "db" } })).keep("bound", "/status/token"),
        ask(json!({ "boundObjectRef": { "kind": "Secret", "apiVersion": "v1", "name": "none" } })),
        step("admin", "POST", &format!("{at}/none/token")).body(json!({ "spec": {} })),
        step("operator", "POST", &token).body(json!({ "spec": {} })),
        step("$robot", "GET", &format!("{NS}/secrets/db")),
        step("$robot", "POST", who).body(review.clone()),
        step("$vault", "POST", who).body(review.clone()),
        step("operator", "POST", who).body(review.clone()),
        step("", "POST", who).body(review.clone()),
        step("$bound", "POST", who).body(review.clone()),
        step("admin", "DELETE", &format!("{NS}/secrets/db")),
        step("$bound", "POST", who).body(review.clone()).differs(REMEMBERED),
        ask(json!({})).keep("late", "/status/token"),
        step("$late", "POST", who).body(review.clone()),
        step("admin", "DELETE", &format!("{at}/robot")),
        step("$late", "POST", who).body(review).differs(REMEMBERED),
        step("admin", "GET", &format!("{at}/robot")),
    ]
}

fn roles() -> Vec<Step> {
    let inside = format!("{RBAC}/namespaces/shop");
    let role = |name: &str, rules: Value| json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": name }, "rules": rules });
    let binding = |name: &str, kind: &str, role: &str, subjects: Value| {
        json!({
            "metadata": { "name": name }, "roleRef": { "kind": kind, "name": role, "apiGroup": "rbac.authorization.k8s.io" }, "subjects": subjects,
        })
    };
    let user = |name: &str| json!([{ "kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io" }]);
    let secrets =
        |verbs: &[&str]| json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": verbs }]);
    vec![
        step("admin", "POST", &format!("{inside}/roles?fieldManager=me")).body(role("reader", secrets(&["get", "list"]))),
        step("admin", "POST", &format!("{inside}/roles")).body(role("reader", json!([]))),
        step("admin", "POST", &format!("{inside}/roles")).body(role("empty", json!([]))).differs("an empty list is as none here, and has no owner"),
        step("admin", "DELETE", &format!("{inside}/roles/empty")),
        step("admin", "POST", &format!("{inside}/roles")).body(role("bad", json!([{ "resources": ["secrets"], "verbs": [] }]))),
        step("admin", "POST", &format!("{inside}/rolebindings?fieldManager=me")).body(binding("readers", "Role", "reader", user("operator"))),
        step("admin", "POST", &format!("{inside}/rolebindings")).body(binding("bad", "Thing", "x", json!([{ "kind": "User" }]))),
        step("operator", "GET", &format!("{NS}/secrets")).metadata("List"),
        step("operator", "GET", &format!("{NS}/secrets/none")),
        step("operator", "GET", "/api/v1/secrets"),
        step("operator", "POST", &format!("{NS}/secrets")).body(secret("x", &json!({}))),
        step("admin", "POST", &format!("{RBAC}/clusterroles")).body(json!({
            "metadata": { "name": "namer" }, "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["conf"], "verbs": ["get", "watch", "list"] },
                { "nonResourceURLs": ["/metrics"], "verbs": ["get"] }],
        })),
        step("admin", "POST", &format!("{RBAC}/clusterrolebindings")).body(binding("namers", "ClusterRole", "namer", json!([{ "kind": "Group", "name": "operators" }]))),
        step("operator", "GET", &format!("{NS}/configmaps/conf")),
        step("operator", "GET", &format!("{NS}/configmaps")),
        step("operator", "GET", &format!("{NS}/configmaps?fieldSelector=metadata.name%3Dconf")),
        step("admin", "POST", &format!("{inside}/rolebindings")).body(binding("dangling", "Role", "gone", user("alice"))),
        step("alice", "GET", &format!("{NS}/secrets")),
        step("admin", "POST", &format!("{inside}/rolebindings")).body(binding("robots", "ClusterRole", "namer", json!([{ "kind": "ServiceAccount", "name": "r2", "namespace": "shop" }]))),
        step("admin", "POST", &format!("{NS}/serviceaccounts")).body(json!({ "metadata": { "name": "r2" } })),
        step("admin", "POST", &format!("{NS}/serviceaccounts/r2/token")).body(json!({ "spec": {} })).keep("r2", "/status/token"),
        step("$r2", "GET", &format!("{NS}/configmaps/conf")),
        // Nobody gives what he has not.
        step("admin", "POST", &format!("{inside}/roles")).body(role("maker", json!([{ "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create"] }]))),
        step("admin", "POST", &format!("{inside}/rolebindings")).body(binding("makers", "Role", "maker", user("operator"))),
        step("operator", "POST", &format!("{inside}/roles")).body(role("more", secrets(&["get", "delete", "create"]))),
        step("operator", "POST", &format!("{inside}/roles")).body(role("same", secrets(&["get"]))),
        step("operator", "POST", &format!("{inside}/rolebindings")).body(binding("me", "ClusterRole", "cluster-admin", user("operator"))),
        step("operator", "POST", &format!("{inside}/rolebindings")).body(binding("me", "Role", "nothing", user("operator"))),
        step("admin", "GET", &format!("{inside}/roles")),
        step("admin", "GET", &format!("{inside}/rolebindings")).metadata("List"),
        step("admin", "GET", &format!("{RBAC}/clusterroles/cluster-admin")),
        step("admin", "GET", &format!("{RBAC}/clusterrolebindings/cluster-admin")),
        step("admin", "GET", &format!("{RBAC}/clusterroles/system:basic-user")),
        step("admin", "GET", &format!("{RBAC}/clusterroles/none")),
        step("operator", "GET", &format!("{RBAC}/clusterroles")),
        step("admin", "PATCH", &format!("{inside}/rolebindings/readers")).body(json!({ "roleRef": { "name": "other" } })),
        step("admin", "DELETE", &format!("{inside}/rolebindings/readers")),
        step("admin", "DELETE", &format!("{inside}/roles/reader")),
        step("operator", "GET", &format!("{NS}/secrets")),
    ]
}

fn people() -> Vec<Step> {
    let at = format!("{NS}/secrets");
    let as_user = |user: &str, name: &str| step(user, "GET", &at).header("Impersonate-User", name);
    let rules = json!([{ "apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["alice"] }]);
    vec![
        as_user("admin", "alice"),
        as_user("admin", "alice").header("Impersonate-Group", "system:masters"),
        as_user("admin", "alice").header("Impersonate-Group", "operators").header("Impersonate-Group", "b"),
        as_user("admin", "alice").header("Impersonate-Uid", "u1").header("Impersonate-Extra-Scopes", "a"),
        as_user("admin", "system:serviceaccount:shop:robot"),
        as_user("admin", "system:anonymous"),
        as_user("operator", "alice"),
        as_user("operator", "system:serviceaccount:shop:robot"),
        step("operator", "GET", &at).header("Impersonate-Group", "system:masters"),
        step("admin", "POST", &format!("{RBAC}/clusterroles")).body(json!({ "metadata": { "name": "actor" }, "rules": rules })),
        step("admin", "POST", &format!("{RBAC}/clusterrolebindings")).body(json!({
            "metadata": { "name": "actors" }, "roleRef": { "kind": "ClusterRole", "name": "actor", "apiGroup": "rbac.authorization.k8s.io" },
            "subjects": [{ "kind": "User", "name": "operator", "apiGroup": "rbac.authorization.k8s.io" }],
        })),
        as_user("operator", "alice"),
        as_user("operator", "bob"),
        step("admin", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews").header("Impersonate-User", "alice")
            .body(json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" })),
        step("admin", "GET", &at).metadata("List").header("X-Forwarded-For", "198.51.100.7"),
    ]
}

fn strays() -> Vec<Step> {
    vec![
        step("admin", "GET", "/api/v1/things"),
        step("operator", "GET", "/api/v1/things"),
        step("admin", "GET", "/nothing"),
        step("operator", "GET", "/nothing"),
        step("admin", "GET", "/apis/example.com/v1/things"),
        // Who is authenticated may look at it by two bindings, and which is named is chance.
        step("", "GET", "/readyz"),
        step("", "GET", "/healthz"),
        step("admin", "POST", &format!("{NS}/secrets/db"))
            .body(json!({ "metadata": { "name": "db" } })),
        step("admin", "GET", &format!("{NS}/secrets/db/status")),
        step("admin", "PUT", &format!("{NS}/secrets"))
            .body(json!({ "metadata": { "name": "db" } })),
        step("admin", "PATCH", &format!("{NS}/secrets")).body(json!({})),
        step("admin", "POST", "/api/v1/secrets").body(json!({ "metadata": { "name": "db" } })),
        step("operator", "GET", "/api/v1//namespaces/shop/secrets/db")
            .differs("empty segments of a path are left out here"),
        step("operator", "GET", &format!("{NS}/secrets/d%62")),
        step(
            "operator",
            "GET",
            &format!("{NS}/secrets?fieldSelector=metadata.name%3D%3Ddb,type%3Dx"),
        ),
    ]
}
