//! The identifiers that mean that something planted was touched.

use std::collections::BTreeMap;

use canary_core::detect::{Meaning, Mention, Planted, Tripwire};

use super::access_key::ID;
use super::aws::is_listener;
use super::handles::{ACCESS_KEY, BUCKET, OBJECT, PARAMETER, ROLE, SECRET, USER};
use super::listener;

/// The identifiers that mean that it was touched.
pub(super) fn of(planted: &Planted) -> Vec<Tripwire> {
    if is_listener(planted.address.canary()) {
        return listener::tripwires(planted);
    }
    let tripwire = |mention: Mention, meaning: Meaning| Tripwire {
        mention,
        meaning,
        address: planted.address.clone(),
        labels: None,
        fields: BTreeMap::new(),
    };
    let identity = |mention: Mention| tripwire(mention, Meaning::Identity);
    match planted.handle.kind.as_str() {
        kind @ (USER | ROLE) => {
            let resource = if kind == USER { "users" } else { "roles" };
            let arn = planted.fields.get("arn").cloned();
            let bare = arn.as_deref().and_then(without_path);
            let names = arn.into_iter().chain(bare).chain(planted.uid.clone());
            names
                .map(|name| identity(Mention::Principal(name)))
                // IAM does not tell capital letters from small ones.
                .chain([identity(iam(
                    resource,
                    &planted.handle.name.to_ascii_lowercase(),
                ))])
                .collect()
        }
        ACCESS_KEY => {
            let id = planted.outputs.get(ID).or(planted.uid.as_ref());
            id.into_iter()
                .flat_map(|id| {
                    let used = identity(Mention::Credential(id.clone()));
                    [used, identity(iam("access_keys", id))]
                })
                .collect()
        }
        PARAMETER => vec![tripwire(
            within("ssm", "parameters", planted),
            Meaning::Content,
        )],
        SECRET => {
            let mention = within("secretsmanager", "secrets", planted);
            vec![tripwire(mention, Meaning::Content)]
        }
        OBJECT => vec![tripwire(within("s3", "objects", planted), Meaning::Content)],
        // Of what else is in a bucket nothing is known: that it is listed means nothing. One that we made has nothing else.
        BUCKET => {
            let mention = Mention::Object {
                group: "s3".into(),
                resource: "buckets".into(),
                namespace: String::new(),
                name: planted.handle.name.clone(),
            };
            vec![tripwire(mention, Meaning::Behaviour)]
        }
        _ => Vec::new(),
    }
}

/// The ARN as the name of a session tells it, which leaves the path out; `None` for one without.
fn without_path(arn: &str) -> Option<String> {
    let (kind, rest) = arn.split_once('/')?;
    let (_, name) = rest.rsplit_once('/')?;
    Some(format!("{kind}/{name}"))
}

/// Something in a region or a bucket.
fn within(group: &str, resource: &str, planted: &Planted) -> Mention {
    Mention::Object {
        group: group.into(),
        resource: resource.into(),
        namespace: planted.handle.scope.clone().unwrap_or_default(),
        name: planted.handle.name.clone(),
    }
}

fn iam(resource: &str, name: &str) -> Mention {
    Mention::Object {
        group: "iam".into(),
        resource: resource.into(),
        namespace: String::new(),
        name: name.into(),
    }
}
