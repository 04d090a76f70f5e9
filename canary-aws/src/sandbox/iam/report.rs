//! The credential report.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::state::{Iam, Key};
use super::users;
use crate::sandbox::call::{Answer, Call, Uses, iso};
use crate::sandbox::clock::later;
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;

/// The last report and how new ones are made.
#[derive(Clone, Debug)]
pub(super) struct Reports {
    last: Option<Report>,
    /// A report younger than this is given again.
    pub(super) age: SignedDuration,
    /// How often a new one is asked for in vain.
    pub(super) polls: u32,
}

#[derive(Clone, Debug)]
struct Report {
    made: Timestamp,
    content: String,
    /// How often it will still be asked for in vain.
    pending: u32,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            last: None,
            age: SignedDuration::from_hours(4),
            polls: 0,
        }
    }
}

pub(super) const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// The report writes times so.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// Five fields of a key.
fn key_fields(key: Option<&Key>, uses: &Uses) -> String {
    let Some(key) = key else {
        return "false,N/A,N/A,N/A,N/A".to_owned();
    };
    let used = match uses.get(&key.id) {
        None => "N/A,N/A,N/A".to_owned(),
        Some(used) => format!(
            "{},{},{}",
            time(used.at),
            used.region,
            used.service.prefix()
        ),
    };
    format!("{},{},{used}", key.active, time(key.created))
}

/// Four fields of a password.
fn password_fields(since: Option<Timestamp>) -> String {
    match since {
        None => "false,N/A,N/A,N/A".to_owned(),
        Some(since) => format!("true,no_information,{},N/A", time(since)),
    }
}

fn write(iam: &Iam, call: &Call<'_>) -> String {
    let mut lines = vec![HEADER.to_owned()];
    let none = key_fields(None, call.uses);
    // The account is as old as its first user.
    let oldest = iam.users.values().map(|user| user.entity.created).min();
    lines.push(format!(
        "<root_account>,arn:aws:iam::{}:root,{},not_supported,no_information,not_supported,not_supported,true,{none},{none},false,N/A,false,N/A",
        call.account,
        time(oldest.unwrap_or(call.now)),
    ));
    for user in iam.users.values() {
        let mut keys: Vec<&Key> = user.keys.iter().collect();
        keys.sort_by_key(|key| key.created);
        let key = |at: usize| key_fields(keys.get(at).copied(), call.uses);
        lines.push(format!(
            "{},{},{},{},false,{},{},false,N/A,false,N/A",
            quoted(&user.entity.name),
            quoted(&users::arn(call.account, user)),
            time(user.entity.created),
            password_fields(user.login),
            key(0),
            key(1),
        ));
    }
    lines.join("\n")
}

/// RFC 4180: names may hold commas.
fn quoted(field: &str) -> String {
    match field.contains([',', '"']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

pub(super) fn generate(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let age = iam.reports.age;
    match &mut iam.reports.last {
        Some(report) if report.pending > 0 => {
            report.pending -= 1;
            return Ok(json!({ "State": "INPROGRESS" }));
        }
        Some(report) if call.now < later(report.made, age) => {
            return Ok(json!({ "State": "COMPLETE" }));
        }
        _ => {}
    }
    let report = Report {
        made: call.now,
        content: write(iam, call),
        pending: iam.reports.polls,
    };
    iam.reports.last = Some(report);
    Ok(json!({
        "State": "STARTED",
        "Description": "No report exists. Starting a new report generation task",
    }))
}

pub(super) fn get(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let age = iam.reports.age;
    let Some(report) = &mut iam.reports.last else {
        let message = "No report exists. Call GenerateCredentialReport to generate one.";
        return Err(Failure::new(410, "ReportNotPresent", message));
    };
    if report.pending > 0 {
        report.pending -= 1;
        let message = "The report generation is still in progress.";
        return Err(Failure::new(404, "ReportInProgress", message));
    }
    if call.now >= later(report.made, age) {
        let message = "The most recent credential report has expired. To generate a new credential report, use GenerateCredentialReport.";
        return Err(Failure::new(410, "ReportExpired", message));
    }
    Ok(json!({
        "Content": STANDARD.encode(&report.content),
        "ReportFormat": "text/csv",
        "GeneratedTime": iso(report.made),
    }))
}
