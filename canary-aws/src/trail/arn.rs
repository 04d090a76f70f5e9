//! Amazon resource names.

use super::bounds;

/// `arn:partition:service:region:account:resource`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arn<'a> {
    pub(super) service: &'a str,
    /// Empty for what belongs to no region.
    pub(super) region: &'a str,
    /// Empty for what belongs to no account, as buckets.
    account: &'a str,
    /// What stands behind the account; it may hold colons and slashes.
    pub(super) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes a text apart that is an ARN from its beginning to its end.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let _partition = parts.next()?;
        let (service, region) = (parts.next()?, parts.next()?);
        let account = parts.next()?;
        let resource = parts.next().filter(|resource| !resource.is_empty())?;
        Some(Self {
            service,
            region,
            account,
            resource,
        })
    }

    /// Whether it is of another account than this one, as far as both are known.
    pub(super) fn is_of_another(&self, account: &str) -> bool {
        let is_account =
            |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_account(self.account) && is_account(account) && self.account != account
    }
}

/// So many are looked at in one text: a policy of 10,240 characters, the longest that IAM takes, has room for fewer.
const MANY: usize = 2048;

/// The ARNs in a running text, as in an error message or a policy. Each ends at the next space or at its quote, and is no longer
/// than an ARN may be, so that a text that is made to take long does not.
pub(super) fn arns_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("arn:")
        .take(MANY)
        .filter_map(move |(at, _)| {
            let tail = text.get(at..)?;
            let mut far = tail.len().min(bounds::NAME + 1);
            while !tail.is_char_boundary(far) {
                far -= 1;
            }
            let near = tail.get(..far)?;
            // Within quotes there may be spaces: keys of objects have them.
            let quote = text.get(..at).and_then(|before| before.chars().next_back());
            let end = match quote.filter(|quote| matches!(quote, '"' | '\'')) {
                Some(quote) => near.find([quote, '\\']),
                None => near.find(|c: char| {
                    c.is_whitespace() || matches!(c, '"' | '\\' | '\'' | '<' | '>' | ')')
                }),
            };
            let end = end.unwrap_or(near.len());
            // A sentence ends with a full stop or goes on behind a comma.
            (end <= bounds::NAME).then(|| {
                near.get(..end)
                    .unwrap_or_default()
                    .trim_end_matches(['.', ',', ';'])
            })
        })
}

/// The last part of a name with a path before it, as of `user/service/svc-backup`.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_found_in_a_sentence() {
        let text = "User: arn:aws:iam::1:user/a is not authorized to perform: x on resource: \
                    \"arn:aws:ssm:eu-west-1:1:parameter/b/c\", \"arn:aws:s3:::d/a b.csv\" or arn:aws:s3:::d/e.";
        let found: Vec<&str> = arns_in(text).collect();
        assert_eq!(
            found,
            [
                "arn:aws:iam::1:user/a",
                "arn:aws:ssm:eu-west-1:1:parameter/b/c",
                "arn:aws:s3:::d/a b.csv",
                "arn:aws:s3:::d/e"
            ]
        );
        let arn = Arn::parse(found[1]).unwrap();
        assert_eq!(
            (arn.service, arn.region, arn.resource),
            ("ssm", "eu-west-1", "parameter/b/c")
        );
        assert_eq!(Arn::parse("arn:aws:iam"), None);
    }

    #[test]
    fn a_text_of_nothing_but_beginnings_is_looked_through_once() {
        let text = "arn:".repeat(250_000);
        assert_eq!(arns_in(&text).count(), 0);
        assert_eq!(
            arns_in(&format!("{}x", "é arn:".repeat(2_000))).count(),
            2_000
        );
    }
}
