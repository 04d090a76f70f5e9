//! What names, paths and documents may be.

use crate::sandbox::access;
use crate::sandbox::call::Call;
use crate::sandbox::failure::Failure;

/// A name: letters, digits and `+=,.@_-`, so many at most.
pub(super) fn name<'a>(
    call: &Call<'a>,
    parameter: &str,
    longest: usize,
) -> Result<&'a str, Failure> {
    let name = call.required(parameter)?;
    let field = crate::sandbox::trail::camel(parameter);
    if name.chars().count() > longest {
        return Err(call.invalid(format!(
            "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must have length less than or equal to {longest}"
        )));
    }
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
    {
        return Err(call.invalid(format!(
            "The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )));
    }
    Ok(name)
}

/// A path: `/`, or something between slashes, of visible ASCII, 512 characters at most.
pub(super) fn path<'a>(call: &Call<'a>) -> Result<&'a str, Failure> {
    let path = call.text("Path").unwrap_or("/");
    let framed = path == "/" || (path.len() > 2 && path.starts_with('/') && path.ends_with('/'));
    let visible = path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if framed && visible && path.len() <= 512 {
        return Ok(path);
    }
    Err(call.invalid("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."))
}

/// The path that listed ones begin with.
pub(super) fn parse_path_prefix<'a>(call: &Call<'a>) -> Result<&'a str, Failure> {
    match call.text("PathPrefix") {
        None => Ok("/"),
        Some(prefix) if prefix.starts_with('/') && prefix.len() <= 512 => Ok(prefix),
        Some(_) => Err(call.invalid("The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric characters and/or / characters.")),
    }
}

/// A policy document that IAM takes.
pub(super) fn document<'a>(call: &Call<'a>, parameter: &str) -> Result<&'a str, Failure> {
    let text = call.required(parameter)?;
    let plain = |character| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{ff}');
    let plain = text.chars().all(plain);
    match access::parse(text) {
        Some(_) if plain => Ok(text),
        _ => Err(Failure::bad(
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        )),
    }
}

/// Characters of documents that count for quotas: all but white space.
pub(super) fn weight<'a>(documents: impl Iterator<Item = &'a String>) -> usize {
    documents
        .flat_map(|document| document.chars())
        .filter(|character| !character.is_whitespace())
        .count()
}

/// RFC 3986: how documents stand in answers.
pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
