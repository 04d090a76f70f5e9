//! What is read from one record.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod trail_support;

use std::collections::BTreeSet;

use canary_aws::trail::messages;
use canary_core::detect::{Credential, Defect, Extent, Mention, OutcomeClass, Stage};
use serde_json::{Value, json};
use trail_support::{collection, credential, event, object, principal, record, subjects};

const HOME: &str = "eu-west-1";

fn parameter(name: &str) -> Mention {
    object("ssm", "parameters", HOME, name)
}

fn secret(name: &str) -> Mention {
    object("secretsmanager", "secrets", HOME, name)
}

#[track_caller]
fn assert_subjects(fields: Value, expected: impl IntoIterator<Item = Mention>) {
    let event = event(&record(fields));
    let expected: BTreeSet<Mention> = expected.into_iter().collect();
    assert_eq!(subjects(&event), expected, "{}", event.action.operation);
}

#[test]
fn a_record_tells_who_did_what_when_and_from_where() {
    let event = event(&record(
        json!({"requestParameters": {"secretId": "prod/db"}}),
    ));
    assert_eq!(event.provider.0, "aws");
    assert_eq!(event.id, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    assert_eq!(event.stage, Stage::Complete);
    assert_eq!(event.at, Some("2026-01-02T03:04:05Z".parse().unwrap()));
    assert_eq!(event.at, event.stage_at);
    let actor = &event.actor;
    assert_eq!(actor.identity.name, "arn:aws:iam::123456789012:user/alice");
    assert_eq!(actor.identity.uid, "AIDAEXAMPLEALICE00001");
    assert_eq!(actor.identity.extra["userName"], ["alice"]);
    assert_eq!(
        actor.credential,
        Credential::AccessKey("AKIAEXAMPLEALICE0001".into())
    );
    assert_eq!(actor.address, Some("203.0.113.9".parse().unwrap()));
    assert_eq!(actor.user_agent, "aws-cli/2.15");
    let action = &event.action;
    assert_eq!(action.operation, "secretsmanager:GetSecretValue");
    assert_eq!(
        [
            &action.verb,
            &action.group,
            &action.resource,
            &action.namespace,
            &action.name
        ],
        ["get", "secretsmanager", "secrets", HOME, "prod/db"]
    );
    assert_eq!(event.outcome.code, Some(200));
    assert_eq!(event.annotations["account"], "123456789012");
    assert_eq!(event.annotations["region"], HOME);
    assert!(event.defects.is_empty());
}

#[test]
fn a_session_is_told_with_the_role_that_issued_it() {
    let event = event(&record(json!({
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:i-0abc",
            "arn": "arn:aws:sts::123456789012:assumed-role/web/i-0abc",
            "accountId": "123456789012",
            "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLE",
                    "arn": "arn:aws:iam::123456789012:role/path/web"
                },
                "sourceIdentity": "bob",
                "attributes": {"mfaAuthenticated": "false"}
            }
        },
        "eventSource": "sts.amazonaws.com",
        "eventName": "GetCallerIdentity",
    })));
    let expected = [
        credential("ASIAEXAMPLE"),
        principal("AROAEXAMPLE:i-0abc"),
        principal("AROAEXAMPLE"),
        principal("arn:aws:sts::123456789012:assumed-role/web/i-0abc"),
        principal("arn:aws:iam::123456789012:role/path/web"),
    ];
    assert_eq!(event.mentions, expected.into());
    let extra = &event.actor.identity.extra;
    assert_eq!(extra["sessionIssuerId"], ["AROAEXAMPLE"]);
    assert_eq!(extra["sourceIdentity"], ["bob"]);
    assert_eq!(extra["mfaAuthenticated"], ["false"]);
    // Of no region, although it was asked in one.
    assert_eq!(event.action.namespace, "");
}

#[test]
fn a_service_that_calls_is_no_address() {
    let event = event(&record(json!({
        "userIdentity": {"type": "AWSService", "invokedBy": "backup.amazonaws.com"},
        "sourceIPAddress": "backup.amazonaws.com",
    })));
    assert_eq!(event.actor.address, None);
    assert_eq!(event.actor.claimed_addresses, ["backup.amazonaws.com"]);
    assert_eq!(event.actor.identity.name, "backup.amazonaws.com");
    assert_eq!(event.actor.credential, Credential::Unknown);
}

#[test]
fn users_roles_and_keys_are_mentioned_by_their_calls() {
    let iam = |operation: &str, request: Value| {
        json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": operation,
            "awsRegion": "us-east-1",
            "requestParameters": request,
        })
    };
    let backup = object("iam", "users", "", "svc-backup");
    assert_subjects(
        iam("ListAccessKeys", json!({"userName": "SVC-Backup"})),
        [backup.clone()],
    );
    assert_subjects(
        iam(
            "UpdateAccessKey",
            json!({"userName": "svc-backup", "accessKeyId": "AKIAX", "status": "Inactive"}),
        ),
        [backup.clone(), object("iam", "access_keys", "", "AKIAX")],
    );
    assert_subjects(
        iam("GetAccessKeyLastUsed", json!({"accessKeyId": "AKIAX"})),
        [object("iam", "access_keys", "", "AKIAX")],
    );
    let arn = "arn:aws:iam::123456789012:user/service/Svc-Backup";
    assert_subjects(
        iam("SimulatePrincipalPolicy", json!({"policySourceArn": arn})),
        [backup.clone(), principal(arn)],
    );
    assert_subjects(
        iam("GetRole", json!({"roleName": "Web"})),
        [object("iam", "roles", "", "web")],
    );
    let trust = format!(r#"{{"Principal":{{"AWS":"{arn}"}},"Action":"sts:AssumeRole"}}"#);
    assert_subjects(
        iam(
            "UpdateAssumeRolePolicy",
            json!({"roleName": "web", "policyDocument": trust}),
        ),
        [object("iam", "roles", "", "web"), principal(arn)],
    );
}

#[test]
fn what_a_call_gives_out_is_told_and_its_secrets_are_not_kept() {
    let event = event(&record(json!({
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "requestParameters": {"roleArn": "arn:aws:iam::123456789012:role/web", "roleSessionName": "s"},
        "responseElements": {
            "credentials": {"accessKeyId": "ASIANEW", "sessionToken": "SECRET", "expiration": "later"},
            "assumedRoleUser": {
                "assumedRoleId": "AROAX:s",
                "arn": "arn:aws:sts::123456789012:assumed-role/web/s"
            }
        },
    })));
    let expected = [
        credential("ASIANEW"),
        principal("AROAX:s"),
        principal("arn:aws:sts::123456789012:assumed-role/web/s"),
    ];
    assert_eq!(event.gives, expected.into());
    assert!(event.mentions.contains(&object("iam", "roles", "", "web")));
    assert!(event.mentions.contains(&principal("AROAX")));
    assert_eq!(event.action.name, "web");
    assert!(!serde_json::to_string(&event).unwrap().contains("SECRET"));
}

#[test]
fn a_new_key_is_given_out() {
    let event = event(&record(json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateAccessKey",
        "readOnly": false,
        "responseElements": {"accessKey": {"accessKeyId": "AKIANEW", "userName": "Alice", "status": "Active"}},
    })));
    assert_eq!(event.gives, [credential("AKIANEW")].into());
    assert!(
        event
            .mentions
            .contains(&object("iam", "users", "", "alice"))
    );
    assert!(
        event
            .mentions
            .contains(&object("iam", "access_keys", "", "AKIANEW"))
    );
    assert_eq!(event.action.verb, "create");
}

#[test]
fn parameters_are_mentioned_by_name_arn_version_and_path() {
    let ssm = |operation: &str, request: Value| {
        json!({
            "eventSource": "ssm.amazonaws.com",
            "eventName": operation,
            "requestParameters": request,
        })
    };
    assert_subjects(
        ssm(
            "GetParameter",
            json!({"name": "/prod/db:3", "withDecryption": true}),
        ),
        [parameter("/prod/db")],
    );
    assert_subjects(
        ssm("GetParameters", json!({"names": ["/a", "b:label"]})),
        [parameter("/a"), parameter("b")],
    );
    let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/db";
    assert_subjects(
        ssm("GetParameter", json!({"name": arn})),
        [parameter("/prod/db")],
    );
    assert_subjects(
        ssm(
            "GetParametersByPath",
            json!({"path": "/prod/", "recursive": true}),
        ),
        [under("ssm", "parameters", "/prod", Extent::Below)],
    );
    assert_subjects(
        ssm("GetParametersByPath", json!({"path": "/prod"})),
        [under("ssm", "parameters", "/prod", Extent::Directly)],
    );
    // Of a refusal there is only the ARN in its words.
    for (resource, path) in [("parameter/prod/", "/prod"), ("*", "")] {
        let words = format!(
            "User: x is not authorized to perform: ssm:GetParametersByPath on resource: arn:aws:ssm:eu-west-1:123456789012:{resource} because"
        );
        let mut refused = ssm("GetParametersByPath", Value::Null);
        refused["errorCode"] = "AccessDenied".into();
        refused["errorMessage"] = words.into();
        assert_subjects(refused, [under("ssm", "parameters", path, Extent::Below)]);
    }
    assert_subjects(
        ssm(
            "AddTagsToResource",
            json!({"resourceType": "Parameter", "resourceId": "/a"}),
        ),
        [parameter("/a")],
    );
    // Another kind of name.
    assert_subjects(ssm("DescribeDocument", json!({"name": "/a"})), []);
}

#[test]
fn secrets_are_mentioned_with_and_without_what_stands_behind_their_names() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbC123";
    assert_subjects(
        json!({"requestParameters": {"secretId": arn}}),
        [secret("prod/db"), secret("prod/db-AbC123")],
    );
    assert_subjects(
        json!({"requestParameters": {"secretId": "prod/db"}}),
        [secret("prod/db")],
    );
    let batch =
        |request: Value| json!({"eventName": "BatchGetSecretValue", "requestParameters": request});
    assert_subjects(
        batch(json!({"secretIdList": ["a", "b"]})),
        [secret("a"), secret("b")],
    );
    let all = collection("secretsmanager", "secrets", HOME);
    assert_subjects(
        batch(json!({"filters": [{"key": "all", "values": ["x"]}]})),
        [all.clone()],
    );
    assert_subjects(batch(Value::Null), [all]);
}

#[test]
fn a_name_that_ends_like_an_arn_is_told_as_it_was_written() {
    let event = event(&record(
        json!({"requestParameters": {"secretId": "db-backup"}}),
    ));
    assert_eq!(event.action.name, "db-backup");
    assert!(event.mentions.contains(&secret("db-backup")));
}

#[test]
fn objects_in_s3_are_mentioned_by_key_list_and_bucket() {
    let s3 = |operation: &str, request: Value| {
        json!({
            "eventSource": "s3.amazonaws.com",
            "eventName": operation,
            "requestParameters": request,
        })
    };
    let bucket = object("s3", "buckets", "", "b");
    let key = |key: &str| object("s3", "objects", "b", key);
    assert_subjects(
        s3(
            "GetObject",
            json!({"bucketName": "b", "key": "x/y", "Host": "h"}),
        ),
        [bucket.clone(), key("x/y")],
    );
    assert_subjects(
        s3("ListObjects", json!({"bucketName": "b", "prefix": ""})),
        [bucket.clone()],
    );
    assert_subjects(
        s3("DeleteObjects", json!({"bucketName": "b", "delete": ""})),
        [bucket.clone(), collection("s3", "objects", "b")],
    );
    assert_subjects(
        s3(
            "DeleteObjects",
            json!({"bucketName": "b", "delete": {"object": [{"key": "1"}, {"key": "2"}]}}),
        ),
        [bucket.clone(), key("1"), key("2")],
    );
    assert_subjects(
        s3(
            "CopyObject",
            json!({"bucketName": "c", "key": "k", "x-amz-copy-source": "/b/x%20y?versionId=1"}),
        ),
        [
            bucket,
            key("x y"),
            object("s3", "buckets", "", "c"),
            object("s3", "objects", "c", "k"),
        ],
    );
}

#[test]
fn changes_to_what_listens_are_mentioned() {
    let call = |source: &str, operation: &str, request: Value| json!({"eventSource": format!("{source}.amazonaws.com"), "eventName": operation, "requestParameters": request});
    let queue = object("sqs", "queues", HOME, "q");
    for operation in ["DeleteQueue", "SetQueueAttributes", "PurgeQueue"] {
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q";
        assert_subjects(
            call("sqs", operation, json!({"queueUrl": url})),
            [queue.clone()],
        );
    }
    let rule = object("events", "rules", HOME, "r");
    for operation in ["DeleteRule", "DisableRule"] {
        assert_subjects(
            call("events", operation, json!({"name": "r"})),
            [rule.clone()],
        );
    }
    assert_subjects(
        call(
            "events",
            "RemoveTargets",
            json!({"rule": "r", "ids": ["1"]}),
        ),
        [rule],
    );
    let trail = object("cloudtrail", "trails", HOME, "t");
    let arn = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/t";
    for name in ["t", arn] {
        for (operation, key) in [
            ("StopLogging", "name"),
            ("DeleteTrail", "name"),
            ("UpdateTrail", "name"),
            ("PutEventSelectors", "trailName"),
        ] {
            assert_subjects(
                call("cloudtrail", operation, json!({ key: name })),
                [trail.clone()],
            );
        }
    }
    assert_subjects(
        call(
            "logs",
            "DeleteLogGroup",
            json!({"logGroupName": "/aws/eks/c/cluster"}),
        ),
        [object("logs", "log_groups", HOME, "/aws/eks/c/cluster")],
    );
}

#[test]
fn a_refusal_names_its_object_in_the_message_alone() {
    let denied = |source: &str, operation: &str, object: &str| {
        json!({
            "eventSource": format!("{source}.amazonaws.com"),
            "eventName": operation,
            "errorCode": "AccessDenied",
            "errorMessage": format!(
                "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: {source}:{operation} \
                 on resource: {object} because no identity-based policy allows the {source}:{operation} action"
            ),
        })
    };
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbC123";
    assert_subjects(
        denied("secretsmanager", "GetSecretValue", arn),
        [secret("prod/db"), secret("prod/db-AbC123")],
    );
    assert_subjects(
        denied("secretsmanager", "GetSecretValue", "prod/db"),
        [secret("prod/db")],
    );
    let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/db";
    assert_subjects(denied("ssm", "GetParameter", arn), [parameter("/prod/db")]);
    assert_subjects(
        denied("iam", "CreateAccessKey", "user Svc-Backup"),
        [object("iam", "users", "", "svc-backup")],
    );
    let arn = "arn:aws:iam::123456789012:role/web";
    assert_subjects(
        denied("sts", "AssumeRole", arn),
        [object("iam", "roles", "", "web"), principal(arn)],
    );
    assert_subjects(denied("organizations", "LeaveOrganization", "*"), []);
    let event = event(&record(denied("sts", "AssumeRole", arn)));
    assert_eq!(event.outcome.code, Some(403));
    assert_eq!(event.outcome.class(), OutcomeClass::Denied);
    assert_eq!(event.outcome.reason, "AccessDenied");
}

#[test]
fn a_try_of_rights_is_a_dry_run() {
    let event = event(&record(json!({
        "eventSource": "ec2.amazonaws.com",
        "eventName": "RunInstances",
        "errorCode": "Client.DryRunOperation",
        "readOnly": false,
    })));
    assert!(event.action.dry_run);
    assert_eq!(event.outcome.code, Some(200));
}

#[test]
fn a_failed_login_names_the_user_although_nothing_else_does() {
    let event = event(&record(json!({
        "userIdentity": {"type": "IAMUser", "principalId": "", "accountId": "123456789012", "accessKeyId": "", "userName": "Svc-Backup"},
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "eventType": "AwsConsoleSignIn",
        "readOnly": false,
        "errorMessage": "Failed authentication",
        "responseElements": {"ConsoleLogin": "Failure"},
    })));
    assert_eq!(
        event.mentions,
        [object("iam", "users", "", "svc-backup")].into()
    );
    assert_eq!(event.outcome.code, Some(401));
}

#[test]
fn the_same_record_has_the_same_key_and_another_account_has_another() {
    let one = event(&record(json!({})));
    let bridged =
        json!({"detail-type": "AWS API Call via CloudTrail", "detail": record(json!({}))});
    assert_eq!(one.request(), event(&bridged).request());
    let other = event(&record(json!({"recipientAccountId": "210987654321"})));
    assert_ne!(one.request(), other.request());
    let other = event(&record(json!({"eventID": "x"})));
    assert_ne!(one.request(), other.request());
    // Without an id the record itself tells.
    let without =
        |agent: &str| event(&record(json!({"eventID": "", "userAgent": agent}))).request();
    assert_eq!(without("a"), without("a"));
    assert_ne!(without("a"), without("b"));
}

#[test]
fn fields_of_any_type_read_as_nothing() {
    let strange = [
        json!(7),
        json!([]),
        json!({}),
        json!([[{"a": null}]]),
        json!("x"),
        Value::Null,
    ];
    let keys: Vec<String> = record(json!({}))
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for key in keys {
        for value in &strange {
            let mut fields = json!({});
            fields[&key] = value.clone();
            let read = event(&record(fields));
            assert!(read.defects.is_empty(), "{key} {value}");
        }
    }
}

#[test]
fn parameters_that_are_nested_too_deeply_hide_no_caller() {
    let text = record(json!({"requestParameters": "HERE"})).to_string();
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let text = text.replace("\"HERE\"", &deep);
    let event = messages(text.as_bytes()).events.remove(0);
    assert!(event.mentions.contains(&credential("AKIAEXAMPLEALICE0001")));
    assert_eq!(event.defects, [Defect::Oversize]);
}

fn under(group: &str, resource: &str, path: &str, extent: Extent) -> Mention {
    Mention::Under {
        group: group.into(),
        resource: resource.into(),
        namespace: HOME.into(),
        path: path.into(),
        extent,
    }
}

fn call(service: &str, operation: &str, request: Value) -> Value {
    json!({
        "eventSource": format!("{service}.amazonaws.com"),
        "eventName": operation,
        "recipientAccountId": "123456789012",
        "requestParameters": request,
    })
}

#[test]
fn a_batch_of_secrets_covers_what_its_filter_names() {
    let batch = |filters: Value| {
        call(
            "secretsmanager",
            "BatchGetSecretValue",
            json!({ "filters": filters }),
        )
    };
    assert_subjects(
        batch(json!([{ "key": "name", "values": ["prod/"] }])),
        [under(
            "secretsmanager",
            "secrets",
            "prod/",
            Extent::Beginning,
        )],
    );
    for filters in [
        json!([{ "key": "name", "values": ["!prod/"] }]),
        json!([{ "key": "tag-key", "values": ["team"] }]),
    ] {
        let read = event(&record(batch(filters)));
        let covers = |mention: &Mention| matches!(mention, Mention::Collection { .. });
        assert!(read.mentions.iter().any(covers));
        // As a reviewed reader names it.
        assert_eq!(
            (&*read.action.verb, &*read.action.resource),
            ("list", "secrets")
        );
    }
}

#[test]
fn a_secret_whose_name_ends_as_an_arn_does_is_itself() {
    let secret = |name: &str| Mention::Object {
        group: "secretsmanager".into(),
        resource: "secrets".into(),
        namespace: HOME.into(),
        name: name.into(),
    };
    assert_subjects(
        call(
            "secretsmanager",
            "GetSecretValue",
            json!({ "secretId": "prod/db-backup" }),
        ),
        [secret("prod/db-backup")],
    );
}

#[test]
fn what_is_of_another_account_is_not_what_has_its_name_here() {
    for account in ["123456789012", "999988887777"] {
        let arn = format!("arn:aws:iam::{account}:role/Admin");
        let read = event(&record(call(
            "sts",
            "AssumeRole",
            json!({ "roleArn": arn }),
        )));
        let is_role =
            |mention: &Mention| matches!(mention, Mention::Object { name, .. } if name == "admin");
        assert_eq!(read.mentions.iter().any(is_role), account == "123456789012");
        assert!(read.mentions.contains(&Mention::Principal(arn)));
    }
}

#[test]
fn what_a_service_decrypts_for_a_caller_is_told_by_that_service() {
    let kms = |operation: &str, context: Value, invoked_by: &str| {
        let mut record = call("kms", operation, json!({ "encryptionContext": context }));
        record["userIdentity"] = json!({ "type": "IAMUser", "invokedBy": invoked_by });
        if invoked_by.is_empty() {
            record["userIdentity"]
                .as_object_mut()
                .unwrap()
                .remove("invokedBy");
        }
        let is_thing = |mention: &&Mention| matches!(mention, Mention::Object { .. });
        event(&self::record(record))
            .mentions
            .iter()
            .filter(is_thing)
            .count()
    };
    let secret = json!({ "SecretARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbC123" });
    let object = json!({ "aws:s3:arn": "arn:aws:s3:::bucket/key" });
    assert_eq!(
        kms("Decrypt", secret.clone(), "secretsmanager.amazonaws.com"),
        0
    );
    assert_eq!(
        kms(
            "GenerateDataKey",
            secret.clone(),
            "secretsmanager.amazonaws.com"
        ),
        0
    );
    assert!(kms("Decrypt", secret, "") > 0);
    // Reads of objects may have no event of their own.
    assert!(kms("Decrypt", object.clone(), "AWS Internal") > 0);
    assert_eq!(kms("GenerateDataKey", object, "AWS Internal"), 0);
}

#[test]
fn whoever_looks_at_what_there_is_for_a_living_touches_nothing() {
    let arn = "arn:aws:iam::123456789012:role/Admin";
    for (service, operation) in [
        ("securityhub", "BatchImportFindings"),
        ("config", "PutEvaluations"),
        ("access-analyzer", "StartResourceScan"),
        ("cloudtrail", "LookupEvents"),
        ("tagging", "GetResources"),
    ] {
        let read = event(&record(call(service, operation, json!({ "of": [arn] }))));
        assert!(
            !read.mentions.contains(&Mention::Principal(arn.into())),
            "{service}"
        );
    }
    let passed = event(&record(call(
        "lambda",
        "CreateFunction20150331",
        json!({ "role": arn }),
    )));
    assert!(passed.mentions.contains(&Mention::Principal(arn.into())));
}
