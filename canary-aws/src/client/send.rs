//! Asking again where the answer was about the moment and not about the call.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{CallError, Client, Failure};

/// The first pause, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// IAM's buckets refill within seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So long a look goes on asking: an account that is throttled for a minute is seen all the same.
const PATIENCE: Duration = Duration::from_secs(90);

/// Whoever is not there is asked no more often: a name or an address may be wrong. Nor is a signature made anew more often
/// that is refused by a clock that is off: the key may be wrong as well.
const UNSENT: usize = 2;

impl Client {
    /// Asks something that changes nothing, again and again while that may help.
    pub(crate) async fn ask<T, E, F>(
        &self,
        action: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut paused = Duration::ZERO;
        let mut unsent = 0;
        loop {
            let error = match send().await {
                Ok(answer) => {
                    tracing::debug!(action, "answered");
                    return Ok(answer);
                }
                Err(error) => self.told(action, &error),
            };
            tracing::debug!(
                action,
                code = error.code,
                message = error.message,
                "not answered"
            );
            let is_unsent = matches!(error.failure, Failure::NotSent | Failure::ClockOff);
            unsent += usize::from(is_unsent);
            if !error.is_passing()
                || unsent > UNSENT
                || self.ends_within(pause)
                || began.elapsed().max(paused) + pause > PATIENCE
            {
                return Err(error);
            }
            self.pause(pause).await;
            paused += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn told<E>(&self, action: &'static str, error: &SdkError<E, HttpResponse>) -> CallError
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        CallError::of(action, error).by_clock(self.meter.offset_ms())
    }

    /// Sends something that changes the account, once.
    pub(crate) async fn send<T, E>(
        &self,
        action: &'static str,
        answer: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<T, CallError>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let answer = answer.await.map_err(|error| self.told(action, &error));
        match &answer {
            Ok(_) => tracing::debug!(action, "answered"),
            Err(error) => tracing::debug!(
                action,
                code = error.code,
                message = error.message,
                "not answered"
            ),
        }
        answer
    }
}
