//! What is wrong with an account, its credentials or the configuration: a message that names the place and the remedy.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::path::PathBuf;

use canary_fixtures::aws::{Cloud, Keys};
use serde_json::json;
use support::Project;

const ONE: &str = "[iam_user.backup]\nname = \"svc-backup\"\n";

fn config(account: &str, canaries: &str) -> String {
    format!("[aws]\naccount = \"{account}\"\nregion = \"eu-west-1\"\n{canaries}")
}

fn nowhere(config: &str) -> Project {
    Project::at(PathBuf::from("/nonexistent"), config)
}

fn with(cloud: &Cloud, keys: &Keys, canaries: &str) -> Project {
    nowhere(&config(cloud.account(), canaries)).in_account(cloud, keys)
}

#[test]
fn another_account_than_the_configured_one_is_refused_before_anything_is_asked_of_it() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let project = nowhere(&config("111122223333", ONE)).in_account(&cloud, cloud.admin_keys());
    for args in [&["plan"][..], &["apply", "--auto-approve"]] {
        project
            .run(args)
            .exits(5)
            .says(cloud.account())
            .says("[aws] says account = \"111122223333\"");
    }
    assert!(cloud.writes().is_empty());
    assert_eq!(cloud.requests().len(), cloud.count("sts:GetCallerIdentity"));
}

#[test]
fn without_credentials_the_chain_is_told() {
    nowhere(&config("111122223333", ONE))
        .run(&["plan"])
        .exits(8)
        .says("there are no usable credentials for AWS")
        .says("AWS_ACCESS_KEY_ID, the profile in the AWS configuration files")
        .says("aws sso login");
}

#[test]
fn credentials_that_are_not_known_or_are_over_are_told() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let unknown = Keys::told(&json!({
        "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }));
    with(&cloud, &unknown, ONE)
        .run(&["plan"])
        .exits(8)
        .says("sts:GetCallerIdentity")
        .says_nothing_of("wJalrXUtnFEMI");
    let keys = cloud.principal("worker", &["*"]);
    cloud.expire(&keys);
    with(&cloud, &keys, ONE)
        .run(&["plan"])
        .exits(8)
        .says("sts:GetCallerIdentity")
        .says("tried, in this order: AWS_ACCESS_KEY_ID")
        .says("the instance's")
        .says("aws sso login")
        .says_nothing_of("cluster");
}

#[test]
fn an_endpoint_that_nobody_answers_at_is_told_as_one_of_aws() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    // Nobody listens on the lowest port.
    with(&cloud, cloud.admin_keys(), ONE)
        .with_variable("AWS_ENDPOINT_URL", "http://127.0.0.1:1".into())
        .run(&["plan"])
        .exits(1)
        .says("AWS_ENDPOINT_URL")
        .says_nothing_of("kubectl");
}

#[test]
fn a_named_profile_is_used_whatever_the_environment_has() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let unknown = Keys::told(&json!({
        "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }));
    let named = |profile: &str| {
        let text = config(cloud.account(), ONE);
        let text = text.replace("[aws]\n", &format!("[aws]\nprofile = \"{profile}\"\n"));
        let project = nowhere(&text).in_account(&cloud, &unknown);
        let file = project.path("aws-config");
        let admin = cloud.admin_keys().environment("", "");
        let of = |wanted: &str| {
            let found = admin.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let profile = format!(
            "[profile planter]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            of("AWS_ACCESS_KEY_ID"),
            of("AWS_SECRET_ACCESS_KEY"),
        );
        std::fs::write(&file, profile).unwrap();
        project.with_variable("AWS_CONFIG_FILE", file.display().to_string())
    };
    let project = named("planter");
    project.run(&["plan"]).exits(0).shows("svc-backup");
    std::fs::remove_file(project.path("aws-config")).unwrap();
    let project = named("nobody");
    project
        .run(&["plan"])
        .exits(8)
        .says("tried the profile `nobody` alone");
    std::fs::remove_file(project.path("aws-config")).unwrap();
}

#[test]
fn what_has_no_secret_is_not_rotated_and_the_file_stays() {
    let canaries = "[iam_role.admin]\n[iam_user.backup]\nkeys = 0\n";
    let text = config("111122223333", canaries);
    let project = nowhere(&text);
    for (id, why) in [
        ("iam_role.admin", "a role has no secret"),
        ("iam_user.backup", "no access keys"),
    ] {
        project
            .run(&["rotate", id, "--auto-approve"])
            .exits(64)
            .says("cannot be rotated")
            .says(why);
    }
    let now = std::fs::read_to_string(project.path("canaries.toml")).unwrap();
    assert_eq!(now, text);
}

#[test]
fn what_aws_would_refuse_is_refused_by_the_check() {
    let cases = [
        (
            "[iam_user.a]\nboundary = \"arn:aws:iam::999999999999:policy/b\"",
            "no policy of account",
        ),
        (
            "[iam_role.a]\npath = \"/aws-service-role/x/\"",
            "only AWS makes roles",
        ),
        ("[iam_user.a]\ntags = { team = \"a,b\" }", "the tag team"),
        ("[ssm_parameter.a]\nvalue = \"{{{{x}}}}\"", "cannot hold {{"),
        (
            "[ssm_parameter.a]\nregion = \"cn-north-1\"\ntemplate = \"password\"",
            "another partition",
        ),
        (
            "[iam_user.a]\npolicy = '{\"Statement\":{\"Effect\":\"Deny\",\"action\":\"*\",\"Resource\":\"*\"}}'",
            "written Action",
        ),
        (
            "[aws.listener]\nname = \"ops-events\"\ndata_events = true",
            "no trail is made that could log them",
        ),
    ];
    for (canary, said) in cases {
        let project = nowhere(&config("111122223333", &format!("{canary}\n")));
        project
            .run(&["check"])
            .exits(3)
            .says("canaries.toml:")
            .says(said);
    }
}

#[test]
fn a_configuration_without_a_region_or_with_a_wrong_account_is_told() {
    nowhere(&format!("[aws]\naccount = \"111122223333\"\n{ONE}"))
        .run(&["check"])
        .exits(3)
        .says("canaries.toml:1")
        .says("region");
    nowhere(&format!(
        "[aws]\naccount = 111122223333\nregion = \"eu-west-1\"\n{ONE}"
    ))
    .run(&["check"])
    .exits(3)
    .says("canaries.toml:2");
    nowhere(&config("1111", ONE))
        .run(&["check"])
        .exits(3)
        .says("canaries.toml:2")
        .says("twelve digits");
}

#[test]
fn names_that_iam_refuses_are_pointed_at() {
    let long = "a".repeat(65);
    let cases = [
        ("name = \"svc backup\"".to_owned(), "` ` is not allowed"),
        (format!("name = \"{long}\""), "1 to 64 characters"),
        (
            "path = \"service\"".to_owned(),
            "begin and end with a slash",
        ),
        ("keys = 3".to_owned(), ""),
        ("tags = { \"aws:x\" = \"y\" }".to_owned(), "AWS' own"),
        (
            "boundary = \"ReadOnlyAccess\"".to_owned(),
            "ARN of a policy",
        ),
        ("policy = \"{\"".to_owned(), "not JSON"),
        ("allow = [\"s3:*\"]".to_owned(), ""),
    ];
    for (line, said) in cases {
        let project = nowhere(&config(
            "111122223333",
            &format!("[iam_user.backup]\n{line}\n"),
        ));
        project
            .run(&["check"])
            .exits(3)
            .says("canaries.toml:5")
            .says(said);
    }
}

#[test]
fn a_permission_that_is_missing_is_named_and_the_rest_goes_on() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let two = format!("{ONE}[iam_user.other]\nname = \"svc-other\"\nkeys = 0\n");
    let reads = ["iam:Get*", "iam:List*", "iam:Generate*", "sts:*"];
    let allowed = [&reads[..], &["iam:CreateUser"]].concat();
    let keys = cloud.principal("planter", &allowed);
    let project = with(&cloud, &keys, &two);
    let ran = project.run(&["apply", "--auto-approve"]);
    assert!(matches!(ran.code, 7 | 8), "{ran:#?}");
    let all = format!("{}{}", ran.out, ran.err);
    assert!(all.contains("iam:CreateAccessKey"), "{all}");
    let users = cloud.admin("iam:ListUsers", &json!({})).to_string();
    assert!(
        users.contains("svc-backup") && users.contains("svc-other"),
        "{users}"
    );
    // Whoever may not list is told so, and nothing is made that may be there.
    let blind = cloud.principal("blind", &["sts:*", "iam:Create*"]);
    let before = cloud.count("iam:CreateUser");
    let ran = with(&cloud, &blind, ONE).run(&["plan"]);
    let all = format!("{}{}", ran.out, ran.err);
    assert!(all.contains("iam:"), "{all}");
    with(&cloud, &blind, ONE).run(&["apply", "--auto-approve"]);
    assert_eq!(cloud.count("iam:CreateUser"), before);
}

#[test]
fn a_policy_that_is_not_there_is_told_in_the_services_words_and_the_rest_goes_on() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let boundary = format!("arn:aws:iam::{}:policy/nowhere", cloud.account());
    let two = format!(
        "{ONE}boundary = \"{boundary}\"\n[iam_user.other]\nname = \"svc-other\"\nkeys = 0\n"
    );
    let project = with(&cloud, cloud.admin_keys(), &two);
    let ran = project.run(&["apply", "--auto-approve"]);
    let users = cloud.admin("iam:ListUsers", &json!({})).to_string();
    assert!(users.contains("svc-other"), "{ran:#?}");
}

#[test]
fn throttling_for_a_while_is_waited_out() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let project = with(&cloud, cloud.admin_keys(), ONE);
    for operation in ["iam:ListUsers", "iam:CreateUser", "iam:CreateAccessKey"] {
        cloud.throttle(operation, 3);
    }
    project.run(&["apply", "--auto-approve"]).exits(0);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
    assert_eq!(cloud.count("iam:CreateAccessKey"), 4);
}
