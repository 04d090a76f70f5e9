//! Why a call is not answered as it was meant.

use super::service::Service;

/// An error as AWS answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The HTTP status.
    pub(super) status: u16,
    /// The code that clients look at.
    pub(super) code: &'static str,
    /// What people read.
    pub(super) message: String,
    /// The code in a CloudTrail record, where it is another.
    pub(super) logged_as: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            logged_as: None,
        }
    }

    /// 400.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A parameter that no call may have.
    pub(super) fn invalid(service: Service, message: impl Into<String>) -> Self {
        Self::bad(service.words().invalid, message)
    }

    /// Too many calls in too short a time.
    pub(super) fn throttled(service: Service) -> Self {
        let message = match service {
            Service::S3 => "Please reduce your request rate.",
            _ => "Rate exceeded",
        };
        let status = if service == Service::S3 { 503 } else { 400 };
        Self::new(status, service.words().throttled, message)
    }

    /// Something broke inside.
    pub(super) fn internal(service: Service) -> Self {
        Self::new(
            500,
            service.words().internal,
            "An internal error occurred. Please try again.",
        )
    }

    /// The caller may not.
    pub(super) fn denied(service: Service, message: String) -> Self {
        Self {
            status: service.words().denied_status,
            code: service.words().denied,
            message,
            logged_as: service.words().denied_logged,
        }
    }

    /// The key is not known, not active, or not there any more.
    pub(super) fn unknown_key(service: Service) -> Self {
        match service {
            Service::S3 => Self::new(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            _ => Self::new(
                service.words().unknown_key_status,
                service.words().unknown_key,
                "The security token included in the request is invalid.",
            ),
        }
    }

    /// It was signed by another key than the one that it names.
    pub(super) fn wrongly_signed(service: Service) -> Self {
        Self::new(
            service.words().denied_status,
            service.words().wrong_signature,
            "The request signature we calculated does not match the signature you provided.",
        )
    }

    /// It was signed at another time than now.
    pub(super) fn signed_at_another_time(service: Service) -> Self {
        let code = match service {
            Service::S3 => "RequestTimeTooSkewed",
            _ => service.words().wrong_signature,
        };
        Self::new(
            service.words().denied_status,
            code,
            "Signature expired: it is not of the last 5 min.",
        )
    }

    /// The session is over.
    pub(super) fn expired(service: Service) -> Self {
        Self::new(
            service.words().denied_status,
            service.words().expired,
            "The security token included in the request is expired",
        )
    }
}
