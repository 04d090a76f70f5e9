//! Whether a namespace's quota has room for a Secret that nobody there asked for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Client;
use crate::client::request::{Request, escaped};

/// What was seen holds for so long: pods of one workload come within seconds of each other.
const FRESH: Duration = Duration::from_secs(30);
/// Of a quota so much is left to those it is for: a tenth, and five at least.
const SPARE_SHARE: u64 = 10;
const SPARE: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(5);

/// Remembers for a while what namespaces have room for.
pub(super) struct Quotas {
    client: Client,
    /// By namespace: when it was seen, and how many more Secrets there may be; `None` for any number.
    seen: Mutex<BTreeMap<String, (Instant, Option<u64>)>>,
}

impl Quotas {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            seen: Mutex::default(),
        }
    }

    /// Takes one of what is left. Where quotas may not be seen, the server's own refusal is what holds.
    pub(super) async fn has_room(&self, namespace: &str) -> bool {
        if let Some(answer) = self.take(namespace) {
            return answer;
        }
        let path = format!("/api/v1/namespaces/{}/resourcequotas", escaped(namespace));
        let left = match self.client.send(Request::get(path), PATIENCE).await {
            Ok(answer) => left(&answer.body),
            Err(_) => None,
        };
        let entry = (Instant::now(), left);
        self.all().insert(namespace.to_owned(), entry);
        self.take(namespace).unwrap_or(true)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Instant, Option<u64>)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, namespace: &str) -> Option<bool> {
        let mut seen = self.all();
        let (at, left) = seen.get_mut(namespace)?;
        if at.elapsed() > FRESH {
            return None;
        }
        Some(match left {
            None => true,
            Some(0) => false,
            Some(more) => {
                *more -= 1;
                true
            }
        })
    }
}

/// How many more Secrets the quotas of a list leave to us; `None` where none speaks of Secrets.
fn left(list: &Value) -> Option<u64> {
    let quotas = list["items"].as_array()?;
    quotas.iter().filter_map(left_of).min()
}

fn left_of(quota: &Value) -> Option<u64> {
    let of = |place: &str, name: &str| quantity(quota["status"][place][name].as_str()?);
    let names = ["secrets", "count/secrets"].into_iter();
    names
        .filter_map(|name| {
            let hard = of("hard", name)?;
            let used = of("used", name).unwrap_or(0);
            let spare = (hard / SPARE_SHARE).max(SPARE);
            Some(hard.saturating_sub(used).saturating_sub(spare))
        })
        .min()
}

/// A whole number, with the decimal suffixes that a count may have; anything else leaves no room.
fn quantity(text: &str) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1000),
        None => (text, 1),
    };
    Some(digits.parse::<u64>().map_or(0, |number| number * factor))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn quota(hard: &Value, used: &Value) -> Value {
        json!({ "status": { "hard": hard, "used": used } })
    }

    #[test]
    fn a_quota_of_secrets_keeps_a_tenth_for_those_it_is_for() {
        let list = json!({ "items": [quota(&json!({ "secrets": "100", "pods": "3" }), &json!({ "secrets": "50" }))] });
        assert_eq!(left(&list), Some(40));
        let full = json!({ "items": [quota(&json!({ "count/secrets": "10" }), &json!({ "count/secrets": "6" }))] });
        assert_eq!(left(&full), Some(0));
    }

    #[test]
    fn of_several_quotas_the_tightest_counts_and_others_do_not() {
        let list = json!({ "items": [
            quota(&json!({ "secrets": "1k" }), &json!({ "secrets": "0" })),
            quota(&json!({ "secrets": "20" }), &json!({ "secrets": "0" })),
            quota(&json!({ "cpu": "2" }), &json!({})),
        ] });
        assert_eq!(left(&list), Some(15));
        assert_eq!(left(&json!({ "items": [] })), None);
        assert_eq!(
            left(&json!({ "items": [quota(&json!({ "cpu": "2" }), &json!({}))] })),
            None
        );
    }
}
