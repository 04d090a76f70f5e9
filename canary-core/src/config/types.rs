//! The configuration, read and checked.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use jiff::civil::Date;

use super::Fields;
use crate::graph::{CanaryId, ProviderId};

/// Where something stands in the file, in bytes.
pub type Span = Range<usize>;

/// A value with its place in the file.
#[derive(Clone, PartialEq, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// A checked value of a field.
#[derive(Clone, PartialEq, Debug)]
pub enum Setting {
    /// A text.
    Text(String),
    /// A number.
    Integer(i64),
    /// A truth value.
    Boolean(bool),
    /// A length of time.
    Duration(Duration),
    /// A day.
    Date(Date),
    /// A list.
    List(Vec<Spanned<Self>>),
    /// A table from text to text, in key order.
    TextMap(Fields<Spanned<String>>),
    /// Another canary.
    Canary(CanaryId),
}

/// A table whose fields have the types that its shape asks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    /// Field by field.
    pub fields: Fields<Spanned<Setting>>,
    /// Where the table's header stands.
    pub span: Span,
}

impl Table {
    fn get(&self, name: &str) -> Option<&Setting> {
        self.fields.get(name).map(|field| &field.value)
    }

    /// A text field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let Setting::Text(text) = self.get(name)? else {
            return None;
        };
        Some(text)
    }

    /// A number field.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        let Setting::Integer(number) = self.get(name)? else {
            return None;
        };
        Some(*number)
    }

    /// A truth field.
    #[must_use]
    pub fn boolean(&self, name: &str) -> Option<bool> {
        let Setting::Boolean(truth) = self.get(name)? else {
            return None;
        };
        Some(*truth)
    }

    /// A length of time.
    #[must_use]
    pub fn duration(&self, name: &str) -> Option<Duration> {
        let Setting::Duration(duration) = self.get(name)? else {
            return None;
        };
        Some(*duration)
    }

    /// A day.
    #[must_use]
    pub fn date(&self, name: &str) -> Option<Date> {
        let Setting::Date(date) = self.get(name)? else {
            return None;
        };
        Some(*date)
    }

    /// A table from text to text.
    #[must_use]
    pub fn text_map(&self, name: &str) -> Option<&Fields<Spanned<String>>> {
        let Setting::TextMap(map) = self.get(name)? else {
            return None;
        };
        Some(map)
    }

    /// The texts of a list field.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let Some(Setting::List(items)) = self.get(name) else {
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| {
                let Setting::Text(text) = &item.value else {
                    return None;
                };
                Some(text.as_str())
            })
            .collect()
    }

    /// A reference to another canary.
    #[must_use]
    pub fn canary(&self, name: &str) -> Option<&CanaryId> {
        let Setting::Canary(id) = self.get(name)? else {
            return None;
        };
        Some(id)
    }

    /// Where a field's value stands; the header where the field is left out.
    #[must_use]
    pub fn span_of(&self, name: &str) -> Span {
        self.fields
            .get(name)
            .map_or_else(|| self.span.clone(), |field| field.span.clone())
    }
}

/// A declared canary.
#[derive(Clone, PartialEq, Debug)]
pub struct Canary {
    /// Its address.
    pub id: CanaryId,
    /// Who knows its kind.
    pub provider: ProviderId,
    /// Its generation, from 1. Raising it rotates.
    pub generation: u32,
    /// How long retired generations are kept.
    pub keep_retired: Duration,
    /// The fields of its kind.
    pub table: Table,
}

/// Where the ledger is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerPlace {
    /// A file, relative to the configuration.
    File(String),
}

/// Which credentials and addresses an excused reader may come with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// From the pod that the token was issued to.
    OwnPod,
    /// From the node of that pod.
    OwnNode,
    /// From a network, as in `10.0.0.0/8`.
    Network(String),
}

/// Where an excused reader may read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReaderScope {
    /// Every namespace at once.
    Cluster,
    /// One namespace.
    Namespace(String),
}

/// How often an excused reader may read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cadence {
    /// Not more often than this.
    Every(Duration),
    /// Any number of times, in the form in which informers of client-go read.
    Informer,
}

/// A reviewed exception for covering reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownReader {
    /// The real user.
    pub principal: String,
    /// Whom it acts as, when it impersonates.
    pub acting_as: Option<String>,
    /// The user's uid, pinned.
    pub uid: Option<String>,
    /// `list`, `watch`, `deletecollection`.
    pub verbs: Vec<String>,
    /// Which resource, as in `secrets`.
    pub resource: String,
    /// Where.
    pub scope: ReaderScope,
    /// The label selector it reads with, as written in the request; `None` for none.
    pub label_selector: Option<String>,
    /// The field selector it reads with; `None` for none.
    pub field_selector: Option<String>,
    /// The form of credential: `pod-token`, `token`, `certificate:SHA256`, or `unknown` where the log does not tell.
    /// `None`: any, and for a service account a pod's token.
    pub credential: Option<String>,
    /// From where.
    pub from: Option<Origin>,
    /// How often.
    pub every: Option<Cadence>,
    /// Why it is known.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Date,
    /// Where the entry stands.
    pub span: Span,
}

/// Where alerts go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertTarget {
    /// Its label.
    pub label: String,
    /// A URL that takes each alert as a POST of JSON.
    pub webhook: String,
}

/// All of `canaries.toml`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Config {
    /// The tables of providers that are there, as in `[kubernetes]`.
    pub providers: BTreeMap<ProviderId, Table>,
    /// The canaries.
    pub canaries: BTreeMap<CanaryId, Canary>,
    /// Where the ledger is kept; `None` for the default.
    pub ledger: Option<LedgerPlace>,
    /// Reviewed exceptions.
    pub known_readers: Vec<KnownReader>,
    /// Where alerts go.
    pub alerts: Vec<AlertTarget>,
}
