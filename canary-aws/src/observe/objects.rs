//! Buckets and objects in S3. `HeadObject` tells everything but the tags and the content: an object that is as it was is not
//! read.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::Tag;
use canary_core::disguise::Digester;
use canary_core::graph::Handle;
use canary_core::observe::{Look, Object, Place, Seen, Version};
use futures::StreamExt as _;

use super::look::Looking;
use super::principal::moment;
use super::regions::{Sightings, Want, Wanted, wanted};
use super::state::State;
use crate::catalog::{BUCKET, OBJECT, VALUE, alone};
use crate::client::{CallError, Client};

/// Keys of neighbours: one page, of a bucket that may have millions.
const PAGE: i32 = 1000;
/// Objects that are looked at at the same time.
const TOGETHER: usize = 8;
/// So much of a content is read. What we put is smaller: a configuration has at most a megabyte.
const LARGEST: usize = 8 * 1024 * 1024;

/// What is told of an object without its content.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) etag: String,
    pub(crate) size: i64,
    pub(crate) content_type: String,
    created: Option<jiff::Timestamp>,
}

impl Head {
    fn of(told: &HeadObjectOutput) -> Self {
        Self {
            etag: told
                .e_tag()
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned(),
            size: told.content_length().unwrap_or_default(),
            content_type: told.content_type().unwrap_or_default().to_owned(),
            created: moment(told.last_modified()),
        }
    }

    /// As it is once it was put.
    pub(crate) fn put(etag: &str, size: usize, content_type: &str) -> Self {
        Self {
            etag: etag.trim_matches('"').to_owned(),
            size: i64::try_from(size).unwrap_or(i64::MAX),
            content_type: content_type.to_owned(),
            created: None,
        }
    }

    fn fields(&self) -> BTreeMap<String, Seen> {
        let kind = Seen::Public(self.content_type.clone());
        BTreeMap::from([("content_type".to_owned(), kind)])
    }

    /// S3 gives an object no identifier: one of that key is that object. What was deleted and put again outside is as what was
    /// put over. Tags are not told, and are compared only where something else has changed.
    pub(crate) fn state(&self) -> State {
        let mut rest = self.fields();
        rest.insert("size".into(), Seen::Public(self.size.to_string()));
        State::new(&self.etag, &rest)
    }

    pub(crate) fn version(&self, handle: &Handle, known: Option<&Version>) -> Version {
        let (state, uid) = (self.state(), handle.path());
        match known.filter(|known| known.uid == uid) {
            Some(known) if state.is(known) => known.clone(),
            same => {
                let digest = same.and_then(|known| state.digest(known));
                state.version(&uid, digest.as_ref())
            }
        }
    }

    pub(crate) fn object(&self, version: Version) -> Object {
        Object {
            created: self.created,
            ..Object::of(version)
        }
    }
}

/// A bucket as it is to the core.
pub(crate) fn bucket(name: &str, region: &str) -> Object {
    let region = Seen::Public(region.to_owned());
    let fields = BTreeMap::from([("region".to_owned(), region)]);
    super::principal::object(&format!("bucket {name}"), None, fields)
}

/// Looks at the objects that are wanted and at the buckets that they are in.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    let look = looking.look;
    let all = wanted(look, OBJECT, "");
    let handles = look.handles().into_iter();
    let alone = handles.filter(|handle| handle.kind == BUCKET);
    let buckets: BTreeSet<&str> = alone
        .map(|handle| handle.name.as_str())
        .chain(all.iter().map(|wanted| wanted.scope.as_str()))
        .collect();
    for name in buckets {
        let handle = self::alone(BUCKET, name);
        let found = client.look_for(name).await;
        match &found {
            Ok(Some(region)) => looking.saw(handle, bucket(name, region)),
            Ok(None) => looking.is_absent(handle),
            Err(error) => looking.could_not(Place::Object(handle), error),
        }
        let Some(wanted) = all.iter().find(|wanted| wanted.scope == name) else {
            continue;
        };
        match found {
            Ok(Some(region)) => in_bucket(client, wanted, &region, look).await,
            // Where there is no bucket there is nothing in it.
            Ok(None) => Sightings {
                absent: wanted
                    .names
                    .keys()
                    .map(|name| wanted.handle(name))
                    .collect(),
                listed: Some(wanted.scope()),
                ..Sightings::default()
            },
            Err(error) => {
                let mut seen = Sightings::default();
                seen.could_not_list(wanted, &error);
                seen.could_not(wanted, wanted.names.keys(), &error);
                seen
            }
        }
        .into(looking);
    }
}

async fn in_bucket(client: &Client, wanted: &Wanted<'_>, region: &str, look: &Look) -> Sightings {
    let mut seen = Sightings::default();
    if wanted.lists {
        match some_keys(client, region, wanted).await {
            Ok(all) => seen.objects.extend(all),
            Err(error) => seen.could_not_list(wanted, &error),
        }
    }
    let mut told = Vec::new();
    for (name, want) in &wanted.names {
        told.push(named(client, region, wanted, name, *want, &look.digester));
    }
    let told: Vec<_> = futures::stream::iter(told)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    for (name, found) in told {
        seen.objects.remove(&wanted.handle(name));
        seen.take(wanted, name, found, false);
    }
    seen
}

/// Some of what is in a bucket, as an example of how keys look there. It is not all, and is not said to be.
async fn some_keys(
    client: &Client,
    region: &str,
    wanted: &Wanted<'_>,
) -> Result<Vec<(Handle, Object)>, CallError> {
    let s3 = client.in_region(region).s3;
    let account = &client.connection.account;
    let page = client
        .ask("s3:ListBucket", || {
            let request = s3.list_objects_v2().bucket(&wanted.scope).max_keys(PAGE);
            request.expected_bucket_owner(account).send()
        })
        .await?;
    let objects = page.contents().iter().filter_map(|told| {
        let handle = wanted.handle(told.key()?);
        let version = Version {
            uid: handle.path(),
            revision: String::new(),
        };
        Some((handle, Object::of(version)))
    });
    Ok(objects.collect())
}

async fn named<'a>(
    client: &Client,
    region: &str,
    wanted: &Wanted<'_>,
    name: &'a str,
    want: Want<'_>,
    digester: &Digester,
) -> (&'a str, Result<Option<Object>, CallError>) {
    let handle = wanted.handle(name);
    (name, sight(client, region, &handle, want, digester).await)
}

async fn sight(
    client: &Client,
    region: &str,
    handle: &Handle,
    want: Want<'_>,
    digester: &Digester,
) -> Result<Option<Object>, CallError> {
    let Some(head) = head(client, region, handle).await? else {
        return Ok(None);
    };
    let version = head.version(handle, want.known());
    match want {
        Want::Full(_) => full(client, region, handle, want.known(), digester).await,
        Want::Known(known) if known != Some(&version) => {
            let content = known.and_then(|known| head.state().digest(known));
            // A content that is not read equals none: it is put again.
            let unread = || digester.digest(format!("unread {}", head.etag).as_bytes());
            let content = content.unwrap_or_else(unread);
            all_of(
                client,
                region,
                handle,
                &head,
                version,
                Seen::Digest(content),
            )
            .await
            .map(Some)
        }
        Want::Known(_) | Want::Name => Ok(Some(head.object(version))),
    }
}

/// What is told of one object; `None` where there is none of that key.
pub(crate) async fn head(
    client: &Client,
    region: &str,
    handle: &Handle,
) -> Result<Option<Head>, CallError> {
    let s3 = client.in_region(region).s3;
    let bucket = handle.scope.as_deref().unwrap_or_default();
    let account = &client.connection.account;
    let answer = client
        .ask("s3:GetObject", || {
            let request = s3.head_object().bucket(bucket).key(&handle.name);
            request.expected_bucket_owner(account).send()
        })
        .await;
    match answer {
        Ok(told) => Ok(Some(Head::of(&told))),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn all_of(
    client: &Client,
    region: &str,
    handle: &Handle,
    head: &Head,
    version: Version,
    content: Seen,
) -> Result<Object, CallError> {
    let s3 = client.in_region(region).s3;
    let bucket = handle.scope.as_deref().unwrap_or_default();
    let account = &client.connection.account;
    let answer = client
        .ask("s3:GetObjectTagging", || {
            let request = s3.get_object_tagging().bucket(bucket).key(&handle.name);
            request.expected_bucket_owner(account).send()
        })
        .await?;
    let mut fields = head.fields();
    let tag = |tag: &Tag| {
        let value = Seen::Public(tag.value().to_owned());
        (format!("tags.{}", tag.key()), value)
    };
    fields.extend(answer.tag_set().iter().map(tag));
    fields.insert(VALUE.into(), content);
    Ok(Object {
        field_names: fields.keys().cloned().collect(),
        fields: Some(fields),
        ..head.object(version)
    })
}

/// An object with its content; `None` where there is none of that key.
pub(crate) async fn full(
    client: &Client,
    region: &str,
    handle: &Handle,
    known: Option<&Version>,
    digester: &Digester,
) -> Result<Option<Object>, CallError> {
    let Some(head) = head(client, region, handle).await? else {
        return Ok(None);
    };
    let s3 = client.in_region(region).s3;
    let bucket = handle.scope.as_deref().unwrap_or_default();
    let account = &client.connection.account;
    // Its log names this request, as it names what changes something: it is ours.
    let answer = client
        .changing(client.ask("s3:GetObject", || {
            let request = s3.get_object().bucket(bucket).key(&handle.name);
            let request = request.if_match(format!("\"{}\"", head.etag));
            request
                .range(format!("bytes=0-{}", LARGEST - 1))
                .expected_bucket_owner(account)
                .send()
        }))
        .await?;
    let body = answer.body.collect().await.map_err(|error| CallError {
        action: "s3:GetObject",
        failure: crate::client::Failure::Lost,
        code: String::new(),
        message: error.to_string(),
    })?;
    let digest = digester.digest(&body.into_bytes());
    let version = known
        .filter(|known| known.uid == handle.path() && head.state().is(known))
        .cloned()
        .unwrap_or_else(|| head.state().version(&handle.path(), Some(&digest)));
    all_of(client, region, handle, &head, version, Seen::Digest(digest))
        .await
        .map(Some)
}
