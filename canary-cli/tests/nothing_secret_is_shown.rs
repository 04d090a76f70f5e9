//! Nothing secret is in anything that the program prints or leaves behind.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use canary_fixtures::Fault;
use canary_fixtures::aws::{Asked, Cloud};
use serde_json::json;
use support::Project;
use support::case::{Case, cluster};
use support::secrets::Secrets;
use support::thirty::Stage;

/// Every command that shows something, over everything that there is.
fn say_everything(case: &Case, canaries: &[String]) {
    let log = case.cluster.audit_log().path().display().to_string();
    for args in [
        &["check"][..],
        &["check", "--json"],
        &["plan"],
        &["plan", "--json"],
        &["plan", "--destroy"],
        &["plan", "--out", "saved"],
        &["show", "saved"],
        &["show", "saved", "--json"],
        &["list"],
        &["list", "--json"],
        &["graph"],
        &["graph", "--format", "mermaid"],
        &["drift"],
        &["drift", "--json"],
        &["detect", "--audit-log", &log],
        &["detect", "--audit-log", &log, "--json"],
        &["detect", "--audit-log", &log, "--planned"],
        &["known-readers", &log],
        &["unlock"],
    ] {
        let ran = case.project.run(&[args, &["-vv"]].concat());
        // There may be drift, and before the first apply there is nothing to watch.
        assert!(matches!(ran.code, 0 | 1 | 4), "{args:?}: {ran:#?}");
    }
    for canary in canaries {
        case.project.run(&["show", canary]).exits(0);
        case.project
            .run(&["show", canary, "--json", "-vv"])
            .exits(0);
    }
}

#[test]
fn nothing_secret_is_printed_or_left_behind() {
    let Some(cluster) = cluster() else {
        return;
    };
    let mut case = Case::new(cluster);
    let apply = ["apply", "--auto-approve", "-vv"];
    case.configure(Stage::Planted);
    let planned = case.planned(&[]);
    say_everything(&case, &[]);
    case.project.run(&apply).exits(0);
    let mut secrets = Secrets::of(&case.project, cluster, &case.namespaces);
    let mut canaries: Vec<String> = planned.iter().map(|touch| touch.address.clone()).collect();
    canaries.retain(|address| !address.contains('/'));

    // Somebody changes, labels and removes some, so that there is something to say about what they held.
    for (n, touch) in planned
        .iter()
        .filter(|touch| touch.kind == "Secret")
        .enumerate()
    {
        let path = format!(
            "/api/v1/namespaces/{}/secrets/{}",
            touch.namespace, touch.name
        );
        match n % 4 {
            0 => drop(cluster.admin(
                "PATCH",
                &path,
                Some(&json!({ "data": { "more": "c29tZXRoaW5nIGVsc2U=" } })),
            )),
            1 => drop(cluster.admin(
                "PATCH",
                &path,
                Some(&json!({ "metadata": { "labels": { "a": "b" } } })),
            )),
            2 => drop(cluster.admin("DELETE", &path, None)),
            _ => drop(cluster.request("intruder", "GET", &path, None)),
        }
    }
    say_everything(&case, &canaries);
    case.project
        .run(&[&apply[..], &["--json"]].concat())
        .exits(0);
    for namespace in &case.namespaces {
        secrets.read(cluster, namespace);
    }
    case.configure(Stage::Changed);
    say_everything(&case, &[]);
    case.project
        .run(&[
            "rotate",
            "service_account.runner",
            "--auto-approve",
            "--json",
        ])
        .exits(0);
    for namespace in &case.namespaces {
        secrets.read(cluster, namespace);
    }
    // A ledger that was lost, found again; and adopted.
    for name in ["ledger", "ledger.lock"] {
        std::fs::rename(
            case.project.path(".canary").join(name),
            case.project.path(name),
        )
        .unwrap();
    }
    case.project.run(&["plan"]).exits(0);
    case.project.run(&["recover", "-vv"]);
    case.project.run(&apply);
    for namespace in &case.namespaces {
        secrets.read(cluster, namespace);
    }
    case.project
        .run(&["destroy", "--retired-too", "--auto-approve", "-vv"]);
    assert!(secrets.len() > 150, "{}", secrets.len());
    secrets.do_not_show(&case.project);
}

#[test]
fn what_is_looked_for_would_be_found() {
    let Some(cluster) = cluster() else {
        return;
    };
    let mut case = Case::new(cluster);
    case.configure(Stage::Planted);
    let planned = case.planned(&[]);
    case.project.run(&["apply", "--auto-approve"]).exits(0);
    let secrets = Secrets::of(&case.project, cluster, &case.namespaces);
    secrets.do_not_show(&case.project);
    let login = planned
        .iter()
        .find(|touch| touch.address == "secret.login")
        .unwrap();
    let path = format!(
        "/api/v1/namespaces/{}/secrets/{}",
        login.namespace, login.name
    );
    let password = cluster.admin("GET", &path, None)["data"]["password"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::write(case.project.path("left"), format!("x: {password}")).unwrap();
    let found = catch_unwind(AssertUnwindSafe(|| secrets.do_not_show(&case.project)));
    assert!(found.is_err());
}

/// Every kind that holds a secret of an account, one in another.
const IN_ACCOUNT: &str = r#"
[iam_user.backup]
name = "svc-backup"
[iam_role.admin]
name = "OpsAdmin"
[ssm_parameter.login]
name = "/prod/db/login"
template = "password"
[secretsmanager_secret.login]
name = "prod/db"
template = "postgres"
[secretsmanager_secret.keys]
name = "prod/s3"
template = "aws-credentials"
of = "iam_user.backup"
[s3_object.dump]
bucket = "the-bucket"
name = "dump.env"
template = "aws-credentials"
of = "iam_user.backup"
make_bucket = true
logged = true
"#;

fn account(bucket: &str) -> Option<(Cloud, Project)> {
    let cloud = Cloud::for_test()?;
    let text = format!(
        "[aws]\naccount = \"{}\"\nregion = \"eu-west-1\"\n{}",
        cloud.account(),
        IN_ACCOUNT.replace("the-bucket", &format!("{bucket}-{}", cloud.account()))
    );
    let project = Project::at("/nonexistent".into(), &text).in_account(&cloud, cloud.admin_keys());
    Some((cloud, project))
}

/// The project looks for the account's secrets when it is dropped.
#[test]
fn nothing_secret_of_an_account_is_printed_or_left_behind() {
    let Some((cloud, project)) = account("shown") else {
        return;
    };
    let apply = ["apply", "--auto-approve", "-vv"];
    // Its secret is shown once, and gets lost.
    let is = |operation: &'static str| move |asked: &Asked| asked.operation == operation;
    cloud.strike(Fault::CutAfter, is("iam:CreateAccessKey"));
    cloud.strike(Fault::CutWithin, is("secretsmanager:CreateSecret"));
    for _ in 0..3 {
        project.run(&apply);
    }
    project.run(&[&apply[..], &["--json"]].concat()).exits(0);
    cloud.admin(
        "ssm:PutParameter",
        &json!({ "Name": "/prod/db/login", "Value": "somebody's own", "Type": "SecureString", "Overwrite": true }),
    );
    let trail = tempfile::tempdir().unwrap();
    cloud.write_trail(trail.path()).unwrap();
    let trail = trail.path().display().to_string();
    for args in [
        &["plan"][..],
        &["plan", "--json"],
        &["plan", "--destroy"],
        &["plan", "--out", "saved"],
        &["show", "saved", "--json"],
        &["list", "--json"],
        &["graph"],
        &["drift", "--json"],
        &["detect", "--cloudtrail", &trail],
        &["detect", "--cloudtrail", &trail, "--json"],
        &["detect", "--last-used"],
    ] {
        let ran = project.run(&[args, &["-vv"]].concat());
        assert!(matches!(ran.code, 0 | 4), "{args:?}: {ran:#?}");
    }
    for canary in [
        "iam_user.backup",
        "ssm_parameter.login",
        "secretsmanager_secret.keys",
    ] {
        project.run(&["show", canary, "--json", "-vv"]).exits(0);
    }
    project.run(&apply).exits(0);
    project
        .run(&[
            "rotate",
            "iam_user.backup",
            "--auto-approve",
            "--json",
            "-vv",
        ])
        .exits(0);
    for name in ["ledger", "ledger.lock"] {
        let here = project.path(".canary").join(name);
        std::fs::rename(here, project.path(name)).unwrap();
    }
    project.run(&["plan", "-vv"]).exits(0);
    project.run(&["recover", "-vv"]);
    project.run(&["destroy", "--retired-too", "--auto-approve", "-vv"]);
    assert!(cloud.secrets().all().len() > 8);
}

#[test]
fn what_is_looked_for_in_an_account_would_be_found() {
    let Some((cloud, project)) = account("found") else {
        return;
    };
    project.run(&["apply", "--auto-approve"]).exits(0);
    let given = cloud.secrets().all();
    let value = given.iter().find(|value| value.starts_with(b"{")).unwrap();
    let value = String::from_utf8(value.clone()).unwrap();
    let left = json!({ "request": { "SecretString": value } }).to_string();
    std::fs::write(project.path("left"), left).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(project))).is_err());
}
