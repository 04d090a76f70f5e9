//! What bad input gets: a message that names the place and the remedy, the right exit code, and nothing half done.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use canary_fixtures::ControlPlane;
use support::{Project, Ran};

fn nowhere(config: &str) -> Project {
    Project::at(PathBuf::from("/nonexistent"), config)
}

const ONE: &str = "[kubernetes]\n[secret.a]\nnamespace = \"shop\"\ntemplate = \"postgres\"\n";

fn mode(project: &Project, name: &str, mode: u32) {
    fs::set_permissions(project.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn everything_wrong_with_a_configuration_is_told_in_one_run() {
    let project = nowhere(
        "[kubernetes]\npersona = \"helmm\"\n[sekret.a]\n[secret.b]\nnamespace = \"Shop\"\nnmae = \"x\"\ntemplate = \"tls\"\n\
         [secret.c]\nnamespace = \"shop\"\ntemplate = \"kubeconfig\"\nof = \"service_account.nobody\"\n",
    );
    let ran = project.run(&["check"]).exits(3);
    for expected in [
        "canaries.toml:2",
        "canaries.toml:3",
        "canaries.toml:5",
        "canaries.toml:6",
        "canaries.toml:11",
    ] {
        assert!(ran.err.contains(expected), "no {expected} in:\n{}", ran.err);
    }
    for hint in ["`secret`", "`name`"] {
        assert!(ran.err.contains(hint), "no {hint} in:\n{}", ran.err);
    }
    assert!(ran.err.contains("5 errors in canaries.toml"), "{}", ran.err);
}

#[test]
fn what_only_lowering_can_tell_points_into_the_file_too() {
    let config =
        format!("{ONE}[secret.b]\nnamespace = \"shop\"\ndata = {{ key = \"{{pasword}}\" }}\n");
    nowhere(&config)
        .run(&["check"])
        .exits(3)
        .says("canaries.toml:7")
        .says("did you mean {password}?");
}

#[test]
fn two_canaries_of_one_name_are_told_where_they_are_declared() {
    let config = format!(
        "{ONE}name = \"x\"\n[secret.b]\nnamespace = \"shop\"\nname = \"x\"\ntemplate = \"tls\"\n"
    );
    nowhere(&config)
        .run(&["check"])
        .exits(3)
        .says("secret.a and secret.b would both be Secret shop/x")
        .says("canaries.toml:8:8")
        .says("1 error in canaries.toml");
}

#[test]
fn a_missing_wrong_or_exposed_key_is_refused() {
    let project = nowhere(ONE);
    mode(&project, ".canary/key", 0o644);
    project
        .run(&["check"])
        .exits(3)
        .says("can be read by others (mode 644)")
        .says("chmod 600");
    fs::write(project.path(".canary/key"), "short\n").unwrap();
    mode(&project, ".canary/key", 0o600);
    project
        .run(&["check"])
        .exits(3)
        .says("a key is 32 bytes in base64");
    fs::remove_file(project.path(".canary/key")).unwrap();
    project
        .run(&["check"])
        .exits(3)
        .says("canary init makes one");
    let mut command = project.command(&["check"]);
    command.env("CANARY_KEY", "bm90IGEga2V5");
    Ran::from(command.output().unwrap())
        .exits(3)
        .says("CANARY_KEY");
}

#[test]
fn init_leaves_alone_what_is_there() {
    let project = nowhere(ONE);
    let key = fs::read(project.path(".canary/key")).unwrap();
    project.run(&["init"]).exits(0).says("is there already");
    assert_eq!(fs::read(project.path(".canary/key")).unwrap(), key);
    assert_eq!(
        fs::read_to_string(project.path("canaries.toml")).unwrap(),
        ONE
    );
    assert_eq!(
        fs::read_to_string(project.path(".gitignore")).unwrap(),
        ".canary/\n"
    );
}

#[test]
fn a_key_elsewhere_in_the_project_is_kept_out_of_version_control_too() {
    let project = nowhere(ONE);
    project.run(&["init", "--key-file", "site.key"]).exits(0);
    assert_eq!(
        fs::read_to_string(project.path(".gitignore")).unwrap(),
        ".canary/\n/site.key\n"
    );
    let folder = fs::metadata(project.path(".canary")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_saved_plan_is_put_into_a_file_of_its_own() {
    let project = nowhere(ONE);
    // Left by somebody, as a link to what we may write and he may not.
    fs::write(project.path("precious"), "as it was").unwrap();
    std::os::unix::fs::symlink(project.path("precious"), project.path("p.unfinished")).unwrap();
    fs::write(
        project.path("dump.json"),
        r#"{"kind":"Namespace","metadata":{"name":"shop","uid":"u","creationTimestamp":"2026-01-01T00:00:00Z"}}
{"kind":"Secret","metadata":{"name":"a","namespace":"shop","uid":"v","resourceVersion":"1","creationTimestamp":"2026-01-01T00:00:00Z"}}"#,
    )
    .unwrap();
    project
        .run(&["plan", "--from", "dump.json", "--out", "p"])
        .exits(0);
    assert_eq!(
        fs::read_to_string(project.path("precious")).unwrap(),
        "as it was"
    );
    let saved = fs::symlink_metadata(project.path("p")).unwrap();
    assert!(saved.is_file());
    assert_eq!(saved.permissions().mode() & 0o777, 0o600);
    fs::write(project.path("empty"), "").unwrap();
    project
        .run(&["plan", "--from", "empty"])
        .exits(1)
        .says("no list of Kubernetes objects");
}

#[test]
fn a_ledger_that_is_not_ours_or_not_whole_is_refused_by_name() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("ledger");
    let config = ONE.replace("shop", &namespace);
    let project = Project::new(cluster, "admin", &config);
    project.run(&["apply", "--auto-approve"]).exits(0);
    let ledger = project.path(".canary/ledger");
    let whole = fs::read(&ledger).unwrap();
    assert_eq!(
        fs::metadata(&ledger).unwrap().permissions().mode() & 0o777,
        0o600
    );

    mode(&project, ".canary/ledger", 0o640);
    project
        .run(&["plan"])
        .exits(1)
        .says("can be read by others")
        .says("chmod 600");
    mode(&project, ".canary/ledger", 0o600);

    fs::write(&ledger, &whole[..whole.len() / 2]).unwrap();
    project
        .run(&["plan"])
        .exits(1)
        .says("is cut")
        .says("canary recover");
    // Of one that was emptied nothing is known either, and it is not taken for a new one.
    fs::write(&ledger, b"").unwrap();
    for command in ["plan", "list"] {
        project
            .run(&[command])
            .exits(1)
            .says("is cut")
            .says("canary recover");
    }
    fs::rename(&ledger, project.path("away")).unwrap();
    project.run(&["list"]).exits(0).says("is gone");
    fs::rename(project.path("away"), &ledger).unwrap();
    fs::write(
        &ledger,
        b"something else entirely, and long enough to look at",
    )
    .unwrap();
    project.run(&["plan"]).exits(1);
    let mut changed = whole.clone();
    let middle = whole.len() / 2;
    changed[middle] ^= 1;
    fs::write(&ledger, &changed).unwrap();
    project.run(&["plan"]).exits(1).says("damaged at byte");
    let mut newer = whole.clone();
    newer[8..10].copy_from_slice(&99_u16.to_be_bytes());
    fs::write(&ledger, &newer).unwrap();
    project.run(&["plan"]).exits(1).says("version 99");

    fs::write(&ledger, &whole).unwrap();
    let key = fs::read(project.path(".canary/key")).unwrap();
    fs::remove_file(project.path(".canary/key")).unwrap();
    project.run(&["init"]).exits(0);
    project
        .run(&["plan"])
        .exits(1)
        .says("another key")
        .says("--key-file");
    fs::write(project.path(".canary/key"), key).unwrap();
    project.run(&["destroy", "--auto-approve"]).exits(0);
}

#[test]
fn a_server_that_is_not_there_or_does_not_know_us_is_told() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    // Nobody listens on the port of a listener that was closed.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let closed = format!("https://127.0.0.1:{port}");
    let project = Project::at(cluster.kubeconfig("admin", Some(&closed)), ONE);
    project
        .run(&["plan"])
        .exits(1)
        .says("not reachable")
        .says(&closed)
        .says("is it the cluster you mean");
    let project = Project::at(cluster.kubeconfig_with_token("nobody", "wrong"), ONE);
    project
        .run(&["plan"])
        .exits(8)
        .says("you are not authenticated")
        .says("log in");
    let project = nowhere(ONE);
    project.run(&["plan"]).exits(1).says("KUBECONFIG");
}

#[test]
fn a_missing_namespace_is_an_obstacle_with_a_remedy() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let project = Project::new(cluster, "admin", &ONE.replace("shop", "not-there"));
    project
        .run(&["plan"])
        .exits(0)
        .shows("blocked: Namespace not-there does not exist")
        .shows("make it first");
    project.run(&["apply", "--auto-approve"]).exits(7);
}

#[test]
fn every_flag_has_a_variable_that_says_yes_or_no() {
    let project = nowhere(ONE);
    let run = |name: &str, value: &str, args: &[&str]| {
        Ran::from(project.command(args).env(name, value).output().unwrap())
    };
    for (value, is_json) in [
        ("1", true),
        ("true", true),
        ("yes", true),
        ("0", false),
        ("", false),
    ] {
        let ran = run("CANARY_JSON", value, &["check"]).exits(0);
        assert_eq!(ran.out.starts_with('{'), is_json, "{value:?}: {}", ran.out);
    }
    run("CANARY_NO_COLOR", "1", &["check"]).exits(0);
    run("CANARY_AUTO_APPROVE", "flase", &["apply"])
        .exits(64)
        .says("--auto-approve");
    run("CANARY_VERBOSE", "1", &["list"])
        .exits(0)
        .says("the ledger is read");
    run(
        "CANARY_TARGET",
        "secret.a,secret.q",
        &["apply", "--auto-approve"],
    )
    .exits(64)
    .says("there is no canary secret.q");
    run("CANARY_TARGET", "secret.a,q", &["apply", "--auto-approve"])
        .exits(64)
        .says("`q` is not an address");
}

#[test]
fn a_canary_that_is_not_there_is_told_with_the_nearest_that_is() {
    let project = nowhere(ONE);
    // Told before a server is asked: there is none.
    for args in [
        &["show", "secrt.a"][..],
        &["plan", "--target", "secrt.a"],
        &["apply", "--target", "secrt.a", "--auto-approve"],
        &["rotate", "secrt.a", "--auto-approve"],
    ] {
        project
            .run(args)
            .exits(64)
            .says("there is no canary secrt.a")
            .says("did you mean secret.a?");
    }
    project
        .run(&["show", "secret.a"])
        .exits(1)
        .says("secret.a is declared and not planted")
        .says("canary plan");
}

#[test]
fn output_that_is_lost_is_a_failure_and_a_plan_replaces_nothing_but_files() {
    let project = nowhere(ONE);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ran = project.command(&["schema"]).stdout(full).output().unwrap();
    Ran::from(ran).exits(1).says("standard output");
    let pipe = project.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let dump = r#"{"kind":"List","apiVersion":"v1","items":[]}"#;
    fs::write(project.path("dump"), dump).unwrap();
    let ran = project.run(&["plan", "--from", "dump", "--out", "pipe"]);
    ran.exits(1).says("pipe: this is no file");
    assert!(!pipe.is_file());
}

#[test]
fn a_damaged_lock_is_told_with_its_remedy() {
    let Some((_, _, project)) = support::named::planted("locked") else {
        return;
    };
    for damage in ["{", ""] {
        fs::write(project.path(".canary/ledger.lock"), damage).unwrap();
        project
            .run(&["apply", "--auto-approve"])
            .exits(1)
            .says("ledger is damaged")
            .says("canary unlock");
        project
            .run(&["unlock"])
            .exits(0)
            .says("The lock was damaged.");
        project.settles();
    }
}

#[test]
fn the_last_generation_is_not_raised() {
    let last = format!("{ONE}generation = 1000000\n");
    let project = nowhere(&last);
    project
        .run(&["rotate", "secret.a", "--auto-approve"])
        .exits(3)
        .says("the last that there is");
    assert_eq!(
        fs::read_to_string(project.path("canaries.toml")).unwrap(),
        last
    );
}

#[test]
fn what_a_credential_plugin_prints_is_not_told() {
    for (args, told) in [
        ("[\"-c\", \"echo TOPSECRET; exit 3\"]", "failed"),
        ("[\"-c\", \"echo 'kind: {TOPSECRET'\"]", "is no credential"),
    ] {
        let project = nowhere(ONE);
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1'}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             users: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, \
             interactiveMode: Never, args: {args}}}}}}}]\n"
        );
        fs::write(project.path("kubeconfig"), text).unwrap();
        let ran = project
            .command(&["plan", "-vvv"])
            .env("KUBECONFIG", project.path("kubeconfig"))
            .output()
            .unwrap();
        let ran = Ran::from(ran).exits(1);
        assert!(!ran.err.contains("TOPSECRET"), "{}", ran.err);
        ran.says(told);
    }
}

#[test]
fn every_stream_begins_with_its_version() {
    let project = nowhere(ONE);
    for args in [&["check", "--json"][..], &["list", "--json"]] {
        let ran = project.run(args).exits(0);
        let first = ran.out.lines().next().unwrap_or_default();
        assert!(
            first.contains("\"type\":\"version\""),
            "{args:?}: {}",
            ran.out
        );
    }
}

#[test]
fn the_command_line_is_checked_before_anything_else() {
    let project = nowhere(ONE);
    project.run(&["plam"]).exits(64).says("plan");
    project.run(&["plan", "--target", "nonsense"]).exits(64);
    project.run(&["apply"]).exits(64).says("--auto-approve");
    project.run(&["--help"]).exits(0).shows("apply");
    project.run(&["--version"]).exits(0);
    fs::remove_file(project.path("canaries.toml")).unwrap();
    project
        .run(&["plan"])
        .exits(3)
        .says("canary init makes one");
}
