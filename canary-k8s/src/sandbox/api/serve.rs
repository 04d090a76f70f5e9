//! A request from its arrival to its answer and its audit event.

use std::collections::BTreeMap;
use std::sync::Arc;

use canary_core::apply::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::controllers::Controllers;
use super::request::{Info, Request, form};
use super::watch::Watching;
use crate::audit::uri::Target;
use crate::sandbox::access::{
    Attributes, Decision, Identity, Issuer, Modes, Users, authenticate, authorize, forbidden,
    impersonate,
};
use crate::sandbox::audit::{AuditLog, Draft, Stage};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::faults::FaultKind;
use crate::sandbox::kinds::Kind;
use crate::sandbox::status::Status;
use crate::sandbox::store::Store;

/// Everything that a request can change or ask.
pub(in crate::sandbox) struct Api {
    pub(in crate::sandbox) store: Store,
    pub(super) users: Users,
    pub(super) issuer: Issuer,
    pub(super) entropy: Entropy,
    pub(super) controllers: Controllers,
    pub(super) modes: Modes,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) audit: Arc<AuditLog>,
}

/// What an answer carries.
pub(in crate::sandbox) enum Body {
    Json(Value),
    Text(&'static str),
    Watch(Box<Watching>),
}

/// An answer. Its event is written.
pub(in crate::sandbox) struct Reply {
    pub(in crate::sandbox) code: u16,
    pub(in crate::sandbox) body: Body,
    pub(in crate::sandbox) audit_id: String,
    pub(in crate::sandbox) retry_after: Option<u64>,
    /// When it was made.
    pub(in crate::sandbox) at: Timestamp,
}

impl Api {
    /// Does what a request asks, or what goes wrong with it, and then what controllers do about it.
    pub(in crate::sandbox) fn handle(
        &mut self,
        request: &Request,
        fault: Option<FaultKind>,
    ) -> std::io::Result<Reply> {
        let reply = self.serve(request, fault)?;
        self.reconcile()?;
        Ok(reply)
    }

    /// One request, without its consequences.
    pub(super) fn serve(
        &mut self,
        request: &Request,
        fault: Option<FaultKind>,
    ) -> std::io::Result<Reply> {
        let info = request.info();
        let now = self.clock.now();
        let mut draft = self.draft(request, &info, now);
        let mut outcome = self.answer(request, &info, fault, now, &mut draft);
        if fault == Some(FaultKind::ErrorAfter) && outcome.is_ok() {
            outcome = Err(Status::internal("etcdserver: request timed out"));
        }
        let at = self.clock.now();
        let audit_id = draft.audit_id.clone();
        let reply = |code, body, retry_after| Reply {
            code,
            body,
            audit_id,
            retry_after,
            at,
        };
        let (stage, status, reply) = match outcome {
            Err(status) => {
                let stage = match status.code {
                    401 => Stage::ResponseStarted,
                    _ => Stage::ResponseComplete,
                };
                let reply = reply(status.code, Body::Json(status.body()), status.retry_after());
                (stage, status.audited(), reply)
            }
            Ok(Answer::Json(code, body)) => {
                let status = success(code, &body);
                (
                    Stage::ResponseComplete,
                    status,
                    reply(code, Body::Json(body), None),
                )
            }
            Ok(Answer::Text(code, text)) => {
                let status = json!({ "metadata": {}, "code": code });
                (
                    Stage::ResponseComplete,
                    status,
                    reply(code, Body::Text(text), None),
                )
            }
            Ok(Answer::Watch(spec)) => {
                let status = json!({ "metadata": {}, "code": 200 });
                let watching =
                    Watching::new(*spec, draft.clone(), self.audit.clone(), self.clock.clone());
                (
                    Stage::ResponseStarted,
                    status,
                    reply(200, Body::Watch(Box::new(watching)), None),
                )
            }
        };
        if info.verb == "watch" && stage == Stage::ResponseComplete {
            // What could have stayed open has begun, also when it is refused.
            let begun = draft.event(Stage::ResponseStarted, &status, at);
            self.audit.write(&begun)?;
        }
        self.audit.write(&draft.event(stage, &status, at))?;
        Ok(reply)
    }

    fn draft(&mut self, request: &Request, info: &Info, received: Timestamp) -> Draft {
        let audit_id = match request.header("audit-id") {
            "" => self.entropy.uuid(),
            given => given.to_owned(),
        };
        let mut object = BTreeMap::new();
        if let Some(target) = &info.target {
            for (field, text) in [
                ("resource", &target.resource),
                ("namespace", &target.namespace),
                ("name", &target.name),
                ("apiGroup", &target.group),
                ("apiVersion", &target.version),
                ("subresource", &target.subresource),
            ] {
                if !text.is_empty() {
                    object.insert(field, text.clone());
                }
            }
        }
        Draft {
            audit_id,
            request_uri: request.uri.clone(),
            verb: info.verb.clone(),
            user: None,
            impersonated: None,
            constraint: String::new(),
            sources: sources(request),
            user_agent: request.header("user-agent").to_owned(),
            object,
            received,
            annotations: BTreeMap::new(),
        }
    }

    fn answer(
        &mut self,
        request: &Request,
        info: &Info,
        fault: Option<FaultKind>,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Outcome {
        let authorization = request.headers.get("authorization");
        let authorization = authorization.and_then(|value| value.to_str().ok());
        let known = authenticate(authorization, &self.users, &self.issuer, &self.store, now)
            .ok_or_else(Status::unauthorized)?;
        let mut user = known.user;
        if let Some((namespace, secret)) = known.legacy {
            draft.annotate("authentication.k8s.io/legacy-token", user.name.clone());
            draft.annotate(
                "authentication.k8s.io/legacy-token-manual-secret",
                secret.clone(),
            );
            self.note_use(&namespace, &secret, now)
                .map_err(|error| Status::internal(&error.to_string()))?;
        }
        draft.user = Some(user.clone());
        let target = info.target.clone().unwrap_or_default();
        if let Some(other) = impersonate(
            &request.headers,
            &attributes(&user, info, &target),
            &self.store,
            &mut self.modes,
        )? {
            user = other.user;
            draft.impersonated = Some(user.clone());
            draft.constraint = other.constraint;
        }
        if let Some(refusal) = fault.and_then(FaultKind::refusal) {
            return Err(refusal);
        }
        self.permit(&attributes(&user, info, &target), draft)?;
        if info.target.is_none() {
            return Ok(page(&info.path));
        }
        let form = form(request.header("accept"))?;
        if let Some(review) = self.review(request, info, &target, &user, now, draft) {
            return review;
        }
        let Some(kind) = Kind::find(&target.group, &target.version, &target.resource) else {
            return match target.group.as_str() {
                "" => Err(Status::no_resource()),
                _ => Ok(Answer::Text(404, NOT_FOUND)),
            };
        };
        if !target.subresource.is_empty() {
            return Err(Status::no_resource());
        }
        let on_one = matches!(info.verb.as_str(), "update" | "patch");
        let is_named = !target.name.is_empty();
        let is_nowhere = kind.namespaced && target.namespace.is_empty();
        if on_one && !is_named || info.verb == "create" && (is_named || is_nowhere) {
            return Err(Status::not_allowed());
        }
        let call = Call {
            request,
            info,
            kind,
            target: &target,
            user: &user,
            now,
            form,
            draft,
        };
        match info.verb.as_str() {
            "get" => self.get(&call),
            "list" => self.list(&call),
            "watch" => self.watch(&call),
            "create" => self.create(call),
            "update" => self.update(call),
            "patch" => self.patch(&call),
            "delete" => self.delete(&call),
            "deletecollection" => self.delete_collection(&call),
            _ => Err(Status::not_allowed()),
        }
    }

    fn permit(&self, attributes: &Attributes<'_>, draft: &mut Draft) -> Result<(), Status> {
        let (decision, reason, refusal) = match authorize(attributes, &self.store) {
            Decision::Allow(reason) => ("allow", reason, None),
            Decision::Forbid(reason) => {
                let refusal = forbidden(attributes, &reason);
                ("forbid", reason, Some(refusal))
            }
        };
        draft.annotate("authorization.k8s.io/decision", decision);
        draft.annotate("authorization.k8s.io/reason", reason);
        refusal.map_or(Ok(()), Err)
    }
}

const NOT_FOUND: &str = "404 page not found\n";

/// What is served that is no resource.
fn page(path: &str) -> Answer {
    match path {
        "/healthz" | "/livez" | "/readyz" => Answer::Text(200, "ok"),
        "/version" | "/version/" => Answer::Json(
            200,
            json!({
                "major": "1",
                "minor": "36",
                "gitVersion": "v1.36.3",
                "platform": "linux/amd64",
            }),
        ),
        _ => Answer::Text(404, NOT_FOUND),
    }
}

/// The addresses of a request: those it says it was forwarded from, then its peer.
fn sources(request: &Request) -> Vec<String> {
    let is_address = |text: &&str| text.parse::<std::net::IpAddr>().is_ok();
    let forwarded = request.header("x-forwarded-for").split(',').map(str::trim);
    let mut sources: Vec<String> = forwarded.filter(is_address).map(str::to_owned).collect();
    let real = Some(request.header("x-real-ip")).filter(is_address);
    if let Some(real) = real
        && sources.is_empty()
    {
        sources.push(real.to_owned());
    }
    if sources.last() != Some(&request.peer) {
        sources.push(request.peer.clone());
    }
    sources
}

fn attributes<'a>(user: &'a Identity, info: &'a Info, target: &'a Target) -> Attributes<'a> {
    Attributes {
        user,
        verb: &info.verb,
        group: &target.group,
        resource: &target.resource,
        subresource: &target.subresource,
        namespace: &target.namespace,
        name: &target.name,
        path: &info.path,
    }
}

/// What an event says of an answer that is no error: all of a Status, of anything else only the code.
fn success(code: u16, body: &Value) -> Value {
    let mut status = json!({ "metadata": {}, "code": code });
    if body["kind"] == "Status" {
        status["status"] = body["status"].clone();
        status["details"] = body["details"].clone();
    }
    status
}
