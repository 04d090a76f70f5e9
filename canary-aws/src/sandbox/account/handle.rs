//! From a request to its answer.

use serde_json::{Value, json};

use super::run::Outcome;
use super::state::Account;
use crate::sandbox::access::{self, Asked, Caller, Place, Refused};
use crate::sandbox::call::Use;
use crate::sandbox::failure::Failure;
use crate::sandbox::iam::Iam;
use crate::sandbox::lagging::Purpose;
use crate::sandbox::protocol::{self, Request, Written};
use crate::sandbox::service::{Protocol, Service};

/// How a request was decided.
enum Decided {
    Done(Outcome),
    /// It may not, or something was wrong with it.
    Failed {
        failure: Failure,
        denied: bool,
    },
}

impl Account {
    /// Carries a request out, and writes down what AWS would.
    pub(in crate::sandbox) fn handle(&mut self, request: &Request) -> Written {
        let request_id = self.entropy.uuid("request", &request.label);
        let (caller, allowed) = match self.admit(request) {
            Ok(admitted) => admitted,
            // Nobody's calls are not in the log.
            Err(failure) => {
                let written = protocol::failure(request.service, &failure, &request_id);
                return self.written(request, written, &request_id);
            }
        };
        let decided = match allowed {
            Err(failure) => Decided::Failed {
                failure,
                denied: true,
            },
            Ok(()) => match self.run(request, &caller) {
                Ok(outcome) => Decided::Done(outcome),
                Err(failure) => Decided::Failed {
                    failure,
                    denied: false,
                },
            },
        };
        self.use_key(request, &caller);
        let written = match &decided {
            Decided::Done(Outcome::Value(value)) => {
                protocol::answer(request.service, &request.operation, value, &request_id)
            }
            Decided::Done(Outcome::Written(_)) => Written::default(),
            Decided::Failed { failure, .. } => {
                protocol::failure(request.service, failure, &request_id)
            }
        };
        let nothing = Value::Null;
        let (outcome, denied) = match &decided {
            Decided::Done(Outcome::Value(value)) => (Ok(value), false),
            Decided::Done(Outcome::Written(_)) => (Ok(&nothing), false),
            Decided::Failed { failure, denied } => (Err(failure), *denied),
        };
        self.publish(request, &caller, outcome, denied, &request_id);
        let written = match decided {
            Decided::Done(Outcome::Written(written)) => written,
            _ => written,
        };
        self.written(request, written, &request_id)
    }

    /// An answer in place of carrying a request out, or of what it gave.
    pub(in crate::sandbox) fn refuse(&mut self, request: &Request, failure: &Failure) -> Written {
        let request_id = self.entropy.uuid("request", &request.label);
        let written = protocol::failure(request.service, failure, &request_id);
        self.written(request, written, &request_id)
    }

    fn written(&self, request: &Request, mut written: Written, request_id: &str) -> Written {
        let header = match request.service {
            Service::S3 => "x-amz-request-id",
            _ => "x-amzn-requestid",
        };
        written.headers.push((header, request_id.to_owned()));
        if request.operation.starts_with("Head") {
            written.body.clear();
        }
        written
    }

    /// Who calls, and whether they may: by one look at what is believed by now.
    fn admit(&mut self, request: &Request) -> Result<(Caller, Result<(), Failure>), Failure> {
        if !self.regions.contains_key(&request.region) {
            return Err(Failure::unknown_key(request.service));
        }
        let now = self.clock.now();
        let iam = self.iam.seen(&request.key_id, now, Purpose::Authorising);
        let caller = access::authenticate(iam, &self.sessions, request, now)?;
        let allowed = allowed(iam, &self.id, request, &caller);
        Ok((caller, allowed))
    }

    /// Remembers that a key was used, also in vain.
    fn use_key(&mut self, request: &Request, caller: &Caller) {
        let used = Use {
            at: self.clock.now(),
            region: request.region.clone(),
            service: request.service,
        };
        // Of a session the role is told; of what a user borrowed, nothing.
        match (&caller.who, caller.session_since) {
            (access::Who::Role { id, .. }, _) => self.uses.insert(id.clone(), used),
            (_, None) => self.uses.insert(caller.key_id.clone(), used),
            _ => None,
        };
    }
}

/// Whether a caller may do what they ask for.
fn allowed(iam: &Iam, account: &str, request: &Request, caller: &Caller) -> Result<(), Failure> {
    let service = request.service;
    let place = Place {
        account,
        region: &request.region,
    };
    let params = &request.params;
    for action in access::actions(service, &request.operation, params) {
        for named in access::resources(iam, service, &request.operation, params, &place) {
            let asked = Asked {
                action: &action,
                resource: &named.arn,
                place,
            };
            decide(iam, caller, &asked).map_err(|refused| {
                let arn = caller.who.arn(account);
                let message = access::denial(service, &arn, &action, &named, refused);
                Failure::denied(service, message)
            })?;
        }
    }
    Ok(())
}

/// By the caller's own policies, and by that of a role which is to be assumed.
fn decide(iam: &Iam, caller: &Caller, asked: &Asked<'_>) -> Result<(), Refused> {
    let own = access::decide(iam, caller, asked);
    if asked.action != "sts:AssumeRole" {
        return own;
    }
    let role = asked.resource.rsplit('/').next();
    let role = role.and_then(|name| iam.role(name));
    let trust = role.and_then(|role| serde_json::from_str::<Value>(&role.trust).ok());
    match trust {
        Some(trust) if access::trusts(&trust, caller, asked, own) => Ok(()),
        _ => Err(Refused::Nothing),
    }
}

/// JSON has an empty object where there is nothing to say.
pub(super) fn said(service: Service, value: Value) -> Value {
    match (service.protocol(), value) {
        (Protocol::Json, Value::Null) => json!({}),
        (_, value) => value,
    }
}
