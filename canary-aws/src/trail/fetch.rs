//! Objects in S3: fetched, and read as they come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::byte_stream::ByteStream;

use super::found::{Poison, S3Object};
use super::intake::Intake;
use super::unpack::Unpack;
use crate::client::{CallError, Client};

/// Whether an object may hold records, by its key. What AWS's services write under `AWSLogs/` says whose it is: `CloudTrail/`
/// are log files; digests, Insight files, Config's, load balancers' and flow logs are others. Elsewhere anything may be.
pub(super) fn is_wanted(key: &str) -> bool {
    match key.split_once("AWSLogs/") {
        Some((_, rest)) => rest.contains("/CloudTrail/"),
        None => true,
    }
}

/// Fetches objects, from whatever region.
#[derive(Clone)]
pub(super) struct Fetcher {
    client: Client,
    home: String,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// Regions of buckets that are not at home.
    regions: BTreeMap<String, String>,
    /// Clients by region.
    clients: BTreeMap<String, aws_sdk_s3::Client>,
}

impl Fetcher {
    /// `home` is the region in which buckets are looked for first: notices come from buckets of the queue's region.
    pub(super) fn new(client: &Client, home: &str) -> Self {
        Self {
            client: client.clone(),
            home: home.to_owned(),
            known: Arc::default(),
        }
    }

    /// Begins to fetch an object.
    pub(super) async fn open(&self, object: &S3Object) -> Result<Body, CallError> {
        let answer = self.ask(object).await;
        let answer = match answer.as_ref().err().and_then(region_told) {
            Some(region) if region != self.region(&object.bucket) => {
                self.is_in(&object.bucket, region);
                self.ask(object).await
            }
            _ => answer,
        };
        let stream = answer.map_err(|error| CallError::of("s3:GetObject", &error))?;
        Ok(Body {
            stream,
            part: Vec::new(),
            taken: 0,
            ended: false,
            unpack: Unpack::new(&object.key),
        })
    }

    async fn ask(
        &self,
        object: &S3Object,
    ) -> Result<ByteStream, SdkError<GetObjectError, HttpResponse>> {
        let client = self.client_in(self.region(&object.bucket));
        let call = client.get_object().bucket(&object.bucket).key(&object.key);
        call.send().await.map(|answer| answer.body)
    }

    fn is_in(&self, bucket: &str, region: String) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.regions.insert(bucket.to_owned(), region);
    }

    fn region(&self, bucket: &str) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let region = known.regions.get(bucket);
        region.unwrap_or(&self.home).clone()
    }

    fn client_in(&self, region: String) -> aws_sdk_s3::Client {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let client = known.clients.entry(region);
        client
            .or_insert_with_key(|region| self.client.s3(region))
            .clone()
    }
}

/// The region in which S3 says that the bucket is.
fn region_told(error: &SdkError<GetObjectError, HttpResponse>) -> Option<String> {
    let response = error.raw_response()?;
    let region = response.headers().get("x-amz-bucket-region")?;
    Some(region.to_owned())
}

/// An object that is being read.
pub(super) struct Body {
    stream: ByteStream,
    /// What came last, and how much of it was read.
    part: Vec<u8>,
    taken: usize,
    ended: bool,
    unpack: Unpack,
}

/// How far reading came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// More of it has to come.
    Wants,
    /// There is as much as is handed out at once.
    Full,
    /// It was read to its end.
    Ended,
}

impl Body {
    /// Waits for the next part, or the end.
    ///
    /// # Errors
    /// When the connection broke: what the object holds is not known.
    pub(super) async fn receive(&mut self) -> Result<(), String> {
        match self.stream.next().await {
            Some(Ok(part)) => {
                self.part = part.to_vec();
                self.taken = 0;
                Ok(())
            }
            Some(Err(error)) => Err(error.to_string()),
            None => {
                self.ended = true;
                Ok(())
            }
        }
    }

    /// Reads what came.
    pub(super) fn read(&mut self, intake: &mut Intake) -> Result<Progress, Poison> {
        let rest = self.part.get(self.taken..).unwrap_or_default();
        let read = self.unpack.take(rest, intake);
        let finished = read.and_then(|count| {
            self.taken += count;
            let is_left = self.taken < self.part.len() || self.unpack.has_text();
            match (is_left, self.ended) {
                (true, _) => Ok(Progress::Full),
                (false, false) if !self.unpack.is_other() => Ok(Progress::Wants),
                (false, _) => self.unpack.finish(intake).map(|()| Progress::Ended),
            }
        });
        if finished.is_err() {
            self.unpack.give_up(intake);
        }
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_services_write_beside_a_trail_is_not_fetched() {
        let fetched = [
            "AWSLogs/123456789012/CloudTrail/eu-west-1/2026/01/02/a.json.gz",
            "some/prefix/AWSLogs/o-abc/123456789012/CloudTrail/us-east-1/2026/01/02/a.json.gz",
            "eks/2026/01/02/03/audit-1-2026",
        ];
        assert!(fetched.into_iter().all(is_wanted));
        let others = [
            "AWSLogs/123456789012/CloudTrail-Digest/eu-west-1/2026/01/02/a.json.gz",
            "AWSLogs/123456789012/CloudTrail-Insight/eu-west-1/2026/01/02/a.json.gz",
            "AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2026/01/02/a.log.gz",
            "AWSLogs/123456789012/Config/ConfigWritabilityCheckFile",
        ];
        assert!(!others.into_iter().any(is_wanted));
    }
}
