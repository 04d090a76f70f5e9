//! Requests that are answered and not kept: tokens, and who one is.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::{Answer, Outcome};
use super::request::{Info, Request};
use super::serve::Api;
use crate::audit::uri::Target;
use crate::sandbox::access::{ISSUER, Identity, Lifetime};
use crate::sandbox::audit::{Draft, time};
use crate::sandbox::kinds::{SECRET, SERVICE_ACCOUNT};
use crate::sandbox::status::{Cause, Status};

const GROUP: &str = "authentication.k8s.io";

/// What a token lasts unless asked otherwise, and the least and most that can be asked for, in seconds
/// (`pkg/apis/authentication`).
const LIFE: i64 = 60 * 60;
const SHORTEST: i64 = 10 * 60;
const LONGEST: i64 = 1 << 32;

impl Api {
    /// The answer to a review; `None`: the request is about something else.
    pub(super) fn review(
        &mut self,
        request: &Request,
        info: &Info,
        target: &Target,
        user: &Identity,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Option<Outcome> {
        let what = (
            target.group.as_str(),
            target.resource.as_str(),
            target.subresource.as_str(),
        );
        match what {
            (GROUP, "selfsubjectreviews", "") if info.verb == "create" => Some(Ok(Answer::Json(
                201,
                json!({
                    "kind": "SelfSubjectReview",
                    "apiVersion": "authentication.k8s.io/v1",
                    "metadata": { "creationTimestamp": time(now) },
                    "status": { "userInfo": user.to_json() },
                }),
            ))),
            ("", "serviceaccounts", "token") if info.verb == "create" => {
                Some(self.issue(request, info, target, now, draft))
            }
            ("", "serviceaccounts", "token") | (GROUP, "selfsubjectreviews", "") => {
                Some(Err(Status::not_allowed()))
            }
            _ => None,
        }
    }

    fn issue(
        &mut self,
        request: &Request,
        info: &Info,
        target: &Target,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Outcome {
        // A dry run gives a token that works, as on the real server.
        let body = request.json()?;
        let metadata = &body["metadata"];
        let account = self
            .store
            .get(&SERVICE_ACCOUNT, &target.namespace, &target.name)
            .cloned()
            .ok_or_else(|| Status::not_found(&SERVICE_ACCOUNT, &target.name))?;
        let invalid =
            |cause: Cause, name: &str| Status::invalid(GROUP, "TokenRequest", name, &[cause]);
        for (field, wanted, what) in [
            ("name", &target.name, "name"),
            ("namespace", &target.namespace, "namespace"),
        ] {
            let given = metadata[field].as_str().unwrap_or_default();
            if !given.is_empty() && given != wanted {
                let detail = format!("must match the service account {what} if specified");
                let cause = Cause::invalid(format!("metadata.{field}"), &metadata[field], &detail);
                return Err(invalid(cause, &target.name));
            }
        }
        let spec = &body["spec"];
        let seconds = spec["expirationSeconds"].as_i64().unwrap_or(LIFE);
        let asked = &json!(seconds);
        let field = "spec.expirationSeconds";
        if seconds < SHORTEST {
            let detail = "may not specify a duration less than 10 minutes";
            return Err(invalid(Cause::invalid(field, asked, detail), ""));
        }
        if seconds > LONGEST {
            let detail = "may not specify a duration larger than 2^32 seconds";
            return Err(invalid(Cause::invalid(field, asked, detail), ""));
        }
        let mut audiences: Vec<String> = spec["audiences"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|audience| audience.as_str().map(str::to_owned))
            .collect();
        if audiences.is_empty() {
            audiences.push(ISSUER.to_owned());
        }
        let bound = self.bound(&spec["boundObjectRef"], target)?;
        let jti = self.entropy.uuid();
        let life = Lifetime {
            from: now.as_second(),
            until: now.as_second() + seconds,
        };
        let token = self
            .issuer
            .issue(&account, bound.as_ref(), &audiences, life, &jti);
        let end = now
            .checked_add(SignedDuration::from_secs(seconds))
            .map_err(|_| Status::bad_request("the token would outlive the calendar"))?;
        draft.annotate(
            "authentication.kubernetes.io/issued-credential-id",
            format!("JTI={jti}"),
        );
        Ok(Answer::Json(
            201,
            json!({
                "kind": "TokenRequest",
                "apiVersion": "authentication.k8s.io/v1",
                "metadata": {
                    "name": target.name,
                    "namespace": target.namespace,
                    "uid": account["metadata"]["uid"],
                    "creationTimestamp": time(now),
                    "managedFields": [written(request, info, spec, now)],
                },
                "spec": {
                    "audiences": audiences,
                    "expirationSeconds": seconds,
                    "boundObjectRef": spec["boundObjectRef"],
                },
                "status": { "token": token, "expirationTimestamp": time(end) },
            }),
        ))
    }

    fn bound(&self, reference: &Value, target: &Target) -> Result<Option<Value>, Status> {
        if reference.is_null() {
            return Ok(None);
        }
        let name = reference["name"].as_str().unwrap_or_default();
        let kind = reference["kind"].as_str().unwrap_or_default();
        if kind != "Secret" {
            return Err(Status::bad_request(format!(
                "cannot bind token to object of type /v1, Kind={kind}"
            )));
        }
        let secret = self
            .store
            .get(&SECRET, &target.namespace, name)
            .ok_or_else(|| Status::not_found(&SECRET, name))?;
        Ok(Some(secret.as_ref().clone()))
    }
}

/// Who asked, as `managedFields` of the answer have it.
fn written(request: &Request, info: &Info, spec: &Value, now: Timestamp) -> Value {
    let mut fields = json!({ "f:expirationSeconds": {} });
    if spec["audiences"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
    {
        fields["f:audiences"] = json!({});
    }
    if !spec["boundObjectRef"].is_null() {
        let mut bound = json!({});
        for (field, _) in spec["boundObjectRef"].as_object().into_iter().flatten() {
            bound[format!("f:{field}")] = json!({});
        }
        fields["f:boundObjectRef"] = bound;
    }
    let manager = match info.param("fieldManager") {
        "" => request
            .header("user-agent")
            .split('/')
            .next()
            .unwrap_or_default(),
        manager => manager,
    };
    json!({
        "manager": if manager.is_empty() { "unknown" } else { manager },
        "operation": "Update",
        "apiVersion": "authentication.k8s.io/v1",
        "time": time(now),
        "fieldsType": "FieldsV1",
        "fieldsV1": { "f:spec": fields },
        "subresource": "token",
    })
}
