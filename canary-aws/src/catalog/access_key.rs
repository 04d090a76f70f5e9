//! Access keys: what a user's are called here, and what they give.

use std::collections::BTreeSet;

use canary_core::catalog::AccessKey;
use canary_core::config::{Canary, Config};
use canary_core::graph::{Address, Handle, Input, Resource};

use super::aws::{placed, region};
use super::handles::ACCESS_KEY;

/// As many keys may a user have (IAM's quota AccessKeysPerUser, which cannot be raised).
pub(super) const MOST: usize = 2;

/// The output that is the key's identifier.
pub(crate) const ID: &str = "access_key_id";
/// The output that is its secret.
pub(crate) const SECRET: &str = "secret_access_key";

/// How many keys a user is declared to have.
pub(super) fn count(canary: &Canary) -> u32 {
    let keys = canary.table.integer("keys").unwrap_or(1);
    u32::try_from(keys).unwrap_or_default()
}

/// The part of the canary that a key is.
fn part(number: u32) -> String {
    match number {
        1 => "key".to_owned(),
        number => format!("key{number}"),
    }
}

/// The key of a canary that others can hold.
pub(super) fn given(canary: &Canary, number: u32, config: &Config) -> Option<AccessKey> {
    let has = canary.id.kind() == "iam_user" && (1..=count(canary)).contains(&number);
    has.then(|| AccessKey {
        of: Address::part_of(canary.id.clone(), &part(number)),
        id: ID,
        secret: SECRET,
        region: region(canary, config).to_owned(),
    })
}

/// A user's keys, one after another: IAM's quota is not kept where they are made at the same time.
pub(super) fn of_user(canary: &Canary, user: &Handle, after: &BTreeSet<Address>) -> Vec<Resource> {
    let mut before = after.clone();
    let mut keys = Vec::new();
    for number in 1..=count(canary) {
        // AWS names it when it is made; until then and beside that it is known by the generation that it is of.
        let name = match number {
            1 => canary.generation.to_string(),
            number => format!("{}.{number}", canary.generation),
        };
        let address = Address::part_of(canary.id.clone(), &part(number));
        let handle = Handle::scoped(ACCESS_KEY, &user.name, &name);
        let mut key = placed(address.clone(), handle, canary.generation);
        key.active = true;
        key.after.clone_from(&before);
        key.fields
            .insert("status".into(), Input::Public("Active".into()));
        before.insert(address);
        keys.push(key);
    }
    keys
}
