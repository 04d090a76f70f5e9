//! What a judge makes of records of an account with canaries in it.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

use std::collections::BTreeMap;

mod trail_support;

use canary_aws::AwsCatalog;
use canary_core::catalog::Catalog as _;
use canary_core::detect::{Grade, Judge, Planted, Rules, Sighting, Tripwires};
use canary_core::graph::{Address, Handle};
use serde_json::{Value, json};
use trail_support::{event, record};

const ACCOUNT: &str = "123456789012";
const KEY: &str = "AKIAEXAMPLEBACKUP001";
const USER_ID: &str = "AIDAEXAMPLEBACKUP0001";
const ROLE_ID: &str = "AROAEXAMPLEADMIN00001";

fn planted(address: &str, kind: &str, scope: Option<&str>, name: &str) -> Planted {
    Planted {
        address: address.parse::<Address>().unwrap(),
        provider: AwsCatalog.provider(),
        handle: Handle {
            kind: kind.to_owned(),
            scope: scope.map(str::to_owned),
            name: name.to_owned(),
        },
        fields: BTreeMap::new(),
        outputs: BTreeMap::new(),
        needs: Default::default(),
        uid: None,
        since: None,
        buried: None,
    }
}

fn principal(mut planted: Planted, kind: &str, path: &str, id: &str) -> Planted {
    let arn = format!("arn:aws:iam::{ACCOUNT}:{kind}{path}{}", planted.handle.name);
    planted.fields.insert("arn".to_owned(), arn);
    planted.uid = Some(id.to_owned());
    planted
}

fn ground() -> Vec<Planted> {
    let region = Some("eu-west-1");
    let user = planted("iam_user.backup", "User", None, "svc-backup");
    let role = planted("iam_role.ops", "Role", None, "Deploy-Admin");
    let mut key = planted("iam_user.backup/key", "AccessKey", Some("svc-backup"), "1");
    key.uid = Some(KEY.to_owned());
    vec![
        principal(user, "user", "/service/", USER_ID),
        principal(role, "role", "/ops/eu/", ROLE_ID),
        key,
        planted(
            "secretsmanager_secret.api",
            "SecretsManagerSecret",
            region,
            "prod/api",
        ),
        planted("ssm_parameter.db", "Parameter", region, "/prod/db/password"),
        planted(
            "s3_object.env",
            "S3Object",
            Some("acme-backups"),
            "dump.env",
        ),
        planted("s3_object.env/bucket", "Bucket", None, "acme-backups"),
    ]
}

/// All that is seen in these records.
fn judged(records: &[Value]) -> Vec<Sighting> {
    let planted = ground();
    let tripwires = planted.iter().flat_map(|one| AwsCatalog.tripwires(one));
    let mut judge = Judge::new(Rules {
        tripwires: Tripwires::new(tripwires),
        planted,
        known_readers: Vec::new(),
        machinery: Vec::new(),
        own: BTreeMap::new(),
        planned: false,
        applied_by: None,
        pods: None,
    });
    let mut seen: Vec<Sighting> = records
        .iter()
        .flat_map(|record| judge.judge(&event(record)))
        .collect();
    seen.extend(judge.finish());
    seen
}

/// The one canary that a record touches, how near, and whether the call is about the canary itself; `None` for none.
#[track_caller]
fn touched(fields: Value) -> Option<(String, Grade, bool)> {
    let seen = judged(&[record(fields)]);
    assert!(seen.len() < 2, "{seen:?}");
    let one = seen.first()?;
    let nearest = one.touches.nearest()?;
    let touch = one.touches.iter().find(|touch| touch.grade == nearest)?;
    Some((touch.address.canary().to_string(), nearest, one.is_of_it))
}

fn call(service: &str, operation: &str, read_only: bool, request: Value) -> Value {
    json!({
        "eventSource": format!("{service}.amazonaws.com"),
        "eventName": operation,
        "readOnly": read_only,
        "requestParameters": request,
    })
}

fn with(mut record: Value, key: &str, value: Value) -> Value {
    record[key] = value;
    record
}

/// A session of a role, as the console and some services write it: with no word of who issued it.
fn session(role: &str, id: &str) -> Value {
    json!({
        "type": "AssumedRole",
        "principalId": format!("{id}:deploy"),
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/deploy"),
        "accountId": ACCOUNT,
    })
}

fn issued(mut session: Value, arn: &str, id: &str) -> Value {
    session["sessionContext"] =
        json!({ "sessionIssuer": { "type": "Role", "principalId": id, "arn": arn } });
    session
}

fn used(canary: &str, fields: Value) -> Vec<String> {
    let seen = judged(&[record(fields)]);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].touches.nearest(), Some(Grade::Use));
    let all_are = seen[0]
        .touches
        .iter()
        .filter(|touch| touch.grade == Grade::Use);
    assert!(
        all_are
            .map(|touch| touch.address.canary().to_string())
            .all(|touched| touched == canary)
    );
    seen[0].aggravated.iter().cloned().collect()
}

#[test]
fn a_session_is_a_use_of_its_role_whether_or_not_the_record_says_who_issued_it() {
    let look = || call("sts", "GetCallerIdentity", true, Value::Null);
    let run = || call("ec2", "RunInstances", false, Value::Null);
    for record in [look(), run()] {
        let by_arn = with(record, "userIdentity", session("Deploy-Admin", ROLE_ID));
        assert!(used("iam_role.ops", by_arn).is_empty());
    }
    let other = with(
        look(),
        "userIdentity",
        session("Deploy-Admins", "AROAEXAMPLEOTHER00001"),
    );
    assert_eq!(touched(other), None);
}

#[test]
fn whoever_has_the_name_of_a_role_and_another_id_is_told_as_forged() {
    let look = || call("s3", "ListBuckets", true, Value::Null);
    let id = "AROAEXAMPLEOTHER00001";
    let bare = session("Deploy-Admin", id);
    let full = format!("arn:aws:iam::{ACCOUNT}:role/ops/eu/Deploy-Admin");
    for identity in [issued(bare.clone(), &full, id), bare] {
        let told = used("iam_role.ops", with(look(), "userIdentity", identity));
        assert_eq!(
            told,
            [format!("forged: {id} is not who has that name here")]
        );
    }
    let ours = issued(session("Deploy-Admin", ROLE_ID), &full, ROLE_ID);
    assert!(used("iam_role.ops", with(look(), "userIdentity", ours)).is_empty());
}

#[test]
fn whoever_goes_over_to_another_role_in_the_console_is_told_as_who_they_came() {
    let from = format!("arn:aws:iam::{ACCOUNT}:user/service/svc-backup");
    let switch = call("signin", "SwitchRole", false, Value::Null);
    let switch = with(
        switch,
        "userIdentity",
        session("Reader", "AROAEXAMPLEREADER0001"),
    );
    let told = with(switch, "additionalEventData", json!({ "SwitchFrom": from }));
    assert!(used("iam_user.backup", told).is_empty());
}

#[test]
fn what_other_services_have_written_down_of_a_canary_is_not_the_canary() {
    let secret = format!("arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:prod/api-AbC123");
    let parameter = format!("arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/prod/db/password");
    let user = format!("arn:aws:iam::{ACCOUNT}:user/service/svc-backup");
    for of in [&secret, &parameter, &user] {
        for (service, operation, key) in [
            ("iam", "SimulatePrincipalPolicy", "resourceArns"),
            (
                "cloudformation",
                "DescribeStackResources",
                "physicalResourceId",
            ),
            ("ram", "GetResourcePolicies", "resourceArns"),
        ] {
            let reads = call(service, operation, true, json!({ key: [of] }));
            assert_eq!(touched(reads), None, "{operation} {of}");
        }
    }
    for (service, operation, canary, request) in [
        (
            "lambda",
            "CreateFunction20150331",
            "iam_role.ops",
            json!({ "role": format!("arn:aws:iam::{ACCOUNT}:role/ops/eu/Deploy-Admin") }),
        ),
        (
            "ecs",
            "RegisterTaskDefinition",
            "secretsmanager_secret.api",
            json!({ "containerDefinitions": [{ "secrets": [{ "valueFrom": secret }] }] }),
        ),
        (
            "kms",
            "CreateGrant",
            "iam_user.backup",
            json!({ "granteePrincipal": user }),
        ),
        (
            "ssm",
            "PutComplianceItems",
            "iam_user.backup",
            json!({ "resourceId": user }),
        ),
    ] {
        let names = call(service, operation, false, request);
        let (touched, grade, is_of_it) = touched(names).unwrap();
        assert_eq!(
            (touched.as_str(), grade),
            (canary, Grade::Named),
            "{operation}"
        );
        assert!(!is_of_it, "{operation}");
    }
}

#[test]
fn whoever_looks_for_a_canary_in_what_was_logged_touches_nothing() {
    let user = format!("arn:aws:iam::{ACCOUNT}:user/service/svc-backup");
    for (service, operation, read_only) in [
        ("logs", "StartQuery", true),
        ("logs", "StartQuery", false),
        ("logs", "StartLiveTail", false),
        ("logs", "FilterLogEvents", true),
        ("athena", "StartQueryExecution", false),
        ("redshift-data", "ExecuteStatement", false),
        ("cloudtrail", "StartQuery", true),
    ] {
        let query = json!({ "queryString": format!("userIdentity.arn = '{user}'"), "arn": user });
        let looks = call(service, operation, read_only, query);
        assert_eq!(touched(looks), None, "{service}:{operation}");
    }
}

#[test]
fn a_secret_is_read_as_a_parameter_too() {
    let name = "/aws/reference/secretsmanager/prod/api";
    let reads = call("ssm", "GetParameter", true, json!({ "name": name }));
    let read = Some(("secretsmanager_secret.api".to_owned(), Grade::Named, true));
    assert_eq!(touched(reads), read);
}

#[test]
fn a_path_is_read_to_its_ground_however_that_is_written() {
    for (recursive, is_read) in [
        (json!("true"), true),
        (json!(true), true),
        (json!("false"), false),
    ] {
        let request = json!({ "path": "/prod", "recursive": recursive });
        let reads = call("ssm", "GetParametersByPath", true, request);
        assert_eq!(touched(reads).is_some(), is_read, "{recursive}");
    }
}

#[test]
fn what_is_done_to_a_bucket_of_ours_is_told_and_a_look_at_it_is_not() {
    let request = || json!({ "bucketName": "acme-backups" });
    for (operation, read_only, is_told) in [
        ("DeleteBucket", false, true),
        ("PutBucketPolicy", false, true),
        ("GetBucketLocation", true, false),
        ("ListObjects", true, false),
    ] {
        let touched = touched(call("s3", operation, read_only, request()));
        let told = touched.map(|(canary, grade, _)| (canary, grade));
        let expected = Some(("s3_object.env".to_owned(), Grade::Named)).filter(|_| is_told);
        assert_eq!(told, expected, "{operation}");
    }
}

#[test]
fn who_has_but_the_name_of_a_session_that_was_had_with_a_canary_hands_nothing_on() {
    let role = "arn:aws:iam::123456789012:role/dev";
    let session = |key: &str| {
        json!({
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEDEV0000001:terraform",
            "arn": "arn:aws:sts::123456789012:assumed-role/dev/terraform",
            "accountId": ACCOUNT,
            "accessKeyId": key,
        })
    };
    let gives = |id: &str, identity: Option<Value>, key: &str| {
        let mut assumes = call("sts", "AssumeRole", true, json!({ "roleArn": role }));
        assumes["eventID"] = json!(id);
        if let Some(identity) = identity {
            assumes["userIdentity"] = identity;
        }
        assumes["responseElements"] = json!({
            "credentials": { "accessKeyId": key },
            "assumedRoleUser": {
                "assumedRoleId": "AROAEXAMPLEDEV0000001:terraform",
                "arn": "arn:aws:sts::123456789012:assumed-role/dev/terraform",
            },
        });
        record(assumes)
    };
    let thief = json!({ "type": "IAMUser", "principalId": USER_ID, "accountId": ACCOUNT, "accessKeyId": KEY });
    let mut makes = call("iam", "CreateAccessKey", false, json!({ "userName": "ci" }));
    makes["eventID"] = json!("3");
    makes["userIdentity"] = session("ASIAEXAMPLEALICE0001");
    makes["responseElements"] =
        json!({ "accessKey": { "accessKeyId": "AKIAEXAMPLECI0000001", "userName": "ci" } });
    let mut goes_on = call("ec2", "DescribeInstances", true, Value::Null);
    goes_on["eventID"] = json!("4");
    goes_on["userIdentity"] =
        json!({ "type": "IAMUser", "userName": "ci", "accessKeyId": "AKIAEXAMPLECI0000001" });
    let seen = judged(&[
        gives("1", Some(thief), "ASIAEXAMPLETHIEF0001"),
        // Somebody else, of the same role and with the same session name.
        gives("2", None, "ASIAEXAMPLEALICE0001"),
        record(makes),
        record(goes_on),
    ]);
    let ids: Vec<&str> = seen.iter().map(|one| one.event.id.as_str()).collect();
    assert_eq!(ids, ["1", "3"]);
    assert!(
        seen[1]
            .context
            .iter()
            .any(|words| words.contains("another session of that name"))
    );
}
