//! Credentials and clients.

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use canary_core::apply::Clock;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};

use super::clock::MachineClock;
use super::regional::Regions;

/// No single answer takes longer: the slowest of these services, a page of an account's details, takes some seconds.
const LONGEST_CALL: Duration = Duration::from_secs(30);

/// How to reach an account.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The account, twelve digits.
    pub account: String,
    /// The home region.
    pub region: String,
    /// A profile of the configuration files, and nothing else; `None`: the usual chain.
    pub profile: Option<String>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No credentials were found, or those that were found cannot be used.
    #[error("there are no usable credentials for AWS: {found}; {tried}")]
    Credentials {
        /// Where they were looked for.
        tried: String,
        /// What was found out, one line.
        found: String,
        /// Why.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// The order in which credentials are looked for where no profile is named, for whoever has none.
const CHAIN: &str = "tried, in this order: AWS_ACCESS_KEY_ID, the profile in the AWS configuration files (single sign-on and credential_process among them), a web identity token, the container's credentials, the instance's";

impl Connection {
    /// Where credentials are looked for, for whoever has none, or none that are of use.
    #[must_use]
    pub fn tried(profile: Option<&str>) -> String {
        match profile {
            None => CHAIN.to_owned(),
            Some(profile) => format!(
                "tried the profile `{profile}` alone, which [aws] names, in the AWS configuration files (AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE say where they are)"
            ),
        }
    }

    /// Finds credentials. Asks no service but those that give credentials.
    ///
    /// # Errors
    /// Where there are none.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            // What is asked again, and when, is the policy of whoever asks.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts());
        if let Some(profile) = &self.profile {
            // The usual chain asks the environment before any profile: a named one would be passed over there.
            let around =
                ProviderConfig::default().with_region(Some(Region::new(self.region.clone())));
            let provider = ProfileFileCredentialsProvider::builder()
                .configure(&around)
                .profile_name(profile)
                .build();
            loader = loader.profile_name(profile).credentials_provider(provider);
        }
        let config = loader.load().await;
        let refused = |error: CredentialsError| ConnectError::Credentials {
            tried: Self::tried(self.profile.as_deref()),
            found: found(&error, self.profile.as_deref()),
            source: error.into(),
        };
        let none = || CredentialsError::not_loaded("no source of credentials is configured");
        let provider = config
            .credentials_provider()
            .ok_or_else(|| refused(none()))?;
        provider.provide_credentials().await.map_err(refused)?;
        Ok(Client::new(&config, self, Arc::new(MachineClock)))
    }

    /// Goes without credentials, for what is asked by a token alone. Asks nobody.
    pub async fn without_credentials(self) -> Client {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .no_credentials()
            .timeout_config(timeouts());
        let config = config.load().await;
        Client::new(&config, self, Arc::new(MachineClock))
    }

    /// Uses what was configured elsewhere, as credentials and an endpoint, in place of what this machine says. Asks nobody.
    #[must_use]
    pub fn through(self, config: &SdkConfig) -> Client {
        let config = config
            .to_builder()
            .region(Region::new(self.region.clone()))
            .build();
        Client::new(&config, self, Arc::new(MachineClock))
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(LONGEST_CALL)
        .connect_timeout(Duration::from_secs(10))
        .build()
}

/// What was found out. Where the files have no profile of that name, or it has no credentials, the SDK says nothing.
fn found(error: &CredentialsError, profile: Option<&str>) -> String {
    match (error, profile) {
        (CredentialsError::CredentialsNotLoaded(_), Some(profile)) if error.source().is_none() => {
            format!("there is no profile `{profile}` with credentials")
        }
        _ => innermost(error),
    }
}

/// What happened, without what happened around it.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    super::error::one_line(&error.to_string())
}

/// The clients of one account.
#[derive(Clone)]
pub struct Client {
    pub(crate) connection: Arc<Connection>,
    /// What clients of other services and regions are made from.
    pub(super) config: SdkConfig,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(super) regions: Arc<Regions>,
    pub(crate) meter: Arc<Meter>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.connection)
    }
}

impl Client {
    /// Goes by a configuration and a clock of one's own. What is asked again, and when, is this client's policy, whatever
    /// the configuration says.
    #[must_use]
    pub fn new(config: &SdkConfig, connection: Connection, clock: Arc<dyn Clock>) -> Self {
        let config = config
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .build();
        let meter = Arc::new(Meter::default());
        let metered = Metered(meter.clone(), clock.clone());
        let iam = aws_sdk_iam::config::Builder::from(&config)
            .interceptor(metered.clone())
            .build();
        let sts = aws_sdk_sts::config::Builder::from(&config)
            .interceptor(metered.clone())
            .build();
        Self {
            connection: Arc::new(connection),
            iam: aws_sdk_iam::Client::from_conf(iam),
            sts: aws_sdk_sts::Client::from_conf(sts),
            meter,
            regions: Regions::new(config.clone(), metered),
            config,
            clock,
        }
    }

    /// Measures the calls of one more client.
    pub(super) fn metered(&self) -> Metered {
        Metered(self.meter.clone(), self.clock.clone())
    }

    /// Waits.
    pub(crate) async fn pause(&self, pause: Duration) {
        self.clock.sleep(pause).await;
    }
}

tokio::task_local! {
    /// Whether the requests of this task change the account.
    static CHANGES: bool;
    /// When this task must have ended, by its client's clock.
    static UNTIL: Timestamp;
}

impl Client {
    /// Does something that changes the account, and notes how its log will name the requests.
    pub(crate) async fn changing<T>(&self, work: impl Future<Output = T>) -> T {
        CHANGES.scope(true, work).await
    }

    /// Does something that must have ended after so long; `None` where it has not.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let span = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        let until = self.clock.now().saturating_add(span);
        let until = until.unwrap_or(Timestamp::MAX);
        UNTIL
            .scope(until, tokio::time::timeout(limit, work))
            .await
            .ok()
    }

    /// Whether this task must have ended before such a pause is over.
    pub(super) fn ends_within(&self, pause: Duration) -> bool {
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        let left = UNTIL.try_with(|until| until.duration_since(self.clock.now()));
        left.is_ok_and(|left| left <= pause)
    }
}

/// What is measured of every call.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    requests: AtomicU64,
    /// The site's clock minus ours, in milliseconds, as of its last answer.
    offset_ms: AtomicI64,
    /// Identifiers that the services gave requests which change something.
    changes: Mutex<Vec<String>>,
}

impl Meter {
    /// The identifiers of the requests that changed something since this was last asked.
    pub(crate) fn take_changes(&self) -> Vec<String> {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many requests were sent.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The site's clock minus ours, in milliseconds.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// What the site's clock says, in seconds since 1970.
    pub(crate) fn site_second(&self) -> i64 {
        (Timestamp::now().as_millisecond() + self.offset_ms()) / 1000
    }
}

#[derive(Clone)]
pub(super) struct Metered(Arc<Meter>, Arc<dyn Clock>);

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metered")
    }
}

impl Intercept for Metered {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        // S3 has a word of its own.
        let request = ["x-amzn-requestid", "x-amz-request-id"]
            .into_iter()
            .find_map(|name| headers.get(name));
        if let (Ok(true), Some(request)) = (CHANGES.try_with(|changes| *changes), request) {
            let mut changes = self
                .0
                .changes
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            changes.push(request.to_owned());
        }
        let date = headers.get("date");
        if let Some(theirs) = date.and_then(|date| rfc2822::parse(date).ok()) {
            // Theirs has whole seconds: half of one is the likeliest rest.
            let theirs = theirs.timestamp().as_millisecond() + 500;
            let offset = theirs - self.1.now().as_millisecond();
            self.0.offset_ms.store(offset, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_is_not_there_is_named() {
        let unsaid = CredentialsError::not_loaded_no_source();
        let told = found(&unsaid, Some("nope"));
        assert_eq!(told, "there is no profile `nope` with credentials");
        let said = CredentialsError::not_loaded("the file is not one");
        assert_eq!(found(&said, Some("nope")), "the file is not one");
    }
}
