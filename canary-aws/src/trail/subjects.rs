//! What a call is about: every identifier in its parameters, its answer, its resources and its error message.

use std::collections::BTreeSet;

use canary_core::detect::{Extent, Mention};
use serde_json::Value;

use super::arn::{Arn, arns_in};
use super::bounds;
use super::fields::{each_text, find, texts};
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
    /// The account that it was made in; empty where that is not told.
    pub(super) account: &'a str,
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
    if (call.service, call.operation) == ("secretsmanager", "BatchGetSecretValue") {
        all.batch(call, request);
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
    match speaks(call, record) {
        Speaks::Anything => {
            for body in [request, response].into_iter().flatten() {
                each_text(body, &mut |text| all.speak(text, call));
            }
            all.resources(call, record);
        }
        Speaks::Objects => {
            let context = request.and_then(|request| find(request, "encryptionContext"));
            for arn in context
                .into_iter()
                .flat_map(|context| texts(context, "aws:s3:arn"))
            {
                all.arn(arn, call);
            }
        }
        Speaks::Nothing => {}
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

    /// Of what it reads all, or all that fits: group and resource.
    pub(super) fn covered(&self) -> Option<(&str, &str)> {
        self.mentions.iter().find_map(|mention| match mention {
            Mention::Collection {
                group, resource, ..
            }
            | Mention::Under {
                group, resource, ..
            } => Some((group.as_str(), resource.as_str())),
            Mention::Object { .. } | Mention::Principal(_) | Mention::Credential(_) => None,
        })
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

    fn resources(&mut self, call: Call<'_>, record: &Object<'_>) {
        for resource in record.list("resources").unwrap_or_default() {
            let Ok(resource) = Object::parse(resource) else {
                continue;
            };
            for key in ["ARN", "arn"] {
                if let Some(arn) = resource.text(key) {
                    self.arn(&arn, call);
                }
            }
        }
    }

    /// All secrets that fit, unless they are named. A name in a filter is the beginning of one.
    fn batch(&mut self, call: Call<'_>, request: Option<&Value>) {
        let is_named = |request| texts(request, "secretIdList").next().is_some();
        if request.is_some_and(is_named) {
            return;
        }
        let filters = request.and_then(|request| find(request, "filters"));
        let filters = filters
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let of_name = filters
            .iter()
            .filter(|filter| texts(filter, "key").next() == Some("name"));
        let names: Vec<&str> = of_name.flat_map(|filter| texts(filter, "values")).collect();
        if names.is_empty() || names.iter().any(|name| name.starts_with('!')) {
            self.collection("secretsmanager", "secrets", call.region);
            return;
        }
        for name in names {
            self.under(
                "secretsmanager",
                "secrets",
                call.region,
                name,
                Extent::Beginning,
            );
        }
    }

    pub(super) fn under(
        &mut self,
        group: &str,
        resource: &str,
        region: &str,
        path: &str,
        extent: Extent,
    ) {
        self.mentions.insert(Mention::Under {
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: region.to_owned(),
            path: path.to_owned(),
            extent,
        });
    }

    fn arn(&mut self, text: &str, call: Call<'_>) {
        if things::is_principal(text) {
            things::principal(text, &mut self.mentions);
        }
        self.name(things::of_arn(text, call));
    }

    /// A text of a body: an ARN names what it means; in a policy the principals matter.
    fn speak(&mut self, text: &str, call: Call<'_>) {
        if text.starts_with("arn:") {
            self.arn(text, call);
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
            match parameters_path(call, arn) {
                // Whether what is deeper was asked for it does not say.
                Some(path) => self.under("ssm", "parameters", call.region, path, Extent::Below),
                None => self.arn(arn, call),
            }
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
                self.name(vec![Thing::secret(call.region, name)]);
            }
            ("ssm", name, _) if is_name => self.name(things::parameter_names(call.region, name)),
            _ => {}
        }
    }
}

/// What the bodies of a call speak of that touches it.
enum Speaks {
    Anything,
    Objects,
    Nothing,
}

/// Services that look at what others do and at what there is, and say so in their own calls.
const ONLOOKERS: [&str; 17] = [
    "access-analyzer",
    "athena",
    "auditmanager",
    "config",
    "detective",
    "guardduty",
    "health",
    "inspector2",
    "macie2",
    "redshift-data",
    "resource-explorer-2",
    "resource-groups",
    "securityhub",
    "securitylake",
    "support",
    "tagging",
    "trustedadvisor",
];

/// Calls that look through what was logged: whoever follows an alert writes its names into them.
const LOGS: [(&str, &str); 9] = [
    ("cloudtrail", "GetQueryResults"),
    ("cloudtrail", "LookupEvents"),
    ("cloudtrail", "StartQuery"),
    ("logs", "FilterLogEvents"),
    ("logs", "GetQueryResults"),
    ("logs", "PutQueryDefinition"),
    ("logs", "StartLiveTail"),
    ("logs", "StartQuery"),
    ("logs", "TestMetricFilter"),
];

/// What a service has encrypted and decrypted for a caller has an event of its own at that service; only reads of objects may
/// have none.
fn speaks(call: Call<'_>, record: &Object<'_>) -> Speaks {
    let is_for_service = || record.object("userIdentity").has("invokedBy");
    match (call.service, call.operation) {
        ("kms", operation) if is_for_service() => match operation {
            "Decrypt" => Speaks::Objects,
            _ => Speaks::Nothing,
        },
        call if LOGS.contains(&call) => Speaks::Nothing,
        (service, _) if ONLOOKERS.contains(&service) => Speaks::Nothing,
        _ => Speaks::Anything,
    }
}

/// The path in the ARN that a refusal to read a path names: `…:parameter/prod/`, or `…:*` for all.
fn parameters_path<'a>(call: Call<'_>, arn: &'a str) -> Option<&'a str> {
    if call.operation != "GetParametersByPath" {
        return None;
    }
    let arn = Arn::parse(arn).filter(|arn| arn.service == "ssm")?;
    let path = arn
        .resource
        .strip_prefix("parameter")
        .unwrap_or(arn.resource);
    Some(path.trim_end_matches(['*', '/']))
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
