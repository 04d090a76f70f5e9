//! A parameter as it is told without its value. Pure.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::ParameterMetadata;
use canary_core::observe::{Object, Seen, Version};
use jiff::Timestamp;

use super::principal::moment;

/// The key that SecureStrings are encrypted under where none is named.
pub(crate) const DEFAULT_KEY: &str = "alias/aws/ssm";

/// An answer to a write bears no date. It was written when the answer came, up to the time that the answer took: no call
/// takes longer than half a minute.
const ANSWER: i64 = 60;

/// What is told of a parameter without its value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// Counts its writes, from 1.
    pub(crate) version: i64,
    pub(crate) modified: Option<Timestamp>,
    pub(super) kind: String,
    pub(super) tier: String,
    pub(crate) description: Option<String>,
    pub(super) key: Option<String>,
}

impl Parameter {
    pub(super) fn of(told: &ParameterMetadata) -> Self {
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            name: told.name().unwrap_or_default().to_owned(),
            version: told.version(),
            modified: moment(told.last_modified_date()),
            kind: told
                .r#type()
                .map(|kind| kind.as_str().to_owned())
                .unwrap_or_default(),
            tier: told
                .tier()
                .map(|tier| tier.as_str().to_owned())
                .unwrap_or_default(),
            description: text(told.description()),
            key: text(told.key_id()).filter(|key| key != DEFAULT_KEY),
        }
    }

    /// Which parameter it is and in which state. SSM gives no identifier and no date of creation: that one was deleted and
    /// another made is told where its count went back, or is the same with another date. One that has been written more often
    /// than ours cannot be told from ours that was written outside.
    pub(crate) fn version(&self, arn: &str, known: Option<&Version>) -> Version {
        let modified = self.modified.map(Timestamp::as_second);
        let is_ours =
            |known: &&Version| known.uid == arn || known.uid.starts_with(&format!("{arn} "));
        if let Some(known) = known.filter(is_ours)
            && let Some((version, at)) = counted(known)
        {
            let differs = |at: i64| modified.is_some_and(|now| (now - at).abs() > ANSWER);
            match self.version.cmp(&version) {
                std::cmp::Ordering::Equal if !differs(at) => return known.clone(),
                std::cmp::Ordering::Greater => {
                    return revision(&known.uid, self.version, modified.unwrap_or(at));
                }
                std::cmp::Ordering::Equal | std::cmp::Ordering::Less => {
                    let since = modified.unwrap_or_default();
                    return revision(&format!("{arn} {since}"), self.version, since);
                }
            }
        }
        revision(arn, self.version, modified.unwrap_or_default())
    }

    /// All but tags and value.
    pub(super) fn fields(&self) -> BTreeMap<String, Seen> {
        let public = |text: &str| Seen::Public(text.to_owned());
        let mut fields = BTreeMap::from([
            ("type".to_owned(), public(&self.kind)),
            ("tier".to_owned(), public(&self.tier)),
        ]);
        for (name, value) in [("description", &self.description), ("key_id", &self.key)] {
            if let Some(value) = value {
                fields.insert(name.into(), public(value));
            }
        }
        fields
    }

    pub(crate) fn object(&self, version: Version) -> Object {
        Object {
            // Its first writing made it.
            created: self.modified.filter(|_| self.version == 1),
            ..Object::of(version)
        }
    }
}

/// The version of a parameter that has been written so often, last at that second.
pub(crate) fn revision(uid: &str, version: i64, at: i64) -> Version {
    Version {
        uid: uid.to_owned(),
        revision: format!("{version} {at}"),
    }
}

fn counted(known: &Version) -> Option<(i64, i64)> {
    let (version, at) = known.revision.split_once(' ')?;
    Some((version.parse().ok()?, at.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ssm:eu-west-1:123456789012:parameter/db";

    fn at(version: i64, second: i64) -> Parameter {
        Parameter {
            version,
            modified: Timestamp::from_second(second).ok(),
            ..Parameter::default()
        }
    }

    #[test]
    fn a_parameter_that_was_made_anew_is_another_where_that_can_be_told() {
        let ours = revision(ARN, 3, 1000);
        // The date of an answer is not that of the write.
        assert_eq!(at(3, 1002).version(ARN, Some(&ours)), ours);
        let written = at(4, 5000).version(ARN, Some(&ours));
        assert!(written.uid == ours.uid && written.revision != ours.revision);
        for anew in [at(3, 5000), at(1, 5000)] {
            assert_ne!(anew.version(ARN, Some(&ours)).uid, ours.uid);
        }
        // One that was adopted after it was made anew stays itself.
        let adopted = at(1, 5000).version(ARN, Some(&ours));
        assert_eq!(at(1, 5000).version(ARN, Some(&adopted)), adopted);
        assert_eq!(at(2, 6000).version(ARN, Some(&adopted)).uid, adopted.uid);
    }
}
