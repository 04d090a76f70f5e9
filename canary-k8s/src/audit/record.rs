//! A record of `audit.k8s.io` (`v1`, `v1beta1`), as far as anything is made of it.
//!
//! Nothing is required and nothing of the wrong type fails a record. Field names are those of
//! `k8s.io/apiserver/pkg/apis/audit`.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde::de::{Deserializer, SeqAccess};
use serde_json::value::RawValue;

use super::lenient::{Field, Lenient, lenient_object};

type Text<'a> = Option<Cow<'a, str>>;
type Entries<'a, T> = Vec<(Cow<'a, str>, T)>;

lenient_object! {
    /// One record, or a list of them: a list has `items`.
    struct Record<'a> {
        audit_id: Text<'a> = "auditID",
        stage: Text<'a> = "stage",
        request_uri: Text<'a> = "requestURI",
        verb: Text<'a> = "verb",
        user: User<'a> = "user",
        impersonated_user: User<'a> = "impersonatedUser",
        source_ips: Vec<Cow<'a, str>> = "sourceIPs",
        user_agent: Text<'a> = "userAgent",
        object_ref: ObjectRef<'a> = "objectRef",
        response_status: Status<'a> = "responseStatus",
        request_object: Raw<'a> = "requestObject",
        response_object: Raw<'a> = "responseObject",
        received: Text<'a> = "requestReceivedTimestamp",
        stage_at: Text<'a> = "stageTimestamp",
        // The only time there was before Kubernetes 1.10.
        timestamp: Text<'a> = "timestamp",
        annotations: Entries<'a, Text<'a>> = "annotations",
        items: Items<'a> = "items",
    }
}

lenient_object! {
    /// Who asked.
    struct User<'a> {
        username: Text<'a> = "username",
        uid: Text<'a> = "uid",
        groups: Vec<Cow<'a, str>> = "groups",
        extra: Entries<'a, Vec<Cow<'a, str>>> = "extra",
    }
}

lenient_object! {
    /// What the request is about.
    struct ObjectRef<'a> {
        resource: Text<'a> = "resource",
        namespace: Text<'a> = "namespace",
        name: Text<'a> = "name",
        group: Text<'a> = "apiGroup",
        version: Text<'a> = "apiVersion",
        subresource: Text<'a> = "subresource",
    }
}

lenient_object! {
    /// What came of it.
    struct Status<'a> {
        code: Option<u16> = "code",
        reason: Text<'a> = "reason",
        message: Text<'a> = "message",
    }
}

impl User<'_> {
    /// Whether anything is said of them.
    pub(super) fn is_somebody(&self) -> bool {
        self.username.is_some()
            || self.uid.is_some()
            || !self.groups.is_empty()
            || !self.extra.is_empty()
    }
}

impl Record<'_> {
    /// Whether there is anything in it that only an audit record has.
    pub(super) fn is_audit(&self) -> bool {
        self.audit_id.is_some()
            || self.request_uri.is_some()
            || self.verb.is_some()
            || self.object_ref.resource.is_some()
            || self.user.username.is_some()
    }
}

/// A value as it stands, unread.
#[derive(Default, Debug)]
pub(super) struct Raw<'a>(pub(super) Option<&'a RawValue>);

impl<'de> Lenient<'de> for Raw<'de> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}

/// The records of a list, unread, so that one bad record does not spoil the others. `None` where there is no list.
#[derive(Default, Debug)]
pub(super) struct Items<'a>(pub(super) Option<Vec<&'a RawValue>>);

impl<'de> Lenient<'de> for Items<'de> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut items = Vec::new();
        while let Some(Field(Raw(item))) = list.next_element::<Field<Raw<'de>>>()? {
            items.extend(item);
        }
        Ok(Self(Some(items)))
    }
}
