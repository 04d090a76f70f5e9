//! Looking events up.

use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, epoch, text};
use crate::sandbox::failure::Failure;
use crate::sandbox::page;

/// Events of a page.
const PAGE: i64 = 50;

/// Management events of a region, the latest first.
pub(in crate::sandbox) fn lookup<'a>(
    records: impl DoubleEndedIterator<Item = &'a Value>,
    call: &Call<'_>,
) -> Answer {
    let attributes = call.list("LookupAttributes");
    if attributes.len() > 1 {
        return Err(Failure::bad(
            "InvalidLookupAttributesException",
            "You can only specify one lookup attribute.",
        ));
    }
    call.number_within("MaxResults", 1, PAGE)?;
    let (size, after) = call.page("NextToken", "MaxResults")?;
    let between = |at: f64| {
        let start = call.params["StartTime"].as_f64().unwrap_or(f64::MIN);
        let end = call.params["EndTime"].as_f64().unwrap_or(f64::MAX);
        start <= at && at <= end
    };
    let events = records
        .rev()
        .filter(|record| record["awsRegion"] == call.region && record["managementEvent"] == true)
        .filter(|record| attributes.iter().all(|attribute| fits(attribute, record)))
        .map(shape)
        .filter(|event| event["EventTime"].as_f64().is_some_and(between))
        .enumerate()
        .map(|(number, event)| (format!("{number:08}"), event));
    let page = page::page(events, after.as_deref(), size.min(50));
    Ok(json!({ "Events": page.items, "NextToken": page.next }))
}

fn username(record: &Value) -> Option<&str> {
    let identity = &record["userIdentity"];
    let arn = text(identity, "arn")?;
    text(identity, "userName").or_else(|| arn.rsplit('/').next())
}

fn fits(attribute: &Value, record: &Value) -> bool {
    let wanted = text(attribute, "AttributeValue").unwrap_or_default();
    let read_only = record["readOnly"].as_bool().unwrap_or_default().to_string();
    let has = match text(attribute, "AttributeKey") {
        Some("EventId") => text(record, "eventID"),
        Some("EventName") => text(record, "eventName"),
        Some("EventSource") => text(record, "eventSource"),
        Some("ReadOnly") => Some(read_only.as_str()),
        Some("Username") => username(record),
        Some("AccessKeyId") => text(&record["userIdentity"], "accessKeyId"),
        _ => None,
    };
    has == Some(wanted)
}

fn shape(record: &Value) -> Value {
    let at = text(record, "eventTime").and_then(|at| at.parse::<jiff::Timestamp>().ok());
    json!({
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": record["readOnly"].as_bool().unwrap_or_default().to_string(),
        "AccessKeyId": record["userIdentity"]["accessKeyId"],
        "EventTime": at.map(epoch),
        "EventSource": record["eventSource"],
        "Username": username(record),
        "Resources": [],
        "CloudTrailEvent": record.to_string(),
    })
}
