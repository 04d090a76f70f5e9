//! The touching itself.

use async_trait::async_trait;
use canary_core::apply::{Call, Found, Made, Realize, RealizeError};
use canary_core::ledger::{OutputValue, Verb};
use canary_core::observe::Object;

use super::{
    access_key, bucket, log_bucket, parameter, policy, queue, role, rule, s3_object, secret,
    target, trail, user,
};
use crate::catalog::{
    ACCESS_KEY, BUCKET, KEY_ID, LOG_BUCKET, LOG_BUCKET_POLICY, LOGGING, OBJECT, PARAMETER, QUEUE,
    ROLE, ROLE_POLICY, RULE, SECRET, SELECTORS, TARGET, TRAIL, USER, USER_POLICY,
};
use crate::client::Client;

/// Touches one account.
#[derive(Clone, Debug)]
pub struct AwsRealize {
    client: Client,
}

impl AwsRealize {
    /// Touches through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn touch(&self, call: &Call) -> Result<Made, RealizeError> {
        let client = &self.client;
        match (call.handle.kind.as_str(), call.verb) {
            (USER, Verb::Create) => user::create(client, call).await,
            (USER, Verb::Update) => user::update(client, call).await,
            (USER, Verb::Delete) => user::delete(client, call).await,
            (ROLE, Verb::Create) => role::create(client, call).await,
            (ROLE, Verb::Update) => role::update(client, call).await,
            (ROLE, Verb::Delete) => role::delete(client, call).await,
            (ACCESS_KEY, Verb::Create) => access_key::create(client, call).await,
            (ACCESS_KEY, Verb::Update) => access_key::update(client, call).await,
            (ACCESS_KEY, Verb::Delete) => access_key::delete(client, call).await,
            (USER_POLICY | ROLE_POLICY, Verb::Create) => policy::create(client, call).await,
            (USER_POLICY | ROLE_POLICY, Verb::Update) => policy::update(client, call).await,
            (USER_POLICY | ROLE_POLICY, Verb::Delete) => policy::delete(client, call).await,
            (QUEUE, Verb::Create) => queue::create(client, call).await,
            (QUEUE, Verb::Update) => queue::update(client, call).await,
            (QUEUE, Verb::Delete) => queue::delete(client, call).await,
            (RULE, Verb::Create) => rule::create(client, call).await,
            (RULE, Verb::Update) => rule::update(client, call).await,
            (RULE, Verb::Delete) => rule::delete(client, call).await,
            (TARGET, Verb::Create) => target::create(client, call).await,
            (TARGET, Verb::Update) => target::update(client, call).await,
            (TARGET, Verb::Delete) => target::delete(client, call).await,
            (TRAIL | LOGGING | SELECTORS, Verb::Create) => trail::create(client, call).await,
            (TRAIL | LOGGING | SELECTORS, Verb::Update) => trail::update(client, call).await,
            (TRAIL | LOGGING | SELECTORS, Verb::Delete) => trail::delete(client, call).await,
            (LOG_BUCKET | LOG_BUCKET_POLICY, Verb::Create) => {
                log_bucket::create(client, call).await
            }
            (LOG_BUCKET | LOG_BUCKET_POLICY, Verb::Update) => {
                log_bucket::update(client, call).await
            }
            (LOG_BUCKET | LOG_BUCKET_POLICY, Verb::Delete) => {
                log_bucket::delete(client, call).await
            }
            (PARAMETER, Verb::Create) => parameter::create(client, call).await,
            (PARAMETER, Verb::Update) => parameter::update(client, call).await,
            (PARAMETER, Verb::Delete) => parameter::delete(client, call).await,
            (SECRET, Verb::Create) => secret::create(client, call).await,
            (SECRET, Verb::Update) => secret::update(client, call).await,
            (SECRET, Verb::Delete) => secret::delete(client, call).await,
            (OBJECT, Verb::Create) => s3_object::create(client, call).await,
            (OBJECT, Verb::Update) => s3_object::update(client, call).await,
            (OBJECT, Verb::Delete) => s3_object::delete(client, call).await,
            (BUCKET, Verb::Create) => bucket::create(client, call).await,
            (BUCKET, Verb::Update) => bucket::update(call),
            (BUCKET, Verb::Delete) => bucket::delete(client, call).await,
            _ => Err(no_such_kind(call)),
        }
    }
}

fn no_such_kind(call: &Call) -> RealizeError {
    RealizeError::Refused {
        handle: call.handle.clone(),
        detail: "nobody knows this kind".into(),
    }
}

#[async_trait]
impl Realize for AwsRealize {
    async fn realize(&self, call: &Call) -> Result<Made, RealizeError> {
        self.client.changing(self.touch(call)).await
    }

    fn requests(&self) -> Vec<String> {
        self.client.meter.take_changes()
    }

    async fn find(&self, call: &Call) -> Result<Found, RealizeError> {
        let client = &self.client;
        let found = match call.handle.kind.as_str() {
            USER => user::find(client, call).await?,
            ROLE => role::find(client, call).await?,
            USER_POLICY | ROLE_POLICY => policy::find(client, call).await?,
            QUEUE => queue::find(client, call).await?,
            RULE => rule::find(client, call).await?,
            TARGET => target::find(client, call).await?,
            TRAIL | LOGGING | SELECTORS => trail::find(client, call).await?,
            LOG_BUCKET | LOG_BUCKET_POLICY => log_bucket::find(client, call).await?,
            PARAMETER => return parameter::find(client, call).await,
            SECRET => return secret::find(client, call).await,
            OBJECT => return s3_object::find(client, call).await,
            BUCKET => return bucket::find(client, call).await,
            // What a lost answer made is told by the next look at all keys.
            _ => return Ok(Found::NothingToFind),
        };
        Ok(found.map_or(Found::Absent, |object| Found::There(Box::new(object))))
    }

    async fn outputs_of(&self, call: &Call, object: &Object) -> Result<Made, RealizeError> {
        let made = Made::default();
        if call.handle.kind == ACCESS_KEY {
            // Its secret was shown once.
            let id = object.version.uid.clone();
            return Ok(made.with(KEY_ID, OutputValue::Public(id)));
        }
        if call.handle.kind == QUEUE {
            return queue::outputs(&self.client, call).await;
        }
        Ok(made)
    }
}
