//! An EKS cluster's audit log, which comes by CloudWatch only, beside the account's own log.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeSet;

use canary_fixtures::aws::Cloud;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::Project;
use support::audit::record;
use support::following::Following;

const GROUP: &str = "/aws/eks/prod/cluster";
/// A key of somebody, which no canary holds.
const KEY: &str = "AKIAEXAMPLE0000TAKEN";

struct Logs {
    cloud: Cloud,
    project: Project,
    now: Timestamp,
}

impl Logs {
    fn new() -> Option<Self> {
        let cloud = Cloud::for_test()?;
        let text = format!(
            "[kubernetes]\n[aws]\naccount = \"{}\"\nregion = \"eu-west-1\"\n\
             [secret.first]\nnamespace = \"shop\"\nname = \"first\"\ntemplate = \"basic-auth\"\n\
             [ssm_parameter.login]\nname = \"/prod/login\"\ntemplate = \"password\"\n",
            cloud.account()
        );
        let project =
            Project::at("/nonexistent".into(), &text).in_account(&cloud, cloud.admin_keys());
        cloud.admin("logs:CreateLogGroup", &json!({ "logGroupName": GROUP }));
        for stream in ["kube-apiserver-audit-1", "authenticator-1"] {
            let stream = json!({ "logGroupName": GROUP, "logStreamName": stream });
            cloud.admin("logs:CreateLogStream", &stream);
        }
        Some(Self {
            cloud,
            project,
            now: Timestamp::now(),
        })
    }

    fn time(&self, minutes: i64) -> String {
        let at = self.now + SignedDuration::from_mins(minutes);
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    fn put(&self, stream: &str, messages: &[String]) {
        let messages = messages.iter().map(
            |message| json!({ "timestamp": self.now.as_millisecond() - 60_000, "message": message }),
        );
        let messages: Vec<Value> = messages.collect();
        self.cloud.admin(
            "logs:PutLogEvents",
            &json!({ "logGroupName": GROUP, "logStreamName": stream, "logEvents": messages }),
        );
    }

    /// A read of the Secret by whoever has a key, as EKS logs it.
    fn read(&self) -> String {
        let extra = json!({
            "accessKeyId": [KEY],
            "arn": [format!("arn:aws:sts::{}:assumed-role/Dev/s", self.cloud.account())],
            "principalId": ["AROAEXAMPLEDEV"],
            "sessionName": ["s"],
        });
        let read = record("get", "secrets", "first").by("dev", "aws-iam-authenticator:1:AROA");
        read.with("/user/extra", extra).at(&self.time(-30)).line()
    }

    /// The same key reads a parameter, from elsewhere.
    fn use_of_the_key(&self) -> String {
        let account = self.cloud.account();
        json!({ "Records": [{
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole", "accessKeyId": KEY, "accountId": account,
                "principalId": "AROAEXAMPLEDEV:s",
                "arn": format!("arn:aws:sts::{account}:assumed-role/Dev/s"),
            },
            "eventTime": self.time(-20),
            "eventSource": "ssm.amazonaws.com",
            "eventName": "GetParameter",
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "198.51.100.77",
            "requestParameters": { "name": "/prod/login", "withDecryption": true },
            "responseElements": null,
            "eventID": "0b4f5f0e-0000-4000-8000-000000000001",
            "eventType": "AwsApiCall",
            "recipientAccountId": account,
        }] })
        .to_string()
    }
}

fn title(finding: &Value) -> &str {
    finding["finding_info"]["title"].as_str().unwrap()
}

#[test]
fn a_key_that_acts_in_a_cluster_and_in_its_account_is_one_incident() {
    let Some(logs) = Logs::new() else {
        return;
    };
    // A line that is cut at its end is told, by the time of its entry; what other programs log is not read.
    let cut = format!("{}[Truncated...]", &logs.read()[..300]);
    logs.put("kube-apiserver-audit-1", &[logs.read(), logs.read(), cut]);
    logs.put(
        "authenticator-1",
        &["time=now msg=\"access granted\"".into()],
    );
    let trail = logs.project.path("trail.json");
    std::fs::write(&trail, logs.use_of_the_key()).unwrap();
    let trail = trail.display().to_string();
    let args = ["detect", "--planned", "--json", "--cloudwatch", GROUP];
    let ran = logs
        .project
        .run(&[&args[..], &["--cloudtrail", &trail]].concat())
        .exits(0);
    let findings: Vec<Value> = ran.json_lines();
    let of = |text: &str| -> Vec<&Value> {
        findings
            .iter()
            .filter(|finding| title(finding) == text)
            .collect()
    };
    let (read, taken) = (
        of("secret.first was read"),
        of("ssm_parameter.login was read"),
    );
    // The whole line and the cut one, which does not tell by whom.
    assert_eq!((read.len(), taken.len()), (2, 1), "{}", ran.out);
    assert_eq!(findings.len(), 3, "{}", ran.out);
    let incidents: BTreeSet<&str> = findings
        .iter()
        .map(|finding| finding["metadata"]["correlation_uid"].as_str().unwrap())
        .collect();
    assert_eq!(incidents.len(), 1, "{}", ran.out);
}

#[test]
fn a_group_is_followed_across_a_restart_and_told_once() {
    let Some(logs) = Logs::new() else {
        return;
    };
    let sources = ["--planned", "--cloudwatch", GROUP];
    let following = Following::of(&logs.project, &sources);
    logs.put("kube-apiserver-audit-1", &[logs.read()]);
    assert_eq!(title(&following.next()), "secret.first was read");
    assert_eq!(following.end(), Vec::<Value>::new());
    let following = Following::of(&logs.project, &sources);
    let other = record("get", "secrets", "first").at(&logs.time(-10)).line();
    logs.put("kube-apiserver-audit-1", &[other]);
    let told = following.next();
    assert_eq!(told["evidences"][0]["actor"]["user"]["name"], "mallory");
    assert_eq!(following.end(), Vec::<Value>::new());
}
