//! What AWS accepts as a name. Its sources are the API references of the services.

/// Letters, digits and these, for names of users, roles and policies (IAM's `[\w+=,.@-]+`).
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn words(text: &str, longest: usize) -> Result<(), String> {
    if text.is_empty() || text.len() > longest {
        return Err(format!("it must have 1 to {longest} characters"));
    }
    match text.chars().find(|c| !is_word(*c)) {
        Some(c) => Err(format!(
            "`{c}` is not allowed: only letters, digits and _+=,.@-"
        )),
        None => Ok(()),
    }
}

/// The name of a user or a role: 64 characters.
pub(super) fn principal(text: &str) -> Result<(), String> {
    words(text, 64)
}

/// The name of an inline policy: 128 characters.
pub(super) fn policy(text: &str) -> Result<(), String> {
    words(text, 128)
}

/// A path: `/`, or `/words/` of printable ASCII, 512 characters.
pub(super) fn path(text: &str) -> Result<(), String> {
    let is_framed = text.starts_with('/') && text.ends_with('/');
    if !is_framed || text.len() > 512 || text.contains("//") {
        return Err(
            "it must begin and end with a slash, as in /service/, and have at most 512 characters"
                .into(),
        );
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(format!("`{c}` is not allowed")),
        None => Ok(()),
    }
}

/// An account: twelve digits.
pub(super) fn account(text: &str) -> Result<(), String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(())
    } else {
        Err("an account id has twelve digits, and is written in quotes".into())
    }
}

/// A region, as in `eu-west-1`.
pub(super) fn region(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let has_number = text
        .rsplit('-')
        .next()
        .is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()));
    if text.len() <= 32 && text.split('-').count() >= 3 && text.chars().all(fits) && has_number {
        Ok(())
    } else {
        Err("a region is written as in eu-west-1".into())
    }
}

/// A name of IAM: `arn:PARTITION:iam::ACCOUNT:RESOURCE`.
pub(super) struct IamArn<'a> {
    pub(super) partition: &'a str,
    /// `aws` for what is AWS' own.
    pub(super) account: &'a str,
    pub(super) resource: &'a str,
}

impl<'a> IamArn<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else {
            return None;
        };
        let fits = partition.starts_with("aws")
            && (account == "aws" || self::account(account).is_ok())
            && resource.chars().all(|c| c.is_ascii_graphic());
        fits.then_some(Self {
            partition,
            account,
            resource,
        })
    }

    /// What stands behind such a beginning, if anything does.
    fn behind(&self, beginning: &str) -> Option<&'a str> {
        let rest = self.resource.strip_prefix(beginning);
        rest.filter(|rest| !rest.is_empty())
    }
}

/// The ARN of a provider of tokens that IAM knows.
pub(super) fn oidc_provider(text: &str) -> Result<(), String> {
    let arn = IamArn::parse(text).filter(|arn| arn.account != "aws");
    match arn.and_then(|arn| arn.behind("oidc-provider/")) {
        Some(_) => Ok(()),
        None => Err("the ARN of a provider is written as in arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE".into()),
    }
}

/// The ARN of a user or a role.
pub(super) fn principal_arn(text: &str) -> Result<(), String> {
    let arn = IamArn::parse(text).filter(|arn| arn.account != "aws");
    match arn.and_then(|arn| arn.behind("role/").or_else(|| arn.behind("user/"))) {
        Some(_) => Ok(()),
        None => Err("the ARN of a user or a role is written as in arn:aws:iam::123456789012:role/workers; of a session that of its role is meant".into()),
    }
}

/// A service account, as tokens of a cluster name it.
pub(super) fn subject(text: &str) -> Result<(), String> {
    let is_word = |text: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        !text.is_empty() && text.chars().all(fits)
    };
    let rest = text.strip_prefix("system:serviceaccount:");
    match rest.and_then(|rest| rest.split_once(':')) {
        Some((namespace, name)) if is_word(namespace) && is_word(name) => Ok(()),
        _ => Err("an account is written as in system:serviceaccount:NAMESPACE:NAME".into()),
    }
}

/// The ARN of a managed policy.
pub(super) fn policy_arn(text: &str) -> Result<(), String> {
    if IamArn::parse(text)
        .and_then(|arn| arn.behind("policy/"))
        .is_some()
    {
        Ok(())
    } else {
        Err("the ARN of a policy is written as in arn:aws:iam::123456789012:policy/limits".into())
    }
}

/// The key of a tag: 128 characters, not one of AWS' own.
pub(super) fn tag_key(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    if text.is_empty() || text.chars().count() > 128 || !text.chars().all(fits) {
        return Err("a tag's key has 1 to 128 letters, digits, spaces and _.:/=+-@".into());
    }
    if text.to_ascii_lowercase().starts_with("aws:") {
        return Err("keys that begin with aws: are AWS' own".into());
    }
    Ok(())
}

/// A KMS key: its id, its alias, or the ARN of either.
pub(super) fn kms_key(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || ":/_-".contains(c);
    if (1..=2048).contains(&text.len()) && text.chars().all(fits) {
        Ok(())
    } else {
        Err("a key is named by its id, an alias as in alias/app, or an ARN".into())
    }
}

/// Some words on one line.
pub(super) fn line(text: &str, longest: usize) -> Result<(), String> {
    if text.chars().count() > longest || text.chars().any(char::is_control) {
        return Err(format!(
            "it has at most {longest} characters, all on one line"
        ));
    }
    Ok(())
}

/// An action, as in `s3:ListAllMyBuckets`: one by its name.
pub(super) fn action(text: &str) -> Result<(), String> {
    let named = text.split_once(':').is_some_and(|(service, action)| {
        let fits = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        fits(service) && fits(action)
    });
    if named {
        Ok(())
    } else {
        Err("an action is named in full, as in s3:ListAllMyBuckets, without wildcards".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_as_iam_refuses_them() {
        for good in ["svc-backup", "a", "John.Doe@example.com", "x_y+z=,"] {
            assert_eq!(principal(good), Ok(()), "{good}");
        }
        let long = "a".repeat(65);
        for bad in ["", "bad name!", "a/b", "ä", long.as_str()] {
            assert!(principal(bad).is_err(), "{bad}");
        }
        for good in ["/", "/service/", "/a/b/"] {
            assert_eq!(path(good), Ok(()), "{good}");
        }
        for bad in ["", "service", "/service", "service/", "//", "/a b/", "/ä/"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn places_and_actions_are_checked() {
        assert!(account("123456789012").is_ok() && account("12345678901").is_err());
        for good in ["eu-west-1", "us-gov-east-1", "ap-southeast-10"] {
            assert_eq!(region(good), Ok(()), "{good}");
        }
        for bad in ["", "eu", "eu-west", "EU-WEST-1", "eu-west-x"] {
            assert!(region(bad).is_err(), "{bad}");
        }
        assert!(action("s3:ListAllMyBuckets").is_ok());
        for bad in ["s3:*", "*", "s3", ":x", "s3:Get*"] {
            assert!(action(bad).is_err(), "{bad}");
        }
        assert!(policy_arn("arn:aws:iam::aws:policy/AWSDenyAll").is_ok());
        assert!(policy_arn("arn:aws:iam::123456789012:role/x").is_err());
    }
}
