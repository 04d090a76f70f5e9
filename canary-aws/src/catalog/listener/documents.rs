//! The documents that the parts of the way have: patterns and policies, each in the one form in which it is compared.

use serde_json::{Value, json};

const VERSION: &str = "2012-10-17";

/// What every rule takes: all that CloudTrail says. A narrower one would list what is looked for, for whoever may read
/// rules.
pub(super) fn pattern() -> String {
    json!({ "detail-type": ["AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail"] })
        .to_string()
}

/// Only the rule may send to the queue.
pub(super) fn queue_policy(queue: &str, rule: &str) -> String {
    policy(json!([{
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": { "ArnEquals": { "aws:SourceArn": rule } },
    }]))
}

/// After so many receipts a message goes to the dead letters: it is not one that can be read.
const RECEIPTS: u32 = 5;

pub(super) fn redrive(dead_letters: &str) -> String {
    json!({ "deadLetterTargetArn": dead_letters, "maxReceiveCount": RECEIPTS }).to_string()
}

/// EventBridge may act as the role.
pub(super) fn trust() -> String {
    policy(json!([{
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sts:AssumeRole",
    }]))
}

/// As the role it may put events on the home region's bus, and nothing else.
pub(super) fn role_policy(bus: &str) -> String {
    policy(json!([{ "Effect": "Allow", "Action": "events:PutEvents", "Resource": bus }]))
}

/// CloudTrail may write one trail's files into a bucket, as its user guide has it.
pub(super) fn bucket_policy(partition: &str, bucket: &str, account: &str, trail: &str) -> String {
    let arn = format!("arn:{partition}:s3:::{bucket}");
    let cloudtrail = json!({ "Service": "cloudtrail.amazonaws.com" });
    policy(json!([
        {
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:GetBucketAcl",
            "Resource": arn,
            "Condition": { "StringEquals": { "aws:SourceArn": trail } },
        },
        {
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:PutObject",
            "Resource": format!("{arn}/AWSLogs/{account}/*"),
            "Condition": { "StringEquals": {
                "aws:SourceArn": trail,
                "s3:x-amz-acl": "bucket-owner-full-control",
            } },
        },
    ]))
}

/// Management events as by default, and what is done to the objects of these buckets.
pub(super) fn selectors<'a>(partition: &str, buckets: impl Iterator<Item = &'a str>) -> String {
    let values: Vec<String> = buckets
        .map(|bucket| format!("arn:{partition}:s3:::{bucket}/"))
        .collect();
    let data = match values.as_slice() {
        [] => json!([]),
        values => json!([{ "Type": "AWS::S3::Object", "Values": values }]),
    };
    json!([{ "ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": data }])
        .to_string()
}

fn policy(statements: Value) -> String {
    json!({ "Version": VERSION, "Statement": statements }).to_string()
}
