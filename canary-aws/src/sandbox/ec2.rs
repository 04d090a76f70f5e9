//! EC2: which regions are enabled.

use serde_json::{Value, json};

use super::call::Call;

/// The answer to `DescribeRegions`.
pub(super) fn describe_regions(regions: &[String], call: &Call<'_>) -> Value {
    let wanted: Vec<&str> = (1..=100)
        .map_while(|number| call.text(&format!("RegionName.{number}")))
        .collect();
    let items: Vec<Value> = regions
        .iter()
        .filter(|region| wanted.is_empty() || wanted.contains(&region.as_str()))
        .map(|region| {
            json!({
                "regionName": region,
                "regionEndpoint": format!("ec2.{region}.amazonaws.com"),
                "optInStatus": "opt-in-not-required",
            })
        })
        .collect();
    json!({ "regionInfo": { "item": items } })
}
