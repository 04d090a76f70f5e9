//! What counts as a touch, kind by kind, in every writing.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::Project;
use support::audit::{Record, findings, log, record, told};

const CONFIG: &str = "[kubernetes]\n\
    [secret.db]\nnamespace = \"shop\"\nname = \"db-admin\"\ntemplate = \"postgres\"\n\
    [config_map.env]\nnamespace = \"shop\"\nname = \"vpn-env\"\ntemplate = \"env-file\"\n\
    [service_account.bot]\nnamespace = \"shop\"\nname = \"bot\"\n";
const BOT: &str = "system:serviceaccount:shop:bot";
const SECRETS: &str = "/api/v1/namespaces/shop/secrets";

fn project() -> Project {
    Project::at(PathBuf::from("/nonexistent"), CONFIG)
}

fn told_of(project: &Project, records: &[Record]) -> Vec<String> {
    let lines: Vec<String> = records.iter().map(Record::line).collect();
    told(&findings(project, &log(project, &lines)))
}

/// Each record alone is told as that.
#[track_caller]
fn each_is(expected: &[&str], records: Vec<Record>) {
    let project = project();
    for record in records {
        assert_eq!(
            told_of(&project, std::slice::from_ref(&record)),
            expected,
            "{}",
            record.line()
        );
    }
}

fn list(query: &str) -> Record {
    record("list", "secrets", "").uri(&format!("{SECRETS}?{query}"))
}

#[test]
fn a_secret_is_read_by_name_in_every_writing() {
    let long = vec!["metadata.name%3Ddb-admin"; 4000].join("%2C");
    each_is(
        &["Critical secret.db was read"],
        vec![
            record("get", "secrets", "db-admin"),
            record("get", "secrets", "db-admin").received(),
            record("get", "secrets", "db-admin").with("/stage", "Panic".into()),
            record("get", "secrets", "db-admin").with("/apiVersion", "audit.k8s.io/v1beta1".into()),
            list("fieldSelector=metadata.name%3Ddb-admin"),
            list("fieldSelector=metadata.name==db-admin"),
            list("field%53elector=metadata.name%3D%64b-admin"),
            list("fieldSelector=type%3DOpaque%2Cmetadata.name%3Ddb-admin"),
            record("list", "secrets", "db-admin")
                .everywhere()
                .uri("/api/v1/secrets?fieldSelector=metadata.name%3Ddb-admin"),
            record("list", "secrets", "db-admin")
                .everywhere()
                .uri(&format!("/api/v1/secrets?fieldSelector={long}")),
            record("watch", "secrets", "db-admin")
                .uri("/api/v1/watch/namespaces/shop/secrets/db-admin")
                .without("", "objectRef"),
        ],
    );
}

#[test]
fn what_was_named_and_not_had_is_told_so() {
    each_is(
        &["Critical secret.db was asked for in vain"],
        vec![
            record("get", "secrets", "db-admin").code(404),
            record("update", "secrets", "db-admin").code(409),
        ],
    );
    let dry = format!("{SECRETS}/db-admin?dryRun=All");
    each_is(
        &["Critical secret.db was touched by a dry run"],
        vec![record("patch", "secrets", "db-admin").uri(&dry)],
    );
}

#[test]
fn a_name_in_another_namespace_is_another_object() {
    let narrowed = |namespace: &str| {
        let query = format!("metadata.name%3Ddb-admin%2Cmetadata.namespace%3D{namespace}");
        record("list", "secrets", "db-admin")
            .without("/objectRef", "namespace")
            .uri(&format!("/api/v1/secrets?fieldSelector={query}"))
    };
    each_is(&[], vec![narrowed("other")]);
    each_is(&["Critical secret.db was read"], vec![narrowed("shop")]);
}

#[test]
fn what_the_reference_leaves_out_stands_in_the_path() {
    let whole = || record("get", "secrets", "db-admin");
    each_is(
        &["Critical secret.db was read"],
        vec![
            whole().without("/objectRef", "namespace"),
            whole().without("/objectRef", "name"),
            whole()
                .without("/objectRef", "namespace")
                .without("/objectRef", "name"),
        ],
    );
    each_is(
        &["Critical secret.db was read"],
        vec![
            whole().with("/objectRef/namespace", "".into()),
            whole().with("/objectRef/name", "".into()),
        ],
    );
    let account = record("delete", "serviceaccounts", "bot").without("/objectRef", "name");
    each_is(&["Critical service_account.bot was deleted"], vec![account]);
}

#[test]
fn a_secret_is_written_or_refused_by_name() {
    each_is(
        &["Critical secret.db was touched by a dry run"],
        ["create", "update", "patch", "delete"]
            .into_iter()
            .map(|verb| {
                record(verb, "secrets", "db-admin").uri(&format!("{SECRETS}/db-admin?dryRun=All"))
            })
            .collect(),
    );
    each_is(
        &["Critical secret.db was changed"],
        ["create", "update", "patch"]
            .into_iter()
            .map(|verb| record(verb, "secrets", "db-admin"))
            .collect(),
    );
    each_is(
        &["Critical secret.db was deleted"],
        [record("delete", "secrets", "db-admin")]
            .into_iter()
            .chain([record("deletecollection", "secrets", "")
                .uri(&format!("{SECRETS}?fieldSelector=metadata.name%3Ddb-admin"))])
            .collect(),
    );
    each_is(
        &["High secret.db was asked for, and refused"],
        vec![record("get", "secrets", "db-admin").code(403)],
    );
}

#[test]
fn a_secret_is_read_among_others_as_far_as_the_selectors_cover_it() {
    each_is(
        &["Medium secret.db was read among others"],
        vec![
            record("list", "secrets", ""),
            record("list", "secrets", "").everywhere(),
            list("labelSelector=owner!%3Dhelm"),
            list("labelSelector=owner+notin+(helm)"),
            list("labelSelector=((("),
            list("fieldSelector=metadata.name!%3Dother"),
            record("watch", "secrets", "").with("/stage", "ResponseStarted".into()),
            record("watch", "secrets", "").uri("/api/v1/watch/namespaces/shop/secrets"),
        ],
    );
    each_is(
        &[],
        vec![
            list("labelSelector=owner%3Dhelm"),
            list("labelSelector=owner+in+(helm)"),
            list("fieldSelector=metadata.name%3Dother"),
            list("fieldSelector=metadata.name!%3Ddb-admin"),
            record("get", "secrets", "other"),
        ],
    );
}

#[test]
fn a_config_map_is_touched_by_name_and_by_who_deletes_all_and_not_by_who_lists_all_day() {
    each_is(
        &["Critical config_map.env was read"],
        vec![
            record("get", "configmaps", "vpn-env"),
            record("list", "configmaps", "vpn-env")
                .uri("/api/v1/namespaces/shop/configmaps?fieldSelector=metadata.name%3Dvpn-env"),
        ],
    );
    each_is(
        &["Medium config_map.env was deleted among others"],
        vec![record("deletecollection", "configmaps", "")],
    );
    each_is(
        &[],
        vec![
            record("list", "configmaps", ""),
            record("watch", "configmaps", "").with("/stage", "ResponseStarted".into()),
        ],
    );
}

fn acting(identity: Value) -> Record {
    record("list", "pods", "").with("/impersonatedUser", identity)
}

fn about(verb: &str, resource: &str, part: &str, body: Value) -> Record {
    record(verb, resource, "x").with(part, body)
}

#[test]
fn an_account_is_touched_by_whoever_acts_as_it_or_gives_it_something_to_do() {
    each_is(
        &["Critical service_account.bot was used"],
        vec![
            acting(json!({ "username": BOT })),
            record("get", "pods", "x").by(BOT, "b"),
        ],
    );
    let subject = json!({ "kind": "ServiceAccount", "name": "bot", "namespace": "shop" });
    let binding = json!({ "subjects": [subject] });
    let joins = json!([{ "op": "add", "path": "/subjects/-", "value": subject }]);
    let runs =
        json!([{ "op": "add", "path": "/spec/template/spec/serviceAccountName", "value": "bot" }]);
    each_is(
        &["Critical service_account.bot was changed"],
        vec![record("patch", "serviceaccounts", "bot")],
    );
    each_is(
        &["Critical service_account.bot had a token issued"],
        vec![
            record("create", "serviceaccounts", "bot")
                .with("/objectRef/subresource", "token".into()),
        ],
    );
    each_is(
        &["Critical service_account.bot was named by another object"],
        vec![
            about("create", "rolebindings", "/requestObject", binding.clone()),
            about(
                "create",
                "clusterrolebindings",
                "/requestObject",
                json!({ "subjects": [{ "kind": "User", "name": BOT }] }),
            ),
            about("patch", "rolebindings", "/requestObject", joins),
            about("patch", "rolebindings", "/responseObject", binding.clone()),
            about(
                "create",
                "pods",
                "/requestObject",
                json!({ "spec": { "serviceAccountName": "bot" } }),
            ),
            about("patch", "deployments", "/requestObject", runs),
            about(
                "create",
                "subjectaccessreviews",
                "/requestObject",
                json!({ "spec": { "user": BOT } }),
            ),
            about(
                "create",
                "localsubjectaccessreviews",
                "/requestObject",
                json!({ "spec": { "user": BOT } }),
            ),
        ],
    );
    each_is(
        &[],
        vec![
            record("get", "serviceaccounts", "bot"),
            record("list", "serviceaccounts", ""),
            about(
                "list",
                "rolebindings",
                "/responseObject",
                json!({ "items": [binding] }),
            ),
        ],
    );
}

#[test]
fn a_request_that_came_in_and_was_refused_is_one_alert_in_any_order() {
    let project = project();
    let refused = record("get", "secrets", "db-admin").code(403);
    for records in [
        [refused.clone().received(), refused.clone()],
        [refused.clone(), refused.clone().received()],
    ] {
        assert_eq!(
            told_of(&project, &records),
            ["High secret.db was asked for, and refused"]
        );
    }
}

#[test]
fn whoever_acts_by_uid_alone_acts_as_somebody_else() {
    let project = project();
    let acts = list("").with("/impersonatedUser", json!({ "uid": "7" }));
    assert_eq!(
        told_of(&project, &[acts]),
        ["High secret.db was read among others"]
    );
}

#[test]
fn no_value_of_a_logged_body_reaches_an_output() {
    let project = project();
    let value = "c2VjcmV0LXZhbHVlLW9mLXRoZWlycw==";
    let secret = json!({ "kind": "Secret", "metadata": { "name": "db-admin", "annotations": { "a": value } },
        "data": { "password": value }, "stringData": { "x": value } });
    let records = [
        about("get", "secrets", "/responseObject", secret.clone())
            .with("/objectRef/name", "db-admin".into()),
        list("").with(
            "/responseObject",
            json!({ "kind": "SecretList", "items": [secret] }),
        ),
        record("patch", "secrets", "db-admin").with("/requestObject", secret),
    ];
    assert_eq!(told_of(&project, &records).len(), 2);
    let path = project.path("audit.log").display().to_string();
    project
        .run(&["detect", "--planned", "--audit-log", &path])
        .exits(0);
    let said = String::from_utf8(project.said()).unwrap();
    assert!(said.contains("secret.db") && !said.contains(value));
}
