//! What a call that failed means.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use canary_core::observe::Reason;
use jiff::SignedDuration;

use super::connect::innermost;

/// How far a call came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// Nothing was sent.
    NotSent,
    /// There are no credentials any more, or they have expired.
    Unauthenticated,
    /// It was signed by a clock that is off; a request after it is signed by the service's.
    ClockOff,
    /// It was sent, and there is no answer.
    Lost,
    /// No answer came in time.
    TimedOut,
    /// The answer was not understood.
    NotUnderstood,
    /// It was refused because of what we may do.
    Denied,
    /// There are too many calls.
    Throttled,
    /// The service failed.
    Broken,
    /// It was refused.
    Refused,
}

/// The services take a signature of 5 min from their time; the SDK measures to a second and signs by their clock from then
/// on.
const CLOCK_IS_OFF: SignedDuration = SignedDuration::from_mins(4);

/// A call that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CallError {
    /// The IAM action, as in `iam:CreateUser`.
    pub(crate) action: &'static str,
    pub(crate) failure: Failure,
    /// The service's code, as in `NoSuchEntity`; empty where it gave none.
    pub(crate) code: String,
    /// One line, without secrets.
    pub(crate) message: String,
}

impl CallError {
    /// Tells what an error of the SDK means.
    pub(crate) fn of<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let plain = |failure, message: String| Self {
            action,
            failure,
            code: String::new(),
            message,
        };
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let body = service.raw().body().bytes();
                let is_empty = body.is_none_or(<[u8]>::is_empty);
                let bare = || if is_empty { bare(status) } else { "" };
                let code = service.err().code().unwrap_or_else(bare);
                let message = service.err().message().unwrap_or(code);
                Self::told(action, status, code, message)
            }
            SdkError::TimeoutError(_) => plain(Failure::TimedOut, "no answer in time".into()),
            SdkError::ResponseError(response) => {
                let failure = match response.raw().status().as_u16() {
                    code if code >= 500 => Failure::Broken,
                    _ => Failure::NotUnderstood,
                };
                plain(failure, innermost(error))
            }
            SdkError::ConstructionFailure(_) => plain(not_sent(error), innermost(error)),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => {
                plain(Failure::TimedOut, "no answer in time".into())
            }
            SdkError::DispatchFailure(_) => {
                let failure = match not_sent(error) {
                    Failure::NotSent if !was_never_sent(error) => Failure::Lost,
                    failure => failure,
                };
                plain(failure, innermost(error))
            }
            _ => plain(Failure::NotUnderstood, innermost(error)),
        }
    }

    /// What a service told: its code and message, as far as it was understood.
    fn told(action: &'static str, status: u16, code: &str, message: &str) -> Self {
        let message = match one_line(message) {
            empty if empty.is_empty() => format!("the answer was not understood (HTTP {status})"),
            message => message,
        };
        Self {
            action,
            failure: answered(code, status),
            code: code.to_owned(),
            message,
        }
    }

    /// Whether the same call may be answered later: nothing was said about the call itself.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self.failure,
            Failure::NotSent
                | Failure::ClockOff
                | Failure::Lost
                | Failure::TimedOut
                | Failure::Throttled
                | Failure::Broken
        )
    }

    /// Tells a signature that was refused because of this machine's clock from a wrong one.
    pub(super) fn by_clock(self, offset_ms: i64) -> Self {
        let is_about_signing = matches!(
            self.code.as_str(),
            "SignatureDoesNotMatch"
                | "InvalidSignatureException"
                | "RequestTimeTooSkewed"
                | "RequestExpired"
                | "AuthFailure"
        );
        let offset = SignedDuration::from_millis(offset_ms);
        if !is_about_signing || offset.abs() < CLOCK_IS_OFF {
            return self;
        }
        let way = if offset.is_negative() {
            "ahead of"
        } else {
            "behind"
        };
        Self {
            failure: Failure::ClockOff,
            message: format!(
                "{} (this machine's clock is {} min {way} the account's)",
                self.message,
                offset.abs().as_mins()
            ),
            ..self
        }
    }

    /// Whether the thing that it was about is not there.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(
            self.code.as_str(),
            "NoSuchEntity"
                | "NoSuchEntityException"
                | "ResourceNotFoundException"
                | "ParameterNotFound"
                | "NoSuchBucket"
                | "NoSuchKey"
                | "NotFound"
                | "QueueDoesNotExist"
                // SQS' own code, of which the one above is the shape's name.
                | "AWS.SimpleQueueService.NonExistentQueue"
                | "TrailNotFoundException"
                | "NoSuchBucketPolicy"
        )
    }

    /// Whether the region is not enabled for the account. Sessions that the global endpoint of STS gave are told the same in
    /// regions that have to be enabled, also where they are.
    pub(crate) fn is_disabled_region(&self) -> bool {
        matches!(
            self.code.as_str(),
            "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "AuthFailure"
                | "OptInRequired"
        )
    }

    /// No answer came within the time that was given.
    pub(crate) fn timed_out(action: &'static str) -> Self {
        Self {
            action,
            failure: Failure::TimedOut,
            code: String::new(),
            message: "no answer in time".into(),
        }
    }

    /// Why we could not look, in the words of a gap.
    pub(crate) fn gap_reason(&self) -> Reason {
        match self.failure {
            Failure::Denied => Reason::Forbidden,
            Failure::Unauthenticated | Failure::ClockOff => Reason::Unauthenticated,
            Failure::NotSent | Failure::Lost => Reason::Unreachable,
            Failure::TimedOut => Reason::TimedOut,
            Failure::NotUnderstood | Failure::Throttled | Failure::Broken | Failure::Refused => {
                Reason::Failed
            }
        }
    }

    /// The same of a call in a region, of credentials that are known elsewhere, with what was said about it.
    pub(crate) fn in_region(&self, region: &str) -> (Reason, String) {
        let Self {
            action, message, ..
        } = self;
        if self.is_disabled_region() {
            let why = format!(
                "{region} is not enabled, or does not know our credentials: {}",
                self.detail()
            );
            return (Reason::Forbidden, why);
        }
        (
            self.gap_reason(),
            format!("{action} in {region}: {message}"),
        )
    }

    /// The action and what was said about it, one line.
    pub(crate) fn detail(&self) -> String {
        format!("{}: {}", self.action, self.message)
    }
}

/// Connections that were never made sent nothing. Whatever else befell a connection, the request may have arrived.
fn was_never_sent(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        cause.is::<ResolveDnsError>()
            || io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
    })
}

fn not_sent(error: &(dyn StdError + 'static)) -> Failure {
    let is_credentials = causes(error).any(|cause| cause.is::<CredentialsError>());
    if is_credentials {
        Failure::Unauthenticated
    } else {
        Failure::NotSent
    }
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The code of an answer that has no body, as to S3's HEAD. Whoever has a body says it there.
fn bare(status: u16) -> &'static str {
    match status {
        301 => "PermanentRedirect",
        403 => "AccessDenied",
        404 => "NotFound",
        412 => "PreconditionFailed",
        _ => "",
    }
}

/// What a service's code means. The codes are those of the services' references, and the common ones.
fn answered(code: &str, status: u16) -> Failure {
    match code {
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "InvalidAccessKeyId"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "InvalidToken"
        | "MissingAuthenticationToken"
        | "IncompleteSignature" => Failure::Unauthenticated,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "SlowDown"
        | "EC2ThrottledException" => Failure::Throttled,
        _ if code.starts_with("AccessDenied")
            || code.contains("Unauthorized")
            || code == "OptInRequired" =>
        {
            Failure::Denied
        }
        "ServiceFailure"
        | "ServiceUnavailable"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServiceError"
        | "InternalError" => Failure::Broken,
        "" if status == 403 => Failure::Denied,
        // What it was about may have been done.
        "" if status < 300 => Failure::NotUnderstood,
        _ if status >= 500 => Failure::Broken,
        _ if status == 429 => Failure::Throttled,
        _ => Failure::Refused,
    }
}

/// Words of services end up in one line of ours, at a length that can be read: what each of five sources of credentials says
/// has some 600 characters.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 1000;
    let is_between = |c: char| c.is_control() || c.is_whitespace();
    let words: Vec<&str> = text
        .split(is_between)
        .filter(|word| !word.is_empty())
        .collect();
    let text = words.join(" ");
    let mut line: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_signature_is_told_by_the_clock_where_that_is_off() {
        let refused = CallError {
            action: "sts:GetCallerIdentity",
            failure: Failure::Unauthenticated,
            code: "SignatureDoesNotMatch".into(),
            message: "Signature expired".into(),
        };
        assert_eq!(refused.clone().by_clock(60_000), refused);
        let told = refused.by_clock(-3_600_000);
        assert_eq!(told.failure, Failure::ClockOff);
        assert_eq!(
            told.detail(),
            "sts:GetCallerIdentity: Signature expired (this machine's clock is 60 min ahead of the account's)"
        );
    }

    #[test]
    fn an_answer_that_says_nothing_is_told_as_that() {
        let told = |status| CallError::told("iam:ListUsers", status, "", " ");
        assert_eq!(told(200).failure, Failure::NotUnderstood);
        assert_eq!(told(404).failure, Failure::Refused);
        assert!(!told(404).is_absence());
        assert_eq!(
            told(200).detail(),
            "iam:ListUsers: the answer was not understood (HTTP 200)"
        );
    }

    #[test]
    fn codes_of_the_services_mean_what_they_say() {
        assert_eq!(answered("AccessDenied", 403), Failure::Denied);
        assert_eq!(answered("AccessDeniedException", 400), Failure::Denied);
        assert_eq!(answered("Throttling", 400), Failure::Throttled);
        assert_eq!(answered("ExpiredToken", 403), Failure::Unauthenticated);
        assert_eq!(answered("NoSuchEntity", 404), Failure::Refused);
        assert_eq!(answered("ServiceFailure", 500), Failure::Broken);
        assert_eq!(answered("", 503), Failure::Broken);
    }
}
