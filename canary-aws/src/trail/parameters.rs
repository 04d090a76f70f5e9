//! What the parameters of a call name, service by service.

use canary_core::detect::Extent;
use serde_json::Value;

use super::arn::last_part;
use super::fields::{find, texts};
use super::subjects::{Call, Subjects};
use super::things::{self, Thing};
use super::url;

/// The header that names what an object is copied from.
pub(super) const COPY_SOURCE: &str = "x-amz-copy-source";

impl Subjects {
    /// Adds what the parameters of a call name.
    pub(super) fn parameters(&mut self, call: Call<'_>, request: &Value) {
        match call.service {
            "iam" => self.iam(request),
            "secretsmanager" => {
                for key in ["secretId", "secretIdList", "name"] {
                    for id in texts(request, key).filter(|id| !id.starts_with("arn:")) {
                        self.name(vec![Thing::secret(call.region, id)]);
                    }
                }
            }
            "ssm" => self.ssm(call, request),
            "s3" => self.s3(call, request),
            "sqs" => {
                for url in texts(request, "queueUrl").chain(texts(request, "queueName")) {
                    self.name(vec![Thing::queue(call.region, last_part(url))]);
                }
            }
            "events" => self.events(call, request),
            "cloudtrail" => {
                for key in ["name", "trailName", "trailNameList"] {
                    for name in texts(request, key).filter(|name| !name.starts_with("arn:")) {
                        self.name(vec![Thing::trail(call.region, name)]);
                    }
                }
            }
            "logs" => {
                for key in ["logGroupName", "logGroupIdentifier", "logGroupNames"] {
                    for name in texts(request, key).filter(|name| !name.starts_with("arn:")) {
                        self.name(vec![Thing::log_group(call.region, name)]);
                    }
                }
            }
            _ => {}
        }
        // Behind the user whose key it is.
        for id in texts(request, "accessKeyId") {
            self.name(vec![Thing::access_key(id)]);
        }
    }

    fn iam(&mut self, request: &Value) {
        for name in texts(request, "userName") {
            self.name(vec![Thing::user(name)]);
        }
        for name in texts(request, "newUserName") {
            self.mentions.insert(Thing::user(name).mention());
        }
        for name in texts(request, "roleName") {
            self.name(vec![Thing::role(name)]);
        }
    }

    fn ssm(&mut self, call: Call<'_>, request: &Value) {
        let is_tagging = texts(request, "resourceType").any(|kind| kind == "Parameter");
        if is_tagging {
            for name in texts(request, "resourceId") {
                self.name(things::parameter_names(call.region, name));
            }
        }
        if !call.operation.contains("Parameter") {
            return;
        }
        for key in ["name", "names"] {
            for name in texts(request, key).filter(|name| !name.starts_with("arn:")) {
                self.name(things::parameter_names(call.region, name));
            }
        }
        if call.operation == "GetParametersByPath" {
            let recursive = find(request, "recursive");
            let is_deep = recursive.is_some_and(|is| *is == true || *is == "true");
            let extent = if is_deep {
                Extent::Below
            } else {
                Extent::Directly
            };
            for path in texts(request, "path") {
                let path = path.trim_end_matches('/');
                self.under("ssm", "parameters", call.region, path, extent);
            }
        }
    }

    fn s3(&mut self, call: Call<'_>, request: &Value) {
        let Some(bucket) = texts(request, "bucketName").next() else {
            return;
        };
        let mut keys: Vec<&str> = texts(request, "key").collect();
        let deleted = find(request, "delete").and_then(|delete| find(delete, "object"));
        let listed =
            deleted.or_else(|| find(request, "delete").and_then(|delete| find(delete, "objects")));
        match listed {
            Some(Value::Array(objects)) => {
                keys.extend(objects.iter().flat_map(|object| texts(object, "key")));
            }
            Some(object) => keys.extend(texts(object, "key")),
            None => {}
        }
        for key in &keys {
            self.name(vec![Thing::object(bucket, key), Thing::bucket(bucket)]);
        }
        if keys.is_empty() {
            self.name(vec![Thing::bucket(bucket)]);
            if call.operation == "DeleteObjects" {
                self.collection("s3", "objects", bucket);
            }
        }
        // Whoever copies an object reads it: `bucket/key` or `/bucket/key`, encoded as in a URL.
        for source in texts(request, COPY_SOURCE) {
            let source = url::decode(source);
            let path = source.trim_start_matches('/');
            let path = path.split("?versionId=").next().unwrap_or(path);
            if let Some((bucket, key)) = path.split_once('/') {
                self.name(vec![Thing::object(bucket, key), Thing::bucket(bucket)]);
            }
        }
    }

    fn events(&mut self, call: Call<'_>, request: &Value) {
        for name in texts(request, "rule") {
            self.name(vec![Thing::rule(call.region, name)]);
        }
        for name in texts(request, "name") {
            if call.operation.contains("Rule") {
                self.name(vec![Thing::rule(call.region, name)]);
            } else if call.operation.contains("EventBus") {
                self.name(vec![Thing::event_bus(call.region, name)]);
            }
        }
        for name in texts(request, "eventBusName").filter(|name| !name.starts_with("arn:")) {
            self.mentions
                .insert(Thing::event_bus(call.region, name).mention());
        }
    }
}
