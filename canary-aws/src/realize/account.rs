//! The touching itself.

use std::pin::Pin;

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

type Work<'a> = Pin<Box<dyn Future<Output = Result<Made, RealizeError>> + Send + 'a>>;

impl AwsRealize {
    /// Touches through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn touch(&self, call: &Call) -> Result<Made, RealizeError> {
        let client = &self.client;
        // On the heap, one for each kind: together they are too large for a stack.
        let work: Work<'_> = match (call.handle.kind.as_str(), call.verb) {
            (USER, Verb::Create) => Box::pin(user::create(client, call)),
            (USER, Verb::Update) => Box::pin(user::update(client, call)),
            (USER, Verb::Delete) => Box::pin(user::delete(client, call)),
            (ROLE, Verb::Create) => Box::pin(role::create(client, call)),
            (ROLE, Verb::Update) => Box::pin(role::update(client, call)),
            (ROLE, Verb::Delete) => Box::pin(role::delete(client, call)),
            (ACCESS_KEY, Verb::Create) => Box::pin(access_key::create(client, call)),
            (ACCESS_KEY, Verb::Update) => Box::pin(access_key::update(client, call)),
            (ACCESS_KEY, Verb::Delete) => Box::pin(access_key::delete(client, call)),
            (USER_POLICY | ROLE_POLICY, Verb::Create) => Box::pin(policy::create(client, call)),
            (USER_POLICY | ROLE_POLICY, Verb::Update) => Box::pin(policy::update(client, call)),
            (USER_POLICY | ROLE_POLICY, Verb::Delete) => Box::pin(policy::delete(client, call)),
            (QUEUE, Verb::Create) => Box::pin(queue::create(client, call)),
            (QUEUE, Verb::Update) => Box::pin(queue::update(client, call)),
            (QUEUE, Verb::Delete) => Box::pin(queue::delete(client, call)),
            (RULE, Verb::Create) => Box::pin(rule::create(client, call)),
            (RULE, Verb::Update) => Box::pin(rule::update(client, call)),
            (RULE, Verb::Delete) => Box::pin(rule::delete(client, call)),
            (TARGET, Verb::Create) => Box::pin(target::create(client, call)),
            (TARGET, Verb::Update) => Box::pin(target::update(client, call)),
            (TARGET, Verb::Delete) => Box::pin(target::delete(client, call)),
            (TRAIL | LOGGING | SELECTORS, Verb::Create) => Box::pin(trail::create(client, call)),
            (TRAIL | LOGGING | SELECTORS, Verb::Update) => Box::pin(trail::update(client, call)),
            (TRAIL | LOGGING | SELECTORS, Verb::Delete) => Box::pin(trail::delete(client, call)),
            (LOG_BUCKET | LOG_BUCKET_POLICY, Verb::Create) => {
                Box::pin(log_bucket::create(client, call))
            }
            (LOG_BUCKET | LOG_BUCKET_POLICY, Verb::Update) => {
                Box::pin(log_bucket::update(client, call))
            }
            (LOG_BUCKET | LOG_BUCKET_POLICY, Verb::Delete) => {
                Box::pin(log_bucket::delete(client, call))
            }
            (PARAMETER, Verb::Create) => Box::pin(parameter::create(client, call)),
            (PARAMETER, Verb::Update) => Box::pin(parameter::update(client, call)),
            (PARAMETER, Verb::Delete) => Box::pin(parameter::delete(client, call)),
            (SECRET, Verb::Create) => Box::pin(secret::create(client, call)),
            (SECRET, Verb::Update) => Box::pin(secret::update(client, call)),
            (SECRET, Verb::Delete) => Box::pin(secret::delete(client, call)),
            (OBJECT, Verb::Create) => Box::pin(s3_object::create(client, call)),
            (OBJECT, Verb::Update) => Box::pin(s3_object::update(client, call)),
            (OBJECT, Verb::Delete) => Box::pin(s3_object::delete(client, call)),
            (BUCKET, Verb::Create) => Box::pin(bucket::create(client, call)),
            (BUCKET, Verb::Update) => return bucket::update(call),
            (BUCKET, Verb::Delete) => Box::pin(bucket::delete(client, call)),
            _ => return Err(no_such_kind(call)),
        };
        work.await
    }
}

fn no_such_kind(call: &Call) -> RealizeError {
    RealizeError::Refused {
        handle: call.handle.clone(),
        detail: "nobody knows this kind".into(),
    }
}

fn no_answer(call: &Call) -> RealizeError {
    RealizeError::Unknown {
        handle: call.handle.clone(),
        detail: "no answer in time".into(),
    }
}

#[async_trait]
impl Realize for AwsRealize {
    async fn realize(&self, call: &Call) -> Result<Made, RealizeError> {
        let touch = self.client.changing(self.touch(call));
        let touched = self.client.within(call.timeout, touch).await;
        touched.unwrap_or_else(|| Err(no_answer(call)))
    }

    fn requests(&self) -> Vec<String> {
        self.client.meter.take_changes()
    }

    async fn find(&self, call: &Call) -> Result<Found, RealizeError> {
        let found = self.client.within(call.timeout, self.look(call)).await;
        found.unwrap_or_else(|| Err(no_answer(call)))
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

impl AwsRealize {
    async fn look(&self, call: &Call) -> Result<Found, RealizeError> {
        let client = &self.client;
        let found = match call.handle.kind.as_str() {
            USER => Box::pin(user::find(client, call)).await?,
            ROLE => Box::pin(role::find(client, call)).await?,
            USER_POLICY | ROLE_POLICY => Box::pin(policy::find(client, call)).await?,
            QUEUE => Box::pin(queue::find(client, call)).await?,
            RULE => Box::pin(rule::find(client, call)).await?,
            TARGET => Box::pin(target::find(client, call)).await?,
            TRAIL | LOGGING | SELECTORS => Box::pin(trail::find(client, call)).await?,
            LOG_BUCKET | LOG_BUCKET_POLICY => Box::pin(log_bucket::find(client, call)).await?,
            PARAMETER => return Box::pin(parameter::find(client, call)).await,
            SECRET => return Box::pin(secret::find(client, call)).await,
            OBJECT => return Box::pin(s3_object::find(client, call)).await,
            BUCKET => return Box::pin(bucket::find(client, call)).await,
            // What a lost answer made is told by the next look at all keys.
            _ => return Ok(Found::NothingToFind),
        };
        Ok(found.map_or(Found::Absent, |object| Found::There(Box::new(object))))
    }
}
