//! The recorded form of an [`Observed`]: JSON with a version, digests instead of secrets.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Gap, Grant, Object, Observed, Scope, Site};
use crate::graph::{Handle, ProviderId};

/// The version written. A reader refuses what is newer. 2 has grants.
const FORMAT: u32 = 2;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// Not our JSON.
    #[error("this is not a recorded observation")]
    Syntax(#[source] serde_json::Error),
    /// Written by a newer program.
    #[error("the recording has version {found}, and this program reads up to {FORMAT}")]
    Newer {
        /// Its version.
        found: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct File {
    format_version: u32,
    at: Timestamp,
    sites: BTreeMap<ProviderId, Site>,
    objects: Vec<Row>,
    listed: BTreeMap<ProviderId, BTreeSet<Scope>>,
    absent: BTreeMap<ProviderId, BTreeSet<Handle>>,
    #[serde(default)]
    grants: BTreeMap<ProviderId, BTreeSet<Grant>>,
    gaps: Vec<Gap>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    provider: ProviderId,
    handle: Handle,
    #[serde(flatten)]
    object: Object,
}

#[derive(Deserialize)]
struct Head {
    format_version: u32,
}

/// Writes the recorded form. The same observation gives the same bytes.
///
/// # Errors
/// None in practice: everything in an [`Observed`] has a JSON form.
pub fn write_recorded(observed: &Observed) -> Result<Vec<u8>, RecordedError> {
    let objects = observed
        .objects
        .iter()
        .flat_map(|(provider, objects)| objects.iter().map(move |(h, o)| (provider, h, o)))
        .map(|(provider, handle, object)| Row {
            provider: provider.clone(),
            handle: handle.clone(),
            object: object.clone(),
        })
        .collect();
    let file = File {
        format_version: FORMAT,
        at: observed.at,
        sites: observed.sites.clone(),
        objects,
        listed: observed.listed.clone(),
        absent: observed.absent.clone(),
        grants: observed.grants.clone(),
        gaps: observed.gaps.clone(),
    };
    serde_json::to_vec_pretty(&file).map_err(RecordedError::Syntax)
}

/// Reads the recorded form.
///
/// # Errors
/// When it is not ours or is newer than this program.
pub fn read_recorded(bytes: &[u8]) -> Result<Observed, RecordedError> {
    let head: Head = serde_json::from_slice(bytes).map_err(RecordedError::Syntax)?;
    if head.format_version > FORMAT {
        return Err(RecordedError::Newer {
            found: head.format_version,
        });
    }
    let file: File = serde_json::from_slice(bytes).map_err(RecordedError::Syntax)?;
    let mut observed = Observed {
        at: file.at,
        sites: file.sites,
        listed: file.listed,
        absent: file.absent,
        grants: file.grants,
        gaps: file.gaps,
        ..Observed::default()
    };
    for row in file.objects {
        observed
            .objects
            .entry(row.provider)
            .or_default()
            .insert(row.handle, row.object);
    }
    Ok(observed)
}

#[cfg(test)]
mod tests {
    use super::super::{Given, Grantee, Rule};
    use super::*;

    #[test]
    fn a_recording_is_read_back_as_it_was() {
        let provider = ProviderId::new("kubernetes");
        let mut observed = Observed {
            at: "2026-11-01T00:00:00Z".parse().unwrap(),
            ..Observed::default()
        };
        let object = Object {
            metadata: BTreeMap::from([("metadata.labels.app".into(), "db".into())]),
            ..Object::of(super::super::Version {
                uid: "u".into(),
                revision: "1".into(),
            })
        };
        observed
            .objects
            .entry(provider.clone())
            .or_default()
            .insert(Handle::scoped("Secret", "a", "b"), object);
        let grant = Grant {
            by: Handle::scoped("RoleBinding", "a", "b"),
            role: Handle::scoped("Role", "a", "r"),
            to: BTreeSet::from([Grantee::Group("g".into())]),
            scope: Some("a".into()),
            given: Given::Rules(BTreeSet::from([Rule {
                verbs: BTreeSet::from(["get".into()]),
                ..Rule::default()
            }])),
        };
        observed
            .grants
            .insert(provider.clone(), BTreeSet::from([grant]));
        let bytes = write_recorded(&observed).unwrap();
        assert_eq!(read_recorded(&bytes).unwrap(), observed);
    }

    #[test]
    fn a_recording_of_before_grants_says_nothing_of_them() {
        let old =
            br#"{"format_version": 1, "at": "2026-11-01T00:00:00Z", "sites": {}, "objects": [],
                       "listed": {}, "absent": {}, "gaps": []}"#;
        assert_eq!(read_recorded(old).unwrap().grants, BTreeMap::new());
    }

    #[test]
    fn a_newer_recording_is_refused_by_its_version() {
        let error = read_recorded(br#"{"format_version": 99}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the recording has version 99, and this program reads up to 2"
        );
    }
}
