//! The top level: which table is what; providers' tables, the ledger, alerts.

use std::collections::BTreeMap;

use toml::de::{DeArray, DeTable, DeValue};

use super::reading::{Key, Reading, Value, found};
use super::value::did_you_mean;
use crate::config::builtin::{self, NOT_YET};
use crate::config::error::{all_of, quoted, shortened};
use crate::config::{AlertTarget, ConfigError, LedgerPlace, Shape, Span, TableShape, nearest};
use crate::graph::{CanaryId, ProviderId};

/// The tables that are there whatever the providers.
const BUILT_IN: [&str; 3] = ["ledger", "known_reader", "alert"];

impl Reading<'_> {
    /// Reads a whole document.
    pub(super) fn document(&mut self, document: &DeTable<'_>) {
        for (key, value) in document {
            match key.get_ref().as_ref() {
                "ledger" => self.ledger(key, value),
                "alert" => self.alerts(key, value),
                "known_reader" => self.known_readers(key, value),
                word => {
                    if let Some((provider, kind)) = self.vocabulary.kind(word) {
                        self.canaries(key, value, provider, kind);
                    } else if !self.provider(key, value) {
                        self.unknown_table(key, value);
                    }
                }
            }
        }
        self.check_references();
        self.check_providers();
    }

    /// Reads the table of a provider. False: it is none.
    fn provider(&mut self, key: &Key<'_>, value: &Value<'_>) -> bool {
        let word = key.get_ref().as_ref();
        let mut providers = self.vocabulary.providers.iter();
        let Some((id, shape, _)) = providers.find(|(id, ..)| id.0 == word) else {
            return false;
        };
        let name = format!("[{id}]");
        if let Some(table) = self.as_table(key, value, &name) {
            let place = self.place(key, value);
            let read = self.table(&name, table, &place, shape, None);
            self.config.providers.insert(id.clone(), read);
            self.declarations(id, table, shape);
        }
        true
    }

    /// Reads what the table of a provider declares.
    fn declarations(&mut self, provider: &ProviderId, table: &DeTable<'_>, shape: &TableShape) {
        for field in &shape.fields {
            let Shape::Declaration(shape) = &field.shape else {
                continue;
            };
            let Some((key, value)) = table.get_key_value(field.name) else {
                continue;
            };
            let DeValue::Table(table) = value.get_ref() else {
                continue;
            };
            let id = CanaryId::new(&provider.0, field.name);
            let name = format!("[{id}]");
            let place = self.place(key, value);
            self.declared.insert(id.clone(), key.span());
            let read = self.table(&name, table, &place, shape, Some(&id));
            let canary = super::canaries::canary(id.clone(), provider.clone(), read);
            self.config.canaries.insert(id, canary);
        }
    }

    /// A value that must be a table. `None`: it is not, and that was reported. `form` is how it is written.
    pub(super) fn as_table<'v, 'i>(
        &mut self,
        key: &Key<'_>,
        value: &'v Value<'i>,
        form: &str,
    ) -> Option<&'v DeTable<'i>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(table);
        }
        let title = format!("{} is not a table", quoted(key.get_ref()));
        let label = format!("expected a table, found {}", found(value.get_ref()));
        let help = format!("write it as {form}");
        self.errors
            .push(ConfigError::new(key.span(), title, label).with_help(help));
        None
    }

    fn unknown_table(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let word = key.get_ref().as_ref();
        let what = if holds_tables(value) { "table" } else { "key" };
        if NOT_YET.contains(&word) {
            let title = format!("{} is not supported by this version", quoted(word));
            self.errors
                .push(ConfigError::new(key.span(), title, "not supported yet"));
            return;
        }
        if self.errors.full() {
            // Looking for a suggestion costs more than all else, and would not be shown.
            self.errors.push(ConfigError::new(key.span(), "", ""));
            return;
        }
        let kinds: Vec<&str> = self.vocabulary.kinds().map(|(_, kind)| kind.kind).collect();
        let providers = self
            .vocabulary
            .providers
            .iter()
            .map(|(id, ..)| id.0.as_str());
        let words = kinds.iter().copied().chain(providers).chain(BUILT_IN);
        let help = nearest(word, words).map(did_you_mean).or_else(|| {
            (!kinds.is_empty())
                .then(|| format!("kinds of canaries are {}", all_of(kinds.iter().copied())))
        });
        let title = format!("unknown {what} {}", quoted(word));
        let label = "not a kind of canary, nor another table of this file";
        let error = ConfigError::new(key.span(), title, label).with_help(help);
        self.errors.push(at_each_label(error, value));
    }

    fn ledger(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let Some(table) = self.as_table(key, value, "[ledger]") else {
            return;
        };
        let place = self.place(key, value);
        let table = self.table("[ledger]", table, &place, &builtin::ledger(), None);
        let Some(store) = table.text("store") else {
            return;
        };
        match store_place(store) {
            Ok(place) => self.config.ledger = Some(place),
            Err((title, label)) => {
                let error = ConfigError::new(table.span_of("store"), title, label).with_help(
                    String::from("write \"file:PATH\", as in \"file:.canary/ledger\""),
                );
                self.errors.push(error);
            }
        }
    }

    fn alerts(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let Some(labels) = self.as_table(key, value, "[alert.LABEL]") else {
            return;
        };
        for (label, value) in labels {
            let name = format!("[alert.{}]", shortened(label.get_ref()));
            let Some(table) = self.labelled("alert", label, value) else {
                continue;
            };
            let place = self.place(label, value);
            let table = self.table(&name, table, &place, &builtin::alert(), None);
            if let Some(webhook) = table.text("webhook") {
                self.config.alerts.push(AlertTarget {
                    label: label.get_ref().to_string(),
                    webhook: webhook.into(),
                });
            }
        }
    }

    /// The table `[WORD.LABEL]` behind a label. `None`: it is not one, and that was reported.
    pub(super) fn labelled<'v, 'i>(
        &mut self,
        word: &str,
        label: &Key<'_>,
        value: &'v Value<'i>,
    ) -> Option<&'v DeTable<'i>> {
        let text = label.get_ref().as_ref();
        if let DeValue::Table(table) = value.get_ref() {
            if let Err(expected) = builtin::label(text) {
                let title = format!("{} is not a label", quoted(text));
                self.errors
                    .push(ConfigError::new(label.span(), title, expected));
            }
            return Some(table);
        }
        let title = format!("{} stands directly in `{word}`", quoted(text));
        let label_text = format!(
            "expected a table [{word}.LABEL], found {}",
            found(value.get_ref())
        );
        let help = format!("put it under a header with a label, as in [{word}.LABEL]");
        self.errors
            .push(ConfigError::new(label.span(), title, label_text).with_help(help));
        None
    }

    /// Reports canaries whose provider has no table.
    fn check_providers(&mut self) {
        let mut first: BTreeMap<&ProviderId, &Span> = BTreeMap::new();
        for canary in self.config.canaries.values() {
            let span = first.entry(&canary.provider).or_insert(&canary.table.span);
            if canary.table.span.start < span.start {
                *span = &canary.table.span;
            }
        }
        for (provider, span) in first {
            if self.config.providers.contains_key(provider) {
                continue;
            }
            let title = format!("no [{provider}] table");
            let label = format!("this canary needs [{provider}]");
            let sections = self.vocabulary.providers.iter();
            let needed: Vec<String> = sections
                .filter(|(id, ..)| id == provider)
                .flat_map(|(_, section, _)| &section.fields)
                .filter(|field| field.required)
                .map(|field| format!("`{}`", field.name))
                .collect();
            let help = match needed.as_slice() {
                [] => format!("add one: [{provider}] (it may be empty)"),
                needed => format!("add one: [{provider}] with {}", needed.join(" and ")),
            };
            self.errors
                .push_missing(ConfigError::new(span.clone(), title, label).with_help(help));
        }
    }
}

/// Whether a value is a table or an array of tables.
fn holds_tables(value: &Value<'_>) -> bool {
    let tables = |items: &DeArray<'_>| items.iter().any(|item| item.get_ref().is_table());
    value.get_ref().is_table() || value.get_ref().as_array().is_some_and(tables)
}

/// How many further places of one mistake are pointed at.
const FURTHER: usize = 8;

/// Points at the other tables of an unknown kind too: the parser keeps one place for the kind, the first.
fn at_each_label(error: ConfigError, value: &Value<'_>) -> ConfigError {
    let Some(labels) = value.get_ref().as_table() else {
        return error;
    };
    let mut spans: Vec<_> = labels
        .values()
        .filter(|value| value.get_ref().is_table())
        .map(|value| value.span())
        .filter(|span| span.start > error.span.start)
        .collect();
    spans.sort_by_key(|span| span.start);
    spans
        .into_iter()
        .take(FURTHER)
        .fold(error, |error, span| error.and_at(span, "and here"))
}

/// Reads where the ledger is kept. Else: what is wrong, and what was expected.
fn store_place(store: &str) -> Result<LedgerPlace, (String, &'static str)> {
    let (scheme, rest) = store.split_once(':').unwrap_or(("", store));
    match scheme {
        "file" if rest.is_empty() || rest.contains('\0') => Err((
            "`store` names no file".into(),
            "expected a path after `file:`",
        )),
        "file" => Ok(LedgerPlace::File(rest.into())),
        "kubernetes" | "s3" => Err((
            format!("a ledger in `{scheme}:` is not supported by this version"),
            "not supported yet",
        )),
        _ => Err((
            format!("unknown kind of store {}", quoted(store)),
            "expected `file:PATH`",
        )),
    }
}
