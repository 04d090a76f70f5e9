//! Rules.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pattern;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;
use crate::sandbox::tags::{self, Tags};

/// Rules of one bus.
const RULES: usize = 300;

/// The default bus of a region.
#[derive(Default)]
pub(in crate::sandbox) struct Events {
    pub(super) rules: BTreeMap<String, Rule>,
    /// Statements of the bus's policy by their id.
    pub(super) statements: BTreeMap<String, Value>,
}

pub(super) struct Rule {
    pub(super) arn: String,
    pub(super) pattern: Option<String>,
    pub(super) schedule: Option<String>,
    pub(super) state: String,
    pub(super) description: Option<String>,
    pub(super) role: Option<String>,
    pub(super) tags: Tags,
    /// Targets by their id, as they were put.
    pub(super) targets: BTreeMap<String, Value>,
}

pub(super) fn missing(name: &str) -> Failure {
    let message = format!("Rule {name} does not exist on EventBus default.");
    Failure::bad("ResourceNotFoundException", message)
}

/// There is but the default bus.
pub(super) fn on_default_bus(call: &Call<'_>) -> Result<(), Failure> {
    match call.text("EventBusName") {
        None | Some("default") => Ok(()),
        Some(arn) if arn.ends_with(":event-bus/default") => Ok(()),
        Some(name) => {
            let shown: String = name.chars().take(256).collect();
            Err(Failure::bad(
                "ResourceNotFoundException",
                format!("Event bus {shown} does not exist."),
            ))
        }
    }
}

impl Events {
    pub(super) fn of<'a>(
        &'a self,
        call: &Call<'_>,
        parameter: &str,
    ) -> Result<(&'a str, &'a Rule), Failure> {
        on_default_bus(call)?;
        let name = call.required(parameter)?;
        let found = self.rules.get_key_value(name);
        found
            .map(|(name, rule)| (name.as_str(), rule))
            .ok_or_else(|| missing(name))
    }

    pub(super) fn of_mut(
        &mut self,
        call: &Call<'_>,
        parameter: &str,
    ) -> Result<&mut Rule, Failure> {
        on_default_bus(call)?;
        let name = call.required(parameter)?;
        self.rules.get_mut(name).ok_or_else(|| missing(name))
    }
}

pub(super) fn put(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    on_default_bus(call)?;
    let name = call.required("Name")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.len() > 64 || !name.bytes().all(plain) {
        return Err(call.invalid("1 validation error detected: Value at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"));
    }
    let (pattern, schedule) = (call.text("EventPattern"), call.text("ScheduleExpression"));
    if pattern.is_none() && schedule.is_none() {
        return Err(
            call.invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        );
    }
    if let Some(pattern) = pattern
        && !pattern::valid(pattern)
    {
        return Err(Failure::bad(
            "InvalidEventPatternException",
            "Event pattern is not valid. Reason: Filter is not an object",
        ));
    }
    let state = call.text("State").unwrap_or("ENABLED");
    if ![
        "ENABLED",
        "DISABLED",
        "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
    ]
    .contains(&state)
    {
        return Err(call.invalid("1 validation error detected: Value at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]"));
    }
    let parsed = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    if !events.rules.contains_key(name) && events.rules.len() >= RULES {
        return Err(Failure::bad(
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        ));
    }
    let rule = events.rules.entry(name.to_owned()).or_insert_with(|| Rule {
        arn: format!(
            "arn:aws:events:{}:{}:rule/{name}",
            call.region, call.account
        ),
        pattern: None,
        schedule: None,
        state: String::new(),
        description: None,
        role: None,
        tags: parsed,
        targets: BTreeMap::new(),
    });
    rule.pattern = pattern.map(ToOwned::to_owned);
    rule.schedule = schedule.map(ToOwned::to_owned);
    state.clone_into(&mut rule.state);
    rule.description = call.text("Description").map(ToOwned::to_owned);
    rule.role = call.text("RoleArn").map(ToOwned::to_owned);
    Ok(json!({ "RuleArn": rule.arn }))
}

fn shape(name: &str, rule: &Rule) -> Value {
    json!({
        "Name": name,
        "Arn": rule.arn,
        "EventPattern": rule.pattern,
        "ScheduleExpression": rule.schedule,
        "State": rule.state,
        "Description": rule.description,
        "RoleArn": rule.role,
        "EventBusName": "default",
    })
}

pub(super) fn describe(events: &Events, call: &Call<'_>) -> Answer {
    let (name, rule) = events.of(call, "Name")?;
    let mut shape = shape(name, rule);
    shape["CreatedBy"] = json!(call.account);
    Ok(shape)
}

pub(super) fn list(events: &Events, call: &Call<'_>) -> Answer {
    on_default_bus(call)?;
    let prefix = call.text("NamePrefix").unwrap_or_default();
    let (size, after) = call.page("NextToken", "Limit")?;
    let rules = events.rules.iter();
    let rules = rules
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, rule)| (name.clone(), shape(name, rule)));
    let page = page(rules, after.as_deref(), size);
    Ok(json!({ "Rules": page.items, "NextToken": page.next }))
}

/// What is not there is deleted already.
pub(super) fn delete(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    on_default_bus(call)?;
    let name = call.required("Name")?;
    if events
        .rules
        .get(name)
        .is_some_and(|rule| !rule.targets.is_empty())
    {
        return Err(call.invalid("Rule can't be deleted since it has targets."));
    }
    events.rules.remove(name);
    Ok(Value::Null)
}

pub(super) fn enable(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    "ENABLED".clone_into(&mut events.of_mut(call, "Name")?.state);
    Ok(Value::Null)
}

pub(super) fn disable(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    "DISABLED".clone_into(&mut events.of_mut(call, "Name")?.state);
    Ok(Value::Null)
}
