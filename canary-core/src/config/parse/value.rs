//! One value, by its shape.

use std::borrow::Cow;

use jiff::civil::Date;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::duration;
use super::reading::{Reading, Value, found};
use super::references::Reference;
use crate::config::error::{any_of, quoted};
use crate::config::{Check, ConfigError, Fields, Setting, Shape, Span, Spanned, nearest};
use crate::graph::CanaryId;

impl Reading<'_> {
    /// Reads the value of `field` (its name, for messages). `None`: it was wrong, and that was reported.
    pub(super) fn value(
        &mut self,
        field: &str,
        value: &Value<'_>,
        shape: &Shape,
        owner: Option<&CanaryId>,
    ) -> Option<Spanned<Setting>> {
        let span = value.span();
        let setting = match (shape, value.get_ref()) {
            (Shape::Text, DeValue::String(text)) => Some(Setting::Text(text.to_string())),
            (Shape::Checked(check), DeValue::String(text)) => {
                self.checked(field, text, &span, *check)
            }
            (Shape::OneOf(words), DeValue::String(text)) => self.one_of(field, text, &span, words),
            (Shape::CanaryOf(kinds), DeValue::String(text)) => {
                self.canary_of(field, text, &span, kinds.clone(), owner)
            }
            (Shape::Integer(least, most), DeValue::Integer(number)) => {
                self.integer(field, number, &span, *least..=*most)
            }
            (Shape::Boolean, DeValue::Boolean(truth)) => Some(Setting::Boolean(*truth)),
            (Shape::Duration, DeValue::String(text)) => self.duration(field, text, &span),
            (Shape::Date, DeValue::Datetime(datetime)) => self.date(field, datetime, &span),
            (Shape::List(shape) | Shape::OneOrMore(shape), DeValue::Array(items)) => {
                self.list(field, items, shape, owner)
            }
            (Shape::OneOrMore(shape), _) => {
                let one = self.value(field, value, shape, owner);
                one.map(|one| Setting::List(vec![one]))
            }
            (Shape::TextMap(check), DeValue::Table(table)) => self.text_map(field, table, *check),
            // Read as what it declares.
            (Shape::Declaration(_), DeValue::Table(_)) => None,
            (_, other) => self.mismatch(field, other, &span, shape),
        };
        setting.map(|value| Spanned { value, span })
    }

    fn invalid(&mut self, field: &str, span: &Span, expected: String) -> Option<Setting> {
        let title = format!("{} is not valid", quoted(field));
        self.errors
            .push(ConfigError::new(span.clone(), title, expected));
        None
    }

    fn checked(&mut self, field: &str, text: &str, span: &Span, check: Check) -> Option<Setting> {
        match check(text) {
            Ok(()) => Some(Setting::Text(text.into())),
            Err(wrong) => self.invalid(field, span, wrong),
        }
    }

    fn duration(&mut self, field: &str, text: &str, span: &Span) -> Option<Setting> {
        match duration::read(text) {
            Ok(duration) => Some(Setting::Duration(duration)),
            Err(expected) => self.invalid(field, span, expected),
        }
    }

    fn one_of(
        &mut self,
        field: &str,
        text: &str,
        span: &Span,
        words: &'static [&'static str],
    ) -> Option<Setting> {
        if words.contains(&text) {
            return Some(Setting::Text(text.into()));
        }
        let title = format!("{} cannot be {}", quoted(field), quoted(text));
        let expected = format!("expected {}", any_of(words.iter().copied()));
        let help = nearest(text, words.iter().copied()).map(did_you_mean);
        self.errors
            .push(ConfigError::new(span.clone(), title, expected).with_help(help));
        None
    }

    fn canary_of(
        &mut self,
        field: &str,
        text: &str,
        span: &Span,
        kinds: Cow<'static, [&'static str]>,
        owner: Option<&CanaryId>,
    ) -> Option<Setting> {
        let Ok(to) = text.parse::<CanaryId>() else {
            let title = format!("{} is not the address of a canary", quoted(field));
            let kind = kinds.first().copied().unwrap_or("KIND");
            let expected = format!("expected KIND.LABEL, as in \"{kind}.LABEL\"");
            self.errors
                .push(ConfigError::new(span.clone(), title, expected));
            return None;
        };
        self.references.push(Reference {
            field: field.into(),
            from: owner.cloned(),
            to: to.clone(),
            kinds,
            span: span.clone(),
        });
        Some(Setting::Canary(to))
    }

    fn integer(
        &mut self,
        field: &str,
        number: &DeInteger<'_>,
        span: &Span,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<Setting> {
        let read = i64::from_str_radix(number.as_str(), number.radix()).ok();
        if let Some(number) = read.filter(|number| range.contains(number)) {
            return Some(Setting::Integer(number));
        }
        let title = format!("{} is out of range", quoted(field));
        let expected = format!("expected {} to {}", range.start(), range.end());
        self.errors
            .push(ConfigError::new(span.clone(), title, expected));
        None
    }

    fn date(
        &mut self,
        field: &str,
        datetime: &toml::value::Datetime,
        span: &Span,
    ) -> Option<Setting> {
        let expected = || "expected a date without a time, as in 2027-03-01".to_owned();
        if datetime.time.is_some() {
            return self.invalid(field, span, expected());
        }
        let date = datetime.date.and_then(|date| {
            let year = i16::try_from(date.year).ok()?;
            let month = i8::try_from(date.month).ok()?;
            let day = i8::try_from(date.day).ok()?;
            Date::new(year, month, day).ok()
        });
        match date {
            Some(date) => Some(Setting::Date(date)),
            None => self.invalid(field, span, expected()),
        }
    }

    fn list(
        &mut self,
        field: &str,
        items: &DeArray<'_>,
        shape: &Shape,
        owner: Option<&CanaryId>,
    ) -> Option<Setting> {
        // Every item is read, so that every wrong one is reported.
        let read: Vec<_> = items
            .iter()
            .map(|item| self.value(field, item, shape, owner))
            .collect();
        let read: Option<Vec<_>> = read.into_iter().collect();
        read.map(Setting::List)
    }

    fn text_map(&mut self, field: &str, table: &DeTable<'_>, check: Check) -> Option<Setting> {
        let mut map = Fields::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if let Err(wrong) = check(name) {
                let title = format!("{} is not a valid key of {}", quoted(name), quoted(field));
                self.errors.push(ConfigError::new(key.span(), title, wrong));
            }
            let path = format!("{field}.{name}");
            if let DeValue::String(text) = value.get_ref() {
                let (value, span) = (text.to_string(), value.span());
                map.insert(name, Spanned { value, span });
            } else {
                let span = value_place(key.span(), value);
                self.mismatch(&path, value.get_ref(), &span, &Shape::Text);
            }
        }
        // What is wrong was reported, and a configuration with errors is given to nobody.
        Some(Setting::TextMap(map))
    }

    fn mismatch(
        &mut self,
        field: &str,
        value: &DeValue<'_>,
        span: &Span,
        shape: &Shape,
    ) -> Option<Setting> {
        let title = format!("{} has the wrong type", quoted(field));
        let label = format!("expected {}, found {}", expected(shape), found(value));
        let help = in_other_form(self.at(span), value, shape);
        self.errors
            .push(ConfigError::new(span.clone(), title, label).with_help(help));
        None
    }
}

/// Where a wrong value stands: an inner table without a header of its own stands at its key.
fn value_place(key: Span, value: &Value<'_>) -> Span {
    match value.get_ref() {
        DeValue::Table(_) => key,
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => value.span(),
    }
}

/// The question that proposes a word.
pub(super) fn did_you_mean(word: &str) -> String {
    format!("did you mean {}?", quoted(word))
}

/// What a shape takes, in TOML's words.
fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::Checked(_) => "a string".into(),
        Shape::OneOf(words) => any_of(words.iter().copied()),
        Shape::CanaryOf(kinds) => {
            let kind = kinds.first().copied().unwrap_or("KIND");
            format!("the address of a canary, as in \"{kind}.LABEL\"")
        }
        Shape::Integer(least, most) => format!("an integer from {least} to {most}"),
        Shape::Boolean => "`true` or `false`".into(),
        Shape::Duration => "a length of time, as in \"90d\"".into(),
        Shape::Date => "a date, as in 2027-03-01".into(),
        Shape::List(_) => "an array".into(),
        Shape::OneOrMore(shape) => format!("{}, or an array of such", expected(shape)),
        Shape::TextMap(_) => "a table of strings".into(),
        Shape::Declaration(_) => "a table".into(),
    }
}

/// The longest value that a proposal repeats: beyond that nobody retypes it from a message.
const MOST_REPEATED: usize = 40;

/// The same value as the type that was expected, when that is a matter of quotes, brackets or a unit.
fn in_other_form(written: &str, value: &DeValue<'_>, shape: &Shape) -> Option<String> {
    let short = written.len() <= MOST_REPEATED && !written.contains(['\n', '"', '\'', '\\']);
    let bare = match value {
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            true
        }
        DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_) => false,
    };
    match (shape, value) {
        (Shape::Text | Shape::Checked(_), _) if bare && short => {
            Some(format!("write it in quotes: \"{written}\""))
        }
        (Shape::Duration, DeValue::Integer(_)) if short => Some(format!(
            "write it in quotes with its unit: \"{written}s\", \"{written}m\", \"{written}h\" or \"{written}d\""
        )),
        (Shape::List(_), DeValue::String(_)) => Some("write it in brackets: [\"…\"]".into()),
        (Shape::Integer(..), DeValue::String(text)) => unquoted(text, text.parse::<i64>().is_ok()),
        (Shape::Boolean, DeValue::String(text)) => unquoted(text, text.parse::<bool>().is_ok()),
        (Shape::Date, DeValue::String(text)) => unquoted(text, text.parse::<Date>().is_ok()),
        _ => None,
    }
}

fn unquoted(text: &str, fits: bool) -> Option<String> {
    (fits && text.len() <= MOST_REPEATED).then(|| format!("write it without quotes: {text}"))
}
