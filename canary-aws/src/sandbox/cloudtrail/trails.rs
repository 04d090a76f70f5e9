//! Trails.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, epoch};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;

/// Trails of a region.
const TRAILS: usize = 5;

/// Trails by ARN.
#[derive(Default)]
pub(in crate::sandbox) struct Trails {
    pub(super) trails: BTreeMap<String, Trail>,
    /// How the bucket is that a call names: told before it is carried out.
    pub(in crate::sandbox) bucket: LogBucket,
}

/// A bucket that log files are to go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sandbox) enum LogBucket {
    #[default]
    Missing,
    /// Its policy keeps CloudTrail out.
    Closed,
    Open,
}

#[derive(Default)]
pub(super) struct Trail {
    name: String,
    pub(super) region: String,
    bucket: String,
    prefix: Option<String>,
    pub(super) everywhere: bool,
    global: bool,
    validated: bool,
    pub(super) logging: bool,
    started: Option<Timestamp>,
    stopped: Option<Timestamp>,
    pub(super) selectors: Vec<Value>,
    pub(super) advanced: Vec<Value>,
}

fn unknown(name: &str, call: &Call<'_>) -> Failure {
    let shown: String = name.chars().take(128).collect();
    Failure::bad(
        "TrailNotFoundException",
        format!("Unknown trail: {shown} for the user: {}", call.account),
    )
}

fn arn(call: &Call<'_>, name: &str) -> String {
    match name.starts_with("arn:") {
        true => name.to_owned(),
        false => format!(
            "arn:aws:cloudtrail:{}:{}:trail/{name}",
            call.region, call.account
        ),
    }
}

impl Trails {
    pub(super) fn of(&self, call: &Call<'_>, parameter: &str) -> Result<(&str, &Trail), Failure> {
        let name = call.required(parameter)?;
        let found = self.trails.get_key_value(&arn(call, name));
        found
            .map(|(arn, trail)| (arn.as_str(), trail))
            .ok_or_else(|| unknown(name, call))
    }

    /// To be changed: that can be done where it is at home.
    pub(super) fn of_mut(
        &mut self,
        call: &Call<'_>,
        parameter: &str,
    ) -> Result<&mut Trail, Failure> {
        let name = call.required(parameter)?;
        let trail = self
            .trails
            .get_mut(&arn(call, name))
            .ok_or_else(|| unknown(name, call))?;
        match trail.region == call.region {
            true => Ok(trail),
            false => Err(Failure::bad(
                "InvalidHomeRegionException",
                format!(
                    "Trail is not in its home region. Home region: {}",
                    trail.region
                ),
            )),
        }
    }
}

fn check_bucket(trails: &Trails, call: &Call<'_>) -> Result<(), Failure> {
    let Some(bucket) = call.text("S3BucketName") else {
        return Ok(());
    };
    match trails.bucket {
        LogBucket::Open => Ok(()),
        LogBucket::Missing => Err(Failure::bad(
            "S3BucketDoesNotExistException",
            format!("S3 bucket {bucket} does not exist!"),
        )),
        LogBucket::Closed => Err(Failure::bad(
            "InsufficientS3BucketPolicyException",
            format!("Incorrect S3 bucket policy is detected for bucket: {bucket}"),
        )),
    }
}

fn change(trail: &mut Trail, call: &Call<'_>) {
    if let Some(bucket) = call.text("S3BucketName") {
        bucket.clone_into(&mut trail.bucket);
    }
    if let Some(prefix) = call.text("S3KeyPrefix") {
        trail.prefix = Some(prefix.to_owned());
    }
    for (parameter, field) in [
        ("IsMultiRegionTrail", &mut trail.everywhere),
        ("IncludeGlobalServiceEvents", &mut trail.global),
        ("EnableLogFileValidation", &mut trail.validated),
    ] {
        if let Some(told) = call.params[parameter].as_bool() {
            *field = told;
        }
    }
}

fn shape(arn: &str, trail: &Trail) -> Value {
    json!({
        "Name": trail.name,
        "TrailARN": arn,
        "S3BucketName": trail.bucket,
        "S3KeyPrefix": trail.prefix,
        "IncludeGlobalServiceEvents": trail.global,
        "IsMultiRegionTrail": trail.everywhere,
        "HomeRegion": trail.region,
        "LogFileValidationEnabled": trail.validated,
        "HasCustomEventSelectors": !(trail.selectors.is_empty() && trail.advanced.is_empty()),
        "HasInsightSelectors": false,
        "IsOrganizationTrail": false,
    })
}

pub(super) fn create(trails: &mut Trails, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = call.required("Name")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let ends = |name: &str| name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if !(3..=128).contains(&name.len()) || !name.bytes().all(plain) || !ends(name) {
        return Err(Failure::bad(
            "InvalidTrailNameException",
            "Trail name must start with a letter or number, and have 3 to 128 characters.",
        ));
    }
    call.required("S3BucketName")?;
    check_bucket(trails, call)?;
    let arn = arn(call, name);
    if trails.trails.contains_key(&arn) {
        return Err(Failure::bad(
            "TrailAlreadyExistsException",
            format!("Trail {name} already exists for customer: {}", call.account),
        ));
    }
    let here = trails
        .trails
        .values()
        .filter(|trail| trail.region == call.region || trail.everywhere);
    if here.count() >= TRAILS {
        return Err(Failure::bad(
            "MaximumNumberOfTrailsExceededException",
            format!(
                "User: {} already has {TRAILS} trails in {}.",
                call.account, call.region
            ),
        ));
    }
    let mut trail = Trail {
        name: name.to_owned(),
        region: call.region.to_owned(),
        global: true,
        ..Trail::default()
    };
    change(&mut trail, call);
    let shape = shape(&arn, &trail);
    trails.trails.insert(arn, trail);
    Ok(shape)
}

pub(super) fn update(trails: &mut Trails, call: &Call<'_>, _: &mut Entropy) -> Answer {
    check_bucket(trails, call)?;
    change(trails.of_mut(call, "Name")?, call);
    let (arn, trail) = trails.of(call, "Name")?;
    Ok(shape(arn, trail))
}

pub(super) fn delete(trails: &mut Trails, call: &Call<'_>, _: &mut Entropy) -> Answer {
    trails.of_mut(call, "Name")?;
    trails.trails.remove(&arn(call, call.required("Name")?));
    Ok(json!({}))
}

/// Trails of this region, and those of others that are everywhere, unless their shadows are not wanted.
pub(super) fn describe(trails: &Trails, call: &Call<'_>) -> Answer {
    let names = call.texts("trailNameList");
    let shadows = call.params["includeShadowTrails"] != false;
    let list: Vec<Value> = trails
        .trails
        .iter()
        .filter(|(_, trail)| trail.region == call.region || (shadows && trail.everywhere))
        .filter(|(arn, trail)| {
            names.is_empty()
                || names.contains(&arn.as_str())
                || names.contains(&trail.name.as_str())
        })
        .map(|(arn, trail)| shape(arn, trail))
        .collect();
    Ok(json!({ "trailList": list }))
}

pub(super) fn get(trails: &Trails, call: &Call<'_>) -> Answer {
    let (arn, trail) = trails.of(call, "Name")?;
    Ok(json!({ "Trail": shape(arn, trail) }))
}

pub(super) fn list(trails: &Trails, _: &Call<'_>) -> Answer {
    let all: Vec<Value> = trails
        .trails
        .iter()
        .map(|(arn, trail)| json!({ "TrailARN": arn, "Name": trail.name, "HomeRegion": trail.region }))
        .collect();
    Ok(json!({ "Trails": all }))
}

pub(super) fn status(trails: &Trails, call: &Call<'_>) -> Answer {
    let (_, trail) = trails.of(call, "Name")?;
    Ok(json!({
        "IsLogging": trail.logging,
        "StartLoggingTime": trail.started.map(epoch),
        "StopLoggingTime": trail.stopped.map(epoch),
    }))
}

pub(super) fn start(trails: &mut Trails, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let trail = trails.of_mut(call, "Name")?;
    trail.logging = true;
    trail.started = Some(call.now);
    Ok(json!({}))
}

pub(super) fn stop(trails: &mut Trails, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let trail = trails.of_mut(call, "Name")?;
    trail.logging = false;
    trail.stopped = Some(call.now);
    Ok(json!({}))
}
