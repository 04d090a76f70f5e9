//! Tags of rules.

use serde_json::json;

use super::rules::{Events, Rule, missing};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::tags;

fn name<'a>(call: &Call<'a>) -> Result<&'a str, Failure> {
    let arn = call.required("ResourceARN")?;
    Ok(arn.rsplit('/').next().unwrap_or(arn))
}

fn of_mut<'a>(events: &'a mut Events, call: &Call<'_>) -> Result<&'a mut Rule, Failure> {
    let name = name(call)?;
    events.rules.get_mut(name).ok_or_else(|| missing(name))
}

pub(super) fn tag(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let added = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    let rule = of_mut(events, call)?;
    tags::add(&mut rule.tags, added).map_err(|wrong| call.invalid(wrong))?;
    Ok(json!({}))
}

pub(super) fn untag(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let rule = of_mut(events, call)?;
    for key in call.texts("TagKeys") {
        rule.tags.remove(key);
    }
    Ok(json!({}))
}

pub(super) fn list(events: &Events, call: &Call<'_>) -> Answer {
    let name = name(call)?;
    let rule = events.rules.get(name).ok_or_else(|| missing(name))?;
    Ok(json!({ "Tags": tags::shape(&rule.tags) }))
}
