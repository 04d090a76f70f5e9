//! Parameters of Systems Manager. `DescribeParameters` tells everything but tags and value: a parameter that is as it was is
//! not read.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ssm::types::{ParameterStringFilter, ResourceTypeForTagging};
use canary_core::disguise::Digester;
use canary_core::graph::Handle;
use canary_core::observe::{Look, Object, Seen, Version};
use futures::StreamExt as _;

use super::look::Looking;
use super::parameter::Parameter;
use super::principal::moment;
use super::regions::{Sightings, Want, Wanted, wanted};
use crate::catalog::{PARAMETER, VALUE, parameter_arn};
use crate::client::{CallError, Client, Pages};

/// The largest page, and as many names as one filter takes (`DescribeParameters`).
const PAGE: i32 = 50;
const NAMES: usize = 50;
/// Parameters that are looked at at the same time.
const TOGETHER: usize = 8;
/// What was written moments ago is looked for this many times, each twice as far from the last: 3.5 s in all.
const LOOKS: u32 = 3;
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// Looks at the parameters that are wanted, in all regions at the same time.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    let look = looking.look;
    let regions = wanted(look, PARAMETER, &client.connection.region);
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
        match described(client, &wanted.scope, None).await {
            Ok(all) => {
                for parameter in all.values() {
                    let version = parameter.version(&arn(client, wanted, &parameter.name), None);
                    let handle = wanted.handle(&parameter.name);
                    seen.objects.insert(handle, parameter.object(version));
                }
                seen.listed = Some(wanted.scope());
                there = all;
            }
            Err(error) => seen.could_not_list(wanted, &error),
        }
    }
    let mut names: Vec<&str> = wanted.names.keys().copied().collect();
    if seen.listed.is_some() {
        names.retain(|name| is_behind(client, wanted, look, name, there.get(*name)));
    }
    let mut pause = FIRST_LOOK;
    for round in 0..=LOOKS {
        for some in names.chunks(NAMES) {
            match described(client, &wanted.scope, Some(some)).await {
                Ok(found) => there.extend(found),
                Err(error) => seen.could_not(wanted, some, &error),
            }
        }
        names.retain(|name| is_behind(client, wanted, look, name, there.get(*name)));
        if names.is_empty() || round == LOOKS || !seen.gaps.is_empty() {
            break;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    tell(client, wanted, look, &there, seen).await
}

/// Whether something that we wrote moments ago is not shown as we left it, which the next look may do.
fn is_behind(
    client: &Client,
    wanted: &Wanted<'_>,
    look: &Look,
    name: &str,
    found: Option<&Parameter>,
) -> bool {
    let known = wanted.names.get(name).and_then(|want| want.known());
    let is_recent = look.recent.contains(&wanted.handle(name));
    let is_shown = found.is_some_and(|parameter| {
        let arn = arn(client, wanted, name);
        known.is_none_or(|known| parameter.version(&arn, Some(known)) == *known)
    });
    is_recent && !is_shown
}

/// What was found of each that is wanted.
async fn tell(
    client: &Client,
    wanted: &Wanted<'_>,
    look: &Look,
    there: &BTreeMap<String, Parameter>,
    mut seen: Sightings,
) -> Sightings {
    let failed: Vec<Handle> = seen
        .gaps
        .iter()
        .filter_map(|gap| match &gap.place {
            canary_core::observe::Place::Object(handle) => Some(handle.clone()),
            _ => None,
        })
        .collect();
    let mut told = Vec::new();
    for (name, want) in &wanted.names {
        let found = there.get(*name);
        told.push(named(client, wanted, name, found, *want, &look.digester));
    }
    let told: Vec<_> = futures::stream::iter(told)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    for (name, found) in told {
        let handle = wanted.handle(name);
        if !failed.contains(&handle) {
            seen.objects.remove(&handle);
            seen.take(wanted, name, found, look.made.contains(&handle));
        }
    }
    seen
}

async fn named<'a>(
    client: &Client,
    wanted: &Wanted<'_>,
    name: &'a str,
    found: Option<&Parameter>,
    want: Want<'_>,
    digester: &Digester,
) -> (&'a str, Result<Option<Object>, CallError>) {
    let Some(parameter) = found else {
        return (name, Ok(None));
    };
    let told = one(client, wanted, parameter, want, digester).await;
    (name, told.map(Some))
}

async fn one(
    client: &Client,
    wanted: &Wanted<'_>,
    parameter: &Parameter,
    want: Want<'_>,
    digester: &Digester,
) -> Result<Object, CallError> {
    let arn = arn(client, wanted, &parameter.name);
    let version = parameter.version(&arn, want.known());
    match want {
        Want::Name => Ok(parameter.object(version)),
        Want::Known(Some(known)) if *known == version => Ok(parameter.object(version)),
        Want::Known(_) => {
            // A value that is not read equals none: it is written again.
            let unread = digester.digest(format!("unread {arn} {}", version.revision).as_bytes());
            all_of(
                client,
                &wanted.scope,
                parameter,
                version,
                Seen::Digest(unread),
            )
            .await
        }
        Want::Full(known) => full(client, &wanted.scope, parameter, &arn, known, digester).await,
    }
}

fn arn(client: &Client, wanted: &Wanted<'_>, name: &str) -> String {
    parameter_arn(&wanted.scope, &client.connection.account, name)
}

/// What is told of all parameters of a region, or of some by their names, without their values.
pub(crate) async fn described(
    client: &Client,
    region: &str,
    names: Option<&[&str]>,
) -> Result<BTreeMap<String, Parameter>, CallError> {
    let ssm = client.in_region(region).ssm;
    let mut found = BTreeMap::new();
    let filter = names.map(|names| {
        let filter = ParameterStringFilter::builder()
            .key("Name")
            .option("Equals");
        let values = names.iter().map(|name| (*name).to_owned()).collect();
        filter.set_values(Some(values)).build()
    });
    let filter = filter.transpose().map_err(|error| CallError {
        action: "ssm:DescribeParameters",
        failure: crate::client::Failure::NotSent,
        code: String::new(),
        message: error.to_string(),
    })?;
    let mut pages = Pages::of("ssm:DescribeParameters");
    loop {
        let page = client
            .ask(pages.action, || {
                ssm.describe_parameters()
                    .set_parameter_filters(filter.clone().map(|filter| vec![filter]))
                    .max_results(PAGE)
                    .set_next_token(pages.marker())
                    .send()
            })
            .await?;
        let all = page.parameters().iter().map(Parameter::of);
        // A filter may take a name with and without its first slash for one.
        let all = all.filter(|told| names.is_none_or(|names| names.contains(&told.name.as_str())));
        found.extend(all.map(|told| (told.name.clone(), told)));
        if !pages.go_on(page.next_token())? {
            return Ok(found);
        }
    }
}

/// Its tags.
pub(crate) async fn tags(
    client: &Client,
    region: &str,
    name: &str,
) -> Result<BTreeMap<String, String>, CallError> {
    let ssm = client.in_region(region).ssm;
    let answer = client
        .ask("ssm:ListTagsForResource", || {
            ssm.list_tags_for_resource()
                .resource_type(ResourceTypeForTagging::Parameter)
                .resource_id(name)
                .send()
        })
        .await?;
    let tags = answer.tag_list().iter();
    Ok(tags
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect())
}

async fn all_of(
    client: &Client,
    region: &str,
    parameter: &Parameter,
    version: Version,
    value: Seen,
) -> Result<Object, CallError> {
    let mut fields = parameter.fields();
    for (key, value) in tags(client, region, &parameter.name).await? {
        fields.insert(format!("tags.{key}"), Seen::Public(value));
    }
    fields.insert(VALUE.into(), value);
    Ok(Object {
        field_names: fields.keys().cloned().collect(),
        fields: Some(fields),
        ..parameter.object(version)
    })
}

/// A parameter with its value.
pub(crate) async fn full(
    client: &Client,
    region: &str,
    parameter: &Parameter,
    arn: &str,
    known: Option<&Version>,
    digester: &Digester,
) -> Result<Object, CallError> {
    let ssm = client.in_region(region).ssm;
    // Its log names this request, as it names what changes something: it is ours.
    let answer = client
        .changing(client.ask("ssm:GetParameter", || {
            let request = ssm.get_parameter().name(&parameter.name);
            request.with_decryption(true).send()
        }))
        .await?;
    let told = answer.parameter();
    // The value is of this version, whatever was told before.
    let parameter = Parameter {
        version: told.map_or(parameter.version, |told| told.version()),
        modified: told
            .and_then(|told| moment(told.last_modified_date()))
            .or(parameter.modified),
        ..parameter.clone()
    };
    let value = told.and_then(|told| told.value()).unwrap_or_default();
    let value = Seen::Digest(digester.digest(value.as_bytes()));
    let version = parameter.version(arn, known);
    all_of(client, region, &parameter, version, value).await
}
