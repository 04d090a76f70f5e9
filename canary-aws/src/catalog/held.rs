//! The access key that a canary holds of another.

use canary_core::catalog::{AccessKey, LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::graph::{Input, Piece};

use super::aws::wrong;

/// The template that holds one.
pub(super) const WITH_KEY: &str = "aws-credentials";

/// The access key that it holds.
pub(super) fn key(
    canary: &Canary,
    cx: &Lowering<'_>,
) -> Result<Option<AccessKey>, Vec<LowerError>> {
    let refused =
        |field: &str, message: &str, help: &str| vec![wrong(canary, field, message, Some(help))];
    let holds = canary.table.text("template") == Some(WITH_KEY);
    let number = canary.table.integer("key");
    let of = match (canary.table.canary("of"), holds) {
        (Some(of), true) => of,
        (Some(_), false) => {
            let help = "`of` goes with template = \"aws-credentials\"";
            return Err(refused("of", "nothing in it holds a key", help));
        }
        (None, true) => {
            let help = "of = \"iam_user.NAME\" says whose key it holds";
            return Err(refused(
                "template",
                "these credentials need an access key",
                help,
            ));
        }
        (None, false) if number.is_some() => {
            let help = "`of` says whose key it is";
            return Err(refused("key", "it holds no access key", help));
        }
        (None, false) => return Ok(None),
    };
    let number = number.map_or(Some(1), |number| u32::try_from(number).ok());
    let key = number.and_then(|number| cx.access_key(of, number));
    key.map(Some).ok_or_else(|| {
        let help = "`keys` there says how many it has";
        refused("of", "that canary gives no such access key", help)
    })
}

/// An access key within a text.
pub(super) fn within(key: &AccessKey, before: &str, between: &str, after: &str) -> Input {
    let output = |name: &str| Piece::Output {
        of: key.of.clone(),
        name: name.to_owned(),
    };
    Input::Join(vec![
        Piece::Known(before.into()),
        output(key.id),
        Piece::Known(between.into()),
        output(key.secret),
        Piece::Known(after.into()),
    ])
}
