//! `[pod_credentials.…]`: read, planned, planted, looked at and taken back.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::path::PathBuf;

use canary_fixtures::aws::Cloud;
use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::{Project, alerts};

/// Thirty-two threes, so that what is chosen is the same on every run.
const KEY: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";

const AWS: &str = "[aws]\naccount = \"123456789012\"\nregion = \"eu-west-1\"\n";
const PRINCIPAL: &str = "agent_principal = \"arn:aws:iam::123456789012:role/workers\"\n";
const OIDC: &str = "agent_oidc = \"arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EX\"\n";
const SUBJECT: &str = "agent_subject = \"system:serviceaccount:platform:sync\"\n";
/// As the design has it.
const WEB: &str = "[pod_credentials.web]\nnamespaces = [\"web-*\"]\nbait = \"aws\"\n";

/// What would be chosen by the site, which is another on every run.
const CHOSEN: &str = "secret = \"{workload}-sync\"\naws_directory = \"/etc/{workload}-sync\"\nprofile = \"s3-sync\"\n";

fn offline(config: &str) -> Project {
    let config = format!("[kubernetes]\n{config}");
    Project::at(PathBuf::from("/nonexistent"), &config).with_variable("CANARY_KEY", KEY.into())
}

#[test]
fn what_sessions_need_is_told_until_it_is_there() {
    let check = |config: &str, code: i32| offline(config).run(&["check", "--offline"]).exits(code);
    let oidc_alone = format!("{AWS}{OIDC}{WEB}");
    let subject_alone = format!("{AWS}{SUBJECT}{WEB}");
    let other = format!(
        "{AWS}{}{SUBJECT}{WEB}",
        OIDC.replace("123456789012", "210987654321")
    );
    for (config, words) in [
        (WEB.to_owned(), "the bait \"aws\" needs an account of AWS"),
        (format!("{AWS}{WEB}"), "[aws] does not say who issues"),
        (oidc_alone, "whose tokens may have sessions is not said"),
        (subject_alone, "who vouches for its tokens is not said"),
        (other, "it is a provider of another account"),
        (
            format!("{AWS}{PRINCIPAL}{OIDC}{SUBJECT}{WEB}"),
            "they exclude each other",
        ),
    ] {
        check(&config, 3).says(words);
    }
    check(&format!("{AWS}{PRINCIPAL}{WEB}"), 0)
        .says("is valid: 1 canary")
        .shows("a session lasts 1h, because an assumed role assumes it (role chaining)");
    let ran = check(&format!("{AWS}{OIDC}{SUBJECT}{WEB}"), 0);
    assert!(!ran.out.contains("lasts 1h"), "{}", ran.out);
    let user = PRINCIPAL.replace("role/workers", "user/sync");
    let ran = check(&format!("{AWS}{user}{WEB}"), 0);
    assert!(!ran.out.contains("lasts 1h"), "{}", ran.out);
    // A role that is declared has its own trust.
    let of = format!("{AWS}[iam_role.ops]\nname = \"ops\"\n{WEB}of = \"iam_role.ops\"\n");
    check(&of, 0);
}

#[test]
fn everything_that_is_wrong_with_a_table_is_told_in_one_run() {
    let config = r#"
[pod_credentials.a]
namespaces = ["kube-system", "Web", "web-"]
labels = "app in (x"
workloads = ["Deploymnt"]
share = 0
bait = ["kubeconfig", "gcp"]
kubeconfig_directory = "/var/run/secrets/kubernetes.io/x"
kubeconfig_file = "a/b"
secret = "canary"
env = "AWS_PROFILE"
"#;
    offline(config)
        .run(&["check", "--offline"])
        .exits(3)
        .says("namespaces of the cluster itself, kube-…, are never covered")
        .says("only a to z, 0 to 9 and `-`")
        .says("expected values in brackets, as in (web, api)")
        .says("did you mean `Deployment`?")
        .says("expected 1 to 100")
        .says("`bait` cannot be `gcp`")
        .says("/var/run is not for such files")
        .says("`/` is not allowed")
        .says("the word `canary` in it tells everybody what it is")
        .says("unknown key `env`");
    // What contradicts something else.
    let config = r#"
[pod_credentials.b]
namespaces = ["web", "ops-*"]
except = ["web", "ops-*"]
bait = "kubeconfig"
profile = "x"
expiry = "5m"
"#;
    offline(config)
        .run(&["check", "--offline"])
        .exits(3)
        .says("`except` leaves all of web out")
        .says("`except` leaves all of ops-* out")
        .says("it is about the bait \"aws\"")
        .says("a token cannot be asked to live that long");
    let config = format!(
        "{AWS}{PRINCIPAL}[pod_credentials.c]\nnamespaces = [\"*\"]\nbait = [\"aws\", \"kubeconfig\"]\n\
         aws_directory = \"/etc/x\"\nkubeconfig_directory = \"/etc/x/y\"\nkubeconfig_file = \"config\"\n"
    );
    offline(&config)
        .run(&["check", "--offline"])
        .exits(3)
        .says("two files of a pod would be called config")
        .says("one bait would lie in the directory of the other");
}

#[test]
fn of_two_that_name_the_same_namespace_the_second_says_which_is_meant() {
    let table = |label: &str| {
        format!("[pod_credentials.{label}]\nnamespaces = [\"web\"]\nbait = \"kubeconfig\"\n")
    };
    // The order of the file, not of the labels.
    offline(&format!("{}{}", table("z"), table("a")))
        .run(&["check", "--offline"])
        .exits(0)
        .shows("pod_credentials.z covers web too: a pod that matches both has what that says");
}

fn dump(namespaces: &[&str]) -> String {
    let mut items = vec![json!({
        "kind": "ServiceAccount",
        "metadata": { "name": "default", "namespace": "web-a", "uid": "d", "resourceVersion": "2" },
    })];
    items.extend(namespaces.iter().map(|name| {
        json!({ "kind": "Namespace", "metadata": {
            "name": name, "uid": name, "resourceVersion": "1", "creationTimestamp": "2026-11-01T00:00:00Z",
        }})
    }));
    json!({ "kind": "List", "items": items }).to_string()
}

#[test]
fn a_plan_has_an_account_in_every_namespace_that_matches_and_says_where_the_files_lie() {
    let config = "[pod_credentials.web]\nnamespaces = [\"web-*\", \"shop\"]\nexcept = [\"web-x\"]\n\
                  bait = \"kubeconfig\"\nkeep_retired = \"7d\"\n";
    let project = offline(config);
    let namespaces = ["kube-system", "web-a", "web-b", "web-x", "shop", "ops"];
    std::fs::write(project.path("dump.json"), dump(&namespaces)).unwrap();
    let ran = project.run(&["plan", "--from", "dump.json"]).exits(0);
    insta::assert_snapshot!("plan", ran.out);
    let ran = project.run(&["check", "--offline"]).exits(0);
    insta::assert_snapshot!("check", ran.out);
    // Nothing matches.
    std::fs::write(project.path("dump.json"), dump(&["kube-system", "ops"])).unwrap();
    project.configure(&format!(
        "[kubernetes]\n{}",
        config.replace(", \"shop\"", "")
    ));
    project
        .run(&["plan", "--from", "dump.json"])
        .exits(0)
        .shows("no namespace that is there matches, so no pod has one");
}

fn account_in(cluster: &ControlPlane, namespace: &str) -> Option<String> {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let list = cluster.admin("GET", &path, None);
    let items = list["items"].as_array().unwrap();
    let mut names = items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap());
    names.find(|name| *name != "default").map(str::to_owned)
}

#[test]
fn accounts_come_with_their_namespaces_and_are_kept_when_nobody_may_look() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    cluster.grant_everywhere("operator", &all);
    let (a, b) = (cluster.namespace("web-a"), cluster.namespace("web-b"));
    let config =
        "[kubernetes]\n[pod_credentials.web]\nnamespaces = [\"web-*\"]\nbait = \"kubeconfig\"\n";
    let project = Project::new(&cluster, "operator", config);
    project.settles();
    let name = account_in(&cluster, &a).unwrap();
    assert!(account_in(&cluster, &b).is_some());
    let path = format!("/api/v1/namespaces/{a}/serviceaccounts/{name}");
    let account = cluster.admin("GET", &path, None);
    assert_eq!(account["automountServiceAccountToken"], false);
    let listed = project.run(&["list"]).exits(0);
    for namespace in [&a, &b] {
        assert!(
            listed
                .out
                .contains(&format!("pod_credentials.web/{namespace}"))
        );
    }
    project.run(&["show", "pod_credentials.web"]).exits(0);

    // One more namespace, and one more account.
    let later = cluster.namespace("web-later");
    let ran = project.run(&["plan"]).exits(0).shows("Plan: 1 to add");
    assert!(ran.out.contains(&later));
    project.settles();

    // Somebody removes one, and it is made anew.
    cluster.admin("DELETE", &path, None);
    project.run(&["drift"]).exits(4).shows(&name);
    project.settles();

    // Who may not see which namespaces there are changes nothing.
    let there = json!([
        { "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["*"] },
        { "apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"] },
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "list"] },
    ]);
    cluster.grant_everywhere("alice", &there);
    let blind = cluster.kubeconfig("alice", None).display().to_string();
    let blind = project.with_variable("KUBECONFIG", blind);
    blind
        .run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .shows("Not seen");
    let project = blind;

    // Whoever uses the account is told.
    let path = format!(
        "/api/v1/namespaces/{b}/serviceaccounts/{}/token",
        account_in(&cluster, &b).unwrap()
    );
    cluster.admin("POST", &path, Some(&json!({ "spec": {} })));
    let told = alerts(&project, &cluster);
    let of_web = told
        .iter()
        .filter(|alert| alert.to_string().contains("pod_credentials.web"));
    assert!(of_web.count() > 0, "{told:?}");
}

#[test]
fn a_role_of_its_own_is_made_where_sessions_are_given() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    cluster.grant_everywhere("operator", &all);
    cluster.namespace("web-a");
    let account = cloud.account();
    let config = format!(
        "[kubernetes]\n{}{}{WEB}{CHOSEN}",
        AWS.replace("123456789012", account),
        PRINCIPAL.replace("123456789012", account)
    );
    let project = Project::new(&cluster, "operator", &config)
        .in_account(&cloud, cloud.admin_keys())
        .with_variable("CANARY_KEY", KEY.into());
    let plan = project.run(&["plan"]).exits(0).shows("Plan: 1 to add");
    let name = plan
        .out
        .split(" Role ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let shown = plan.out.replace(account, "123456789012");
    let shown = shown.replace(&format!("Role {}", name.unwrap()), "Role NAME");
    insta::assert_snapshot!("plan_of_a_role", shown);
    project.settles();
    let roles = cloud.admin("iam:ListRoles", &json!({}));
    let roles = roles["Roles"].as_array().unwrap();
    let ours: Vec<&Value> = roles
        .iter()
        .filter(|role| {
            role["AssumeRolePolicyDocument"]
                .to_string()
                .contains("role/workers")
        })
        .collect();
    assert_eq!(ours.len(), 1, "{roles:?}");
    project
        .run(&["list"])
        .exits(0)
        .shows("pod_credentials.web/role");
    project.run(&["destroy", "--auto-approve"]).exits(0);
}
