//! One call, and what it says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::access::Caller;
use super::failure::Failure;
use super::page;
use super::service::Service;

/// What a call is answered with.
pub(super) type Answer = Result<Value, Failure>;

/// How an operation is carried out: on what is seen, or on what is.
pub(super) enum Run<S> {
    Read(fn(&S, &Call<'_>) -> Answer),
    Write(fn(&mut S, &Call<'_>, &mut super::entropy::Entropy) -> Answer),
}

/// When a key was used last.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) at: Timestamp,
    pub(super) region: String,
    pub(super) service: Service,
}

/// Uses by access key, and by the id of a role.
pub(super) type Uses = BTreeMap<String, Use>;

/// A call that is allowed.
pub(super) struct Call<'a> {
    pub(super) service: Service,
    pub(super) operation: &'a str,
    pub(super) params: &'a Value,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) now: Timestamp,
    pub(super) caller: &'a Caller,
    pub(super) page_size: usize,
    pub(super) uses: &'a Uses,
}

impl<'a> Call<'a> {
    pub(super) fn invalid(&self, message: impl Into<String>) -> Failure {
        Failure::invalid(self.service, message)
    }

    /// A text that may be left out.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        text(self.params, name)
    }

    /// A text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&'a str, Failure> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| {
            self.invalid(format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                super::trail::camel(name)
            ))
        })
    }

    /// A number, also one that stands as text.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        number(self.params, name)
    }

    /// A number within bounds.
    pub(super) fn number_within(
        &self,
        name: &str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, Failure> {
        match self.number(name) {
            Some(number) if number < least || number > most => Err(self.invalid(format!(
                "1 validation error detected: Value '{number}' at '{}' failed to satisfy constraint: Member must have value between {least} and {most}",
                super::trail::camel(name)
            ))),
            number => Ok(number),
        }
    }

    /// Whether something is switched on.
    pub(super) fn flag(&self, name: &str) -> bool {
        match &self.params[name] {
            Value::Bool(flag) => *flag,
            Value::String(text) => text == "true",
            _ => false,
        }
    }

    /// A list; empty when it is not there.
    pub(super) fn list(&self, name: &str) -> &'a [Value] {
        list(self.params, name)
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Vec<&'a str> {
        self.list(name).iter().filter_map(Value::as_str).collect()
    }

    /// How much of a listing is asked for, and from where.
    pub(super) fn page(
        &self,
        marker: &str,
        size: &str,
    ) -> Result<(usize, Option<String>), Failure> {
        let wanted = self.number_within(size, 1, 1000)?;
        let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok());
        let size = wanted.unwrap_or(self.page_size).min(self.page_size);
        let after = match self.text(marker) {
            None => None,
            Some(text) => {
                let after = page::after(text);
                Some(after.ok_or_else(|| self.invalid(format!("Invalid {marker}: {text}")))?)
            }
        };
        Ok((size, after))
    }
}

/// A text in an object.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value[name].as_str()
}

/// A list in an object.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// A number in an object, also one that stands as text.
pub(super) fn number(value: &Value, name: &str) -> Option<i64> {
    match &value[name] {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// `2026-11-03T09:14:11Z`, as XML has it.
pub(super) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Seconds since 1970 with milliseconds, as JSON has it.
pub(super) fn epoch(at: Timestamp) -> Value {
    // Milliseconds of the next thousands of years are exact in a double.
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    Value::from(seconds)
}
