//! Our names for things: canaries and the resources they consist of.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an operator declares: `KIND.LABEL`, as in `secret.payments-db`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanaryId {
    kind: Arc<str>,
    label: Arc<str>,
}

impl CanaryId {
    /// Joins a kind and a label. Both are checked by the configuration, not here.
    #[must_use]
    pub fn new(kind: &str, label: &str) -> Self {
        Self {
            kind: kind.into(),
            label: label.into(),
        }
    }

    /// The kind, as in `secret`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The label, as in `payments-db`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl fmt::Display for CanaryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.label)
    }
}

impl fmt::Debug for CanaryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Our name for one resource: the canary, the part of it, and the generation when it is a retired one.
///
/// Written `secret.payments-db`, `service_account.ci/token`, `service_account.ci@1`. Appears in the configuration, in
/// plans and in alerts, never in the world.
#[derive(Clone)]
pub struct Address(Arc<Parts>);

struct Parts {
    /// Kind, label and part with a NUL between them, which is less than any letter: their order, told by one comparison.
    /// Everything is kept by address, so comparing addresses is what planning is made of.
    order: Box<str>,
    canary: CanaryId,
    part: Option<Box<str>>,
    retired: Option<u32>,
}

impl Address {
    fn new(canary: CanaryId, part: Option<&str>, retired: Option<u32>) -> Self {
        let order = match part {
            Some(part) => format!("{}\0{}\0{part}", canary.kind, canary.label),
            None => format!("{}\0{}", canary.kind, canary.label),
        };
        Self(Arc::new(Parts {
            order: order.into(),
            canary,
            part: part.map(Into::into),
            retired,
        }))
    }

    /// The main resource of a canary.
    #[must_use]
    pub fn of(canary: CanaryId) -> Self {
        Self::new(canary, None, None)
    }

    /// A further resource of a canary, as in `service_account.ci/token`.
    #[must_use]
    pub fn part_of(canary: CanaryId, part: &str) -> Self {
        Self::new(canary, Some(part), None)
    }

    /// This resource as a retired one of that generation.
    #[must_use]
    pub fn retired_as(&self, generation: u32) -> Self {
        Self::new(self.0.canary.clone(), self.part(), Some(generation))
    }

    /// The canary that this resource belongs to.
    #[must_use]
    pub fn canary(&self) -> &CanaryId {
        &self.0.canary
    }

    /// Which part of the canary this is; `None` for the main one.
    #[must_use]
    pub fn part(&self) -> Option<&str> {
        self.0.part.as_deref()
    }

    /// The generation, when this names a retired resource.
    #[must_use]
    pub fn retired(&self) -> Option<u32> {
        self.0.retired
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        let order = self.0.order.cmp(&other.0.order);
        order.then_with(|| self.0.retired.cmp(&other.0.retired))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.order, self.0.retired).hash(state);
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.canary)?;
        if let Some(part) = &self.0.part {
            write!(f, "/{part}")?;
        }
        if let Some(generation) = self.0.retired {
            write!(f, "@{generation}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address: expected KIND.LABEL, as in secret.payments-db")]
pub struct AddressError {
    /// The text as given.
    pub text: String,
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl FromStr for CanaryId {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refused = || AddressError { text: text.into() };
        let (kind, label) = text.split_once('.').ok_or_else(refused)?;
        if !is_word(kind) || !is_word(label) {
            return Err(refused());
        }
        Ok(Self::new(kind, label))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refused = || AddressError { text: text.into() };
        let (rest, retired) = match text.split_once('@') {
            Some((rest, generation)) => (
                rest,
                Some(generation.parse::<u32>().map_err(|_| refused())?),
            ),
            None => (text, None),
        };
        let (canary, part) = match rest.split_once('/') {
            Some((canary, part)) if is_word(part) => (canary, Some(part)),
            Some(_) => return Err(refused()),
            None => (rest, None),
        };
        let canary = canary.parse().map_err(|_| refused())?;
        Ok(Self::new(canary, part, retired))
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(CanaryId);
as_text!(Address);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_is_read_back() {
        for text in [
            "secret.payments-db",
            "service_account.ci/token",
            "service_account.ci@3",
            "service_account.ci/token@1",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn addresses_are_in_the_order_of_their_parts() {
        let texts = [
            "secret.a",
            "secret.a@1",
            "secret.a@2",
            "secret.a/token",
            "secret.a/token@1",
            "secret.a-b",
            "secret.ab",
            "secret-x.a",
        ];
        let addresses = texts.map(|text| text.parse::<Address>().unwrap());
        assert!(addresses.is_sorted());
        assert!(
            addresses
                .iter()
                .all(|one| one.to_string().parse() == Ok(one.clone()))
        );
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for text in [
            "",
            "secret",
            "secret.",
            ".x",
            "secret.a b",
            "secret.a/",
            "secret.a@x",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error.text, text);
        }
    }
}
