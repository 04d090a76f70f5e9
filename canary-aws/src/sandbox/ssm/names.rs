//! Names of parameters.

use crate::sandbox::call::Call;
use crate::sandbox::failure::Failure;

/// Levels of a name.
const LEVELS: usize = 15;

/// The name of a parameter that is to be made.
pub(super) fn new<'a>(call: &Call<'a>) -> Result<&'a str, Failure> {
    let name = call.required("Name")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
    if name.len() > 2048 || !name.bytes().all(plain) {
        return Err(call.invalid("Parameter name: can only include the following: a-zA-Z0-9_.-/"));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(call.invalid("Parameter name must be a fully qualified name."));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(call.invalid("Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"));
    }
    if name.ends_with('/') || name.contains("//") {
        return Err(call.invalid("Parameter name must not end with a slash or have empty levels."));
    }
    if name.split('/').filter(|level| !level.is_empty()).count() > LEVELS {
        return Err(Failure::bad(
            "HierarchyLevelLimitExceededException",
            "A hierarchy can have a maximum of 15 levels.",
        ));
    }
    Ok(name)
}

/// A parameter as it is asked for: by name or ARN, and by version or label behind a colon.
pub(super) struct Reference<'a> {
    pub(super) name: String,
    pub(super) selector: Option<&'a str>,
}

/// Reads a reference.
pub(super) fn reference(text: &str) -> Reference<'_> {
    let (rest, in_arn) = match text.strip_prefix("arn:") {
        Some(arn) => (arn.splitn(5, ':').nth(4).unwrap_or_default(), true),
        None => (text, false),
    };
    let (name, selector) = match rest.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (rest, None),
    };
    let name = match name.strip_prefix("parameter/") {
        // A name without slashes has none in its ARN either.
        Some(below) if in_arn && below.contains('/') => format!("/{below}"),
        Some(below) if in_arn => below.to_owned(),
        _ => name.to_owned(),
    };
    Reference { name, selector }
}

/// The ARN of a parameter.
pub(super) fn arn(call: &Call<'_>, name: &str) -> String {
    format!(
        "arn:aws:ssm:{}:{}:parameter/{}",
        call.region,
        call.account,
        name.trim_start_matches('/')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_meant_by_name_or_arn_with_a_version() {
        for (text, name, selector) in [
            ("/a/b", "/a/b", None),
            ("/a/b:3", "/a/b", Some("3")),
            (
                "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b:prod",
                "/a/b",
                Some("prod"),
            ),
            (
                "arn:aws:ssm:eu-west-1:123456789012:parameter/plain",
                "plain",
                None,
            ),
        ] {
            let reference = reference(text);
            assert_eq!(
                (reference.name.as_str(), reference.selector),
                (name, selector),
                "{text}"
            );
        }
    }
}
