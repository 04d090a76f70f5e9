//! Every identifier that an event mentions.

use std::collections::BTreeSet;

use canary_core::detect::{Action, Event, Mention};

use super::body;
use super::read::CREDENTIAL_ID;

/// Resource of service accounts; the token request is a subresource of it.
pub(super) const SERVICE_ACCOUNTS: &str = "serviceaccounts";
/// Resource of namespaces.
pub(super) const NAMESPACES: &str = "namespaces";
/// What is deleted with a namespace, of what can be a canary.
const WITHIN: [&str; 2] = ["secrets", "configmaps"];

/// Where a TokenRequest's answer names the token that it issued.
pub(super) const ISSUED_CREDENTIAL_ID: &str = "authentication.kubernetes.io/issued-credential-id";

/// Everything that `event` mentions: its object or collection, its principals, its credentials, and whom its bodies
/// speak of.
pub(super) fn mentions(event: &Event) -> BTreeSet<Mention> {
    let mut mentions = BTreeSet::new();
    object(&event.action, &mut mentions);
    let principals = [Some(&event.actor.identity), event.acting_as.as_ref()];
    for identity in principals.into_iter().flatten() {
        if !identity.name.is_empty() {
            mentions.insert(Mention::Principal(identity.name.clone()));
        }
    }
    // The impersonated user's extras are the client's own words.
    let extra = &event.actor.identity.extra;
    let used = [CREDENTIAL_ID, "accessKeyId"].map(|key| extra.get(key));
    for id in used.into_iter().flatten().flatten() {
        mentions.insert(Mention::Credential(id.clone()));
    }
    if event.action.resource == SERVICE_ACCOUNTS
        && event.action.subresource == "token"
        && let Some(id) = event.annotations.get(ISSUED_CREDENTIAL_ID)
    {
        mentions.insert(Mention::Credential(id.clone()));
    }
    if let Some(request) = &event.request_body {
        body::mentions(&event.action, request, &mut mentions);
    }
    if let Some(response) = &event.response_body {
        body::reviewed(&event.action, response, &mut mentions);
        // A patch may not say whom the binding that it changes names.
        if matches!(event.action.verb.as_str(), "update" | "patch") {
            body::bound(&event.action, response, &mut mentions);
        }
    }
    mentions
}

fn object(action: &Action, mentions: &mut BTreeSet<Mention>) {
    if action.resource.is_empty() {
        return;
    }
    if action.name.is_empty() {
        if may_cover(&action.verb) {
            mentions.insert(collection(action));
        }
        return;
    }
    mentions.insert(Mention::Object {
        group: action.group.clone(),
        resource: action.resource.clone(),
        namespace: action.namespace.clone(),
        name: action.name.clone(),
    });
    if action.verb == "delete" && action.group.is_empty() && action.resource == NAMESPACES {
        mentions.extend(WITHIN.map(|resource| Mention::Collection {
            group: String::new(),
            resource: resource.to_owned(),
            namespace: action.name.clone(),
        }));
    }
    // A name asked for in all namespaces, by a field selector.
    if action.namespace.is_empty() && matches!(action.verb.as_str(), "list" | "watch") {
        mentions.insert(collection(action));
    }
    if action.group.is_empty() && action.resource == SERVICE_ACCOUNTS {
        mentions.insert(body::service_account(&action.namespace, &action.name));
    }
}

fn collection(action: &Action) -> Mention {
    Mention::Collection {
        group: action.group.clone(),
        resource: action.resource.clone(),
        namespace: action.namespace.clone(),
    }
}

/// A create without a name makes something new, and the server refuses to update or patch a collection. Whatever else
/// has no name, or whose verb was cut off, may have covered everything.
fn may_cover(verb: &str) -> bool {
    !matches!(verb, "create" | "update" | "patch")
}
