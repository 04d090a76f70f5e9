//! What Kubernetes accepts as a name (RFC 1123, `k8s.io/apimachinery` validation).

/// A namespace: a DNS label, at most 63 characters.
pub(super) fn namespace(text: &str) -> Result<(), String> {
    label(text)?;
    if text.contains('.') {
        return Err("a namespace has no dots".into());
    }
    Ok(())
}

/// A namespace as far as it says what is in it; empty for those that every cluster has.
pub(super) fn speaking(namespace: &str) -> &str {
    match namespace {
        "default" | "kube-system" | "kube-public" | "kube-node-lease" => "",
        namespace => namespace,
    }
}

fn label(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 63 {
        return Err("it must have 1 to 63 characters".into());
    }
    check_part(text)
}

/// The name of an object: a DNS subdomain, at most 253 characters.
pub(super) fn object(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 253 {
        return Err("it must have 1 to 253 characters".into());
    }
    text.split('.').try_for_each(|part| {
        if part.is_empty() {
            return Err("it must not begin or end with a dot, nor have two in a row".into());
        }
        check_part(part)
    })
}

fn check_part(part: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(c) = part.chars().find(|c| !fits(*c)) {
        return Err(format!("`{c}` is not allowed: only a to z, 0 to 9 and `-`"));
    }
    if part.starts_with('-') || part.ends_with('-') {
        return Err("it must begin and end with a letter or digit".into());
    }
    Ok(())
}

/// A key of `data`: letters, digits, `-`, `_` and `.`, at most 253 characters.
pub(super) fn data_key(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 253 {
        return Err("it must have 1 to 253 characters".into());
    }
    if text == "." || text.starts_with("..") {
        return Err("it must not be `.` or begin with `..`".into());
    }
    match text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        Some(c) => Err(format!(
            "`{c}` is not allowed: only letters, digits, `-`, `_` and `.`"
        )),
        None => Ok(()),
    }
}

/// A Secret's type: anything that is no text of several lines.
pub(super) fn secret_type(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 253 || text.chars().any(char::is_control) {
        return Err("it must have 1 to 253 characters on one line".into());
    }
    if text == "kubernetes.io/service-account-token" {
        return Err("it is made by [service_account.…] with token = \"legacy\"".into());
    }
    Ok(())
}

/// An address that a kubeconfig can hold.
pub(super) fn server(text: &str) -> Result<(), String> {
    if text.starts_with("https://") && !text.contains(char::is_whitespace) && text.len() > 8 {
        Ok(())
    } else {
        Err("it must be an https:// address".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_as_the_api_server_refuses_them() {
        for good in ["a", "a-b", "a.b-c.d", "0"] {
            assert_eq!(object(good), Ok(()), "{good}");
        }
        let long = "a".repeat(254);
        for bad in ["", "A", "a_b", "-a", "a-", ".a", "a..b", "ä", long.as_str()] {
            assert!(object(bad).is_err(), "{bad}");
        }
        assert!(namespace("a.b").is_err());
        assert!(namespace(&"a".repeat(64)).is_err());
        assert!(data_key("tls.crt").is_ok() && data_key(".env").is_ok());
        assert!(data_key("..x").is_err() && data_key("a b").is_err());
    }
}
