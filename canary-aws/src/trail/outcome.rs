//! What came of a call, from its error code.

use canary_core::detect::Outcome;

use super::bounds::{self, bounded};
use super::object::Object;

/// Whether the call was to try its rights only, and had them.
pub(super) fn is_dry_run(record: &Object<'_>) -> bool {
    record
        .text("errorCode")
        .is_some_and(|code| code.ends_with("DryRunOperation"))
}

/// The outcome of a record. That of one that ends early is known only where it says it: without an error code it may have
/// had one.
pub(super) fn outcome(record: &Object<'_>, ends_early: bool) -> Outcome {
    let error = record.text("errorCode").unwrap_or_default();
    let message = record.text("errorMessage").unwrap_or_default();
    // A console login has no error code.
    let login = record.object("responseElements").text("ConsoleLogin");
    let is_failed_login = login.is_some_and(|login| login == "Failure");
    let code = match () {
        () if is_failed_login => Some(401),
        () if ends_early && error.is_empty() => None,
        () => Some(status(&error)),
    };
    Outcome {
        code,
        reason: bounded(&error, bounds::NAME),
        message: bounded(&message, bounds::MESSAGE),
    }
}

/// The HTTP status that says the same as an error code. EC2 writes `Client.` or `Server.` before its own; some services write
/// `Exception` behind.
fn status(error: &str) -> u16 {
    let code = error
        .trim_start_matches("Client.")
        .trim_start_matches("Server.");
    let code = code.strip_suffix("Exception").unwrap_or(code);
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    match code {
        "" | "DryRunOperation" => 200,
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "IncompleteSignature" => 401,
        "403" | "OptInRequired" | "Forbidden" => 403,
        "404" => 404,
        _ if has(&[
            "InvalidClientTokenId",
            "ExpiredToken",
            "UnrecognizedClient",
            "InvalidToken",
            "AuthFailure",
            "MissingAuthenticationToken",
            "AuthenticationFailed",
            "InvalidIdentityToken",
        ]) =>
        {
            401
        }
        _ if has(&[
            "AccessDenied",
            "UnauthorizedOperation",
            "NotAuthorized",
            "Unauthorized",
            "AuthorizationError",
            "AllAccessDisabled",
        ]) =>
        {
            403
        }
        _ if has(&[
            "Throttl",
            "TooManyRequests",
            "RequestLimitExceeded",
            "SlowDown",
        ]) =>
        {
            429
        }
        _ if has(&["NoSuch", "NotFound", "DoesNotExist", "NonExistent"]) => 404,
        _ => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_of_all_services_are_statuses() {
        let cases = [
            ("", 200),
            ("Client.DryRunOperation", 200),
            ("AccessDenied", 403),
            ("AccessDeniedException", 403),
            ("Client.UnauthorizedOperation", 403),
            ("NotAuthorizedException", 403),
            ("InvalidClientTokenId", 401),
            ("ExpiredTokenException", 401),
            ("UnrecognizedClientException", 401),
            ("ThrottlingException", 429),
            ("Client.RequestLimitExceeded", 429),
            ("NoSuchEntityException", 404),
            ("ResourceNotFoundException", 404),
            ("ParameterNotFound", 404),
            ("EntityTemporarilyUnmodifiableException", 400),
        ];
        for (error, code) in cases {
            assert_eq!(status(error), code, "{error}");
        }
    }

    #[test]
    fn what_became_of_a_call_is_not_known_where_its_record_ends_before_it_is_said() {
        let of = |text: &str| outcome(&Object::parse(text).unwrap(), true).code;
        assert_eq!(of(r#"{"eventName":"GetObject"}"#), None);
        assert_eq!(of(r#"{"errorCode":"AccessDenied"}"#), Some(403));
    }

    #[test]
    fn a_console_login_that_failed_is_refused_although_it_has_no_error_code() {
        let text = r#"{"responseElements":{"ConsoleLogin":"Failure"},"errorMessage":"Failed authentication"}"#;
        let outcome = outcome(&Object::parse(text).unwrap(), false);
        assert_eq!(outcome.code, Some(401));
        assert_eq!(outcome.message, "Failed authentication");
    }
}
