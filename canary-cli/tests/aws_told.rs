//! What a person is told of an account: what a plan makes, what others did, what stays when everything goes.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::path::PathBuf;

use canary_fixtures::aws::Cloud;
use serde_json::{Value, json};
use support::{Project, until};

const BACKUP: &str = "[iam_user.backup]\nname = \"svc-backup\"\n";

fn project(cloud: &Cloud, canaries: &str) -> Project {
    let account = cloud.account();
    let config = format!("[aws]\naccount = \"{account}\"\nregion = \"eu-west-1\"\n{canaries}");
    Project::at(PathBuf::from("/nonexistent"), &config).in_account(cloud, cloud.admin_keys())
}

fn key_of(cloud: &Cloud, user: &str) -> String {
    let keys = cloud.admin("iam:ListAccessKeys", &json!({ "UserName": user }));
    fn first_id(value: &Value) -> Option<&str> {
        match value {
            Value::String(text) => text.starts_with("AKIA").then_some(text),
            Value::Array(items) => items.iter().find_map(first_id),
            Value::Object(members) => members.values().find_map(first_id),
            _ => None,
        }
    }
    first_id(&keys).unwrap().to_owned()
}

#[test]
fn a_plan_shows_whom_a_role_trusts_and_what_a_policy_allows() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let policy = "policy = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:ListAllMyBuckets\",\"Resource\":\"*\"}}'\nallow = [\"s3:ListAllMyBuckets\"]\n";
    let canaries = format!("[iam_role.admin]\npath = \"/ops/\"\n{policy}");
    project(&cloud, &canaries)
        .run(&["plan"])
        .exits(0)
        .shows("path       /ops/")
        .shows(&format!("trusts     arn:aws:iam::{}:root", cloud.account()))
        .shows("allows     s3:ListAllMyBuckets");
}

#[test]
fn drift_says_what_an_apply_puts_right_and_what_it_leaves_to_a_person() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let project = project(&cloud, &format!("{BACKUP}path = \"/service/\"\n"));
    project.settles();
    let nothing =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let theirs =
        json!({ "UserName": "svc-backup", "PolicyName": "theirs", "PolicyDocument": nothing });
    cloud.admin("iam:PutUserPolicy", &theirs);
    project
        .run(&["drift"])
        .exits(4)
        .shows("1 resource touched by others. What others put into places of ours is left alone: find out who did, and remove it by hand.");
    let off = json!({ "UserName": "svc-backup", "AccessKeyId": key_of(&cloud, "svc-backup"), "Status": "Inactive" });
    cloud.admin("iam:UpdateAccessKey", &off);
    project
        .run(&["drift"])
        .exits(4)
        .shows("2 resources touched by others. canary apply puts 1 of them right. What others put");
}

#[test]
fn each_destroy_says_which_keys_are_still_out_there_and_until_when() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let project = project(&cloud, BACKUP);
    project.settles();
    let first = key_of(&cloud, "svc-backup");
    project
        .run(&["rotate", "iam_user.backup", "--auto-approve"])
        .exits(0);
    for end in ["", "canary destroy --retired-too removes it now"] {
        project
            .run(&["destroy", "--auto-approve"])
            .exits(0)
            .shows("Still there  iam_user.backup")
            .shows(&first)
            .shows(", until 2")
            .shows(end);
    }
}

#[test]
fn a_recovery_says_how_a_user_is_adopted() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    project(&cloud, BACKUP)
        .run(&["recover"])
        .exits(0)
        .says("canary import iam_user.backup NAME");
}

#[test]
fn a_bucket_that_is_others_is_told_with_what_can_be_done_about_it() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let bucket = format!("theirs-{}", cloud.account());
    let region = b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    let admin = cloud.client(cloud.admin_keys());
    let made = admin.s3("PUT", &format!("/{bucket}"), region).unwrap();
    assert!(made.is_success(), "{made:?}");
    let object = format!(
        "[s3_object.env]\nbucket = \"{bucket}\"\nmake_bucket = true\nname = \"prod.env\"\n\
         template = \"env-file\"\nlogged = true\n"
    );
    project(&cloud, &object)
        .run(&["plan"])
        .exits(0)
        .shows("leave out `make_bucket`")
        .says_nothing_of("canary import");
}

#[test]
fn what_only_a_report_told_is_said_with_its_time() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let users: String = ["a", "b", "c"]
        .map(|user| format!("[iam_user.{user}]\nname = \"svc-{user}\"\n"))
        .concat();
    let project = project(&cloud, &users);
    project.settles();
    // Until there is a report that is younger than the keys.
    until("the keys are told by a report", || {
        cloud.let_report_age();
        let ran = project.run(&["drift"]).exits(0);
        ran.out.contains("Seen as of   2")
            && ran
                .out
                .contains("AccessKey in 3 places, by a report; what was done since is not seen")
    });
    let ran = project.run(&["drift", "--json"]).exits(0);
    let told = ran.json_lines();
    assert!(
        told.iter()
            .any(|line| line["type"] == "told_earlier" && line["places"] == 3)
    );
}
