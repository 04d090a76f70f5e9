//! What is asked of a log group.

use sha2::{Digest as _, Sha256};

use super::error::LogsError;
use super::pass::Pass;
use crate::client::{CallError, Client};

const ACTION: &str = "logs:FilterLogEvents";

/// As many events as are handed out at once; a page has a megabyte at most all the same.
const PAGE: i32 = 1024;

/// A log group.
#[derive(Clone)]
pub(super) struct Group {
    logs: aws_sdk_cloudwatchlogs::Client,
    /// Its name, or its ARN without `:*` at the end.
    pub(super) name: String,
    streams: Option<String>,
}

/// An entry of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// Names it.
    pub(super) hash: u64,
    /// When it happened, as whoever wrote it says, in milliseconds.
    pub(super) at: i64,
    /// When it was taken in.
    pub(super) taken: Option<i64>,
    pub(super) message: String,
}

/// A page of a pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    /// How the next page is asked for; `None`: it was the last.
    pub(super) token: Option<String>,
}

impl Group {
    /// A group by its name in the home region, or by its ARN.
    pub(super) fn new(client: &Client, name: &str, streams: Option<String>) -> Self {
        let name = name.strip_suffix(":*").unwrap_or(name);
        let region = name
            .strip_prefix("arn:")
            .and_then(|arn| arn.split(':').nth(2));
        Self {
            logs: client.logs(region.unwrap_or(&client.connection.region)),
            name: name.to_owned(),
            streams,
        }
    }

    /// Asks for one entry, to see whether that is answered at all.
    pub(super) async fn find(&self, client: &Client) -> Result<(), LogsError> {
        let answer = client
            .ask(ACTION, || {
                self.filter().limit(1).start_time(now(client)).send()
            })
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(LogsError::of(&self.name, &error)),
        }
    }

    fn filter(
        &self,
    ) -> aws_sdk_cloudwatchlogs::operation::filter_log_events::builders::FilterLogEventsFluentBuilder
    {
        let call = self.logs.filter_log_events();
        let call = match self.name.starts_with("arn:") {
            true => call.log_group_identifier(&self.name),
            false => call.log_group_name(&self.name),
        };
        call.set_log_stream_name_prefix(self.streams.clone())
    }

    /// Asks for the next page of a pass.
    pub(super) async fn page(&self, pass: &Pass) -> Result<Page, CallError> {
        let call = self.filter().limit(PAGE).start_time(pass.start);
        let call = call
            .set_end_time(pass.end)
            .set_next_token(pass.token.clone());
        let answer = call.send().await;
        let answer = answer.map_err(|error| CallError::of(ACTION, &error))?;
        let entries = answer.events.unwrap_or_default().into_iter();
        // Not everything that speaks this protocol heeds what streams were asked for.
        let prefix = self.streams.as_deref().unwrap_or_default();
        let entries = entries.filter(|event| {
            let stream = event.log_stream_name.as_deref();
            stream.is_none_or(|stream| stream.starts_with(prefix))
        });
        let entries = entries.map(|event| {
            let (at, message) = (event.timestamp, event.message.unwrap_or_default());
            let hash = match &event.event_id {
                Some(id) => hash(&[id]),
                None => {
                    let stream = event.log_stream_name.as_deref().unwrap_or_default();
                    hash(&[stream, &at.unwrap_or_default().to_string(), &message])
                }
            };
            Entry {
                hash,
                at: at.or(event.ingestion_time).unwrap_or_default(),
                taken: event.ingestion_time,
                message,
            }
        });
        Ok(Page {
            entries: entries.collect(),
            // The same token again is no next page.
            token: answer
                .next_token
                .filter(|token| pass.token.as_ref() != Some(token)),
        })
    }
}

/// What time it is there, in milliseconds.
pub(super) fn now(client: &Client) -> i64 {
    jiff::Timestamp::now().as_millisecond() + client.meter.offset_ms()
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
        hasher.update([0]);
    }
    let digest = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}
