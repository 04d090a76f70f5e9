//! patch: server-side apply, and two ways of merging.

use serde_json::Value;

use super::call::{Call, Outcome};
use super::object;
use super::serve::Api;
use super::update::{check_name, with_system_fields};
use crate::sandbox::access::{Attributes, Decision, authorize, forbidden};
use crate::sandbox::fields::{
    Writer, applied, json_merge, same_but_for_times, strategic_merge, updated,
};
use crate::sandbox::status::{Cause, Status};

impl Api {
    pub(super) fn patch(&mut self, call: &Call<'_>) -> Outcome {
        let dry = call.dry_run()?;
        match call.request.content_type() {
            "application/apply-patch+yaml" => self.apply(call, dry),
            "application/merge-patch+json" => self.merge(call, dry, |_, target, patch| {
                json_merge(target, patch);
            }),
            "application/strategic-merge-patch+json" => {
                self.merge(call, dry, |call, target, patch| {
                    strategic_merge(call.kind, target, patch);
                })
            }
            _ => Err(Status::unsupported_patch()),
        }
    }

    fn merge(
        &mut self,
        call: &Call<'_>,
        dry: bool,
        how: impl Fn(&Call<'_>, &mut Value, &Value),
    ) -> Outcome {
        let patch = call.request.json()?;
        let live = self.existing(call)?;
        let mut merged = live.as_ref().clone();
        how(call, &mut merged, &patch);
        let new = object::decode(call.kind, &merged)?;
        check_name(call, &new)?;
        let uid = new["metadata"]["uid"].clone();
        let mut new = with_system_fields(&live, new);
        new["metadata"]["uid"] = uid;
        let (manager, now) = (call.manager(), call.time());
        let writer = Writer {
            manager: &manager,
            time: &now,
        };
        updated(call.kind, Some(&live), &mut new, &writer);
        let kept = self.replace(call, &live, new, dry)?;
        Ok(call.object(200, &kept))
    }

    fn apply(&mut self, call: &Call<'_>, dry: bool) -> Outcome {
        let manager = call.info.param("fieldManager");
        if manager.is_empty() {
            let cause = Cause::required("fieldManager", "is required for apply patch");
            return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", &[cause]));
        }
        let body = call.request.json().map_err(|status| {
            Status::bad_request(format!("error decoding YAML: {}", status.message))
        })?;
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        if text("apiVersion").is_empty() || text("kind").is_empty() {
            let (group, version) = text("apiVersion")
                .split_once('/')
                .unwrap_or(("", text("apiVersion")));
            let kind = text("kind");
            return Err(Status::bad_request(format!(
                "invalid object type: {group}/{version}, Kind={kind}"
            )));
        }
        let config = object::decode_applied(call.kind, &body)?;
        check_name(call, &config)?;
        if config["metadata"]["managedFields"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
        {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let now = call.time();
        let writer = Writer {
            manager,
            time: &now,
        };
        let live = self.existing(call).ok();
        let force = call.info.flag("force");
        let merged = applied(call.kind, live.as_deref(), &config, &writer, force)
            .map_err(|conflict| Status::apply_conflict(conflict.message, &conflict.causes))?;
        let merged = object::decode(call.kind, &merged)?;
        let Some(live) = live else {
            return self.apply_new(call, &config, merged, dry);
        };
        let mut new = with_system_fields(&live, merged);
        for field in ["resourceVersion", "uid"] {
            let given = &config["metadata"][field];
            if given.is_string() {
                new["metadata"][field] = given.clone();
            }
        }
        if same_but_for_times(&live, &new) {
            return Ok(call.object(200, &live));
        }
        let kept = self.replace(call, &live, new, dry)?;
        Ok(call.object(200, &kept))
    }

    fn apply_new(
        &mut self,
        call: &Call<'_>,
        config: &Value,
        mut merged: Value,
        dry: bool,
    ) -> Outcome {
        if let Some(uid) = config["metadata"]["uid"].as_str() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(Status::conflict(call.kind, &call.target.name, &why));
        }
        let create = Attributes {
            verb: "create",
            group: call.kind.group,
            resource: call.kind.plural,
            namespace: call.namespace(),
            name: &call.target.name,
            ..Attributes::of(call.user)
        };
        if let Decision::Forbid(reason) = authorize(&create, &self.store) {
            return Err(forbidden(&create, &reason));
        }
        merged["metadata"]["name"] = call.target.name.clone().into();
        let made = self.admit_new(call, merged, dry)?;
        Ok(call.object(201, &made))
    }
}
