//! update, and what every change of an existing object goes through.

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use super::create::check_media;
use super::serve::Api;
use super::{object, validate};
use crate::sandbox::access::escalates;
use crate::sandbox::fields::{Writer, same_but_for_times, updated};
use crate::sandbox::status::Status;
use crate::sandbox::store::{Object, key};

impl Api {
    pub(super) fn update(&mut self, call: Call<'_>) -> Outcome {
        let dry = call.dry_run()?;
        check_media(&call)?;
        let new = object::decode(call.kind, &call.request.json()?)?;
        for field in ["name", "namespace", "uid", "resourceVersion"] {
            call.draft.complete(field, &new["metadata"][field]);
        }
        check_namespace(&call, &new)?;
        check_name(&call, &new)?;
        let live = match self.existing(&call) {
            Ok(live) => live,
            Err(_) if call.kind.create_on_update => return self.create_by_update(&call, new, dry),
            Err(missing) => return Err(missing),
        };
        let name = &call.target.name;
        let wanted = &new["metadata"]["uid"];
        if wanted.is_string() && *wanted != live["metadata"]["uid"] {
            return Err(Status::conflict(
                call.kind,
                name,
                &format!(
                    "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: \
                     Precondition failed: UID in precondition: {}, UID in object meta: {}",
                    key(call.kind, call.namespace(), name),
                    wanted.as_str().unwrap_or_default(),
                    live["metadata"]["uid"].as_str().unwrap_or_default()
                ),
            ));
        }
        let (manager, now) = (call.manager(), call.time());
        let mut new = with_system_fields(&live, new);
        let writer = Writer {
            manager: &manager,
            time: &now,
        };
        updated(call.kind, Some(&live), &mut new, &writer);
        let kept = self.replace(&call, &live, new, dry)?;
        Ok(call.object(200, &kept))
    }

    fn create_by_update(&mut self, call: &Call<'_>, mut new: Value, dry: bool) -> Outcome {
        let (manager, now) = (call.manager(), call.time());
        let writer = Writer {
            manager: &manager,
            time: &now,
        };
        updated(call.kind, None, &mut new, &writer);
        let made = self.admit_new(call, new, dry)?;
        Ok(call.object(201, &made))
    }

    /// Puts an object with its writers in place of a live one, unless something is in the way. What is the same is not
    /// written.
    pub(super) fn replace(
        &mut self,
        call: &Call<'_>,
        live: &Object,
        mut new: Value,
        dry: bool,
    ) -> Result<Value, Status> {
        let name = &call.target.name;
        let version = new["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or_default();
        if !version.is_empty() && live["metadata"]["resourceVersion"] != version {
            return Err(Status::modified(call.kind, name));
        }
        new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        if let Some(refusal) = escalates(call.user, call.kind, call.namespace(), &new, &self.store)
        {
            return Err(refusal);
        }
        let causes = validate::change(call.kind, live, &new);
        if !causes.is_empty() {
            return Err(Status::invalid(
                call.kind.group,
                call.kind.name,
                name,
                &causes,
            ));
        }
        if same_but_for_times(live, &new) {
            return Ok(live.as_ref().clone());
        }
        if dry {
            return Ok(new);
        }
        let held = new["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
        if !new["metadata"]["deletionTimestamp"].is_null() && !held && call.kind.namespaced {
            // The last one who held it let go.
            self.store.remove(call.kind, call.namespace(), name);
            return Ok(new);
        }
        let stored = self.store.put(call.kind, call.namespace(), name, new);
        Ok(stored.as_ref().clone())
    }
}

/// A body must be in the namespace that the path is in.
pub(super) fn check_namespace(call: &Call<'_>, object: &Value) -> Result<(), Status> {
    let inside = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if call.kind.namespaced && !inside.is_empty() && inside != call.namespace() {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// A body must be about what the path is about.
pub(super) fn check_name(call: &Call<'_>, object: &Value) -> Result<(), Status> {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let (name, namespace) = (text("name"), text("namespace"));
    let wanted = &call.target.name;
    if name.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != wanted {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    if call.kind.namespaced && !namespace.is_empty() && namespace != call.namespace() {
        return Err(Status::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the request ({})",
            call.namespace()
        )));
    }
    Ok(())
}

/// A new version with what only the server writes as it was.
pub(super) fn with_system_fields(live: &Value, mut new: Value) -> Value {
    for field in [
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let value = live["metadata"][field].clone();
        match (value, new["metadata"].as_object_mut()) {
            (Value::Null, Some(metadata)) => drop(metadata.remove(field)),
            (value, Some(metadata)) => drop(metadata.insert(field.into(), value)),
            (_, None) => new["metadata"] = json!({}),
        }
    }
    for field in ["spec", "status"] {
        if !live[field].is_null() {
            new[field] = live[field].clone();
        }
    }
    new
}
