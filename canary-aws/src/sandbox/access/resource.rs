//! What a call is about: as policies name it, and as a denial says it.

use serde_json::Value;

use crate::sandbox::service::Service;

/// The resource of a call.
pub(in crate::sandbox) struct Named {
    /// An ARN, or `*`.
    pub(in crate::sandbox) arn: String,
    /// In the message of a denial; none where AWS names nothing.
    pub(in crate::sandbox) shown: Option<String>,
}

/// What a call is about.
pub(in crate::sandbox) fn resource(
    service: Service,
    operation: &str,
    params: &Value,
    region: &str,
    account: &str,
) -> Named {
    let text = |name: &str| params[name].as_str().unwrap_or_default();
    let regional = |rest: String| {
        let arn = format!("arn:aws:{}:{region}:{account}:{rest}", service.prefix());
        same(arn)
    };
    match service {
        Service::Iam => iam(operation, params, account),
        Service::Sts => match operation {
            "AssumeRole" => same(text("RoleArn").to_owned()),
            "GetFederationToken" => {
                let name = text("Name");
                same(format!("arn:aws:sts::{account}:federated-user/{name}"))
            }
            _ => any(),
        },
        Service::Sqs => {
            let url = text("QueueUrl").rsplit('/').next().unwrap_or_default();
            let name = if url.is_empty() {
                text("QueueName")
            } else {
                url
            };
            regional(name.to_owned())
        }
        Service::Ssm => {
            let names = params["Names"].as_array().and_then(|names| names.first());
            let first = names.and_then(Value::as_str).unwrap_or_default();
            let name = [text("Name"), first, text("Path"), text("ResourceId")];
            let name = name.into_iter().find(|name| !name.is_empty());
            match name {
                Some(arn) if arn.starts_with("arn:") => same(arn.to_owned()),
                Some(name) => regional(format!("parameter/{}", name.trim_start_matches('/'))),
                None => regional("*".to_owned()),
            }
        }
        Service::Secrets => {
            let id = [text("SecretId"), text("Name")];
            match id.into_iter().find(|id| !id.is_empty()) {
                None => any(),
                Some(arn) if arn.starts_with("arn:") => same(arn.to_owned()),
                Some(name) => Named {
                    // With six characters behind it that the caller does not know.
                    arn: format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-??????"),
                    shown: Some(name.to_owned()),
                },
            }
        }
        Service::Events => {
            let bus = Some(text("EventBusName")).filter(|bus| !bus.is_empty() && *bus != "default");
            let bus = bus.map(|bus| format!("{bus}/")).unwrap_or_default();
            let name = [text("Name"), text("Rule")];
            let name = name.into_iter().find(|name| !name.is_empty());
            match operation {
                "DescribeEventBus" | "PutPermission" => {
                    regional(format!("event-bus/{}", name.unwrap_or("default")))
                }
                _ => regional(format!("rule/{bus}{}", name.unwrap_or("*"))),
            }
        }
        Service::CloudTrail => {
            let name = [text("Name"), text("TrailName")];
            match name.into_iter().find(|name| !name.is_empty()) {
                None => any(),
                Some(arn) if arn.starts_with("arn:") => same(arn.to_owned()),
                Some(name) => regional(format!("trail/{name}")),
            }
        }
        Service::S3 => s3(text("bucketName"), text("key")),
        Service::Ec2 => Named {
            arn: "*".to_owned(),
            shown: None,
        },
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

fn s3(bucket: &str, key: &str) -> Named {
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

/// IAM names an ARN where something is made or listed, and the kind and name of what is there.
fn iam(operation: &str, params: &Value, account: &str) -> Named {
    let text = |name: &str| params[name].as_str().unwrap_or_default();
    let arn = |kind: &str, rest: &str| format!("arn:aws:iam::{account}:{kind}/{rest}");
    for (kind, parameter) in [
        ("user", "UserName"),
        ("role", "RoleName"),
        ("group", "GroupName"),
    ] {
        let name = text(parameter);
        if name.is_empty() {
            continue;
        }
        let path = text("Path").trim_start_matches('/');
        if operation.starts_with("Create") && operation != "CreateAccessKey" {
            return same(arn(kind, &format!("{path}{name}")));
        }
        return Named {
            arn: arn(kind, name),
            shown: Some(format!("{kind} {name}")),
        };
    }
    let prefix = text("PathPrefix").trim_start_matches('/');
    match operation {
        "ListUsers" => same(arn("user", prefix)),
        "ListRoles" => same(arn("role", prefix)),
        _ => any(),
    }
}
