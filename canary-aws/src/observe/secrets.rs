//! Secrets of Secrets Manager. `ListSecrets` tells everything but the values, up to five minutes late; what is not there as it
//! was is asked for by itself.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use canary_core::disguise::Digester;
use canary_core::graph::Handle;
use canary_core::observe::{Look, Object, Seen, Version};
use futures::StreamExt as _;

use super::look::Looking;
use super::regions::{Sightings, Want, Wanted, wanted};
use super::secret::{CURRENT, Secret};
use crate::catalog::SECRET;
use crate::client::{CallError, Client, Pages};

/// The largest page, and as many names as one filter takes (`ListSecrets`).
const PAGE: i32 = 100;
const NAMES: usize = 10;
/// Secrets that are looked at at the same time.
const TOGETHER: usize = 8;
/// Looks at the secrets that are wanted, in all regions at the same time.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    let look = looking.look;
    let regions = wanted(look, SECRET, &client.connection.region);
    let mut looks = Vec::new();
    for wanted in &regions {
        looks.push(in_region(client, wanted, look));
    }
    for seen in futures::future::join_all(looks).await {
        seen.into(looking);
    }
}

async fn in_region(client: &Client, wanted: &Wanted<'_>, look: &Look) -> Sightings {
    let mut seen = Sightings::default();
    let mut there = BTreeMap::new();
    if wanted.lists {
        match listed(client, &wanted.scope, None).await {
            Ok(all) => {
                seen.listed = Some(wanted.scope());
                for secret in all.values() {
                    let handle = wanted.handle(&secret.name);
                    if is_ours_and_gone(secret, &handle, &look.digester) {
                        continue;
                    }
                    let object = secret.object(None, None, secret.version(None, None));
                    seen.objects.insert(handle, object);
                }
                there = all;
            }
            Err(error) => seen.could_not_list(wanted, &error),
        }
    } else {
        let names: Vec<&str> = wanted.names.keys().copied().collect();
        for some in names.chunks(NAMES) {
            // Whoever may not list may still ask for each.
            match listed(client, &wanted.scope, Some(some)).await {
                Ok(found) => there.extend(found),
                Err(error) => {
                    tracing::info!(error = error.detail(), "secrets are asked for singly");
                }
            }
        }
    }
    let mut told = Vec::new();
    for (name, want) in &wanted.names {
        told.push(named(client, wanted, name, *want, there.get(*name), look));
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

async fn named<'a>(
    client: &Client,
    wanted: &Wanted<'_>,
    name: &'a str,
    want: Want<'_>,
    listed: Option<&Secret>,
    look: &Look,
) -> (&'a str, Result<Option<Object>, CallError>) {
    (name, one(client, wanted, name, want, listed, look).await)
}

async fn one(
    client: &Client,
    wanted: &Wanted<'_>,
    name: &str,
    want: Want<'_>,
    listed: Option<&Secret>,
    look: &Look,
) -> Result<Option<Object>, CallError> {
    let handle = wanted.handle(name);
    if let (Some(secret), Some(known)) = (listed, want.known())
        && !matches!(want, Want::Full(_))
        && !secret.is_deleted
    {
        let days = secret.days(&handle, &look.digester);
        let version = secret.version(days, Some(known));
        if version == *known {
            return Ok(Some(secret.object(days, None, version)));
        }
    }
    let Some(secret) = described(client, &wanted.scope, name).await? else {
        return Ok(None);
    };
    sight(client, &handle, &secret, want, &look.digester).await
}

/// One of ours that waits for its deletion is as good as gone: to make it is to take it back.
fn is_ours_and_gone(secret: &Secret, handle: &Handle, digester: &Digester) -> bool {
    secret.is_deleted && secret.days(handle, digester).is_some()
}

/// What a secret is to the core.
async fn sight(
    client: &Client,
    handle: &Handle,
    secret: &Secret,
    want: Want<'_>,
    digester: &Digester,
) -> Result<Option<Object>, CallError> {
    if is_ours_and_gone(secret, handle, digester) {
        return Ok(None);
    }
    let days = secret.days(handle, digester);
    if secret.is_deleted {
        let version = secret.version(days, want.known());
        return Ok(Some(secret.object(days, None, version)));
    }
    match want {
        Want::Full(known) => full(client, handle, secret, known, digester)
            .await
            .map(Some),
        Want::Name => {
            let version = secret.version(days, None);
            Ok(Some(secret.object(days, None, version)))
        }
        Want::Known(known) => {
            let version = secret.version(days, known);
            let is_clean = known == Some(&version);
            let value = (!is_clean).then(|| {
                let content = known.and_then(|known| secret.state(days).digest(known));
                // A value that is not read equals none: it is written again.
                let unread = || digester.digest(format!("unread {}", secret.current()).as_bytes());
                Seen::Digest(content.unwrap_or_else(unread))
            });
            Ok(Some(secret.object(days, value, version)))
        }
    }
}

/// What is told of all secrets of a region, or of some by their names; those that wait for their deletion too.
async fn listed(
    client: &Client,
    region: &str,
    names: Option<&[&str]>,
) -> Result<BTreeMap<String, Secret>, CallError> {
    let secrets = client.in_region(region).secrets;
    let filter = names.map(|names| {
        let values = names.iter().map(|name| (*name).to_owned()).collect();
        let filter = Filter::builder().key(FilterNameStringType::Name);
        vec![filter.set_values(Some(values)).build()]
    });
    let mut found = BTreeMap::new();
    let mut pages = Pages::of("secretsmanager:ListSecrets");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = secrets.list_secrets().max_results(PAGE);
                request
                    .include_planned_deletion(true)
                    .set_filters(filter.clone())
                    .set_next_token(pages.marker())
                    .send()
            })
            .await?;
        let all = page.secret_list().iter().map(Secret::listed);
        // A filter takes every name that begins so.
        let all =
            all.filter(|secret| names.is_none_or(|names| names.contains(&secret.name.as_str())));
        found.extend(all.map(|secret| (secret.name.clone(), secret)));
        if !pages.go_on(page.next_token())? {
            return Ok(found);
        }
    }
}

/// What is told of one secret; `None` where there is none of that name.
pub(crate) async fn described(
    client: &Client,
    region: &str,
    name: &str,
) -> Result<Option<Secret>, CallError> {
    let secrets = client.in_region(region).secrets;
    let answer = client
        .ask("secretsmanager:DescribeSecret", || {
            secrets.describe_secret().secret_id(name).send()
        })
        .await;
    match answer {
        // A name that ends as an ARN does may find another.
        Ok(told) => Ok(Some(Secret::described(&told)).filter(|secret| secret.name == name)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A secret with its value.
pub(crate) async fn full(
    client: &Client,
    handle: &Handle,
    secret: &Secret,
    known: Option<&Version>,
    digester: &Digester,
) -> Result<Object, CallError> {
    let days = secret.days(handle, digester);
    let secrets = client
        .in_region(handle.scope.as_deref().unwrap_or_default())
        .secrets;
    // Its log names this request, as it names what changes something: it is ours.
    let answer = client
        .changing(client.ask("secretsmanager:GetSecretValue", || {
            let request = secrets.get_secret_value().secret_id(&secret.arn);
            request.version_stage(CURRENT).send()
        }))
        .await;
    let digest = match answer {
        Ok(answer) => {
            let bytes = answer.secret_binary().map(AsRef::as_ref);
            let text = answer.secret_string().map(str::as_bytes);
            digester.digest(text.or(bytes).unwrap_or_default())
        }
        // A secret without a value.
        Err(error) if error.is_absence() => digester.digest(b"no value"),
        Err(error) => return Err(error),
    };
    let state = secret.state(days);
    let version = known
        .filter(|known| known.uid == secret.arn && state.is(known))
        .cloned()
        .unwrap_or_else(|| state.version(&secret.arn, Some(&digest)));
    Ok(secret.object(days, Some(Seen::Digest(digest)), version))
}
