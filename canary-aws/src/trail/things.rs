//! What identifiers in a record mean, in the terms of tripwires.

use std::collections::BTreeSet;

use canary_core::detect::Mention;

use super::arn::{Arn, last_part};
use super::bounds;
use super::subjects::Call;

/// One object of a service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Thing {
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    /// The region; of an S3 object its bucket; empty for what belongs to no region.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Thing {
    fn new(group: &'static str, resource: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            group,
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Names of users are one whatever their case (IAM user guide, "names … are case-insensitive").
    pub(super) fn user(name: &str) -> Self {
        Self::new("iam", "users", "", &name.to_ascii_lowercase())
    }

    pub(super) fn role(name: &str) -> Self {
        Self::new("iam", "roles", "", &name.to_ascii_lowercase())
    }

    pub(super) fn access_key(id: &str) -> Self {
        Self::new("iam", "access_keys", "", id)
    }

    pub(super) fn parameter(region: &str, name: &str) -> Self {
        Self::new("ssm", "parameters", region, name)
    }

    pub(super) fn secret(region: &str, name: &str) -> Self {
        Self::new("secretsmanager", "secrets", region, name)
    }

    pub(super) fn bucket(name: &str) -> Self {
        Self::new("s3", "buckets", "", name)
    }

    pub(super) fn object(bucket: &str, key: &str) -> Self {
        Self::new("s3", "objects", bucket, key)
    }

    pub(super) fn queue(region: &str, name: &str) -> Self {
        Self::new("sqs", "queues", region, name)
    }

    pub(super) fn rule(region: &str, name: &str) -> Self {
        Self::new("events", "rules", region, name)
    }

    pub(super) fn event_bus(region: &str, name: &str) -> Self {
        Self::new("events", "event_buses", region, name)
    }

    pub(super) fn trail(region: &str, name: &str) -> Self {
        Self::new("cloudtrail", "trails", region, name)
    }

    pub(super) fn log_group(region: &str, name: &str) -> Self {
        Self::new("logs", "log_groups", region, name)
    }

    pub(super) fn mention(&self) -> Mention {
        Mention::Object {
            group: self.group.to_owned(),
            resource: self.resource.to_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// The objects that an ARN can mean, the likeliest first; none of another account than the call's. Where the call was made
/// counts where the ARN leaves the region out.
pub(super) fn of_arn(text: &str, call: Call<'_>) -> Vec<Thing> {
    let is_near = |arn: &Arn<'_>| text.len() <= bounds::NAME && !arn.is_of_another(call.account);
    let Some(arn) = Arn::parse(text).filter(is_near) else {
        return Vec::new();
    };
    let home = if arn.region.is_empty() {
        call.region
    } else {
        arn.region
    };
    let (kind, rest) = arn
        .resource
        .split_once(['/', ':'])
        .unwrap_or(("", arn.resource));
    match (arn.service, kind) {
        ("iam", "user") => vec![Thing::user(last_part(rest))],
        ("iam", "role") => vec![Thing::role(last_part(rest))],
        ("sts", "assumed-role") => {
            let role = rest.split('/').next().unwrap_or(rest);
            vec![Thing::role(role)]
        }
        ("ssm", "parameter") => parameters(home, rest),
        ("secretsmanager", "secret") => secrets(home, rest),
        // Neither region nor account: `arn:aws:s3:::bucket/key`.
        ("s3", _) => match arn.resource.split_once('/') {
            Some((bucket, "" | "*")) => vec![Thing::bucket(bucket)],
            Some((bucket, key)) => vec![Thing::object(bucket, key), Thing::bucket(bucket)],
            None => vec![Thing::bucket(arn.resource)],
        },
        ("sqs", _) => vec![Thing::queue(home, arn.resource)],
        ("events", "rule") => vec![Thing::rule(home, last_part(rest))],
        ("events", "event-bus") => vec![Thing::event_bus(home, rest)],
        ("cloudtrail", "trail") => vec![Thing::trail(home, rest)],
        ("logs", "log-group") => {
            let name = rest.split(':').next().unwrap_or(rest);
            vec![Thing::log_group(home, name)]
        }
        _ => Vec::new(),
    }
}

/// The parameters that the end of an ARN can mean: of a name without further slashes it does not tell whether it begins
/// with one.
fn parameters(region: &str, rest: &str) -> Vec<Thing> {
    let mut all = parameter_names(region, &format!("/{rest}"));
    if !rest.contains('/') {
        all.extend(parameter_names(region, rest));
    }
    all
}

/// What stands before the name of a secret that is read as a parameter (Systems Manager user guide, "Referencing AWS Secrets
/// Manager secrets").
const SECRET_BY_PARAMETER: &str = "/aws/reference/secretsmanager/";

/// The parameter of a name, which may end with a version or a label, as in `/db/password:3`.
pub(super) fn parameter_names(region: &str, name: &str) -> Vec<Thing> {
    if let Some(secret) = name.strip_prefix(SECRET_BY_PARAMETER) {
        return vec![Thing::secret(region, secret)];
    }
    let (bare, _) = name.split_once(':').unwrap_or((name, ""));
    vec![Thing::parameter(region, bare)]
}

/// The secrets that the end of an ARN can mean: Secrets Manager puts a hyphen and six characters behind it in an ARN, and takes an
/// ARN without them.
fn secrets(region: &str, name: &str) -> Vec<Thing> {
    // Behind a further colon stand the JSON key, stage and version that ECS writes.
    let name = name.split(':').next().unwrap_or(name);
    let mut all = Vec::new();
    if let Some((bare, suffix)) = name.rsplit_once('-')
        && suffix.len() == 6
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !bare.is_empty()
    {
        all.push(Thing::secret(region, bare));
    }
    all.push(Thing::secret(region, name));
    all
}

/// The role that a session is one of, by an ARN without the path, which the session's does not tell.
pub(super) fn role_of_session(text: &str) -> Option<String> {
    let arn = Arn::parse(text).filter(|arn| arn.service == "sts")?;
    let role = arn
        .resource
        .strip_prefix("assumed-role/")?
        .split('/')
        .next()?;
    let before = text
        .strip_suffix(arn.resource)?
        .replacen(":sts:", ":iam:", 1);
    Some(format!("{before}role/{role}"))
}

/// Adds a principal: an ARN, a unique id, or `AROA…:session`, which is also the role's id.
pub(super) fn principal(text: &str, into: &mut BTreeSet<Mention>) {
    if text.is_empty() || text.len() > bounds::NAME {
        return;
    }
    into.insert(Mention::Principal(text.to_owned()));
    if let Some((id, _)) = text.split_once(':')
        && id.starts_with("AROA")
    {
        into.insert(Mention::Principal(id.to_owned()));
    }
}

/// Whether an ARN names somebody who can act.
pub(super) fn is_principal(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| {
        let kind = arn.resource.split('/').next().unwrap_or_default();
        match arn.service {
            "iam" => matches!(kind, "user" | "role"),
            "sts" => matches!(kind, "assumed-role" | "federated-user"),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_means_the_objects_that_it_can_mean() {
        let home = "eu-west-1";
        let cases = [
            (
                "arn:aws:iam::1:user/service/Svc-Backup",
                vec![Thing::user("svc-backup")],
            ),
            ("arn:aws-cn:iam::1:role/Admin", vec![Thing::role("admin")]),
            (
                "arn:aws:sts::1:assumed-role/Admin/i-1",
                vec![Thing::role("admin")],
            ),
            (
                "arn:aws:ssm:eu-west-1:1:parameter/prod/db:3",
                vec![Thing::parameter(home, "/prod/db")],
            ),
            (
                "arn:aws:ssm:eu-west-1:1:parameter/db",
                vec![Thing::parameter(home, "/db"), Thing::parameter(home, "db")],
            ),
            (
                "arn:aws:secretsmanager:eu-west-1:1:secret:prod/db-AbC123",
                vec![
                    Thing::secret(home, "prod/db"),
                    Thing::secret(home, "prod/db-AbC123"),
                ],
            ),
            (
                "arn:aws:secretsmanager:eu-west-1:1:secret:prod/db",
                vec![Thing::secret(home, "prod/db")],
            ),
            (
                "arn:aws:s3:::bucket/a/b",
                vec![Thing::object("bucket", "a/b"), Thing::bucket("bucket")],
            ),
            ("arn:aws:s3:::bucket", vec![Thing::bucket("bucket")]),
            (
                "arn:aws:sqs:eu-west-1:1:queue",
                vec![Thing::queue(home, "queue")],
            ),
            (
                "arn:aws:events:eu-west-1:1:rule/bus/r",
                vec![Thing::rule(home, "r")],
            ),
            (
                "arn:aws:cloudtrail:eu-west-1:1:trail/t",
                vec![Thing::trail(home, "t")],
            ),
            (
                "arn:aws:logs:eu-west-1:1:log-group:/aws/eks/c:*",
                vec![Thing::log_group(home, "/aws/eks/c")],
            ),
            ("arn:aws:ec2:eu-west-1:1:instance/i-1", vec![]),
            ("arn:aws:kms", vec![]),
        ];
        let call = Call {
            service: "",
            operation: "",
            region: "us-east-1",
            account: "111122223333",
        };
        for (arn, expected) in cases {
            assert_eq!(of_arn(arn, call), expected, "{arn}");
        }
        let (ours, theirs) = ["111122223333", "999988887777"]
            .map(|account| of_arn(&format!("arn:aws:iam::{account}:role/Admin"), call))
            .into();
        assert_eq!((ours, theirs), (vec![Thing::role("admin")], vec![]));
        let regionless = of_arn("arn:aws:sqs:::queue", call);
        assert_eq!(regionless, [Thing::queue("us-east-1", "queue")]);
    }
}
