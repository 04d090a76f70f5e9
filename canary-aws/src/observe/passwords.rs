//! Passwords for the console. We give none, so that whatever is there is somebody's.

use std::collections::BTreeMap;

use canary_core::graph::Handle;
use canary_core::observe::{Place, Scope, Seen};
use futures::StreamExt as _;
use jiff::Timestamp;

use super::look::Looking;
use super::principal::{Principal, moment, object};
use super::report::Report;
use crate::catalog::LOGIN_PROFILE;
use crate::client::{CallError, Client};

/// A user has one at most.
const NAME: &str = "console-password";
/// Users that are asked about at the same time.
const TOGETHER: usize = 8;

/// Looks at who of these users may log in, but for those whom a report tells to have no password: one that they were given
/// since the next report tells.
pub(super) async fn look(
    client: &Client,
    looking: &mut Looking<'_>,
    users: &BTreeMap<String, Principal>,
    report: Option<&Report>,
) {
    let asked: Vec<String> = users
        .values()
        .filter(|user| may_have_one(user, report))
        .map(|user| user.name.clone())
        .collect();
    let found = asked.into_iter().map(|name| async move {
        let since = since(client, &name).await;
        (name, since)
    });
    let found: Vec<_> = futures::stream::iter(found)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    for (user, since) in found {
        match since {
            Ok(Some(since)) => {
                let handle = Handle::scoped(LOGIN_PROFILE, &user, NAME);
                let fields = BTreeMap::from([("password".into(), Seen::Public("set".into()))]);
                let uid = handle.path();
                looking.saw(handle, object(&uid, since, fields));
            }
            Ok(None) => {}
            Err(error) => {
                let scope = Scope {
                    kind: LOGIN_PROFILE.into(),
                    scope: Some(user),
                };
                looking.could_not(Place::Neighbours(scope), &error);
            }
        }
    }
}

/// Whether it has to be asked: a report that says yes may be outdated, and of whom it does not know it says nothing.
fn may_have_one(user: &Principal, report: Option<&Report>) -> bool {
    let row = report.and_then(|report| report.row(user));
    row.is_none_or(|row| row.has_password)
}

/// Since when a user has a password, as far as that is told; `None` where it has none.
async fn since(client: &Client, user: &str) -> Result<Option<Option<Timestamp>>, CallError> {
    let iam = &client.iam;
    let answer = client
        .ask("iam:GetLoginProfile", || {
            iam.get_login_profile().user_name(user).send()
        })
        .await;
    match answer {
        Ok(answer) => {
            let profile = answer.login_profile();
            Ok(profile.map(|profile| moment(Some(profile.create_date()))))
        }
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}
