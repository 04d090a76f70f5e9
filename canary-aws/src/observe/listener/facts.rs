//! What trails tell about themselves, as it stands with their objects: for notes, which see no services. Pure.

use std::collections::BTreeMap;

use aws_sdk_cloudtrail::types::{AdvancedEventSelector, EventSelector, ReadWriteType};
use canary_core::observe::{Observed, Scope};

use crate::catalog::TRAIL;
use crate::provider;

/// What a trail logs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct TrailFacts {
    /// Where it is at home.
    pub(crate) region: String,
    /// Whether it logs every region.
    pub(crate) is_everywhere: bool,
    /// Whether the rest could be looked at.
    pub(crate) is_known: bool,
    pub(crate) is_logging: bool,
    /// Whether it logs management events that read.
    pub(crate) reads: bool,
    /// Whether it logs management events that change something.
    pub(crate) writes: bool,
    /// What the ARNs of S3 objects begin with whose reads it logs.
    pub(crate) objects: Vec<String>,
}

impl TrailFacts {
    /// Whether it logs reads of an object.
    pub(crate) fn takes(&self, bucket: &str, key: &str) -> bool {
        let path = format!(":s3:::{bucket}/{key}");
        self.objects.iter().any(|begin| {
            // `arn:aws:s3` is every bucket; a partition stands before what is compared.
            let rest = begin.splitn(3, ':').nth(2).unwrap_or_default();
            format!(":{rest}").len() <= path.len() && path.starts_with(&format!(":{rest}"))
        })
    }

    /// As it stands with the trail's object.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        if !self.is_known {
            return BTreeMap::new();
        }
        let mut all = BTreeMap::new();
        let mut fact = |name: &str, value: String| all.insert(name.to_owned(), value);
        fact("everywhere", self.is_everywhere.to_string());
        fact("logging", self.is_logging.to_string());
        fact("reads", self.reads.to_string());
        fact("writes", self.writes.to_string());
        fact("objects", self.objects.join(" "));
        all
    }

    /// Adds what the older form of selectors says.
    pub(super) fn with_plain(mut self, selectors: &[EventSelector]) -> Self {
        for selector in selectors {
            let kind = selector.read_write_type().unwrap_or(&ReadWriteType::All);
            let reads = *kind != ReadWriteType::WriteOnly;
            if selector.include_management_events().unwrap_or(true) {
                self.reads |= reads;
                self.writes |= *kind != ReadWriteType::ReadOnly;
            }
            let objects = selector.data_resources().iter();
            let objects = objects.filter(|data| reads && data.r#type() == Some(OBJECTS));
            self.objects
                .extend(objects.flat_map(|data| data.values().iter().cloned()));
        }
        self
    }

    /// Adds what the newer form of selectors says.
    pub(super) fn with_advanced(mut self, selectors: &[AdvancedEventSelector]) -> Self {
        for selector in selectors {
            let of = |name: &str| {
                let fields = selector.field_selectors().iter();
                fields
                    .filter(|field| field.field() == name)
                    .collect::<Vec<_>>()
            };
            let is = |name: &str, value: &str| {
                of(name)
                    .iter()
                    .any(|field| field.equals().iter().any(|text| text == value))
            };
            let narrowed = of("readOnly");
            let reads = narrowed.is_empty() || is("readOnly", "true");
            let writes = narrowed.is_empty() || is("readOnly", "false");
            if is("eventCategory", "Management") {
                self.reads |= reads;
                self.writes |= writes;
            }
            if !is("eventCategory", "Data") || !is("resources.type", OBJECTS) || !reads {
                continue;
            }
            // What narrows it otherwise may leave out a read: it is not counted on.
            let known = [
                "eventCategory",
                "resources.type",
                "resources.ARN",
                "readOnly",
            ];
            let mut fields = selector.field_selectors().iter();
            if fields.any(|field| !known.contains(&field.field())) {
                continue;
            }
            let arns = of("resources.ARN");
            if arns.is_empty() {
                self.objects.push("arn:aws:s3".into());
            }
            for field in arns {
                let is_narrowed = !field.not_equals().is_empty()
                    || !field.not_starts_with().is_empty()
                    || !field.ends_with().is_empty()
                    || !field.not_ends_with().is_empty();
                if !is_narrowed {
                    self.objects.extend(field.starts_with().iter().cloned());
                    self.objects.extend(field.equals().iter().cloned());
                }
            }
        }
        self
    }
}

const OBJECTS: &str = "AWS::S3::Object";

/// What is known of every trail that was seen.
pub(crate) fn trails(observed: &Observed) -> Vec<TrailFacts> {
    let objects = observed.objects.get(&provider()).into_iter().flatten();
    objects
        .filter(|(handle, _)| handle.kind == TRAIL)
        .map(|(handle, object)| {
            let is = |name: &str| {
                object
                    .metadata
                    .get(name)
                    .is_some_and(|value| value == "true")
            };
            let objects = object.metadata.get("objects");
            let objects = objects.into_iter().flat_map(|all| all.split_whitespace());
            TrailFacts {
                region: Scope::of(handle).scope.unwrap_or_default(),
                is_everywhere: is("everywhere"),
                is_known: object.metadata.contains_key("logging"),
                is_logging: is("logging"),
                reads: is("reads"),
                writes: is("writes"),
                objects: objects.map(str::to_owned).collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudtrail::types::{AdvancedFieldSelector, DataResource};

    fn plain(kind: ReadWriteType, management: bool, values: &[&str]) -> EventSelector {
        let data = DataResource::builder().r#type(OBJECTS);
        let data = values.iter().fold(data, |data, value| data.values(*value));
        EventSelector::builder()
            .read_write_type(kind)
            .include_management_events(management)
            .data_resources(data.build())
            .build()
    }

    fn field(name: &str, equals: &[&str], starts: &[&str]) -> AdvancedFieldSelector {
        let field = AdvancedFieldSelector::builder().field(name);
        let field = equals
            .iter()
            .fold(field, |field, value| field.equals(*value));
        let field = starts
            .iter()
            .fold(field, |field, value| field.starts_with(*value));
        field.build().unwrap()
    }

    #[test]
    fn a_bucket_is_taken_by_its_own_name_by_a_beginning_and_by_all() {
        let takes = |value: &str, bucket: &str, key: &str| {
            let facts =
                TrailFacts::default().with_plain(&[plain(ReadWriteType::All, true, &[value])]);
            facts.takes(bucket, key)
        };
        assert!(takes("arn:aws:s3", "logs", "a"));
        assert!(takes("arn:aws:s3:::logs/", "logs", "a"));
        assert!(takes("arn:aws:s3:::logs/a", "logs", "a/b"));
        assert!(!takes("arn:aws:s3:::logs/b", "logs", "a"));
        assert!(!takes("arn:aws:s3:::log/", "logs", "a"));
    }

    #[test]
    fn selectors_tell_reads_from_writes() {
        let writes = TrailFacts::default().with_plain(&[plain(
            ReadWriteType::WriteOnly,
            true,
            &["arn:aws:s3:::logs/"],
        )]);
        assert!(writes.writes && !writes.reads && !writes.takes("logs", "a"));
        let only_data = TrailFacts::default().with_plain(&[plain(ReadWriteType::All, false, &[])]);
        assert!(!only_data.writes && !only_data.reads);
    }

    #[test]
    fn what_narrows_a_newer_selector_is_not_counted_on() {
        let selector = |more: Option<AdvancedFieldSelector>| {
            let all = [
                field("eventCategory", &["Data"], &[]),
                field("resources.type", &[OBJECTS], &[]),
            ];
            let builder = AdvancedEventSelector::builder();
            let builder = all
                .into_iter()
                .chain(more)
                .fold(builder, |builder, field| builder.field_selectors(field));
            TrailFacts::default().with_advanced(&[builder.build().unwrap()])
        };
        assert!(selector(None).takes("any", "a"));
        assert!(!selector(Some(field("eventName", &["PutObject"], &[]))).takes("any", "a"));
        let some = selector(Some(field("resources.ARN", &[], &["arn:aws:s3:::logs/"])));
        assert!(some.takes("logs", "a") && !some.takes("any", "a"));
        assert!(!selector(Some(field("readOnly", &["false"], &[]))).takes("any", "a"));
    }
}
