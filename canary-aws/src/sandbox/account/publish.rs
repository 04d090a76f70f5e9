//! What becomes of a call in the log, and on the buses.

use serde_json::Value;

use super::state::Account;
use crate::sandbox::access::Caller;
use crate::sandbox::call::text;
use crate::sandbox::clock::later;
use crate::sandbox::events;
use crate::sandbox::failure::Failure;
use crate::sandbox::protocol::Request;
use crate::sandbox::service::Service;
use crate::sandbox::trail::{Facts, Logged, logged, record};

/// From the bus of one region to that of another, and no further, as between accounts.
const HOPS: usize = 1;

impl Account {
    pub(super) fn publish(
        &mut self,
        request: &Request,
        caller: &Caller,
        outcome: Result<&Value, &Failure>,
        denied: bool,
        request_id: &str,
    ) {
        let logged = logged(request.service, &request.operation);
        let kept = match logged {
            Logged::Management => true,
            Logged::Data => self.takes_data(request),
            Logged::Never => false,
        };
        if !kept {
            return;
        }
        let record = record(&Facts {
            request,
            caller,
            outcome,
            denied,
            logged,
            account: &self.id,
            at: self.clock.now(),
            event_id: self.entropy.uuid_of("event", request_id),
            request_id,
        });
        let envelope = events::enveloped(&record, self.entropy.uuid_of("envelope", request_id));
        let region = text(&record, "awsRegion").unwrap_or_default().to_owned();
        self.records.push(record);
        if !self.events_need_trail || self.trails.log(&region) {
            self.put_on_bus(&envelope, &region, HOPS);
        }
    }

    fn takes_data(&self, request: &Request) -> bool {
        let part = |name: &str| text(&request.params, name).unwrap_or_default();
        let (kind, arn) = match request.service {
            Service::S3 => {
                let arn = format!("arn:aws:s3:::{}/{}", part("bucketName"), part("key"));
                ("AWS::S3::Object", arn)
            }
            _ => {
                let name = part("QueueUrl").rsplit('/').next().unwrap_or_default();
                let arn = format!("arn:aws:sqs:{}:{}:{name}", request.region, self.id);
                ("AWS::SQS::Queue", arn)
            }
        };
        self.trails.take_data(&request.region, kind, &arn)
    }

    /// Gives an event to the rules of a region's default bus.
    fn put_on_bus(&mut self, envelope: &Value, region: &str, hops: usize) {
        let Some(bus) = self.regions.get(region) else {
            return;
        };
        for delivery in events::deliveries(&bus.events, envelope) {
            let mut parts = delivery.to.splitn(6, ':').skip(2);
            let (service, region) = (parts.next(), parts.next().unwrap_or_default());
            match service {
                Some("sqs") => self.send(&delivery, region),
                Some("events") if hops > 0 && delivery.to.ends_with(":event-bus/default") => {
                    let region = region.to_owned();
                    self.put_on_bus(envelope, &region, hops - 1);
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, delivery: &events::Delivery, region: &str) {
        let now = self.clock.now();
        let Some(region) = self.regions.get_mut(region) else {
            return;
        };
        let Some(queue) = region.sqs.with_arn(&delivery.to) else {
            return;
        };
        if !events::may_send(queue.policy(), &delivery.to, delivery, &self.id) {
            tracing::debug!(
                queue = delivery.to,
                rule = delivery.rule,
                "the queue's policy keeps the event out"
            );
            return;
        }
        let visible = later(now, self.event_delay);
        for _ in 0..self.event_copies {
            let id = self.entropy.uuid("message", &delivery.to);
            queue.put(
                id,
                delivery.body.clone(),
                "events.amazonaws.com",
                now,
                visible,
            );
        }
    }
}
