//! With `--planned`: who plants the canaries as configured is not told, and nothing that anybody else does is taken for it.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::path::PathBuf;

use serde_json::json;
use support::Project;
use support::audit::{Record, findings, log, record, told};

const CONFIG: &str = "[kubernetes]\n\
    [secret.db]\nnamespace = \"shop\"\nname = \"db-admin\"\ntemplate = \"postgres\"\n\
    [service_account.bot]\nnamespace = \"shop\"\nname = \"bot\"\n";
const BOT: &str = "system:serviceaccount:shop:bot";

/// What is told of these records, with `operator` as the one who plants, and without anybody said to.
fn told_of(records: &[Record]) -> [Vec<String>; 2] {
    let project = Project::at(PathBuf::from("/nonexistent"), CONFIG);
    let lines: Vec<String> = records.iter().map(Record::line).collect();
    let log = log(&project, &lines);
    let path = log.display().to_string();
    let ran = project
        .run(&["detect", "--planned", "--audit-log", &path, "--json"])
        .exits(0);
    let unsaid: Vec<_> = ran.json_lines();
    [told(&findings(&project, &log)), told(&unsaid)]
}

fn nothing() -> [Vec<String>; 2] {
    [Vec::new(), Vec::new()]
}

/// The second of a minute.
fn second(record: Record, second: u8) -> Record {
    record.at(&format!("2026-11-22T05:40:{second:02}.100000Z"))
}

fn by_operator(record: Record) -> Record {
    record.by("operator", "o")
}

fn made(verb: &str) -> Record {
    by_operator(record(verb, "secrets", "db-admin").code(201))
}

#[test]
fn a_create_and_an_apply_that_finds_nothing_plant_whatever_else_was_asked_before() {
    let looks = by_operator(record("get", "secrets", "db-admin").code(404));
    let lists = record("list", "secrets", "");
    for verb in ["create", "patch"] {
        let planting = made(verb);
        assert_eq!(
            told_of(std::slice::from_ref(&planting)),
            nothing(),
            "{verb}"
        );
        let before = [
            second(lists.clone(), 1),
            second(looks.clone(), 2),
            second(planting.clone(), 2).at("2026-11-22T05:40:02.200000Z"),
        ];
        assert_eq!(told_of(&before), nothing(), "{verb}");
        let after = [second(planting, 1), second(lists.clone(), 2)];
        let read = vec!["Medium secret.db was read among others".to_owned()];
        assert_eq!(told_of(&after), [read.clone(), read], "{verb}");
    }
}

#[test]
fn a_dry_run_plants_nothing() {
    let dry = made("create").uri("/api/v1/namespaces/shop/secrets?dryRun=All");
    let real = made("create");
    assert_eq!(told_of(&[second(dry, 1), second(real, 2)]), nothing());
}

#[test]
fn a_create_that_uses_a_canary_or_only_names_one_is_told() {
    let about = |resource: &str, body| {
        record("create", resource, "")
            .code(201)
            .with("/requestObject", body)
    };
    let review = || record("create", "selfsubjectaccessreviews", "").code(201);
    let cases = [
        ("was used", review().by(BOT, "b")),
        (
            "was used",
            review().with("/impersonatedUser", json!({ "username": BOT })),
        ),
        (
            "was named by another object",
            about("pods", json!({ "spec": { "serviceAccountName": "bot" } })),
        ),
        (
            "was named by another object",
            about(
                "clusterrolebindings",
                json!({ "subjects": [{ "kind": "User", "name": BOT }] }),
            ),
        ),
    ];
    for (words, record) in cases {
        let expected = vec![format!("Critical service_account.bot {words}")];
        let line = record.line();
        assert_eq!(
            told_of(std::slice::from_ref(&record)),
            [expected.clone(), expected.clone()],
            "{line}"
        );
        // The one who plants has no more reason to than anybody else.
        if words != "was used" {
            assert_eq!(
                told_of(&[by_operator(record)]),
                [expected.clone(), expected],
                "{line}"
            );
        }
    }
}

#[test]
fn what_somebody_had_before_was_not_made_by_him() {
    let by_eve = |record: Record| record.by("eve", "e");
    let reads = by_eve(record("get", "secrets", "db-admin"));
    let deletes = by_eve(record("delete", "secrets", "db-admin"));
    for verb in ["create", "patch"] {
        let again = by_eve(record(verb, "secrets", "db-admin").code(201));
        let records = [
            second(reads.clone(), 1),
            second(deletes.clone(), 5),
            second(again, 9),
        ];
        let [_, unsaid] = told_of(&records);
        assert_eq!(unsaid, ["Critical secret.db was changed"], "{verb}");
    }
}

#[test]
fn a_second_create_of_the_same_name_is_nobodys_planting_unless_it_is_said_whose_it_is() {
    let again = made("create").by("mallory", "m");
    let expected = vec!["Critical secret.db was changed".to_owned()];
    let records = [second(made("create"), 1), second(again, 9)];
    assert_eq!(told_of(&records), [expected.clone(), expected]);
}
