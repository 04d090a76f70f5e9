//! What a call is about: as policies name it, and as a denial says it.

use serde_json::Value;

use crate::sandbox::call::{list, text};
use crate::sandbox::iam::Iam;
use crate::sandbox::service::Service;

/// The resource of a call.
pub(in crate::sandbox) struct Named {
    /// An ARN, or `*`.
    pub(in crate::sandbox) arn: String,
    /// In the message of a denial; none where AWS names nothing.
    pub(in crate::sandbox) shown: Option<String>,
}

/// What a call is about: one thing, or each of several that are read at once.
pub(in crate::sandbox) fn resources(
    iam: &Iam,
    service: Service,
    operation: &str,
    params: &Value,
    place: &Place<'_>,
) -> Vec<Named> {
    let several = match (service, operation) {
        (Service::Ssm, "GetParameters" | "DeleteParameters") => list(params, "Names"),
        _ => &[],
    };
    if !several.is_empty() {
        let names = several.iter().filter_map(Value::as_str).take(AT_ONCE);
        return names.map(|name| parameter(Some(name), place)).collect();
    }
    let text = |name: &str| text(params, name).unwrap_or_default();
    let first = |names: &[&str]| {
        let mut told = names.iter().map(|name| text(name));
        told.find(|told| !told.is_empty())
    };
    vec![match service {
        Service::Iam => iam_resource(iam, operation, params, place.account),
        Service::Sts => match operation {
            "AssumeRole" => same(text("RoleArn").to_owned()),
            "GetFederationToken" => {
                let name = text("Name");
                same(format!(
                    "arn:aws:sts::{}:federated-user/{name}",
                    place.account
                ))
            }
            _ => any(),
        },
        Service::Sqs => {
            let url = first(&["QueueUrl", "QueueName"]).unwrap_or_default();
            let name = url.rsplit('/').next().unwrap_or_default();
            same(place.arn(service, name))
        }
        Service::Ssm => parameter(first(&["Name", "Path", "ResourceId"]), place),
        Service::Secrets => secret(first(&["SecretId", "Name"]), place),
        Service::Events => match (operation, first(&["Name", "Rule"])) {
            (_, None) if !text("ResourceARN").is_empty() => same(text("ResourceARN").to_owned()),
            ("DescribeEventBus" | "PutPermission" | "RemovePermission", name) => {
                let bus = name.unwrap_or("default");
                same(place.arn(service, &format!("event-bus/{bus}")))
            }
            (_, name) => same(place.arn(service, &format!("rule/{}", name.unwrap_or("*")))),
        },
        Service::CloudTrail => match first(&["Name", "TrailName"]) {
            None => any(),
            Some(arn) if arn.starts_with("arn:") => same(arn.to_owned()),
            Some(name) => same(place.arn(service, &format!("trail/{name}"))),
        },
        Service::S3 => object(text("bucketName"), text("key")),
        Service::Ec2 | Service::Account => Named {
            arn: "*".to_owned(),
            shown: None,
        },
    }]
}

/// Names that are looked at: no operation takes more.
const AT_ONCE: usize = 10;

/// Where a call is made.
#[derive(Clone, Copy)]
pub(in crate::sandbox) struct Place<'a> {
    pub(in crate::sandbox) account: &'a str,
    pub(in crate::sandbox) region: &'a str,
}

impl Place<'_> {
    fn arn(&self, service: Service, rest: &str) -> String {
        let (service, region, account) = (service.prefix(), self.region, self.account);
        format!("arn:aws:{service}:{region}:{account}:{rest}")
    }
}

fn same(arn: String) -> Named {
    Named {
        shown: Some(arn.clone()),
        arn,
    }
}

fn any() -> Named {
    same("*".to_owned())
}

fn parameter(name: Option<&str>, place: &Place<'_>) -> Named {
    match name {
        Some(arn) if arn.starts_with("arn:") => same(arn.to_owned()),
        Some(name) => {
            let name = name.split(':').next().unwrap_or(name);
            let rest = format!("parameter/{}", name.trim_start_matches('/'));
            same(place.arn(Service::Ssm, &rest))
        }
        None => same(place.arn(Service::Ssm, "*")),
    }
}

fn secret(id: Option<&str>, place: &Place<'_>) -> Named {
    match id {
        None => any(),
        Some(arn) if arn.starts_with("arn:") => same(arn.to_owned()),
        Some(name) => Named {
            // With six characters behind it that the caller does not know.
            arn: place.arn(Service::Secrets, &format!("secret:{name}-??????")),
            shown: Some(name.to_owned()),
        },
    }
}

fn object(bucket: &str, key: &str) -> Named {
    let arn = match (bucket, key) {
        ("", _) => {
            return Named {
                arn: "*".to_owned(),
                shown: None,
            };
        }
        (bucket, "") => format!("arn:aws:s3:::{bucket}"),
        (bucket, key) => format!("arn:aws:s3:::{bucket}/{key}"),
    };
    Named {
        shown: Some(format!("\"{arn}\"")),
        arn,
    }
}

/// IAM says an ARN where something is made or listed, and the kind and name of what is there.
fn iam_resource(iam: &Iam, operation: &str, params: &Value, account: &str) -> Named {
    let text = |name: &str| text(params, name).unwrap_or_default();
    let arn = |kind: &str, path: &str, name: &str| {
        let path = if path.is_empty() { "/" } else { path };
        format!("arn:aws:iam::{account}:{kind}{path}{name}")
    };
    // A group before a user: who adds somebody to one changes the group.
    for (kind, parameter) in [
        ("group", "GroupName"),
        ("user", "UserName"),
        ("role", "RoleName"),
    ] {
        let name = text(parameter);
        if name.is_empty() {
            continue;
        }
        let is_of_user = matches!(operation, "CreateAccessKey" | "CreateLoginProfile");
        if operation.starts_with("Create") && !is_of_user {
            return same(arn(kind, text("Path"), name));
        }
        let entity = match kind {
            "user" => iam.user(name).map(|user| &user.entity),
            "role" => iam.role(name).map(|role| &role.entity),
            _ => None,
        };
        let path = entity.map_or("/", |entity| entity.path.as_str());
        return Named {
            arn: arn(kind, path, name),
            shown: Some(format!("{kind} {name}")),
        };
    }
    let prefix = text("PathPrefix");
    match operation {
        "ListUsers" => same(arn("user", prefix, "")),
        "ListRoles" => same(arn("role", prefix, "")),
        _ => any(),
    }
}
