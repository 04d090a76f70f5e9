//! The default bus and who may put events on it.

use serde_json::{Value, json};

use super::rules::{Events, on_default_bus};
use crate::sandbox::access;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;

fn arn(call: &Call<'_>) -> String {
    format!(
        "arn:aws:events:{}:{}:event-bus/default",
        call.region, call.account
    )
}

pub(super) fn put_permission(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    on_default_bus(call)?;
    if let Some(policy) = call.text("Policy") {
        let document = access::parse(policy).ok_or_else(|| call.invalid("Policy is not valid."))?;
        events.statements.clear();
        let statements = &document["Statement"];
        let statements = statements
            .as_array()
            .map_or_else(|| vec![statements.clone()], Clone::clone);
        for (number, statement) in statements.into_iter().enumerate() {
            let id = statement["Sid"]
                .as_str()
                .map_or_else(|| number.to_string(), ToOwned::to_owned);
            events.statements.insert(id, statement);
        }
        return Ok(Value::Null);
    }
    let id = call.required("StatementId")?;
    let principal = match call.required("Principal")? {
        "*" => json!("*"),
        account => json!({ "AWS": format!("arn:aws:iam::{account}:root") }),
    };
    let statement = json!({
        "Sid": id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": call.text("Action").unwrap_or("events:PutEvents"),
        "Resource": arn(call),
    });
    events.statements.insert(id.to_owned(), statement);
    Ok(Value::Null)
}

pub(super) fn remove_permission(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    on_default_bus(call)?;
    if call.flag("RemoveAllPermissions") {
        events.statements.clear();
        return Ok(Value::Null);
    }
    let id = call.required("StatementId")?;
    match events.statements.remove(id) {
        Some(_) => Ok(Value::Null),
        None => Err(Failure::bad(
            "ResourceNotFoundException",
            "Statement with the provided id does not exist.",
        )),
    }
}

pub(super) fn describe(events: &Events, call: &Call<'_>) -> Answer {
    if !matches!(call.text("Name"), None | Some("default")) {
        return Err(Failure::bad(
            "ResourceNotFoundException",
            "Event bus does not exist.",
        ));
    }
    let mut bus = json!({ "Name": "default", "Arn": arn(call) });
    if !events.statements.is_empty() {
        let statements: Vec<&Value> = events.statements.values().collect();
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        bus["Policy"] = json!(policy.to_string());
    }
    Ok(bus)
}
