//! Whose events they are: the trail of an organisation has those of other accounts too.

use canary_core::detect::{Event, Mention};

/// Leaves an event of another account no things that it mentions by name: those are of that account. Who acts and with which
/// key is told whatever the account.
pub fn of_account(event: &mut Event, account: &str) {
    let is_other = event
        .annotations
        .get("account")
        .is_some_and(|theirs| !theirs.is_empty() && theirs != account);
    if is_other {
        event
            .mentions
            .retain(|mention| matches!(mention, Mention::Principal(_) | Mention::Credential(_)));
        // A name alone would be taken for ours.
        event.action.resource.clear();
        event.action.name.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::messages;

    #[test]
    fn what_another_account_calls_by_our_names_is_not_ours() {
        let record = |account: &str| {
            let text = format!(
                r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","accessKeyId":"AKIAY34FZKBOKMUTVV7A"}},"eventTime":"2026-11-01T00:00:00Z","eventSource":"iam.amazonaws.com","eventName":"DeleteUser","requestParameters":{{"userName":"svc"}},"eventID":"1","recipientAccountId":"{account}"}}"#
            );
            let mut event = messages(text.as_bytes()).events.remove(0);
            of_account(&mut event, "111111111111");
            assert_eq!(event.action.name.is_empty(), account != "111111111111");
            event.mentions
        };
        let is_thing = |mention: &Mention| matches!(mention, Mention::Object { .. });
        assert!(record("111111111111").iter().any(is_thing));
        let of_other = record("222222222222");
        assert!(!of_other.iter().any(is_thing));
        assert!(of_other.contains(&Mention::Credential("AKIAY34FZKBOKMUTVV7A".into())));
    }
}
