//! A request that is allowed, as the verbs see it, and what they give.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object;
use super::request::{Form, Info, Request};
use super::watch::Spec;
use crate::audit::uri::Target;
use crate::sandbox::access::Identity;
use crate::sandbox::audit::{Draft, time};
use crate::sandbox::kinds::Kind;
use crate::sandbox::status::{Cause, Status, quoted};

/// What a verb gives.
pub(super) enum Answer {
    /// A code and a body.
    Json(u16, Value),
    Text(u16, &'static str),
    Watch(Box<Spec>),
}

pub(super) type Outcome = Result<Answer, Status>;

/// A request that is allowed, about a kind that is served.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    pub(super) info: &'a Info,
    pub(super) kind: &'static Kind,
    pub(super) target: &'a Target,
    pub(super) user: &'a Identity,
    pub(super) now: Timestamp,
    pub(super) form: Form,
    pub(super) draft: &'a mut Draft,
}

impl Call<'_> {
    /// The namespace of the objects; empty for kinds that have none.
    pub(super) fn namespace(&self) -> &str {
        match self.kind.namespaced {
            true => &self.target.namespace,
            false => "",
        }
    }

    /// Whether nothing is to be kept.
    pub(super) fn dry_run(&self) -> Result<bool, Status> {
        let options = match self.request.method.as_str() {
            "POST" => "CreateOptions",
            "PUT" => "UpdateOptions",
            "PATCH" => "PatchOptions",
            _ => "DeleteOptions",
        };
        match self.info.param("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => Err(unsupported_dry_run(options, &json!([other]))),
        }
    }

    /// Who writes, as `managedFields` name it.
    pub(super) fn manager(&self) -> String {
        match self.info.param("fieldManager") {
            "" => self.manager_by_agent(),
            manager => manager.to_owned(),
        }
    }

    fn manager_by_agent(&self) -> String {
        // `FieldManagerMaxLength`.
        const LONGEST: usize = 128;
        let agent = self.request.header("user-agent");
        let agent = agent.split('/').next().unwrap_or_default();
        match agent {
            "" => "unknown".to_owned(),
            agent => agent
                .chars()
                .filter(|c| !c.is_control())
                .take(LONGEST)
                .collect(),
        }
    }

    pub(super) fn time(&self) -> String {
        time(self.now)
    }

    /// An answer with an object.
    pub(super) fn object(&self, code: u16, object: &Value) -> Answer {
        Answer::Json(code, object::shown(self.kind, object, self.form))
    }
}

pub(super) fn unsupported_dry_run(options: &str, value: &Value) -> Status {
    let message = format!("Unsupported value: {value}: supported values: \"All\"");
    let cause = Cause::new("FieldValueNotSupported", "dryRun", message);
    Status::invalid("meta.k8s.io", options, "", &[cause])
}

/// As Go shows a `RoleRef`.
pub(super) fn go_role_ref(role: &Value) -> String {
    let field = |name: &str| quoted(role[name].as_str().unwrap_or_default());
    format!(
        "{{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}",
        field("apiGroup"),
        field("kind"),
        field("name")
    )
}
