//! delete and deletecollection.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome, unsupported_dry_run};
use super::create::done;
use super::object::shown_list;
use super::read::selector;
use super::serve::Api;
use crate::sandbox::kinds::NAMESPACE;
use crate::sandbox::status::Status;
use crate::sandbox::store::{Object, prefix};

impl Api {
    pub(super) fn delete(&mut self, call: &Call<'_>) -> Outcome {
        let options = options(call)?;
        let dry = call.dry_run()? || is_dry(&options)?;
        let name = &call.target.name;
        let live = self.existing(call)?;
        let protected = ["default", "kube-system", "kube-public"];
        if call.kind.plural == NAMESPACE.plural && protected.contains(&name.as_str()) {
            let why = "this namespace may not be deleted";
            return Err(Status::forbidden("", "namespaces", name, why));
        }
        check_preconditions(call, &live, &options["preconditions"])?;
        let gone = self.remove(call, &live, dry);
        match gone {
            Removed::Held(object) => Ok(call.object(200, &object)),
            Removed::Gone(object) if call.kind.gives_deleted => Ok(call.object(200, &object)),
            Removed::Gone(_) => Ok(done(call, name, &live)),
        }
    }

    pub(super) fn delete_collection(&mut self, call: &Call<'_>) -> Outcome {
        let options = options(call)?;
        let dry = call.dry_run()? || is_dry(&options)?;
        if call.kind.namespaced && call.namespace().is_empty() {
            return Err(Status::not_allowed());
        }
        let selector = selector(call)?;
        let prefix = prefix(call.kind, call.namespace());
        let revision = self.store.revision();
        let found: Vec<Object> = self
            .store
            .range(&prefix, "", revision)
            .filter(|(_, object)| selector.matches(call.kind, object))
            .map(|(_, object)| object.clone())
            .collect();
        for object in &found {
            self.remove(call, object, dry);
        }
        let metadata = json!({ "resourceVersion": revision.to_string() });
        let items = found.iter().map(AsRef::as_ref);
        Ok(Answer::Json(
            200,
            shown_list(call.kind, items, metadata, call.form),
        ))
    }

    /// Removes an object, or marks it where somebody holds it.
    fn remove(&mut self, call: &Call<'_>, live: &Object, dry: bool) -> Removed {
        let name = live["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let namespace = live["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let is_namespace = call.kind.plural == NAMESPACE.plural;
        let holders = match is_namespace {
            true => &live["spec"]["finalizers"],
            false => &live["metadata"]["finalizers"],
        };
        let held = holders
            .as_array()
            .is_some_and(|holders| !holders.is_empty());
        if !held {
            let mut last = live.as_ref().clone();
            if !dry {
                self.store.remove(call.kind, &namespace, &name);
                last["metadata"]["resourceVersion"] = self.store.revision().to_string().into();
            }
            return Removed::Gone(last);
        }
        let mut marked = live.as_ref().clone();
        if marked["metadata"]["deletionTimestamp"].is_null() {
            marked["metadata"]["deletionTimestamp"] = call.time().into();
            if is_namespace {
                marked["status"]["phase"] = "Terminating".into();
            } else {
                marked["metadata"]["deletionGracePeriodSeconds"] = 0.into();
            }
            if !dry {
                let stored = self.store.put(call.kind, &namespace, &name, marked);
                return Removed::Held(stored.as_ref().clone());
            }
        }
        Removed::Held(marked)
    }
}

enum Removed {
    Gone(Value),
    Held(Value),
}

fn options(call: &Call<'_>) -> Result<Value, Status> {
    match call.request.body.is_empty() {
        true => Ok(json!({})),
        false => call.request.json(),
    }
}

fn is_dry(options: &Value) -> Result<bool, Status> {
    match options["dryRun"].as_array().map(Vec::as_slice) {
        None | Some([]) => Ok(false),
        Some([one]) if one == "All" => Ok(true),
        Some(other) => Err(unsupported_dry_run("DeleteOptions", &other.to_vec().into())),
    }
}

fn check_preconditions(call: &Call<'_>, live: &Value, wanted: &Value) -> Result<(), Status> {
    let differs = |field: &str| {
        let (wanted, have) = (wanted[field].as_str()?, live["metadata"][field].as_str()?);
        (wanted != have).then(|| (wanted.to_owned(), have.to_owned()))
    };
    let refuse = |why: String| Err(Status::stale_delete(call.kind, &call.target.name, &why));
    if let Some((wanted, have)) = differs("uid") {
        return refuse(format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({have}). The object might have been deleted and then recreated"
        ));
    }
    if let Some((wanted, have)) = differs("resourceVersion") {
        return refuse(format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({have}). The object might have been modified"
        ));
    }
    Ok(())
}
