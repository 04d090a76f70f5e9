//! One record → [`Event`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use canary_core::detect::{
    Action, Actor, Credential, Defect, Event, Identity, NodeRef, Outcome, PodRef, Stage,
};
use jiff::Timestamp;

use super::body::{self, Body, SERVICE_ACCOUNT};
use super::bounds::{self, bounded, bounded_list, bounded_map};
use super::mentions::mentions;
use super::record::{ObjectRef, Raw, Record, User};
use super::uri::{self, Query, Target};

/// What is already known of a record's damage when it is read.
#[derive(Clone, Default, Debug)]
pub(super) struct Damage {
    /// What is wrong with it.
    pub(super) defects: Vec<Defect>,
    /// The path as far as it was written, where the cut went through it.
    pub(super) torn_uri: Option<String>,
}

/// Reads one record.
pub(super) fn event(record: &Record<'_>, damage: Damage) -> Event {
    let text = |text: &Option<Cow<'_, str>>, limit| bounded(text.as_deref().unwrap_or(""), limit);
    let time = |text: &Option<Cow<'_, str>>| text.as_deref()?.parse::<Timestamp>().ok();
    let cut = damage.defects.contains(&Defect::Cut);
    let action = action(record, damage.torn_uri.as_deref(), cut);
    let mut event = Event {
        provider: crate::provider(),
        id: text(&record.audit_id, bounds::ID),
        stage: stage(record.stage.as_deref()),
        at: time(&record.received)
            .or_else(|| time(&record.timestamp))
            .or_else(|| time(&record.stage_at)),
        stage_at: time(&record.stage_at),
        actor: actor(record),
        acting_as: Some(identity(&record.impersonated_user))
            .filter(|_| record.impersonated_user.is_somebody()),
        action,
        outcome: outcome(record),
        mentions: BTreeSet::new(),
        annotations: annotations(record),
        request_body: None,
        gives: BTreeSet::new(),
        response_body: None,
        defects: damage.defects,
    };
    bodies(record, &mut event);
    if event.annotations.contains_key("audit.k8s.io/truncated") {
        flaw(&mut event, Defect::Truncated);
    }
    event.mentions = mentions(&event);
    event
}

fn flaw(event: &mut Event, defect: Defect) {
    if !event.defects.contains(&defect) {
        event.defects.push(defect);
    }
}

fn bodies(record: &Record<'_>, event: &mut Event) {
    let mut keep = |raw: &Raw<'_>, matters: bool| match body::read(raw, &event.action) {
        Body::Absent => None,
        Body::Kept(value) => Some(value),
        Body::LeftOut => {
            flaw(event, Defect::Truncated);
            None
        }
        // A long answer is a long list, as any client gets; a long request may hide a name.
        Body::Unread => {
            if matters {
                flaw(event, Defect::Oversize);
            }
            None
        }
    };
    let request = keep(&record.request_object, true);
    let response = keep(&record.response_object, false);
    event.request_body = request;
    event.response_body = response;
}

fn stage(text: Option<&str>) -> Stage {
    match text {
        Some("RequestReceived") => Stage::Received,
        Some("ResponseStarted") => Stage::Started,
        Some("ResponseComplete") => Stage::Complete,
        Some("Panic") => Stage::Panic,
        _ => Stage::Unknown,
    }
}

fn identity(user: &User<'_>) -> Identity {
    let text = |text: &Option<Cow<'_, str>>| bounded(text.as_deref().unwrap_or(""), bounds::NAME);
    // The server's own keys say what the credential is: they stay whatever else there is.
    let (own, others): (Vec<_>, Vec<_>) = user
        .extra
        .iter()
        .map(|(key, values)| (key, bounded_list(values)))
        .partition(|(key, _)| key.starts_with(AUTHENTICATION));
    Identity {
        name: text(&user.username),
        uid: text(&user.uid),
        groups: bounded_list(&user.groups),
        extra: bounded_map(own.into_iter().chain(others)),
    }
}

/// What the server itself puts into `user.extra` begins so.
const AUTHENTICATION: &str = "authentication.kubernetes.io/";
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
const NODE_UID: &str = "authentication.kubernetes.io/node-uid";

fn actor(record: &Record<'_>) -> Actor {
    let identity = identity(&record.user);
    let extra = |key: &str| first(&identity.extra, key);
    // The last address is the peer's; what stands before it came in a header.
    let (claimed, address) = match record.source_ips.split_last() {
        Some((last, before)) => (before, last.parse().ok()),
        None => (&[][..], None),
    };
    Actor {
        credential: credential(&identity.extra),
        pod: extra(POD_NAME).map(|name| PodRef {
            namespace: service_account_namespace(&identity.name).to_owned(),
            name,
            uid: extra(POD_UID).unwrap_or_default(),
        }),
        node: extra(NODE_NAME).map(|name| NodeRef {
            name,
            uid: extra(NODE_UID).unwrap_or_default(),
        }),
        address,
        claimed_addresses: bounded_list(claimed),
        user_agent: bounded(
            record.user_agent.as_deref().unwrap_or(""),
            bounds::USER_AGENT,
        ),
        identity,
    }
}

fn first(extra: &BTreeMap<String, Vec<String>>, key: &str) -> Option<String> {
    extra.get(key)?.first().cloned()
}

/// A token issued to a pod belongs to a service account of the pod's namespace.
fn service_account_namespace(name: &str) -> &str {
    let account = name.strip_prefix(SERVICE_ACCOUNT);
    account
        .and_then(|account| account.split_once(':'))
        .map_or("", |(namespace, _)| namespace)
}

fn credential(extra: &BTreeMap<String, Vec<String>>) -> Credential {
    let id = first(extra, CREDENTIAL_ID).unwrap_or_default();
    if let Some(jti) = id.strip_prefix("JTI=") {
        Credential::Token(jti.to_owned())
    } else if let Some(hash) = id.strip_prefix("X509SHA256=") {
        Credential::Certificate(hash.to_owned())
    } else {
        // EKS: the IAM principal's key.
        first(extra, "accessKeyId").map_or(Credential::Unknown, Credential::AccessKey)
    }
}

/// The extra key that holds the credential's identifier.
pub(super) const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

fn action(record: &Record<'_>, torn_uri: Option<&str>, cut: bool) -> Action {
    let text = |text: &Option<Cow<'_, str>>| bounded(text.as_deref().unwrap_or(""), bounds::NAME);
    let uri = record.request_uri.as_deref().or(torn_uri).unwrap_or("");
    let (path, query_text) = uri::split(uri);
    let query = uri::query(query_text);
    let mut action = Action {
        verb: text(&record.verb),
        dry_run: query.dry_run,
        uri: bounded(uri, bounds::URI),
        ..Action::default()
    };
    // A cut through the object leaves half of it: then the path, which stands before it, is the better witness.
    if record.object_ref.resource.is_none() || cut {
        let torn = record.request_uri.is_none() && query_text.is_empty();
        if let Some(target) = uri::target(path) {
            aim(&mut action, target, &query, torn);
        }
    }
    if action.resource.is_empty() {
        refer(&mut action, &record.object_ref);
        complete(&mut action, path);
    }
    action.selectors = query.selectors;
    action
}

fn refer(action: &mut Action, object: &ObjectRef<'_>) {
    let text = |text: &Option<Cow<'_, str>>| bounded(text.as_deref().unwrap_or(""), bounds::NAME);
    action.group = text(&object.group);
    action.version = text(&object.version);
    action.resource = text(&object.resource);
    action.subresource = text(&object.subresource);
    action.namespace = text(&object.namespace);
    action.name = text(&object.name);
}

/// Takes from the path what the reference leaves out.
fn complete(action: &mut Action, path: &str) {
    if !action.namespace.is_empty() && !action.name.is_empty() {
        return;
    }
    let Some(target) = uri::target(path) else {
        return;
    };
    if (&target.group, &target.resource) != (&action.group, &action.resource) {
        return;
    }
    if action.namespace.is_empty() {
        action.namespace = bounded(&target.namespace, bounds::NAME);
    }
    if action.name.is_empty() && target.namespace == action.namespace {
        action.name = bounded(&target.name, bounds::NAME);
    }
}

/// Takes from the path what the object reference would say. Of a path that is torn itself the last part is unknown:
/// without the name it covers everything that it could name.
fn aim(action: &mut Action, target: Target, query: &Query, torn: bool) {
    let limit = |text: &str| bounded(text, bounds::NAME);
    action.group = limit(&target.group);
    action.version = limit(&target.version);
    action.resource = limit(&target.resource);
    action.subresource = limit(&target.subresource);
    action.namespace = limit(&target.namespace);
    if !torn || !target.subresource.is_empty() {
        action.name = limit(&target.name);
    }
    if action.verb.is_empty() && (target.watch || query.watch) {
        "watch".clone_into(&mut action.verb);
    }
}

fn outcome(record: &Record<'_>) -> Outcome {
    let status = &record.response_status;
    Outcome {
        // A stage without a status has none, or an empty one.
        code: status
            .code
            .filter(|&code| code != 0)
            .or_else(|| refusal(record)),
        reason: bounded(status.reason.as_deref().unwrap_or(""), bounds::NAME),
        message: bounded(status.message.as_deref().unwrap_or(""), bounds::MESSAGE),
    }
}

/// The code of a refusal that is told in words alone.
fn refusal(record: &Record<'_>) -> Option<u16> {
    let decision = record.annotations.iter().find(|(key, _)| key == DECISION);
    let decision = decision.and_then(|(_, value)| value.as_deref());
    match (record.response_status.reason.as_deref(), decision) {
        (Some("Unauthorized"), _) => Some(401),
        (Some("Forbidden"), _) | (_, Some("forbid")) => Some(403),
        _ => None,
    }
}

/// The annotation that holds what the authorizer said.
const DECISION: &str = "authorization.k8s.io/decision";

fn annotations(record: &Record<'_>) -> BTreeMap<String, String> {
    bounded_map(record.annotations.iter().filter_map(|(key, value)| {
        let value = bounded(value.as_deref()?, bounds::MESSAGE);
        Some((key, value))
    }))
}
