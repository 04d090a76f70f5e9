//! Where events go.

use serde_json::{Value, json};

use super::pattern;
use super::rules::{Events, Rule};
use crate::sandbox::access::{Context, allows_service};
use crate::sandbox::call::text;

/// What goes to one target.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Delivery {
    /// The target's ARN.
    pub(in crate::sandbox) to: String,
    /// The rule's ARN.
    pub(in crate::sandbox) rule: String,
    pub(in crate::sandbox) body: String,
}

/// A record as an event.
pub(in crate::sandbox) fn enveloped(record: &Value, id: String) -> Value {
    let source = text(record, "eventSource").unwrap_or_default();
    let service = source.split('.').next().unwrap_or_default();
    json!({
        "version": "0",
        "id": id,
        "detail-type": "AWS API Call via CloudTrail",
        "source": format!("aws.{service}"),
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    })
}

/// What the rules of a bus do with an event.
pub(in crate::sandbox) fn deliveries(events: &Events, event: &Value) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for rule in events.rules.values().filter(|rule| takes(rule, event)) {
        for target in rule.targets.values() {
            let body = match text(target, "Input") {
                Some(constant) => constant.to_owned(),
                None => event.to_string(),
            };
            deliveries.push(Delivery {
                to: text(target, "Arn").unwrap_or_default().to_owned(),
                rule: rule.arn.clone(),
                body,
            });
        }
    }
    deliveries
}

fn takes(rule: &Rule, event: &Value) -> bool {
    let detail = &event["detail"];
    let read = detail["readOnly"] == true && detail["managementEvent"] == true;
    let enabled = match rule.state.as_str() {
        "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" => true,
        "ENABLED" => !read,
        _ => false,
    };
    let pattern = rule.pattern.as_deref();
    let pattern = pattern.and_then(|pattern| serde_json::from_str(pattern).ok());
    enabled && pattern.is_some_and(|pattern| pattern::fits(&pattern, event))
}

/// Whether a queue's policy lets a rule send to it. Without one nothing arrives, and nobody is told.
pub(in crate::sandbox) fn may_send(
    policy: Option<Value>,
    queue: &str,
    delivery: &Delivery,
    account: &str,
) -> bool {
    let values = [
        ("aws:SourceArn", delivery.rule.clone()),
        ("aws:SourceAccount", account.to_owned()),
    ];
    let context = Context {
        action: "sqs:SendMessage",
        resource: queue,
        values: &values,
    };
    policy.is_some_and(|policy| allows_service(&policy, "events.amazonaws.com", &context))
}
