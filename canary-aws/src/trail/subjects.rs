//! What a call is about: every identifier in its parameters, its answer, its resources and its error message.

use std::collections::BTreeSet;

use canary_core::detect::Mention;
use serde_json::Value;

use super::arn::arns_in;
use super::bounds;
use super::fields::{each_text, texts};
use super::object::Object;
use super::things::{self, Thing};

/// What a call is about.
#[derive(Default, Debug)]
pub(super) struct Subjects {
    /// What it names, in the order in which it was found. Each entry is one name with all that it can mean.
    pub(super) named: Vec<Vec<Thing>>,
    /// Everything that it mentions.
    pub(super) mentions: BTreeSet<Mention>,
}

/// The call, as far as its subjects depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) service: &'a str,
    pub(super) operation: &'a str,
    pub(super) region: &'a str,
}

/// Everything that a call is about.
pub(super) fn subjects(
    call: Call<'_>,
    record: &Object<'_>,
    request: Option<&Value>,
    response: Option<&Value>,
) -> Subjects {
    let mut all = Subjects::default();
    if let Some(request) = request {
        all.parameters(call, request);
    }
    if call.service == "secretsmanager"
        && call.operation == "BatchGetSecretValue"
        && request.is_none_or(|request| texts(request, "secretIdList").next().is_none())
    {
        all.collection("secretsmanager", "secrets", call.region);
    }
    if let Some(key) = response.and_then(|response| response.get("accessKey")) {
        for id in texts(key, "accessKeyId") {
            all.name(vec![Thing::access_key(id)]);
        }
        for name in texts(key, "userName") {
            all.name(vec![Thing::user(name)]);
        }
    }
    for id in response.into_iter().flat_map(given_ids) {
        things::principal(id, &mut all.mentions);
    }
    for body in [request, response].into_iter().flatten() {
        each_text(body, &mut |text| all.speak(text, call.region));
    }
    for resource in record.list("resources").unwrap_or_default() {
        let Ok(resource) = Object::parse(resource) else {
            continue;
        };
        for key in ["ARN", "arn"] {
            if let Some(arn) = resource.text(key) {
                all.arn(&arn, call.region);
            }
        }
    }
    if let Some(message) = record.text("errorMessage") {
        all.message(call, &message);
    }
    all
}

impl Subjects {
    /// The one thing that the call is about. Of several of one kind none is it; of several kinds the first is.
    pub(super) fn about(&self) -> Option<(&Thing, bool)> {
        let first = self.named.first()?.first()?;
        let kind = |thing: &Thing| (thing.group, thing.resource, thing.namespace.clone());
        let mut others = self
            .named
            .iter()
            .skip(1)
            .filter_map(|things| things.first());
        Some((first, !others.any(|other| kind(other) == kind(first))))
    }

    /// One name with all that it can mean, the likeliest first.
    pub(super) fn name(&mut self, things: Vec<Thing>) {
        let fits = |thing: &Thing| !thing.name.is_empty() && thing.name.len() <= bounds::NAME;
        let things: Vec<Thing> = things.into_iter().filter(fits).collect();
        if things.is_empty() {
            return;
        }
        self.mentions.extend(things.iter().map(Thing::mention));
        let is_same = |other: &Vec<Thing>| {
            let is_first_in = |one: &[Thing], other: &[Thing]| {
                one.first().is_some_and(|first| other.contains(first))
            };
            is_first_in(&things, other) || is_first_in(other, &things)
        };
        if self.named.len() < NAMED && !self.named.iter().any(is_same) {
            self.named.push(things);
        }
    }

    pub(super) fn collection(&mut self, group: &str, resource: &str, namespace: &str) {
        self.mentions.insert(Mention::Collection {
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
        });
    }

    fn arn(&mut self, text: &str, region: &str) {
        if things::is_principal(text) {
            things::principal(text, &mut self.mentions);
        }
        self.name(things::of_arn(text, region));
    }

    /// A text of a body: an ARN names what it means; in a policy the principals matter.
    fn speak(&mut self, text: &str, region: &str) {
        if text.starts_with("arn:") {
            self.arn(text, region);
            return;
        }
        for arn in arns_in(text).filter(|arn| things::is_principal(arn)) {
            things::principal(arn, &mut self.mentions);
        }
    }

    /// What a refusal says: `User: CALLER is not authorized to perform: iam:GetUser on resource: OBJECT because …`.
    fn message(&mut self, call: Call<'_>, message: &str) {
        const OBJECT: &str = "on resource: ";
        const CALLER: &str = "User: ";
        let caller = message
            .find(CALLER)
            .and_then(|at| message.get(at + CALLER.len()..));
        let caller = caller.and_then(|rest| rest.split_whitespace().next());
        for arn in arns_in(message).filter(|arn| Some(*arn) != caller) {
            self.arn(arn, call.region);
        }
        let object = message
            .find(OBJECT)
            .and_then(|at| message.get(at + OBJECT.len()..));
        let mut words = object.unwrap_or_default().split_whitespace();
        let (Some(first), second) = (words.next(), words.next()) else {
            return;
        };
        let is_name = !first.starts_with("arn:") && first != "*";
        match (call.service, first, second) {
            ("iam", "user", Some(name)) => self.name(vec![Thing::user(name)]),
            ("iam", "role", Some(name)) => self.name(vec![Thing::role(name)]),
            ("secretsmanager", name, _) if is_name => {
                self.name(things::secrets_by_name(call.region, name));
            }
            ("ssm", name, _) if is_name => self.name(things::parameter_names(call.region, name)),
            _ => {}
        }
    }
}

/// So many names are told apart. Whether there is one, and whether the others are of its kind, is all that is asked.
const NAMED: usize = 8;

/// The unique ids of sessions that an answer of STS speaks of.
fn given_ids(response: &Value) -> impl Iterator<Item = &str> {
    [
        ("assumedRoleUser", "assumedRoleId"),
        ("federatedUser", "federatedUserId"),
    ]
    .into_iter()
    .filter_map(|(outer, key)| Some((response.get(outer)?, key)))
    .flat_map(|(outer, key)| texts(outer, key))
}

/// What an answer gives out: whoever asked goes on with it.
pub(super) fn gives(response: &Value) -> BTreeSet<Mention> {
    let mut gives = BTreeSet::new();
    for outer in ["credentials", "accessKey"] {
        let ids = response
            .get(outer)
            .into_iter()
            .flat_map(|outer| texts(outer, "accessKeyId"));
        gives.extend(ids.map(|id| Mention::Credential(id.to_owned())));
    }
    for outer in ["assumedRoleUser", "federatedUser"] {
        for arn in response
            .get(outer)
            .into_iter()
            .flat_map(|outer| texts(outer, "arn"))
        {
            things::principal(arn, &mut gives);
        }
    }
    // Not the role's own id: others act as that role, too.
    gives.extend(given_ids(response).map(|id| Mention::Principal(id.to_owned())));
    gives
}
