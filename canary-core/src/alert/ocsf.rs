//! An alert as an OCSF 1.8.0 Detection Finding (class 2004).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fold::{among_others, is_among_others};
use super::text::title;
use super::{Alert, Attributed, Change, Evidence, Link};
use crate::detect::{Credential, Grade, OutcomeClass};
use crate::graph::{Address, CanaryId};

/// The schema's version.
const VERSION: &str = "1.8.0";

/// The finding, made at `now`. `change` says whether it is new or an update of one that was told. Holds no secret value.
#[must_use]
pub fn ocsf(alert: &Alert, change: Change, product_version: &str, now: Timestamp) -> Value {
    let (activity, activity_name) = match change {
        Change::Created => (1, "Create"),
        Change::Updated | Change::Counted => (2, "Update"),
    };
    let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    // The schema wants a time of every finding: of events that tell none, that of the finding itself.
    let time = alert.last.unwrap_or(now);
    let severity = alert.severity as i32;
    let mut finding = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_400 + activity,
        "time": time.as_millisecond(),
        "severity_id": severity,
        "severity": format!("{:?}", alert.severity),
        "status_id": 1,
        "is_alert": true,
        "confidence_id": if alert.grade == Grade::Covering { 2 } else { 3 },
        "count": alert.count,
        "metadata": {
            "version": VERSION,
            "uid": alert.uid,
            "correlation_uid": alert.incident,
            "product": { "name": "canary", "vendor_name": "canary", "version": product_version },
        },
        "finding_info": {
            "uid": alert.uid,
            "title": title(alert),
            "desc": super::text(alert),
            "types": ["canary"],
            "created_time": millis(alert.first),
            "first_seen_time": millis(alert.first),
            "last_seen_time": millis(alert.last),
            // 9: exact data match.
            "analytic": { "type_id": 9, "uid": "tripwire", "name": "tripwire" },
        },
        "evidences": alert.evidence.iter().map(|evidence| one(alert, evidence)).collect::<Vec<_>>(),
        "resources": resources(alert),
        "unmapped": { "aggravated": alert.aggravated, "context": alert.context, "timeline": (!alert.timeline.is_empty()).then_some(&alert.timeline) },
    });
    leave_out_unknown(&mut finding);
    finding
}

/// What it touched, and the pods that it points to.
fn resources(alert: &Alert) -> Vec<Value> {
    // Of pods' baits that were touched among others there may be thousands.
    let mut among: BTreeMap<&CanaryId, u64> = BTreeMap::new();
    for address in among_others(alert) {
        *among.entry(address.canary()).or_default() += 1;
    }
    let is_one = |(address, grade): &(&Address, &Grade)| !is_among_others(address, **grade);
    let ones = alert.touched.iter().filter(is_one);
    let ones = ones.map(|(address, grade)| {
        json!({ "name": address.to_string(), "type": address.canary().kind(), "data": { "grade": grade } })
    });
    let among = among.into_iter().map(|(canary, count)| {
        let data = json!({ "grade": Grade::Covering, "pods": count });
        json!({ "name": canary.to_string(), "type": canary.kind(), "data": data })
    });
    ones.chain(among)
        .chain(alert.pods.iter().map(pod))
        .collect()
}

/// A pod that it points to, as a resource (`resource_details`).
fn pod(one: &Attributed) -> Value {
    let subject = one.subject.as_ref();
    // 4: Related. Whether it is an actor is what is to be found out: others may have its credential.
    let (role, role_name) = match one.link {
        Link::Caller => (2, "Actor"),
        Link::Bait => (3, "Affected"),
        Link::Credential => (4, "Related"),
    };
    json!({
        "type": "pod", "uid": one.pod.uid, "name": one.pod.name, "namespace": one.pod.namespace,
        "role_id": role, "role": role_name,
        "ip": subject.and_then(|subject| subject.addresses.first()),
        "data": {
            "link": one.link, "owner": subject.map(|subject| &subject.owner), "node": one.node,
            "node_address": subject.map(|subject| subject.node_address),
            "addresses": subject.map(|subject| &subject.addresses), "images": subject.map(|subject| &subject.images),
            "service_account": subject.map(|subject| &subject.service_account),
            "issued": one.issued, "place": one.place, "gone": one.gone, "certain": (one.link == Link::Credential).then(|| one.is_certain()),
            "others": (!one.others.is_empty()).then_some(&one.others),
            "readers": (!one.readers.is_empty()).then_some(&one.readers), "more_readings": one.more_readings,
        },
    })
}

/// The schema knows no null: what is not known is left out.
fn leave_out_unknown(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(leave_out_unknown);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_unknown),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn one(alert: &Alert, evidence: &Evidence) -> Value {
    let actor = &alert.actor;
    let credential = match &actor.credential {
        Credential::Token(id) | Credential::AccessKey(id) | Credential::Certificate(id) => Some(id),
        Credential::Unknown => None,
    };
    let groups: Vec<Value> = actor
        .identity
        .groups
        .iter()
        .map(|name| json!({ "name": name }))
        .collect();
    let mut value = json!({
        "actor": { "user": {
            "name": actor.identity.name, "uid": actor.identity.uid, "credential_uid": credential, "groups": groups,
        }},
        "api": {
            "operation": if evidence.operation.is_empty() { &evidence.verb } else { &evidence.operation },
            "request": { "uid": evidence.id },
            "response": { "code": evidence.code, "error": (alert.outcome == OutcomeClass::Denied).then_some("denied") },
        },
        "data": { "object": evidence.object, "selector": evidence.selector, "time": evidence.at, "defects": evidence.defects,
            "acting_as": alert.acting_as.as_ref().map(|identity| &identity.name),
        },
    });
    if let Some(address) = evidence.address {
        value["src_endpoint"] = json!({ "ip": address.to_string() });
    }
    if !actor.user_agent.is_empty() {
        value["http_request"] = json!({ "user_agent": actor.user_agent });
    }
    if let Some(pod) = &actor.pod {
        value["container"] =
            json!({ "pod_uuid": pod.uid, "name": pod.name, "orchestrator": "Kubernetes" });
    }
    value
}
