//! Which regions are enabled, as EC2 and Account say it.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::page::page;

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

/// The answer of Account to `ListRegions`. All that are enabled are so from the start.
pub(super) fn list_regions(regions: &[String], call: &Call<'_>) -> Answer {
    let (size, after) = call.page("NextToken", "MaxResults")?;
    let wanted = call.texts("RegionOptStatusContains");
    let status = "ENABLED_BY_DEFAULT";
    let mut regions: Vec<&String> = regions.iter().collect();
    regions.sort();
    let shown = regions
        .into_iter()
        .filter(|_| wanted.is_empty() || wanted.contains(&status))
        .map(|region| {
            let shape = json!({ "RegionName": region, "RegionOptStatus": status });
            (region.clone(), shape)
        });
    let page = page(shown, after.as_deref(), size);
    Ok(json!({ "Regions": page.items, "NextToken": page.next }))
}
