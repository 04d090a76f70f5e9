//! Carrying out what is allowed.

use serde_json::Value;

use super::handle::said;
use super::state::Account;
use crate::sandbox::access::Caller;
use crate::sandbox::call::{Answer, Call, Run, text};
use crate::sandbox::cloudtrail;
use crate::sandbox::entropy::Entropy;
use crate::sandbox::events;
use crate::sandbox::failure::Failure;
use crate::sandbox::iam;
use crate::sandbox::lagging::{Lagging, Purpose};
use crate::sandbox::protocol::{Request, Written};
use crate::sandbox::regions;
use crate::sandbox::s3;
use crate::sandbox::secrets;
use crate::sandbox::service::Service;
use crate::sandbox::sqs;
use crate::sandbox::ssm;
use crate::sandbox::sts;

/// What was done.
pub(super) enum Outcome {
    Value(Value),
    Written(Written),
}

/// On what is seen, or on what is.
fn lagging<S: Clone>(
    state: &mut Lagging<S>,
    run: Run<S>,
    call: &Call<'_>,
    entropy: &mut Entropy,
) -> Answer {
    let key = call.caller.key_id.as_str();
    match run {
        Run::Read(read) => read(state.seen(key, call.now, Purpose::Reading), call),
        Run::Write(write) => state.write(key, call.now, |state| write(state, call, entropy)),
    }
}

fn strict<S>(state: &mut S, run: Run<S>, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    match run {
        Run::Read(read) => read(state, call),
        Run::Write(write) => write(state, call, entropy),
    }
}

impl Account {
    pub(super) fn run(&mut self, request: &Request, caller: &Caller) -> Result<Outcome, Failure> {
        let answer = self.answer(request, caller);
        let answer = answer.unwrap_or_else(|| {
            // Whoever tests against this is told what it lacks.
            tracing::warn!(operation = request.name(), "not spoken by the sandbox");
            let code = request.service.words().unknown_operation;
            let message = format!("Could not find operation {}", request.operation);
            Err(Failure::bad(code, message))
        });
        answer.map(|outcome| match outcome {
            Outcome::Value(value) => Outcome::Value(said(request.service, value)),
            written => written,
        })
    }

    /// None when it is not spoken here.
    fn answer(&mut self, request: &Request, caller: &Caller) -> Option<Result<Outcome, Failure>> {
        let call = Call {
            service: request.service,
            operation: &request.operation,
            params: &request.params,
            account: &self.id,
            region: &request.region,
            now: self.clock.now(),
            caller,
            page_size: self.page_size,
            uses: &self.uses,
        };
        let entropy = &mut self.entropy;
        let name = request.operation.as_str();
        let region = self.regions.get_mut(&request.region)?;
        let answer = match request.service {
            Service::Iam => lagging(&mut self.iam, iam::operation(name)?, &call, entropy),
            Service::Sts => {
                // A role that is not believed yet was refused before.
                let iam = self.iam.now();
                sts::run(iam, &mut self.sessions, &call, entropy)?
            }
            Service::Sqs => strict(&mut region.sqs, sqs::operation(name)?, &call, entropy),
            Service::Ssm => lagging(&mut region.ssm, ssm::operation(name)?, &call, entropy),
            Service::Secrets => lagging(
                &mut region.secrets,
                secrets::operation(name)?,
                &call,
                entropy,
            ),
            Service::Events => strict(&mut region.events, events::operation(name)?, &call, entropy),
            Service::CloudTrail if name == "LookupEvents" => {
                cloudtrail::lookup(self.records.all(), &call)
            }
            Service::CloudTrail => {
                let bucket = text(&request.params, "S3BucketName").unwrap_or_default();
                self.trails.bucket = self.s3.takes_logs(bucket, &call);
                strict(
                    &mut self.trails,
                    cloudtrail::operation(name)?,
                    &call,
                    entropy,
                )
            }
            Service::Ec2 if name == "DescribeRegions" => {
                Ok(regions::describe_regions(&self.enabled, &call))
            }
            Service::Account if name == "ListRegions" => {
                regions::list_regions(&self.enabled, &call)
            }
            Service::Ec2 | Service::Account => return None,
            Service::S3 => {
                let rest = request.rest.as_ref()?;
                let reply = s3::run(&mut self.s3, &call, rest)?;
                return Some(reply.map(|reply| match reply {
                    s3::Reply::Xml(value) => Outcome::Value(value),
                    s3::Reply::Written(written) => Outcome::Written(written),
                }));
            }
        };
        Some(answer.map(Outcome::Value))
    }
}
