//! `[service_account.…]`: an account without rights, and its token.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::disguise::Filler;
use canary_core::graph::{Address, Handle, Input, Resource};
use canary_core::observe::Seen;

use super::kubernetes::{named, placed, wrong};
use super::templates;

/// The kind of a token that is issued on request. It leaves no object.
pub(super) const TOKEN: &str = "Token";

/// The form of the account's token: `bound`, `legacy` or `none`.
pub(super) fn form(canary: &Canary) -> &str {
    canary.table.text("token").unwrap_or("bound")
}

/// The address of the account's token.
pub(super) fn token_address(canary: &Canary) -> Address {
    Address::part_of(canary.id.clone(), "token")
}

/// The account's name.
pub(super) fn handle(canary: &Canary, cx: &Lowering<'_>) -> Result<Handle, Vec<LowerError>> {
    named(
        canary,
        "ServiceAccount",
        None,
        &templates::style("service_account"),
        cx,
    )
}

/// The account, and its token.
pub(super) fn lower(canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
    let handle = handle(canary, cx)?;
    at(canary, handle, cx)
}

/// The same under a given name.
pub(super) fn at(
    canary: &Canary,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Vec<Resource>, Vec<LowerError>> {
    let expiry = canary.table.duration("expiry").unwrap_or(YEAR);
    if let Some(error) = too_short_or_long(canary, expiry) {
        return Err(vec![error]);
    }
    if form(canary) == "legacy" && handle.name.len() + TOKEN_ENDING > LONGEST_NAME {
        return Err(vec![wrong(
            canary,
            "name",
            "it is too long for an account with a token Secret, whose name is longer by 12",
            Some("a shorter name, or leave `token` out"),
        )]);
    }
    let mut account = placed(canary, Address::of(canary.id.clone()), handle.clone(), cx);
    account.fields.insert(
        "automountServiceAccountToken".into(),
        Input::Public("false".into()),
    );
    let token = match form(canary) {
        "bound" => Some(bound(canary, &account, &handle, expiry)),
        "legacy" => Some(legacy(canary, &account, &handle, cx)),
        _ => None,
    };
    Ok([account].into_iter().chain(token).collect())
}

/// Whether no token can be asked to live that long.
pub(super) fn too_short_or_long(canary: &Canary, expiry: Duration) -> Option<LowerError> {
    let message = "a token cannot be asked to live that long";
    let help = "from 10m to 49710d, as the API server has it";
    let fits = (SHORTEST..=LONGEST).contains(&expiry);
    (!fits).then(|| wrong(canary, "expiry", message, Some(help)))
}

/// What the name of a token Secret has behind the account's: `-token-` and five letters.
const TOKEN_ENDING: usize = 12;
/// Of a Secret (`IsDNS1123Subdomain`).
const LONGEST_NAME: usize = 253;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// The API server refuses less (`TokenRequest` validation).
const SHORTEST: Duration = Duration::from_secs(600);
/// The API server refuses more than 2^32 seconds.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

fn bound(canary: &Canary, account: &Resource, handle: &Handle, expiry: Duration) -> Resource {
    let mut token = account.clone();
    token.address = token_address(canary);
    token.handle = Handle {
        kind: TOKEN.into(),
        ..handle.clone()
    };
    token.written = None;
    token.active = true;
    token.fields.clear();
    token.fields.insert(
        "expirationSeconds".into(),
        Input::Public(expiry.as_secs().to_string()),
    );
    token
        .fields
        .insert("account".into(), Input::output(&account.address, "uid"));
    token
}

/// Whether these are the fields of a token Secret like this one.
pub(super) fn is_token_secret(resource: &Resource, fields: &BTreeMap<String, Seen>) -> bool {
    let same = |name: &str| match (resource.fields.get(name), fields.get(name)) {
        (Some(Input::Public(wanted)), Some(Seen::Public(seen))) => wanted == seen,
        _ => false,
    };
    same("type") && same(ACCOUNT_NAME)
}

/// The annotation that says whose token it is.
const ACCOUNT_NAME: &str = "metadata.annotations.kubernetes.io/service-account.name";

/// The letters of names that Kubernetes generates: none that make words.
const GENERATED: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

fn legacy(canary: &Canary, account: &Resource, handle: &Handle, cx: &Lowering<'_>) -> Resource {
    let filler = Filler::new(cx.keys, handle, canary.generation);
    let ending: String = filler
        .bytes("token name", 5)
        .iter()
        .map(|byte| char::from(GENERATED[usize::from(*byte) % GENERATED.len()]))
        .collect();
    let name = format!("{}-token-{ending}", handle.name);
    let secret = Handle {
        kind: "Secret".into(),
        name,
        ..handle.clone()
    };
    let mut token = placed(canary, token_address(canary), secret, cx);
    token.active = true;
    token.after = BTreeSet::from([account.address.clone()]);
    token.fields.insert(
        "type".into(),
        Input::Public("kubernetes.io/service-account-token".into()),
    );
    token
        .fields
        .insert(ACCOUNT_NAME.into(), Input::Public(handle.name.clone()));
    token
}
