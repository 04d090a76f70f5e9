//! The look at one account.

use async_trait::async_trait;
use canary_core::observe::{Gap, Look, Observe, Observed, Place, Reason, Site};
use std::sync::{Mutex, PoisonError};

use super::look::Looking;
use super::{listener, objects, parameters, roles, secrets, users};
use crate::client::{CallError, Client, Connection, Failure};
use crate::provider;

/// Looks at one account.
#[derive(Debug)]
pub struct AwsObserve {
    client: Client,
    principal: Mutex<Option<String>>,
}

impl AwsObserve {
    /// Looks through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            principal: Mutex::default(),
        }
    }

    fn know(&self, principal: &str) {
        let mut known = self
            .principal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Some(principal.to_owned());
    }
}

fn unknown_site(reason: Reason, detail: String) -> Gap {
    Gap {
        provider: provider(),
        place: Place::Site,
        reason,
        detail,
    }
}

/// What was said, and where credentials were looked for that are of no use.
fn not_let_in(error: &CallError, connection: &Connection) -> String {
    let detail = error.detail();
    if error.failure == Failure::Unauthenticated {
        let tried = Connection::tried(connection.profile.as_deref());
        return format!("{detail}; {tried}");
    }
    detail
}

#[async_trait]
impl Observe for AwsObserve {
    async fn site(&self) -> Result<Site, Gap> {
        let sts = &self.client.sts;
        let identity = self
            .client
            .ask("sts:GetCallerIdentity", || sts.get_caller_identity().send())
            .await
            .map_err(|error| {
                unknown_site(
                    error.gap_reason(),
                    not_let_in(&error, &self.client.connection),
                )
            })?;
        let account = identity.account().unwrap_or_default();
        let principal = identity.arn().unwrap_or_default();
        let declared = &self.client.connection.account;
        if account != declared {
            let detail = format!(
                "{principal} is of account {account}, and [aws] says account = \"{declared}\""
            );
            return Err(unknown_site(Reason::Elsewhere, detail));
        }
        self.know(principal);
        Ok(Site {
            id: account.to_owned(),
            name: account.to_owned(),
            principal: Some(principal.to_owned()),
            clock_offset_ms: self.client.meter.offset_ms(),
            ..Site::default()
        })
    }

    async fn principal(&self) -> Option<String> {
        let known = self
            .principal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    async fn observe(&self, look: &Look) -> Observed {
        let before = self.client.meter.requests();
        let mut looking = Looking::new(look);
        // On the heap, one after another: together they are too large for a stack.
        Box::pin(users::look(&self.client, &mut looking)).await;
        Box::pin(roles::look(&self.client, &mut looking)).await;
        Box::pin(listener::look(&self.client, &mut looking)).await;
        Box::pin(parameters::look(&self.client, &mut looking)).await;
        Box::pin(secrets::look(&self.client, &mut looking)).await;
        Box::pin(objects::look(&self.client, &mut looking)).await;
        let mut observed = looking.into_observed();
        observed.requests = self.client.meter.requests() - before;
        observed
    }
}
