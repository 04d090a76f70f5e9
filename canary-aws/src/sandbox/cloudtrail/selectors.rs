//! What trails take beside management events.

use serde_json::{Value, json};

use super::trails::{Trail, Trails};
use crate::sandbox::call::{Answer, Call, list, text};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;

pub(super) fn put(trails: &mut Trails, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let (plain, advanced) = (
        call.list("EventSelectors"),
        call.list("AdvancedEventSelectors"),
    );
    if plain.is_empty() == advanced.is_empty() || plain.len() > 5 {
        return Err(Failure::bad(
            "InvalidEventSelectorsException",
            "Specify either event selectors or advanced event selectors, up to 5.",
        ));
    }
    let trail = trails.of_mut(call, "TrailName")?;
    trail.selectors = plain.to_vec();
    trail.advanced = advanced.to_vec();
    answer(trails, call)
}

pub(super) fn get(trails: &Trails, call: &Call<'_>) -> Answer {
    answer(trails, call)
}

fn answer(trails: &Trails, call: &Call<'_>) -> Answer {
    let (arn, trail) = trails.of(call, "TrailName")?;
    if !trail.advanced.is_empty() {
        return Ok(json!({ "TrailARN": arn, "AdvancedEventSelectors": trail.advanced }));
    }
    let default = [json!({
        "ReadWriteType": "All",
        "IncludeManagementEvents": true,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    })];
    let selectors = match trail.selectors.is_empty() {
        true => default.as_slice(),
        false => &trail.selectors,
    };
    Ok(json!({ "TrailARN": arn, "EventSelectors": selectors }))
}

impl Trails {
    /// Whether a trail logs a region.
    pub(in crate::sandbox) fn log(&self, region: &str) -> bool {
        let mut trails = self.trails.values();
        trails.any(|trail| trail.logging && (trail.region == region || trail.everywhere))
    }

    /// Whether a trail that logs takes what is done to a thing of a type.
    pub(in crate::sandbox) fn take_data(&self, region: &str, kind: &str, arn: &str) -> bool {
        let mut trails = self.trails.values();
        trails.any(|trail| {
            let here = trail.region == region || trail.everywhere;
            here && trail.logging && takes(trail, kind, arn)
        })
    }
}

fn takes(trail: &Trail, kind: &str, arn: &str) -> bool {
    let plain = trail
        .selectors
        .iter()
        .flat_map(|selector| list(selector, "DataResources"));
    let mut plain = plain.filter(|resource| text(resource, "Type") == Some(kind));
    // `arn:aws:s3` is every bucket.
    let begins = |resource: &Value| {
        let values = list(resource, "Values").iter().filter_map(Value::as_str);
        values.into_iter().any(|value| arn.starts_with(value))
    };
    plain.any(begins)
        || trail
            .advanced
            .iter()
            .any(|selector| advanced(selector, kind, arn))
}

fn advanced(selector: &Value, kind: &str, arn: &str) -> bool {
    let fields = list(selector, "FieldSelectors");
    let of = |name: &'static str| {
        fields
            .iter()
            .filter(move |field| text(field, "Field") == Some(name))
    };
    let data = of("eventCategory").any(|field| list(field, "Equals").contains(&json!("Data")));
    let kinds = of("resources.type").any(|field| list(field, "Equals").contains(&json!(kind)));
    let named = of("resources.ARN").all(|field| {
        has(field, "Equals", |wanted| arn == wanted)
            && has(field, "StartsWith", |wanted| arn.starts_with(wanted))
    });
    data && kinds && named
}

/// Whether one of what is wanted fits; what is not asked does.
fn has(field: &Value, operator: &str, fits: impl Fn(&str) -> bool) -> bool {
    let wanted = list(field, operator);
    wanted.is_empty() || wanted.iter().filter_map(Value::as_str).any(fits)
}
