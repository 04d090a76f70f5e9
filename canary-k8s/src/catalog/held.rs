//! What a Secret or ConfigMap holds of another canary: the token of an account, or an access key.

use canary_core::catalog::{AccessKey, LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::graph::Address;

use super::kubernetes::wrong;
use super::service_account;

/// Templates that can hold an access key.
const WITH_KEY: [&str; 2] = ["aws-credentials", "env-file"];

fn refused(canary: &Canary, field: &str, message: &str, help: &str) -> Vec<LowerError> {
    vec![wrong(canary, field, message, Some(help))]
}

/// The resource whose token a kubeconfig holds, and the account's name.
pub(super) fn token(
    canary: &Canary,
    cx: &Lowering<'_>,
) -> Result<Option<(Address, String)>, Vec<LowerError>> {
    if canary.table.text("template") != Some("kubeconfig") {
        return Ok(None);
    }
    let help = "of = \"service_account.NAME\" says whose token it holds";
    let Some(of) = canary.table.canary("of") else {
        return Err(refused(
            canary,
            "template",
            "a kubeconfig needs an account",
            help,
        ));
    };
    if of.kind() != "service_account" {
        return Err(refused(
            canary,
            "of",
            "a kubeconfig holds the token of an account",
            help,
        ));
    }
    let Some(account) = cx.config.canaries.get(of) else {
        return Err(vec![wrong(canary, "of", "there is no such canary", None)]);
    };
    if service_account::form(account) == "none" {
        let help = "leave `token` out there, or say \"legacy\"";
        return Err(refused(canary, "of", "that account has no token", help));
    }
    let handle = service_account::handle(account, cx)?;
    Ok(Some((service_account::token_address(account), handle.name)))
}

/// The access key that it holds.
pub(super) fn key(
    canary: &Canary,
    cx: &Lowering<'_>,
) -> Result<Option<AccessKey>, Vec<LowerError>> {
    let template = canary.table.text("template").unwrap_or_default();
    let number = canary.table.integer("key");
    let of = match canary.table.canary("of") {
        Some(of) if WITH_KEY.contains(&template) => of,
        Some(_) if template == "kubeconfig" => return Ok(None),
        Some(_) => {
            let help =
                "`of` goes with template = \"kubeconfig\", \"aws-credentials\" or \"env-file\"";
            return Err(refused(
                canary,
                "of",
                "nothing in it holds anything of another",
                help,
            ));
        }
        None if template == "aws-credentials" => {
            let help = "of = \"iam_user.NAME\" says whose key it holds";
            return Err(refused(
                canary,
                "template",
                "these credentials need an access key",
                help,
            ));
        }
        None if number.is_some() => {
            let help = "`of` says whose key it is";
            return Err(refused(canary, "key", "it holds no access key", help));
        }
        None => return Ok(None),
    };
    let number = number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(1);
    cx.access_key(of, number).map(Some).ok_or_else(|| {
        let help = "`keys` there says how many it has";
        refused(canary, "of", "that canary gives no such access key", help)
    })
}
