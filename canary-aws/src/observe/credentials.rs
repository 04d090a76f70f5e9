//! What users prove themselves by: access keys and console passwords, told by one report of the account where that is worth
//! it, else by each user's lists.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::look::Looking;
use super::principal::{Principal, moment};
use super::report::{self, Report};
use super::{keys, passwords};
use crate::client::{CallError, Client, Failure};

/// So many users are worth a report, which takes two calls.
const WORTH_A_REPORT: usize = 3;
/// A report is made within seconds; it is asked for this often, each time after twice the pause.
const LOOKS: u32 = 6;
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// Looks at the credentials of these users, and at the keys of some of whom nothing else was asked.
pub(super) async fn look(
    client: &Client,
    looking: &mut Looking<'_>,
    users: &BTreeMap<String, Principal>,
    for_keys: BTreeSet<String>,
) {
    let mut report = None;
    if users.len() >= WORTH_A_REPORT {
        match fresh_report(client).await {
            Ok(fresh) => report = Some(fresh),
            Err(error) => {
                tracing::info!(
                    error = error.detail(),
                    "credentials are listed user by user"
                );
            }
        }
    }
    keys::look(client, looking, users, for_keys, report.as_ref()).await;
    passwords::look(client, looking, users, report.as_ref()).await;
}

/// The account's credential report. AWS makes one at most every four hours.
async fn fresh_report(client: &Client) -> Result<Report, CallError> {
    let iam = &client.iam;
    client
        .ask("iam:GenerateCredentialReport", || {
            iam.generate_credential_report().send()
        })
        .await?;
    let mut pause = FIRST_LOOK;
    let mut looks = 0;
    let answer = loop {
        let answer = client
            .ask("iam:GetCredentialReport", || {
                iam.get_credential_report().send()
            })
            .await;
        looks += 1;
        match answer {
            Err(error) if error.code.contains("InProgress") && looks < LOOKS => {
                client.pause(pause).await;
                pause *= 2;
            }
            answer => break answer?,
        }
    };
    let not_understood = || CallError {
        action: "iam:GetCredentialReport",
        failure: Failure::NotUnderstood,
        code: String::new(),
        message: "the report is not one".into(),
    };
    let made = moment(answer.generated_time()).ok_or_else(not_understood)?;
    let content = answer.content().ok_or_else(not_understood)?;
    let text = std::str::from_utf8(content.as_ref()).map_err(|_| not_understood())?;
    Ok(Report {
        made,
        rows: report::read(text),
    })
}
