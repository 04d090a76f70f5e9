//! `sqs://…`.

use super::error::QueueError;

/// Which queue is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    /// By its URL.
    Url {
        /// As SQS gives it.
        url: String,
        /// The region that stands in its host, where one does.
        region: Option<String>,
    },
    /// By its name, in the home region.
    Name(String),
}

impl Address {
    /// Reads `sqs://HOST/ACCOUNT/NAME` or `sqs://NAME`.
    pub(super) fn parse(text: &str) -> Result<Self, QueueError> {
        let wrong = |problem| QueueError::Address { problem };
        let rest = text
            .strip_prefix("sqs://")
            .ok_or_else(|| wrong("it does not begin with sqs://"))?;
        let Some((host, path)) = rest.split_once('/') else {
            return match is_name(rest) {
                true => Ok(Self::Name(rest.to_owned())),
                false => Err(wrong("it is neither a queue's name nor its URL")),
            };
        };
        // Whatever else a URL may hold could be a password, too.
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(wrong("its host is none"));
        }
        let (account, name) = path
            .split_once('/')
            .ok_or_else(|| wrong("behind the host come the account and the name"))?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if !is_account || !is_name(name) {
            return Err(wrong("behind the host come the account and the name"));
        }
        Ok(Self::Url {
            url: format!("https://{rest}"),
            region: region(host).map(str::to_owned),
        })
    }
}

/// A queue's name has at most 80 letters, digits, `-` and `_`; that of a FIFO queue ends with `.fifo` (SQS's reference).
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix(".fifo").unwrap_or(text);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !name.is_empty() && text.len() <= 80 && name.bytes().all(is_letter)
}

/// The region in `sqs.REGION.amazonaws.com`, in the older `REGION.queue.amazonaws.com`, in those of other partitions, and in
/// those of private endpoints, `vpce-….sqs.REGION.vpce.amazonaws.com`.
fn region(host: &str) -> Option<&str> {
    let labels: Vec<&str> = host.split('.').collect();
    if !labels.contains(&"amazonaws") {
        return None;
    }
    let at = |label: &str| labels.iter().position(|other| *other == label);
    let region = match (at("sqs"), at("queue")) {
        (Some(sqs), _) => labels.get(sqs + 1),
        (None, Some(queue)) => queue.checked_sub(1).and_then(|before| labels.get(before)),
        (None, None) => None,
    };
    region.copied().filter(|region| region.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_by_its_url_or_its_name() {
        let url = |host: &str, region: Option<&str>| {
            let read = Address::parse(&format!("sqs://{host}/123456789012/trail")).unwrap();
            let url = format!("https://{host}/123456789012/trail");
            let region = region.map(str::to_owned);
            assert_eq!(read, Address::Url { url, region });
        };
        url("sqs.eu-west-1.amazonaws.com", Some("eu-west-1"));
        url("sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1"));
        url("eu-west-1.queue.amazonaws.com", Some("eu-west-1"));
        url(
            "vpce-1a-2b.sqs.eu-west-1.vpce.amazonaws.com",
            Some("eu-west-1"),
        );
        url("127.0.0.1:4566", None);
        let named = |name: &str| Address::Name(name.to_owned());
        assert_eq!(Address::parse("sqs://trail_1").unwrap(), named("trail_1"));
        assert_eq!(Address::parse("sqs://a.fifo").unwrap(), named("a.fifo"));
    }

    #[test]
    fn an_address_that_is_none_is_told_without_what_stands_in_it() {
        for text in [
            "https://sqs.eu-west-1.amazonaws.com/123456789012/a",
            "sqs://",
            "sqs://user:hunter2@host/123456789012/a",
            "sqs://host/123456789012/a?password=hunter2",
            "sqs://host/1234/a",
            "sqs://host/hunter2",
            "sqs://hunter2.",
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains("sqs://") && !error.contains("hunter2"));
            assert!(!error.contains('\n'));
        }
    }
}
