//! The account as somebody else sees and changes it, and what its own log says of us.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use canary_core::ledger::{Ledger, OutputValue};
use serde_json::Value;

use super::notes::{ID, SECRET};
use super::{Life, REGION};

/// A key: its identifier, and whether it works.
pub(crate) type KeyState = (String, bool);

impl Life {
    /// Somebody else who may do everything.
    pub(crate) async fn somebody(&self) -> aws_sdk_iam::Client {
        let keys = &self.somebody;
        let config = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(self.sandbox.endpoint())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(
                &keys.id,
                keys.secret_text(),
                None,
                None,
                "test",
            ))
            .retry_config(RetryConfig::disabled())
            .load()
            .await;
        aws_sdk_iam::Client::new(&config)
    }

    /// A user's keys, in the order of the account's list.
    pub(crate) async fn keys_of(&self, user: &str) -> Vec<KeyState> {
        let iam = self.somebody().await;
        // Where belief is late it is asked for often enough.
        for _ in 0..3 {
            drop(iam.list_access_keys().user_name(user).send().await);
        }
        let listed = iam.list_access_keys().user_name(user).send().await;
        let keys = listed.map(|page| page.access_key_metadata().to_vec());
        let state = |key: &aws_sdk_iam::types::AccessKeyMetadata| {
            let id = key.access_key_id().unwrap().to_owned();
            (id, key.status().unwrap().as_str() == "Active")
        };
        keys.unwrap_or_default().iter().map(state).collect()
    }

    /// The key that a note holds.
    pub(crate) fn noted(&self, label: &str) -> Option<(String, Vec<u8>)> {
        let things = self.world.things();
        let (_, note) = things.iter().find(|(handle, _)| handle.name == label)?;
        let id = String::from_utf8(note.fields[ID].expose().to_vec()).unwrap();
        Some((id, note.fields[SECRET].expose().to_vec()))
    }

    /// What we did to the account and was done, by its own log: name of the event and what it was about.
    pub(crate) fn ours_in_log(&self) -> Vec<(String, String)> {
        let mut events = self.sandbox.events();
        events.retain(|event| {
            event["userIdentity"]["accessKeyId"] == self.keys.id.as_str()
                && event["readOnly"] == false
                && event["errorCode"].is_null()
        });
        let about = |event: &Value| {
            let parameters = &event["requestParameters"];
            let name = ["userName", "roleName"]
                .iter()
                .find_map(|name| parameters[*name].as_str());
            (
                event["eventName"].as_str().unwrap().to_owned(),
                name.unwrap_or_default().to_owned(),
            )
        };
        events.iter().map(about).collect()
    }

    /// The most keys that any user had at any moment, by the account's log.
    pub(crate) fn most_keys(&self) -> usize {
        let mut there: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut most = 0;
        for event in self.sandbox.events() {
            if !event["errorCode"].is_null() {
                continue;
            }
            let user = event["requestParameters"]["userName"]
                .as_str()
                .unwrap_or_default();
            let keys = there.entry(user.to_owned()).or_default();
            match event["eventName"].as_str() {
                Some("CreateAccessKey") => {
                    let id = &event["responseElements"]["accessKey"]["accessKeyId"];
                    keys.insert(id.as_str().unwrap().to_owned());
                }
                Some("DeleteAccessKey") => {
                    keys.remove(event["requestParameters"]["accessKeyId"].as_str().unwrap());
                }
                _ => {}
            }
            most = most.max(keys.len());
        }
        most
    }

    /// Nothing but these was touched by us.
    pub(crate) fn touched_only(&self, names: &[&str]) {
        for (event, name) in self.ours_in_log() {
            assert!(names.contains(&name.as_str()), "{event} of {name}");
        }
    }

    /// Every key of a user that we may have made is in the ledger, and what a note holds is alive.
    pub(crate) async fn keys_are_owned(&self, user: &str, note: Option<&str>, strangers: &[&str]) {
        let ledger = self.ledger().await;
        let owned = owned(&ledger);
        let keys = self.keys_of(user).await;
        for (id, _) in &keys {
            assert!(
                owned.contains_key(id) || strangers.contains(&id.as_str()),
                "{id} is nobody's:\n{}",
                self.told()
            );
        }
        assert!(ledger.open.is_empty(), "open: {:#?}", ledger.open);
        let Some(note) = note else { return };
        let (id, secret) = self.noted(note).unwrap();
        assert!(
            keys.contains(&(id.clone(), true)),
            "the note's {id} is dead: {keys:?}"
        );
        assert_eq!(
            owned[&id].as_deref(),
            Some(secret.as_slice()),
            "the secret of {id}"
        );
    }

    /// The secrets that the ledger has, today's and before.
    pub(crate) async fn secrets(&self) -> Vec<Vec<u8>> {
        owned(&self.ledger().await)
            .into_values()
            .flatten()
            .collect()
    }
}

/// The keys of the ledger, with their secrets.
fn owned(ledger: &Ledger) -> BTreeMap<String, Option<Vec<u8>>> {
    let keys = ledger
        .records
        .values()
        .filter(|record| record.handle.kind == "AccessKey");
    keys.map(|record| {
        let secret = record.outputs.get("secret_access_key");
        let secret = secret.map(OutputValue::expose).map(<[u8]>::to_vec);
        (record.version.clone().unwrap().uid, secret)
    })
    .collect()
}
