//! Amazon resource names.

/// `arn:partition:service:region:account:resource`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arn<'a> {
    pub(super) service: &'a str,
    /// Empty for what belongs to no region.
    pub(super) region: &'a str,
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
        let _account = parts.next()?;
        let resource = parts.next().filter(|resource| !resource.is_empty())?;
        Some(Self {
            service,
            region,
            resource,
        })
    }
}

/// The ARNs in a running text, as in an error message.
pub(super) fn arns_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("arn:").filter_map(move |(at, _)| {
        let tail = text.get(at..)?;
        let end = tail
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '\'' | '<' | '>' | ')'))
            .unwrap_or(tail.len());
        // A sentence ends with a full stop or goes on behind a comma.
        Some(tail.get(..end)?.trim_end_matches(['.', ',', ';']))
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
                    \"arn:aws:ssm:eu-west-1:1:parameter/b/c\", arn:aws:s3:::d/e.";
        let found: Vec<&str> = arns_in(text).collect();
        assert_eq!(
            found,
            [
                "arn:aws:iam::1:user/a",
                "arn:aws:ssm:eu-west-1:1:parameter/b/c",
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
}
