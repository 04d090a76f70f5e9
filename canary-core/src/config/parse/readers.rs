//! The tables `[[known_reader]]`: reviewed exceptions for covering reads, and for nothing else.

use toml::de::DeValue;

use super::reading::{Key, Reading, Value, found};
use super::value::did_you_mean;
use super::{duration, network};
use crate::config::builtin::{self, EXCUSABLE, LONGEST_LABEL};
use crate::config::error::{any_of, quoted};
use crate::config::{
    Cadence, ConfigError, KnownReader, Origin, ReaderScope, Setting, Shape, Span, Table, nearest,
};

/// Verbs of the Kubernetes API that name an object or make one, and the wildcard that includes them.
const NAMED: [&str; 6] = ["get", "create", "update", "patch", "delete", "*"];

const NAME: &str = "[[known_reader]]";

impl Reading<'_> {
    /// Reads all known readers.
    pub(super) fn known_readers(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let DeValue::Array(items) = value.get_ref() else {
            let label = format!(
                "expected an array of tables, found {}",
                found(value.get_ref())
            );
            let error = ConfigError::new(key.span(), "`known_reader` is not an array", label)
                .with_help(format!("write it as {NAME}"));
            self.errors.push(error);
            return;
        };
        let shape = builtin::known_reader(Shape::Text);
        for item in items {
            let DeValue::Table(table) = item.get_ref() else {
                let label = format!("expected a table, found {}", found(item.get_ref()));
                let error = ConfigError::new(item.span(), "`known_reader` holds no table", label)
                    .with_help(format!("write it as {NAME}"));
                self.errors.push(error);
                continue;
            };
            let table = self.table(NAME, table, &item.span(), &shape, None);
            let reader = self.known_reader(&table);
            self.config.known_readers.extend(reader);
        }
    }

    /// Reads one from its table. `None`: something is wrong, and that was reported.
    fn known_reader(&mut self, table: &Table) -> Option<KnownReader> {
        // All of them are read before any is missed, so that everything wrong is reported.
        let verbs = self.verbs(table);
        let scope = self.read(table, "scope", scope);
        let resource = self.read(table, "resource", resource);
        let credential = self.read(table, "credential", credential);
        let from = self.read(table, "from", origin);
        let every = self.read(table, "every", cadence);
        self.field_selector(table);
        self.not_expired(table);
        let text = |name| table.text(name).map(str::to_owned);
        Some(KnownReader {
            principal: text("principal")?,
            acting_as: text("acting_as"),
            uid: text("uid"),
            verbs: verbs?,
            resource: resource.unwrap_or_else(|| "secrets".into()),
            scope: scope?,
            label_selector: text("label_selector"),
            field_selector: text("field_selector"),
            credential,
            from,
            every,
            reason: text("reason")?,
            until: table.date("until")?,
            span: table.span.clone(),
        })
    }

    /// Reads a text field further.
    fn read<T>(
        &mut self,
        table: &Table,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match read(table.text(name)?) {
            Ok(value) => Some(value),
            Err(expected) => {
                let title = format!("{} is not valid", quoted(name));
                self.errors
                    .push(ConfigError::new(table.span_of(name), title, expected));
                None
            }
        }
    }

    fn verbs(&mut self, table: &Table) -> Option<Vec<String>> {
        let Some(Setting::List(items)) = table.fields.get("verbs").map(|field| &field.value) else {
            return None;
        };
        if items.is_empty() {
            let label = format!("expected {}", any_of(EXCUSABLE.iter().copied()));
            self.errors.push(ConfigError::new(
                table.span_of("verbs"),
                "`verbs` is empty: this entry excuses nothing",
                label,
            ));
            return None;
        }
        let mut verbs = Vec::new();
        for item in items {
            let Setting::Text(verb) = &item.value else {
                continue;
            };
            if EXCUSABLE.contains(&verb.as_str()) {
                verbs.push(verb.clone());
            } else {
                self.errors.push(not_excusable(verb, &item.span));
            }
        }
        Some(verbs)
    }

    /// A field selector on the name is a named touch in the form of a list.
    fn field_selector(&mut self, table: &Table) {
        let Some(selector) = table.text("field_selector") else {
            return;
        };
        let named = selector
            .split(',')
            .filter_map(|term| term.split(['=', '!']).next())
            .any(|field| field.trim() == "metadata.name");
        if named {
            let error = ConfigError::new(
                table.span_of("field_selector"),
                "this known reader excuses a named touch",
                "selects by `metadata.name`, which names an object",
            )
            .with_help(named_touch_help());
            self.errors.push(error);
        }
    }

    fn not_expired(&mut self, table: &Table) {
        let Some(until) = table.date("until").filter(|until| *until < self.today) else {
            return;
        };
        let error = ConfigError::new(
            table.span_of("until"),
            "this known reader has expired",
            format!("held until {until}, today is {}", self.today),
        )
        .with_help(String::from(
            "review it: set a later `until`, or remove the entry",
        ));
        self.errors.push(error);
    }
}

fn named_touch_help() -> String {
    "a named touch is never excused: only `list`, `watch` and `deletecollection` without a name can be".into()
}

fn not_excusable(verb: &str, span: &Span) -> ConfigError {
    if NAMED.contains(&verb) {
        let label = format!("{} touches objects by name", quoted(verb));
        return ConfigError::new(
            span.clone(),
            "this known reader excuses a named touch",
            label,
        )
        .with_help(named_touch_help());
    }
    let title = format!("unknown verb {}", quoted(verb));
    let label = format!("expected {}", any_of(EXCUSABLE.iter().copied()));
    let help = nearest(verb, EXCUSABLE.iter().copied()).map(did_you_mean);
    ConfigError::new(span.clone(), title, label).with_help(help)
}

fn scope(text: &str) -> Result<ReaderScope, String> {
    if text == "cluster" {
        return Ok(ReaderScope::Cluster);
    }
    // A namespace is a DNS label (RFC 1123).
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inside = text.chars().all(|c| word(c) || c == '-');
    let ends = text.starts_with(word) && text.ends_with(word);
    if inside && ends && text.len() <= LONGEST_LABEL {
        Ok(ReaderScope::Namespace(text.into()))
    } else {
        Err("expected \"cluster\" or the name of a namespace".into())
    }
}

fn resource(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if text.chars().all(fits) {
        Ok(text.into())
    } else {
        Err("expected a resource as in \"secrets\": lowercase, plural".into())
    }
}

fn credential(text: &str) -> Result<String, String> {
    // SHA-256 in hex.
    let digest = |hex: &str| hex.len() == 64 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
    match text.strip_prefix("certificate:") {
        Some(hex) if digest(hex) => Ok(format!("certificate:{}", hex.to_ascii_lowercase())),
        Some(_) => Err("expected 64 hexadecimal digits after `certificate:`".into()),
        None if matches!(text, "pod-token" | "token" | "unknown") => Ok(text.into()),
        None => Err("expected `pod-token`, `token`, `certificate:SHA256` or `unknown`".into()),
    }
}

fn origin(text: &str) -> Result<Origin, String> {
    match text {
        "own-pod" => Ok(Origin::OwnPod),
        "own-node" => Ok(Origin::OwnNode),
        network => network::read(network).map(Origin::Network),
    }
}

fn cadence(text: &str) -> Result<Cadence, String> {
    if text == "informer" {
        return Ok(Cadence::Informer);
    }
    match duration::read(text) {
        Ok(every) if every.is_zero() => Err("expected more than no time".into()),
        Ok(every) => Ok(Cadence::Every(every)),
        Err(expected) => Err(format!("{expected}; or \"informer\"")),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_scope_is_the_cluster_or_a_namespace() {
        assert_eq!(scope("cluster"), Ok(ReaderScope::Cluster));
        assert_eq!(
            scope("kube-system"),
            Ok(ReaderScope::Namespace("kube-system".into()))
        );
        for bad in ["Cluster", "-a", "a-", "a.b", &"a".repeat(64)] {
            assert!(scope(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pinned_certificate_has_all_its_digits() {
        let hex = "AB".repeat(32);
        assert_eq!(
            credential(&format!("certificate:{hex}")),
            Ok(format!("certificate:{}", hex.to_lowercase()))
        );
        for bad in ["certificate:", "certificate:ab", "pod", "tokens"] {
            assert!(credential(bad).is_err(), "{bad}");
        }
    }
}
