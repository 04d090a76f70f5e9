//! The answer to the API server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::decide::{Admission, Decision, Reason};
use super::review::{Review, Unread};

/// What an answer says beside the patch: nothing. A status, a warning or an audit annotation would tell of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    api_version: &'a str,
    kind: &'a str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

/// A review, answered.
#[derive(Debug)]
pub struct Answer {
    /// What to send; `None` for what was no review at all.
    pub body: Option<Vec<u8>>,
    /// What was decided, for counting.
    pub decision: Decision,
}

impl Admission {
    /// Answers the body of a request. Whatever it is, no pod is held up: what can be answered is allowed.
    #[must_use]
    pub fn answer(&self, body: &[u8]) -> Answer {
        match Review::read(body) {
            Ok(review) => self.answer_review(&review),
            Err(Unread::NotUnderstood { api_version, uid }) => Answer {
                body: allowed(&api_version, &uid, None),
                decision: Decision::Skip(Reason::NotUnderstood),
            },
            Err(Unread::Malformed) => Answer {
                body: None,
                decision: Decision::Skip(Reason::Malformed),
            },
        }
    }

    fn answer_review(&self, review: &Review<'_>) -> Answer {
        let decision = self.decide(review);
        let patch = match &decision {
            Decision::Patch(patch) => patch.json().ok(),
            Decision::Skip(_) => None,
        };
        Answer {
            body: allowed(Review::VERSION, &review.uid, patch.as_deref()),
            decision,
        }
    }
}

fn allowed(api_version: &str, uid: &str, patch: Option<&[u8]>) -> Option<Vec<u8>> {
    let envelope = Envelope {
        api_version,
        kind: Review::KIND,
        response: Response {
            uid,
            allowed: true,
            patch_type: patch.map(|_| "JSONPatch"),
            patch: patch.map(|patch| STANDARD.encode(patch)),
        },
    };
    serde_json::to_vec(&envelope).ok()
}
