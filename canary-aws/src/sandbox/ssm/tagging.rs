//! Tags of parameters.

use std::sync::Arc;

use serde_json::json;

use super::parameters::{Parameter, Ssm};
use super::read::known;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::tags;

fn of_mut<'a>(ssm: &'a mut Ssm, call: &Call<'_>) -> Result<&'a mut Parameter, Failure> {
    let name = resource(ssm, call)?;
    let parameter = ssm.parameters.get_mut(&name);
    parameter
        .map(Arc::make_mut)
        .ok_or_else(super::parameters::missing)
}

fn resource(ssm: &Ssm, call: &Call<'_>) -> Result<String, Failure> {
    if call.text("ResourceType") != Some("Parameter") {
        return Err(Failure::bad(
            "InvalidResourceType",
            "The resource type isn't valid.",
        ));
    }
    known(ssm, call.required("ResourceId")?)
}

pub(super) fn add(ssm: &mut Ssm, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let added = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    let parameter = of_mut(ssm, call)?;
    tags::add(&mut parameter.tags, added)
        .map_err(|wrong| Failure::bad("TooManyTagsError", wrong))?;
    Ok(json!({}))
}

pub(super) fn remove(ssm: &mut Ssm, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let parameter = of_mut(ssm, call)?;
    for key in call.texts("TagKeys") {
        parameter.tags.remove(key);
    }
    Ok(json!({}))
}

pub(super) fn list(ssm: &Ssm, call: &Call<'_>) -> Answer {
    let name = resource(ssm, call)?;
    Ok(json!({ "TagList": tags::shape(&ssm.find(&name)?.tags) }))
}
