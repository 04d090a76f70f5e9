//! A key of an account in a Secret of a cluster: planted, rotated, stolen and used, on a real API server and an emulated
//! account.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use canary_fixtures::ControlPlane;
use canary_fixtures::aws::{Cloud, Keys};
use serde_json::{Value, json};
use support::{Project, base64};

/// A cluster and an account with one user, whose key is in a Secret and in a ConfigMap.
struct Planes {
    cluster: ControlPlane,
    cloud: Cloud,
    project: Project,
    namespace: String,
}

fn config(account: &str, namespace: &str) -> String {
    format!(
        "[kubernetes]\n[aws]\naccount = \"{account}\"\nregion = \"eu-west-1\"\n\
         [iam_user.backup]\nname = \"svc-backup\"\npath = \"/service/\"\ntags = {{ team = \"platform\" }}\n\
         [secret.backup]\nnamespace = \"{namespace}\"\nname = \"backup-s3\"\ntemplate = \"aws-credentials\"\n\
         of = \"iam_user.backup\"\n\
         [config_map.backup]\nnamespace = \"{namespace}\"\nname = \"backup-env\"\ntemplate = \"env-file\"\n\
         of = \"iam_user.backup\"\n"
    )
}

impl Planes {
    fn new() -> Option<Self> {
        let cloud = Cloud::for_test()?;
        let cluster = ControlPlane::for_test_alone(&canary_fixtures::Options::default())?;
        let namespace = cluster.namespace("ops");
        let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
        cluster.grant_everywhere("operator", &all);
        let text = config(cloud.account(), &namespace);
        let project =
            Project::new(&cluster, "operator", &text).in_account(&cloud, cloud.admin_keys());
        Some(Self {
            cluster,
            cloud,
            project,
            namespace,
        })
    }

    /// A value of the Secret, as its reader decodes it.
    fn secret(&self, key: &str) -> String {
        let path = format!("/api/v1/namespaces/{}/secrets/backup-s3", self.namespace);
        let secret = self.cluster.admin("GET", &path, None);
        String::from_utf8(base64(secret["data"][key].as_str().unwrap())).unwrap()
    }

    fn config_map(&self) -> String {
        let path = format!(
            "/api/v1/namespaces/{}/configmaps/backup-env",
            self.namespace
        );
        let map = self.cluster.admin("GET", &path, None);
        map["data"][".env"].as_str().unwrap().to_owned()
    }

    /// Identifiers of the user's keys, the oldest first.
    fn keys(&self) -> Vec<String> {
        let listed = self
            .cloud
            .admin("iam:ListAccessKeys", &json!({ "UserName": "svc-backup" }));
        let keys = listed["AccessKeyMetadata"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let id = |key: &Value| key["AccessKeyId"].as_str().unwrap().to_owned();
        keys.iter().map(id).collect()
    }
}

/// The key in a credentials file.
fn told(file: &str) -> Keys {
    let value = |name: &str| {
        let line = file.lines().find(|line| line.starts_with(name)).unwrap();
        line.split(" = ").nth(1).unwrap().to_owned()
    };
    Keys::told(&json!({
        "AccessKeyId": value("aws_access_key_id"),
        "SecretAccessKey": value("aws_secret_access_key"),
    }))
}

#[test]
fn a_key_lives_in_a_secret_and_a_config_map_through_drift_rotation_and_removal() {
    let Some(planes) = Planes::new() else {
        return;
    };
    let project = &planes.project;
    project.run(&["plan"]).exits(0).shows("Plan: 4 to add");
    project.settles();
    let keys = planes.keys();
    assert_eq!(keys.len(), 1);
    assert!(planes.secret("credentials").contains(&keys[0]));
    assert!(planes.config_map().contains(&keys[0]));
    let drawn = project.run(&["graph"]).exits(0);
    drawn
        .shows("\"iam_user.backup/key\" -> \"secret.backup\"")
        .shows("\"iam_user.backup/key\" -> \"config_map.backup\"");

    // A lost Secret is planted again with the key that there is.
    let before = planes.secret("credentials");
    let path = format!("/api/v1/namespaces/{}/secrets/backup-s3", planes.namespace);
    planes.cluster.admin("DELETE", &path, None);
    let attach = json!({ "UserName": "svc-backup", "PolicyName": "theirs", "PolicyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}" });
    planes.cloud.admin(
        "iam:TagUser",
        &json!({ "UserName": "svc-backup", "Tags": [{ "Key": "theirs", "Value": "x" }] }),
    );
    project
        .run(&["drift"])
        .exits(4)
        .shows("was deleted")
        .shows("tags.theirs");
    project.settles();
    assert_eq!(planes.secret("credentials"), before);
    assert_eq!(planes.keys(), keys);

    // Rotation leaves no moment in which the Secret holds a key that is dead, and keeps the old one alive.
    project
        .run(&["rotate", "iam_user.backup", "--auto-approve"])
        .exits(0);
    let rotated = planes.keys();
    assert_eq!(rotated.len(), 2);
    assert!(rotated.contains(&keys[0]));
    let new = rotated.iter().find(|key| **key != keys[0]).unwrap();
    assert!(planes.secret("credentials").contains(new));
    assert!(planes.config_map().contains(new));
    project
        .run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .shows("Kept alive   1 retired credential");

    // A third one needs the room of the first, and the plan says so.
    let ran = project
        .run(&["rotate", "iam_user.backup", "--auto-approve"])
        .exits(0);
    ran.shows("no room for one more beside it: stops firing");
    let again = planes.keys();
    assert!(again.len() == 2 && again.contains(new) && !again.contains(&keys[0]));

    // What somebody puts into our user is told, and left alone.
    planes.cloud.admin("iam:PutUserPolicy", &attach);
    let ran = project.run(&["plan"]).exits(0);
    ran.shows("UserPolicy svc-backup/theirs")
        .shows("an intruder's");
    project
        .run(&["drift"])
        .exits(4)
        .shows("was put there, and is not ours");
    planes.cloud.admin(
        "iam:DeleteUserPolicy",
        &json!({ "UserName": "svc-backup", "PolicyName": "theirs" }),
    );

    project
        .run(&["destroy", "--auto-approve"])
        .exits(0)
        .shows("Kept alive   1 retired credential");
    project
        .run(&["destroy", "--retired-too", "--auto-approve"])
        .exits(0);
    let users = planes.cloud.admin("iam:ListUsers", &json!({}));
    assert!(!users.to_string().contains("svc-backup"), "{users}");
}

#[test]
fn the_theft_of_a_key_and_its_use_are_two_alerts_of_one_incident() {
    let Some(planes) = Planes::new() else {
        return;
    };
    planes.project.settles();
    // A service account that may read Secrets, and whoever stole its token.
    let namespace = &planes.namespace;
    let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    planes.cluster.admin(
        "POST",
        &accounts,
        Some(&json!({ "metadata": { "name": "web" } })),
    );
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]);
    let web = format!("system:serviceaccount:{namespace}:web");
    planes.cluster.grant(&web, namespace, &rules);
    let issued = planes.cluster.admin(
        "POST",
        &format!("{accounts}/web/token"),
        Some(&json!({ "spec": {} })),
    );
    let stolen = issued["status"]["token"].as_str().unwrap();
    let secret = format!("/api/v1/namespaces/{namespace}/secrets/backup-s3");
    let read = planes
        .cluster
        .request_with(stolen, "GET", &secret, None, &[])
        .unwrap();
    assert_eq!(read.status, 200);
    let key = told(&planes.secret("credentials"));

    let thief = planes
        .cloud
        .client(&key)
        .from_address("198.51.100.77")
        .with_agent("aws-cli/2.17");
    assert!(thief.call("sts:GetCallerIdentity", &json!({})).is_success());
    assert_eq!(thief.s3("GET", "/", b"").unwrap().status, 403);
    assert_eq!(
        thief
            .call("iam:GetUser", &json!({ "UserName": "svc-backup" }))
            .code(),
        "AccessDenied"
    );

    // Every event twice, and out of order.
    let folder = tempfile::tempdir().unwrap();
    planes.cloud.write_trail(folder.path()).unwrap();
    planes
        .cloud
        .write_trail(&folder.path().join("again"))
        .unwrap();
    let log = std::fs::read_to_string(planes.cluster.audit_log().path()).unwrap();
    let twice: String = log
        .lines()
        .rev()
        .chain(log.lines())
        .map(|line| format!("{line}\n"))
        .collect();
    let audit = folder.path().join("audit.log");
    std::fs::write(&audit, twice).unwrap();

    let trail = folder.path().display().to_string();
    let audit = audit.display().to_string();
    let both = ["detect", "--audit-log", &audit, "--cloudtrail", &trail];
    let ran = planes
        .project
        .run(&[&both[..], &["--json"]].concat())
        .exits(0);
    let alerts: Vec<Value> = ran.json_lines();
    // Our own administrator reads the Secret in this test too.
    let of = |name: &str| -> Vec<&Value> {
        let all = alerts.iter().filter(|alert| {
            alert["evidences"][0]["actor"]["user"]["name"]
                .as_str()
                .is_some_and(|user| user.ends_with(name))
        });
        all.collect()
    };
    let (read, used) = (of(":web"), of("/svc-backup"));
    assert!(read.len() == 1 && used.len() == 1, "{alerts:#?}");
    let incident = &read[0]["metadata"]["correlation_uid"];
    assert!(incident.is_string());
    for alert in &used {
        assert_eq!(alert["metadata"]["correlation_uid"], *incident);
        assert_eq!(alert["evidences"][0]["src_endpoint"]["ip"], "198.51.100.77");
        let timeline = alert["unmapped"]["timeline"].to_string();
        for part in [
            "get secrets",
            ":web",
            "sts:GetCallerIdentity",
            "s3:ListBuckets",
        ] {
            assert!(timeline.contains(part), "{part} in {timeline}");
        }
        let context = alert["unmapped"]["context"].to_string();
        assert!(context.contains("planted in secret.backup"), "{context}");
    }
    let people = planes.project.run(&both).exits(0);
    people
        .shows("CRITICAL   iam_user.backup was used")
        .shows("planted in secret.backup: Secret")
        .shows("  incident");
}
