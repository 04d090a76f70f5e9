//! Denials in AWS's words.

use super::decide::Refused;
use super::resource::Named;
use crate::sandbox::service::Service;

/// `User: ARN is not authorized to perform: ACTION on resource: RESOURCE because no identity-based policy allows the ACTION action`.
pub(in crate::sandbox) fn denial(
    service: Service,
    caller: &str,
    action: &str,
    resource: &Named,
    refused: Refused,
) -> String {
    // SQS writes actions in small letters.
    let action = match service {
        Service::Sqs => action.to_ascii_lowercase(),
        _ => action.to_owned(),
    };
    let on = match &resource.shown {
        Some(shown) => format!(" on resource: {shown}"),
        None => String::new(),
    };
    let because = match (action.as_str(), refused) {
        // What a role's trust policy says is not told.
        ("sts:AssumeRole", _) => String::new(),
        (action, Refused::Nothing) => {
            format!(" because no identity-based policy allows the {action} action")
        }
        (_, Refused::Explicitly) => " with an explicit deny in an identity-based policy".to_owned(),
        (action, Refused::Boundary) => {
            format!(" because no permissions boundary allows the {action} action")
        }
        (action, Refused::Session) => {
            format!(" because no session policy allows the {action} action")
        }
    };
    let sentence = format!("User: {caller} is not authorized to perform: {action}{on}{because}");
    match service {
        Service::Ec2 => format!("You are not authorized to perform this operation. {sentence}"),
        _ => sentence,
    }
}
