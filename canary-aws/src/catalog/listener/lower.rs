//! From the table to its resources.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::graph::{Address, Handle, Input, Resource};
use canary_core::observe::Scope;

use super::shape::{DEAD_LETTERS, POLICY, RETENTION, ROLE as ROLE_ENDING};
use super::{documents, regions, trail};
use crate::catalog::aws::{account, placed, region, wrong};
use crate::catalog::handles::{QUEUE, ROLE, ROLE_POLICY, RULE, TARGET, TRAIL, alone, inside};
use crate::catalog::partition::{global, partition};
use crate::provider;

/// The remark of the queue that names the regions which are accepted without a rule.
pub(super) const WITHOUT: &str = "no rule in";
/// The part that is the trail.
pub(super) const TRAIL_PART: &str = "trail";

/// CloudTrail gives EventBridge nothing longer: 256 KiB.
const LONGEST_EVENT: u32 = 256 * 1024;

/// The rules of every region that there may be, and all trails.
pub(in crate::catalog) fn scopes(canary: &Canary) -> BTreeSet<Scope> {
    let declared = canary.table.texts("regions");
    let without = canary.table.texts("without");
    let looked_at = regions::known()
        .chain(declared)
        .filter(|region| !without.contains(region));
    let rules = looked_at.map(|region| Scope {
        kind: RULE.into(),
        scope: Some(region.to_owned()),
    });
    let trails = Scope {
        kind: TRAIL.into(),
        scope: None,
    };
    rules.chain([trails]).collect()
}

/// What every part is made from.
pub(super) struct Listener<'a> {
    pub(super) canary: &'a Canary,
    pub(super) name: &'a str,
    pub(super) account: &'a str,
    pub(super) partition: &'static str,
    pub(super) home: &'a str,
}

impl Listener<'_> {
    pub(super) fn arn(&self, service: &str, region: &str, resource: &str) -> String {
        let (partition, account) = (self.partition, self.account);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    pub(super) fn part(&self, part: &str) -> Address {
        Address::part_of(self.canary.id.clone(), part)
    }

    pub(super) fn resource<const N: usize>(
        &self,
        address: Address,
        handle: Handle,
        fields: [(&str, String); N],
    ) -> Resource {
        let mut resource = placed(address, handle, 1);
        resource.fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Input::Public(value)))
            .collect();
        resource
    }

    fn bus(&self) -> String {
        self.arn("events", self.home, "event-bus/default")
    }
}

/// Everything on the way of events.
pub(in crate::catalog) fn lower(
    canary: &Canary,
    cx: &Lowering<'_>,
) -> Result<Vec<Resource>, Vec<LowerError>> {
    let home = region(canary, cx.config);
    let listener = Listener {
        canary,
        name: canary.table.text("name").unwrap_or_default(),
        account: account(cx.config),
        partition: partition(home),
        home,
    };
    let errors = refused(&listener);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut resources = queues(&listener);
    let others: BTreeSet<String> = with_rules(&listener, cx)
        .into_iter()
        .filter(|region| region != home)
        .collect();
    if !others.is_empty() {
        resources.extend(role(&listener));
    }
    resources.extend(rule(&listener, home));
    for region in &others {
        resources.extend(rule(&listener, region));
    }
    resources.extend(trail::lower(&listener, cx)?);
    Ok(resources)
}

/// What is wrong with the table as a whole.
fn refused(listener: &Listener<'_>) -> Vec<LowerError> {
    let canary = listener.canary;
    let without = canary.table.texts("without");
    let mut errors = Vec::new();
    let mut refuse = |field: &str, message: String, help: &str| {
        errors.push(wrong(canary, field, &message, Some(help)));
    };
    for region in canary.table.texts("regions") {
        if without.contains(&region) {
            let message = format!("{region} is in `regions` too");
            refuse("without", message, "leave it out of one of them");
        }
        if !regions::of_partition(region, listener.home) {
            let message = format!("{region} is of another partition than {}", listener.home);
            refuse("regions", message, "an account is of one partition");
        }
    }
    if without.contains(&listener.home) {
        let message = format!("{} is the home region, where the queue is", listener.home);
        refuse("without", message, "leave it out");
    }
    let retention = canary.table.duration("retention");
    if retention.is_some_and(|retention| !RETENTION.contains(&retention)) {
        let message = "SQS does not keep messages that long, or that shortly".to_owned();
        refuse("retention", message, "from 1m to 14d");
    }
    errors
}

/// The regions that get a rule: those that are declared, or those that are enabled and not excepted. One that had a rule and
/// cannot be looked at just now keeps it.
fn with_rules(listener: &Listener<'_>, cx: &Lowering<'_>) -> BTreeSet<String> {
    let canary = listener.canary;
    let declared = canary.table.texts("regions");
    if !declared.is_empty() {
        return declared.into_iter().map(str::to_owned).collect();
    }
    let without = canary.table.texts("without");
    let enabled = cx.observed.listed.get(&provider());
    let enabled = enabled
        .into_iter()
        .flatten()
        .filter(|scope| scope.kind == RULE)
        .filter_map(|scope| scope.scope.clone());
    let had = cx
        .pinned
        .iter()
        .filter(|(address, pinned)| *address.canary() == canary.id && pinned.handle.kind == RULE)
        .filter_map(|(_, pinned)| pinned.handle.scope.clone());
    let global = global(listener.home).to_owned();
    enabled
        .chain(had)
        .chain([global])
        .filter(|region| !without.contains(&region.as_str()))
        .collect()
}

fn queue_arn(listener: &Listener<'_>, name: &str) -> String {
    listener.arn("sqs", listener.home, name)
}

fn rule_arn(listener: &Listener<'_>, region: &str) -> String {
    listener.arn("events", region, &format!("rule/{}", listener.name))
}

/// The queue, which is the canary's main resource, and the one for dead letters.
fn queues(listener: &Listener<'_>) -> Vec<Resource> {
    let canary = listener.canary;
    let queue = |address: Address, name: &str, retention: u64| {
        let handle = Handle::scoped(QUEUE, listener.home, name);
        let fields = [
            ("arn", queue_arn(listener, name)),
            ("retention", retention.to_string()),
            ("delay", "0".to_owned()),
            ("longest", LONGEST_EVENT.to_string()),
            // With the keys that SQS owns, which is its default: nobody need be let use a key.
            ("encryption", "sqs".to_owned()),
        ];
        listener.resource(address, handle, fields)
    };
    let longest = *RETENTION.end();
    let retention = canary.table.duration("retention").unwrap_or(longest);
    let dead_name = format!("{}{DEAD_LETTERS}", listener.name);
    let dead = queue(listener.part("dead"), &dead_name, longest.as_secs());
    let address = Address::of(canary.id.clone());
    let mut main = queue(address, listener.name, retention.as_secs());
    main.after.insert(dead.address.clone());
    let policy = documents::queue_policy(
        &queue_arn(listener, listener.name),
        &rule_arn(listener, listener.home),
    );
    let redrive = documents::redrive(&queue_arn(listener, &dead_name));
    main.fields.extend(BTreeMap::from([
        ("policy".to_owned(), Input::Public(policy)),
        ("redrive".to_owned(), Input::Public(redrive)),
    ]));
    let without = canary.table.texts("without");
    if !without.is_empty() {
        main.remarks.insert(WITHOUT.into(), without.join(", "));
    }
    vec![dead, main]
}

/// As which EventBridge puts events of other regions on the home region's bus.
fn role(listener: &Listener<'_>) -> Vec<Resource> {
    let name = format!("{}{ROLE_ENDING}", listener.name);
    let handle = alone(ROLE, &name);
    let fields = [
        ("arn", listener.arn("iam", "", &format!("role/{name}"))),
        ("path", "/".to_owned()),
        // An hour, IAM's default.
        ("session", "3600".to_owned()),
        ("trust", documents::trust()),
    ];
    let role = listener.resource(listener.part("role"), handle, fields);
    let handle = Handle::scoped(ROLE_POLICY, &name, &format!("{}{POLICY}", listener.name));
    let fields = [("document", documents::role_policy(&listener.bus()))];
    let mut policy = listener.resource(listener.part("role-policy"), handle, fields);
    policy.after.insert(role.address.clone());
    vec![role, policy]
}

/// A region's rule and where it sends to: the queue, or from other regions the home region's bus.
fn rule(listener: &Listener<'_>, region: &str) -> Vec<Resource> {
    let handle = Handle::scoped(RULE, region, listener.name);
    let fields = [
        ("arn", rule_arn(listener, region)),
        ("pattern", documents::pattern()),
        // Of a rule that is merely enabled calls that only read are kept.
        (
            "state",
            "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS".to_owned(),
        ),
    ];
    let mut rule = listener.resource(listener.part(&format!("rule-{region}")), handle, fields);
    let handle = inside(TARGET, region, listener.name, listener.name);
    let is_home = region == listener.home;
    let (to, needs) = if is_home {
        let queue = queue_arn(listener, listener.name);
        (queue, Address::of(listener.canary.id.clone()))
    } else {
        (listener.bus(), listener.part("role-policy"))
    };
    let address = listener.part(&format!("target-{region}"));
    let mut target = listener.resource(address, handle, [("to", to)]);
    if is_home {
        // The rule is there once the queue takes what it sends.
        rule.after.insert(needs.clone());
    } else {
        let role = format!("role/{}{ROLE_ENDING}", listener.name);
        let role = Input::Public(listener.arn("iam", "", &role));
        target.fields.insert("role".into(), role);
    }
    target.after.extend([rule.address.clone(), needs]);
    vec![rule, target]
}
