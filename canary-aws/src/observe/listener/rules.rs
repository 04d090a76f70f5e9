//! Rules of default buses, and through them which regions are enabled: one that is not knows no credentials.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eventbridge::operation::describe_rule::DescribeRuleOutput;
use aws_sdk_eventbridge::types::Rule;
use canary_core::graph::Handle;
use canary_core::observe::{Gap, Object, Place, Seen};
use futures::StreamExt as _;

use super::look::{TOGETHER, by_scope, may_know_us, soon};
use super::targets;
use crate::catalog::{RULE, TARGET, canonical};
use crate::client::{CallError, Client, Pages};
use crate::observe::look::Looking;
use crate::observe::principal::object;
use crate::provider;

/// The largest page that may be asked for.
const PAGE: i32 = 100;

/// What is wanted of a region.
#[derive(Default)]
struct Wanted {
    /// All of its rules.
    all: bool,
    names: BTreeSet<String>,
    recent: BTreeSet<String>,
    /// Rules whose targets are wanted.
    targets: BTreeSet<String>,
}

/// What a region came to.
#[derive(Default)]
struct Region {
    rules: BTreeMap<String, Option<Object>>,
    targets: BTreeMap<String, Result<BTreeMap<String, Object>, CallError>>,
}

/// Looks at the rules that are wanted and at their targets, in many regions at the same time.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    let looks = wanted(client, looking)
        .into_iter()
        .map(|(region, wanted)| async move {
            let seen = soon("events:ListRules", look_at(client, &region, &wanted)).await;
            (region, wanted, seen)
        });
    let seen: Vec<_> = futures::stream::iter(looks)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    for (region, wanted, seen) in seen {
        match seen {
            Ok(seen) => tell(looking, &region, &wanted, seen),
            Err(error) if error.is_disabled_region() => disabled(looking, &region, &wanted, &error),
            Err(error) => {
                looking.could_not_list(RULE, &region, &error);
                for rule in &wanted.targets {
                    looking.could_not_list(TARGET, &format!("{region}/{rule}"), &error);
                }
            }
        }
    }
}

fn wanted(client: &Client, looking: &Looking<'_>) -> BTreeMap<String, Wanted> {
    let mut all: BTreeMap<String, Wanted> = BTreeMap::new();
    for region in looking.scopes(RULE) {
        all.entry(region).or_default().all = true;
    }
    let recent = |region: &str, name: &String| {
        let handle = Handle::scoped(RULE, region, name);
        looking.look.recent.contains(&handle)
    };
    for (region, names) in by_scope(looking.named(RULE)) {
        let wanted = all.entry(region.clone()).or_default();
        wanted.recent = names
            .iter()
            .filter(|name| recent(&region, name))
            .cloned()
            .collect();
        wanted.targets.extend(names.iter().cloned());
        wanted.names = names;
    }
    let of_targets = by_scope(looking.named(TARGET)).into_keys();
    for scope in of_targets.chain(looking.scopes(TARGET)) {
        if let Some((region, rule)) = scope.split_once('/') {
            let wanted = all.entry(region.to_owned()).or_default();
            wanted.targets.insert(rule.to_owned());
        }
    }
    all.retain(|region, _| may_know_us(client, region));
    all
}

async fn look_at(client: &Client, region: &str, wanted: &Wanted) -> Result<Region, CallError> {
    let mut seen = Region::default();
    if wanted.all {
        let rules = list(client, region).await?;
        seen.rules = rules
            .into_iter()
            .map(|(name, rule)| (name, Some(rule)))
            .collect();
    }
    for name in &wanted.names {
        let is_listed = seen.rules.contains_key(name);
        // What was made moments ago may not be in a list.
        if !is_listed && (!wanted.all || wanted.recent.contains(name)) {
            let rule = single(client, region, name).await?;
            seen.rules.insert(name.clone(), rule);
        }
    }
    for rule in &wanted.targets {
        let is_there = seen.rules.get(rule).is_some_and(Option::is_some);
        if is_there || !(wanted.all || wanted.names.contains(rule)) {
            let targets = targets::list(client, region, rule).await;
            seen.targets.insert(rule.clone(), targets);
        }
    }
    Ok(seen)
}

fn tell(looking: &mut Looking<'_>, region: &str, wanted: &Wanted, seen: Region) {
    if wanted.all {
        looking.saw_all(RULE, Some(region));
    }
    for (name, rule) in seen.rules {
        let handle = Handle::scoped(RULE, region, &name);
        match rule {
            // Of others' rules the names are enough: there may be hundreds in a region.
            Some(rule) if !wanted.targets.contains(&name) => {
                let alone = Object {
                    fields: None,
                    ..rule
                };
                looking.saw(handle, alone);
            }
            rule => looking.found(handle, Ok(rule)),
        }
    }
    for (rule, targets) in seen.targets {
        let scope = format!("{region}/{rule}");
        match targets {
            Ok(targets) => {
                for (id, target) in targets {
                    looking.saw(Handle::scoped(TARGET, &scope, &id), target);
                }
                looking.saw_all(TARGET, Some(&scope));
            }
            Err(error) if error.is_absence() => {
                looking.saw_all(TARGET, Some(&scope));
                // Where a rule is not shown yet, neither is what it sends to.
                looking.not_yet(TARGET, &scope);
            }
            Err(error) => looking.could_not_list(TARGET, &scope, &error),
        }
    }
}

/// Where nothing is wanted by name, nothing is missed.
fn disabled(looking: &mut Looking<'_>, region: &str, wanted: &Wanted, error: &CallError) {
    let rules = wanted.names.iter();
    let mut handles: Vec<Handle> = rules
        .map(|name| Handle::scoped(RULE, region, name))
        .collect();
    let targets = looking.named(TARGET).into_iter();
    let begins = format!("{region}/");
    handles.extend(targets.filter(|target| {
        let scope = target.scope.as_deref();
        scope.is_some_and(|scope| scope.starts_with(&begins))
    }));
    let (reason, detail) = error.in_region(region);
    for handle in handles {
        looking.gap(Gap {
            provider: provider(),
            place: Place::Object(handle),
            reason,
            detail: detail.clone(),
        });
    }
}

/// One rule; `None` where there is none.
pub(crate) async fn single(
    client: &Client,
    region: &str,
    name: &str,
) -> Result<Option<Object>, CallError> {
    let services = client.in_region(region);
    let answer = client
        .ask("events:DescribeRule", || {
            services.events.describe_rule().name(name).send()
        })
        .await;
    match answer {
        Ok(rule) => Ok(Some(described(&rule))),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn list(client: &Client, region: &str) -> Result<BTreeMap<String, Object>, CallError> {
    let services = client.in_region(region);
    let mut rules = BTreeMap::new();
    let mut pages = Pages::of("events:ListRules");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = services.events.list_rules().limit(PAGE);
                request.set_next_token(pages.marker()).send()
            })
            .await?;
        let listed = page.rules().iter();
        rules.extend(listed.map(|rule| {
            (
                rule.name().unwrap_or_default().to_owned(),
                listed_rule(rule),
            )
        }));
        if !pages.go_on(page.next_token())? {
            return Ok(rules);
        }
    }
}

fn listed_rule(rule: &Rule) -> Object {
    rule_object(
        rule.arn(),
        [
            ("pattern", rule.event_pattern()),
            (
                "state",
                rule.state()
                    .map(aws_sdk_eventbridge::types::RuleState::as_str),
            ),
            ("description", rule.description()),
            ("schedule", rule.schedule_expression()),
            ("role", rule.role_arn()),
        ],
    )
}

fn described(rule: &DescribeRuleOutput) -> Object {
    rule_object(
        rule.arn(),
        [
            ("pattern", rule.event_pattern()),
            (
                "state",
                rule.state()
                    .map(aws_sdk_eventbridge::types::RuleState::as_str),
            ),
            ("description", rule.description()),
            ("schedule", rule.schedule_expression()),
            ("role", rule.role_arn()),
        ],
    )
}

/// A rule has no identifier but its ARN: one that was removed and made again is told by what differs.
fn rule_object<const N: usize>(arn: Option<&str>, fields: [(&str, Option<&str>); N]) -> Object {
    let arn = arn.unwrap_or_default();
    let mut all = BTreeMap::from([("arn".to_owned(), Seen::Public(arn.to_owned()))]);
    for (name, value) in fields {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue;
        };
        let value = match name {
            "pattern" => canonical(value).unwrap_or_else(|| value.to_owned()),
            _ => value.to_owned(),
        };
        all.insert(name.to_owned(), Seen::Public(value));
    }
    object(arn, None, all)
}
