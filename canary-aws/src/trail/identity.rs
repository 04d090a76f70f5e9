//! Who called: `userIdentity` (CloudTrail user guide, "userIdentity element").

use std::collections::{BTreeMap, BTreeSet};

use canary_core::detect::{Actor, Credential, ISSUER, ISSUER_ID, Identity, Mention, SWITCHED_FROM};

use super::bounds::{self, bounded};
use super::object::Object;
use super::things::{self, Thing};

/// Who called, by what they called with.
pub(super) fn actor(record: &Object<'_>) -> Actor {
    let user = Parts::of(record);
    let mut extra = user.extra();
    let from = switched_from(record);
    if !from.is_empty() {
        extra.insert(SWITCHED_FROM.to_owned(), vec![from]);
    }
    let address = text(record, "sourceIPAddress");
    let parsed = address.parse().ok();
    // A service that calls for somebody writes its name, or `AWS Internal`.
    let claimed = (parsed.is_none() && !address.is_empty()).then_some(address);
    let key = text(&user.user, "accessKeyId");
    Actor {
        credential: if key.is_empty() {
            Credential::Unknown
        } else {
            Credential::AccessKey(key)
        },
        pod: None,
        node: None,
        address: parsed,
        claimed_addresses: claimed.into_iter().collect(),
        user_agent: bounded(
            &record.text("userAgent").unwrap_or_default(),
            bounds::MESSAGE,
        ),
        identity: Identity {
            name: user.name(),
            uid: text(&user.user, "principalId"),
            groups: BTreeSet::new(),
            extra,
        },
    }
}

/// Every identifier that says who called.
pub(super) fn mentions(record: &Object<'_>, into: &mut BTreeSet<Mention>) {
    let Parts { user, issuer, .. } = Parts::of(record);
    let key = text(&user, "accessKeyId");
    if !key.is_empty() {
        into.insert(Mention::Credential(key));
    }
    for one in [&user, &issuer] {
        things::principal(&text(one, "arn"), into);
        things::principal(&text(one, "principalId"), into);
    }
    if text(&issuer, "arn").is_empty() {
        into.extend(things::role_of_session(&text(&user, "arn")).map(Mention::Principal));
    }
    things::principal(&switched_from(record), into);
    // Of a login that failed there is nothing but the name.
    if text(&user, "arn").is_empty() && text(&user, "type") == "IAMUser" {
        let name = text(&user, "userName");
        if !name.is_empty() {
            into.insert(Thing::user(&name).mention());
        }
    }
}

/// Who went over to another role in the console, and acts as that from then on.
fn switched_from(record: &Object<'_>) -> String {
    text(&record.object("additionalEventData"), "SwitchFrom")
}

/// `userIdentity` with the parts of its session.
struct Parts<'a> {
    user: Object<'a>,
    session: Object<'a>,
    issuer: Object<'a>,
}

impl<'a> Parts<'a> {
    fn of(record: &Object<'a>) -> Self {
        let user = record.object("userIdentity");
        let session = user.object("sessionContext");
        let issuer = session.object("sessionIssuer");
        Self {
            user,
            session,
            issuer,
        }
    }

    fn name(&self) -> String {
        let Self { user, issuer, .. } = self;
        let candidates = [
            (user, "arn"),
            (issuer, "arn"),
            (user, "principalId"),
            (user, "accountId"),
            (user, "invokedBy"),
            (user, "type"),
        ];
        candidates
            .into_iter()
            .map(|(object, key)| text(object, key))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    fn extra(&self) -> BTreeMap<String, Vec<String>> {
        let Self {
            user,
            session,
            issuer,
        } = self;
        let attributes = session.object("attributes");
        let web = session.object("webIdFederationData");
        let issued_by = match text(issuer, "arn") {
            arn if arn.is_empty() => {
                things::role_of_session(&text(user, "arn")).unwrap_or_default()
            }
            arn => arn,
        };
        let all = [
            ("type", text(user, "type")),
            ("accountId", text(user, "accountId")),
            ("userName", text(user, "userName")),
            (ISSUER, issued_by),
            (ISSUER_ID, text(issuer, "principalId")),
            ("sourceIdentity", text(session, "sourceIdentity")),
            ("invokedBy", text(user, "invokedBy")),
            ("mfaAuthenticated", text(&attributes, "mfaAuthenticated")),
            ("creationDate", text(&attributes, "creationDate")),
            ("credentialId", text(user, "credentialId")),
            ("identityProvider", text(user, "identityProvider")),
            ("federatedProvider", text(&web, "federatedProvider")),
        ];
        all.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), vec![value]))
            .collect()
    }
}

fn text(object: &Object<'_>, key: &str) -> String {
    bounded(&object.text(key).unwrap_or_default(), bounds::NAME)
}
