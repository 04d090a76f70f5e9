//! create.

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::serve::Api;
use super::update::check_namespace;
use super::{object, validate};
use crate::sandbox::access::escalates;
use crate::sandbox::fields::{Writer, updated};
use crate::sandbox::kinds::NAMESPACE;
use crate::sandbox::status::{Cause, Status};

impl Api {
    pub(super) fn create(&mut self, call: Call<'_>) -> Outcome {
        let dry = call.dry_run()?;
        check_media(&call)?;
        let mut object = object::decode(call.kind, &call.request.json()?)?;
        for (field, name) in [
            ("name", "name"),
            ("namespace", "namespace"),
            ("uid", "uid"),
            ("resourceVersion", "resourceVersion"),
        ] {
            call.draft.complete(field, &object["metadata"][name]);
        }
        check_namespace(&call, &object)?;
        let (manager, now) = (call.manager(), call.time());
        updated(
            call.kind,
            None,
            &mut object,
            &Writer {
                manager: &manager,
                time: &now,
            },
        );
        let object = self.admit_new(&call, object, dry)?;
        Ok(call.object(201, &object))
    }

    /// Keeps a new object that has its writers, unless something is in the way.
    pub(super) fn admit_new(
        &mut self,
        call: &Call<'_>,
        mut object: Value,
        dry: bool,
    ) -> Result<Value, Status> {
        if call.kind.namespaced {
            self.check_place(call, &object)?;
        }
        let metadata = &mut object["metadata"];
        let given = metadata["name"].as_str().unwrap_or_default();
        if given.is_empty()
            && let Some(stem) = metadata["generateName"].as_str()
        {
            metadata["name"] = format!("{stem}{}", self.entropy.suffix()).into();
        }
        let name = metadata["name"].as_str().unwrap_or_default().to_owned();
        if metadata["resourceVersion"]
            .as_str()
            .is_some_and(|version| !version.is_empty())
        {
            return Err(Status::unknown(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        if let Some(metadata) = metadata.as_object_mut() {
            for field in [
                "namespace",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            ] {
                metadata.remove(field);
            }
            if call.kind.namespaced {
                metadata.insert("namespace".into(), call.namespace().into());
            }
            metadata.insert("uid".into(), self.entropy.uuid().into());
            metadata.insert("creationTimestamp".into(), call.time().into());
        }
        object::prepare(call.kind, &mut object);
        if let Some(refusal) =
            escalates(call.user, call.kind, call.namespace(), &object, &self.store)
        {
            return Err(refusal);
        }
        let causes = validate::new(call.kind, &object);
        if !causes.is_empty() {
            return Err(Status::invalid(
                call.kind.group,
                call.kind.name,
                &name,
                &causes,
            ));
        }
        if self.store.get(call.kind, call.namespace(), &name).is_some() {
            return Err(Status::exists(call.kind, &name));
        }
        if dry {
            return Ok(object);
        }
        let stored = self.store.put(call.kind, call.namespace(), &name, object);
        Ok(stored.as_ref().clone())
    }

    /// Nothing can be made where no namespace is, or one that ends.
    fn check_place(&self, call: &Call<'_>, object: &Value) -> Result<(), Status> {
        let namespace = call.namespace();
        let Some(found) = self.store.get(&NAMESPACE, "", namespace) else {
            return Err(Status::not_found(&NAMESPACE, namespace));
        };
        if found["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let cause = Cause::new(
            "NamespaceTerminating",
            "metadata.namespace",
            format!("namespace {namespace} is being terminated"),
        );
        Err(Status::forbidden(call.kind.group, call.kind.plural, name, &why).because(&[cause]))
    }
}

/// Bodies are JSON here.
pub(super) fn check_media(call: &Call<'_>) -> Result<(), Status> {
    match call.request.content_type() {
        "" | "application/json" | "*/*" => Ok(()),
        _ => Err(Status::unsupported_media(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// An answer that says that something was done to an object.
pub(super) fn done(call: &Call<'_>, name: &str, object: &Value) -> Answer {
    let mut details =
        json!({ "name": name, "kind": call.kind.plural, "uid": object["metadata"]["uid"] });
    if !call.kind.group.is_empty() {
        details["group"] = call.kind.group.into();
    }
    Answer::Json(
        200,
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }),
    )
}
