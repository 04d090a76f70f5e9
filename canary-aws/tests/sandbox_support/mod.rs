//! Clients of a sandbox, as production has them but without retries.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use canary_aws::sandbox::{Keys, Sandbox, SandboxClock, SandboxOptions};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-west-1";

/// A moment on a Tuesday.
pub(crate) fn start_of_time() -> jiff::Timestamp {
    "2026-11-03T09:14:11Z".parse().unwrap()
}

/// Pages of three, a clock that stands.
pub(crate) fn options() -> SandboxOptions {
    SandboxOptions {
        page_size: 3,
        clock: SandboxClock::standing(start_of_time()),
        ..SandboxOptions::default()
    }
}

pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::start(options()).await.unwrap()
}

pub(crate) fn credentials(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials::new(id, secret, token.map(ToOwned::to_owned), None, "test")
}

pub(crate) fn of(keys: &Keys) -> Credentials {
    credentials(&keys.id, &keys.secret_text(), None)
}

pub(crate) async fn config_in(
    sandbox: &Sandbox,
    credentials: Credentials,
    region: &str,
) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(sandbox.endpoint())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}

pub(crate) async fn config(sandbox: &Sandbox, credentials: Credentials) -> SdkConfig {
    config_in(sandbox, credentials, REGION).await
}

pub(crate) async fn admin(sandbox: &Sandbox) -> SdkConfig {
    config(sandbox, of(&sandbox.admin())).await
}

/// The code of an error.
pub(crate) fn code<T: std::fmt::Debug, E: ProvideErrorMetadata, R>(
    result: Result<T, SdkError<E, R>>,
) -> String {
    match result {
        Ok(answer) => panic!("not refused: {answer:?}"),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

/// The message of an error.
pub(crate) fn message<T: std::fmt::Debug, E: ProvideErrorMetadata, R>(
    result: Result<T, SdkError<E, R>>,
) -> String {
    match result {
        Ok(answer) => panic!("not refused: {answer:?}"),
        Err(error) => error.message().unwrap_or("no message").to_owned(),
    }
}

/// A user with one key.
pub(crate) async fn user_with_key(iam: &aws_sdk_iam::Client, name: &str) -> Credentials {
    iam.create_user().user_name(name).send().await.unwrap();
    let made = iam
        .create_access_key()
        .user_name(name)
        .send()
        .await
        .unwrap();
    let key = made.access_key().unwrap();
    credentials(key.access_key_id(), key.secret_access_key(), None)
}
