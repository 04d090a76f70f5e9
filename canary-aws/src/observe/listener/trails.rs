//! Trails: all of the account, because EventBridge hears only what one of them logs.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudtrail::types::{EventSelector, ReadWriteType, Trail};
use canary_core::graph::Handle;
use canary_core::observe::{Object, Place, Scope, Seen};
use futures::StreamExt as _;

use super::facts::TrailFacts;
use super::look::{TOGETHER, soon};
use crate::catalog::{LOGGING, SELECTORS, TRAIL, canonical};
use crate::client::{CallError, Client, Pages};
use crate::observe::look::Looking;
use crate::observe::principal::object;

/// A trail with everything that is declared of it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    name: String,
    arn: String,
    facts: TrailFacts,
    fields: BTreeMap<String, Seen>,
    /// What it logs, as it was said.
    selected: BTreeMap<String, Seen>,
    /// Whether that is what a trail logs of which nobody said anything.
    is_default: bool,
}

impl Found {
    /// The trail itself. It has no identifier but its ARN.
    pub(crate) fn object(&self) -> Object {
        Object {
            metadata: self.facts.metadata(),
            ..object(&self.arn, None, self.fields.clone())
        }
    }

    /// That it logs, while it does.
    pub(crate) fn logging(&self) -> Option<Object> {
        let uid = format!("{}/logging", self.arn);
        self.facts
            .is_logging
            .then(|| object(&uid, None, BTreeMap::new()))
    }

    /// What it logs, where it is not what every trail does of which nobody said anything.
    pub(crate) fn chosen(&self) -> Option<Object> {
        (!self.is_default).then(|| self.selectors())
    }

    /// What it logs.
    pub(crate) fn selectors(&self) -> Object {
        let uid = format!("{}/selectors", self.arn);
        object(&uid, None, self.selected.clone())
    }
}

/// Looks at all trails, if anything about trails is wanted.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    let all = Scope {
        kind: TRAIL.into(),
        scope: None,
    };
    let kinds = [TRAIL, LOGGING, SELECTORS];
    let named: BTreeSet<Handle> = kinds.iter().flat_map(|kind| looking.named(kind)).collect();
    let is_wanted = looking.look.scopes.contains(&all);
    if named.is_empty() && !is_wanted {
        return;
    }
    let trails = match soon("cloudtrail:DescribeTrails", list(client)).await {
        Ok(trails) => trails,
        Err(error) => {
            looking.could_not(Place::Neighbours(all), &error);
            for handle in named {
                looking.could_not(Place::Object(handle), &error);
            }
            return;
        }
    };
    let looks = trails.into_iter().map(|trail| async move {
        let found = soon("cloudtrail:GetTrailStatus", with_facts(client, &trail)).await;
        (trail, found)
    });
    let found: Vec<_> = futures::stream::iter(looks)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    looking.saw_all(TRAIL, None);
    for (trail, found) in found {
        tell(looking, &trail, found);
    }
    for handle in named {
        let is_told = looking.has_seen(&handle) || looking.has_gap(&handle);
        if !is_told {
            looking.found(handle, Ok(None));
        }
    }
}

fn tell(looking: &mut Looking<'_>, trail: &Trail, found: Result<Found, CallError>) {
    let (region, name) = (
        trail.home_region().unwrap_or_default(),
        trail.name().unwrap_or_default(),
    );
    let handle = Handle::scoped(TRAIL, region, name);
    let scope = format!("{region}/{name}");
    let parts = [(LOGGING, "logging"), (SELECTORS, "selectors")];
    match found {
        Ok(found) => {
            looking.saw(handle, found.object());
            for (kind, name) in parts {
                let handle = Handle::scoped(kind, &scope, name);
                let is_ours = looking.look.known.contains_key(&handle);
                let part = match kind {
                    LOGGING => found.logging(),
                    // Of a trail of which we said what it logs that is never nothing.
                    _ if is_ours => Some(found.selectors()),
                    _ => found.chosen(),
                };
                if let Some(part) = part {
                    looking.saw(handle, part);
                }
            }
        }
        Err(error) => {
            // That it is there is known, and what it is.
            looking.saw(handle, of(trail).object());
            for (kind, name) in parts {
                looking.could_not(Place::Object(Handle::scoped(kind, &scope, name)), &error);
            }
        }
    }
}

/// The trails that log the home region, those of an organization among them, and those of other regions alone.
async fn list(client: &Client) -> Result<Vec<Trail>, CallError> {
    let home = client.connection.region.as_str();
    let mut trails = describe(client, home, true).await?;
    let known: BTreeSet<String> = trails
        .iter()
        .filter_map(|trail| trail.trail_arn().map(str::to_owned))
        .collect();
    let mut elsewhere = BTreeSet::new();
    let mut pages = Pages::of("cloudtrail:ListTrails");
    loop {
        let services = client.in_region(home);
        let page = client
            .ask(pages.action, || {
                let request = services.cloudtrail.list_trails();
                request.set_next_token(pages.marker()).send()
            })
            .await?;
        let others = page.trails().iter();
        let others = others.filter(|trail| !known.contains(trail.trail_arn().unwrap_or_default()));
        elsewhere.extend(others.filter_map(|trail| trail.home_region().map(str::to_owned)));
        if !pages.go_on(page.next_token())? {
            break;
        }
    }
    for region in elsewhere {
        trails.extend(describe(client, &region, false).await?);
    }
    Ok(trails)
}

async fn describe(client: &Client, region: &str, shadows: bool) -> Result<Vec<Trail>, CallError> {
    let services = client.in_region(region);
    let answer = client
        .ask("cloudtrail:DescribeTrails", || {
            let request = services.cloudtrail.describe_trails();
            request.include_shadow_trails(shadows).send()
        })
        .await?;
    Ok(answer.trail_list().to_vec())
}

/// One trail of a region; `None` where there is none.
pub(crate) async fn single(
    client: &Client,
    region: &str,
    name: &str,
) -> Result<Option<Found>, CallError> {
    let trails = describe(client, region, false).await?;
    match trails.iter().find(|trail| trail.name() == Some(name)) {
        Some(trail) => with_facts(client, trail).await.map(Some),
        None => Ok(None),
    }
}

/// What an answer about a trail says of the trail itself.
pub(crate) fn of(trail: &Trail) -> Found {
    let arn = trail.trail_arn().unwrap_or_default().to_owned();
    let mut fields = BTreeMap::new();
    let mut public = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            fields.insert(name.to_owned(), Seen::Public(value));
        }
    };
    let flag = |flag: Option<bool>| Some(flag.unwrap_or_default().to_string());
    let text = |text: Option<&str>| text.map(str::to_owned);
    public("arn", Some(arn.clone()));
    public("bucket", text(trail.s3_bucket_name()));
    public("everywhere", flag(trail.is_multi_region_trail()));
    public("global", flag(trail.include_global_service_events()));
    public("validated", flag(trail.log_file_validation_enabled()));
    public("prefix", text(trail.s3_key_prefix()));
    public("topic", text(trail.sns_topic_arn()));
    public("log_group", text(trail.cloud_watch_logs_log_group_arn()));
    public("key", text(trail.kms_key_id()));
    Found {
        name: trail.name().unwrap_or_default().to_owned(),
        arn,
        facts: TrailFacts {
            region: trail.home_region().unwrap_or_default().to_owned(),
            is_everywhere: trail.is_multi_region_trail().unwrap_or_default(),
            ..TrailFacts::default()
        },
        fields,
        selected: BTreeMap::new(),
        is_default: true,
    }
}

async fn with_facts(client: &Client, trail: &Trail) -> Result<Found, CallError> {
    let mut found = of(trail);
    let services = client.in_region(&found.facts.region);
    let status = client
        .ask("cloudtrail:GetTrailStatus", || {
            services
                .cloudtrail
                .get_trail_status()
                .name(&found.arn)
                .send()
        })
        .await?;
    let selected = client
        .ask("cloudtrail:GetEventSelectors", || {
            let request = services.cloudtrail.get_event_selectors();
            request.trail_name(&found.arn).send()
        })
        .await?;
    let (plain, advanced) = (
        selected.event_selectors(),
        selected.advanced_event_selectors(),
    );
    let by_default = said(&[EventSelector::builder().build()]);
    if advanced.is_empty() {
        let said = match plain {
            [] => by_default.clone(),
            plain => said(plain),
        };
        found.is_default = said == by_default;
        found.selected.insert("plain".into(), Seen::Public(said));
    } else {
        found.is_default = false;
        let text = format!("{} of the newer form", advanced.len());
        found.selected.insert("advanced".into(), Seen::Public(text));
    }
    found.facts = TrailFacts {
        is_known: true,
        is_logging: status.is_logging().unwrap_or_default(),
        ..found.facts
    }
    .with_plain(plain)
    .with_advanced(advanced);
    tracing::debug!(
        trail = found.name,
        logging = found.facts.is_logging,
        "trail"
    );
    Ok(found)
}

/// Selectors in the one form in which they are compared, which is that of the API.
fn said(selectors: &[EventSelector]) -> String {
    let all: Vec<serde_json::Value> = selectors
        .iter()
        .map(|selector| {
            let data = selector.data_resources().iter();
            let data: Vec<_> = data
                .map(|data| serde_json::json!({ "Type": data.r#type(), "Values": data.values() }))
                .collect();
            let mut said = serde_json::json!({
                "ReadWriteType": selector.read_write_type().map_or("All", ReadWriteType::as_str),
                "IncludeManagementEvents": selector.include_management_events().unwrap_or(true),
                "DataResources": data,
            });
            let left_out = selector.exclude_management_event_sources();
            if !left_out.is_empty() {
                said["ExcludeManagementEventSources"] = left_out.into();
            }
            said
        })
        .collect();
    let text = serde_json::Value::from(all).to_string();
    canonical(&text).unwrap_or(text)
}
