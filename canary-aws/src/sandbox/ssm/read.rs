//! How parameters are read.

use serde_json::{Value, json};

use super::filters;
use super::names::{arn, reference};
use super::parameters::{Parameter, Ssm, Version, missing};
use crate::sandbox::call::{Answer, Call, epoch};
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;

/// Parameters that are got at once.
const AT_ONCE: usize = 10;

/// The most of a page, by operation.
const PATH_PAGE: i64 = 10;
const DESCRIBE_PAGE: i64 = 50;

fn chosen<'a>(parameter: &'a Parameter, selector: Option<&str>) -> Option<&'a Version> {
    match selector {
        None => parameter.versions.back(),
        Some(selector) => {
            let number: i64 = selector.parse().ok()?;
            parameter
                .versions
                .iter()
                .find(|version| version.number == number)
        }
    }
}

fn shape(call: &Call<'_>, name: &str, parameter: &Parameter, version: &Version) -> Value {
    let sealed = parameter.kind == "SecureString" && !call.flag("WithDecryption");
    let value = match sealed {
        // Of the ciphertext nothing but that it is one.
        true => format!("AQICAHg{:016x}", version.number),
        false => version.value.clone(),
    };
    json!({
        "Name": name,
        "Type": parameter.kind,
        "Value": value,
        "Version": version.number,
        "LastModifiedDate": epoch(version.at),
        "ARN": arn(call, name),
        "DataType": "text",
    })
}

fn one(ssm: &Ssm, call: &Call<'_>, text: &str) -> Answer {
    let reference = reference(text);
    let parameter = ssm.find(&reference.name)?;
    let version = chosen(parameter, reference.selector).ok_or_else(|| {
        let message = format!(
            "Systems Manager could not find version {} of {}.",
            reference.selector.unwrap_or_default(),
            reference.name
        );
        Failure::bad("ParameterVersionNotFound", message)
    })?;
    let mut shape = shape(call, &reference.name, parameter, version);
    if let Some(selector) = reference.selector {
        shape["Selector"] = json!(format!(":{selector}"));
    }
    Ok(shape)
}

pub(super) fn get(ssm: &Ssm, call: &Call<'_>) -> Answer {
    let parameter = one(ssm, call, call.required("Name")?)?;
    Ok(json!({ "Parameter": parameter }))
}

pub(super) fn get_many(ssm: &Ssm, call: &Call<'_>) -> Answer {
    let names = call.texts("Names");
    if names.is_empty() || names.len() > AT_ONCE {
        return Err(call.invalid("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length less than or equal to 10"));
    }
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for name in names {
        match one(ssm, call, name) {
            Ok(parameter) => found.push(parameter),
            Err(_) => invalid.push(name),
        }
    }
    Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
}

pub(super) fn by_path(ssm: &Ssm, call: &Call<'_>) -> Answer {
    let path = call.required("Path")?;
    if !path.starts_with('/') {
        return Err(call.invalid("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\"."));
    }
    call.number_within("MaxResults", 1, PATH_PAGE)?;
    let (size, after) = call.page("NextToken", "MaxResults")?;
    let recursive = call.flag("Recursive");
    let filters = call.list("ParameterFilters");
    let parameters = ssm
        .parameters
        .iter()
        .filter(|(name, parameter)| {
            filters::below(path, name, recursive) && filters::fits(filters, name, parameter)
        })
        .filter_map(|(name, parameter)| {
            let version = parameter.versions.back()?;
            Some((name.clone(), shape(call, name, parameter, version)))
        });
    let page = page(parameters, after.as_deref(), size.min(AT_ONCE));
    Ok(json!({ "Parameters": page.items, "NextToken": page.next }))
}

pub(super) fn describe(ssm: &Ssm, call: &Call<'_>) -> Answer {
    call.number_within("MaxResults", 1, DESCRIBE_PAGE)?;
    let (size, after) = call.page("NextToken", "MaxResults")?;
    let filters = call.list("ParameterFilters");
    let old = call.list("Filters");
    let parameters = ssm
        .parameters
        .iter()
        .filter(|(name, parameter)| {
            filters::fits(filters, name, parameter) && filters::fits_old(old, name, parameter)
        })
        .filter_map(|(name, parameter)| {
            let version = parameter.versions.back()?;
            let metadata = json!({
                "Name": name,
                "ARN": arn(call, name),
                "Type": parameter.kind,
                "KeyId": parameter.key,
                "LastModifiedDate": epoch(version.at),
                "LastModifiedUser": version.by,
                "Description": parameter.description,
                "Version": version.number,
                "Tier": parameter.tier,
                "Policies": [],
                "DataType": "text",
            });
            Some((name.clone(), metadata))
        });
    // Fifty is what a page of AWS's holds too.
    let page = page(parameters, after.as_deref(), size.min(50));
    Ok(json!({ "Parameters": page.items, "NextToken": page.next }))
}

/// Of a resource that tags are asked of.
pub(super) fn known(ssm: &Ssm, id: &str) -> Result<String, Failure> {
    let name = reference(id).name;
    match ssm.find(&name) {
        Ok(_) => Ok(name),
        Err(failure) if failure == missing() => Err(Failure::bad(
            "InvalidResourceId",
            "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
        )),
        Err(failure) => Err(failure),
    }
}
