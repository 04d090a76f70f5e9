//! What a thief who knows the published tells can see of ours.

mod life_support;

use canary_aws::account_of;
use life_support::{ACCOUNT, Life, options};
use regex::Regex;

/// Accounts that are published as those of vendors of canaries. 595918472158 stands in the README of trufflehog as the
/// example of one, 534261010715 in Pacu (`iam__detect_honeytokens`) as that of canarytokens.org.
const PUBLISHED: &[&str] = &["595918472158", "534261010715"];

/// What Pacu looks for in ARNs, what users of SpaceSiren are called (version 4 UUIDs), and what ggcanary has as its path.
const TELLS: &[&str] = &[
    r"canarytokens\.(com|org)",
    r"(?i)spacecrab",
    r"(?i)ggcanary",
    r"(?i)canary|honey|decoy|trap|bait|fake|tracebit|thinkst",
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
];

const CONFIG: &str = r#"
[iam_user.a]
[iam_user.b]
path = "/service/"
tags = { team = "platform" }
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
[iam_user.c]
keys = 2
[iam_role.d]
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
[iam_role.e]
[note.a]
of = "iam_user.a"
[note.b]
of = "iam_user.b"
[note.c]
of = "iam_user.c"
"#;

#[tokio::test]
async fn keys_are_of_this_account_and_of_the_form_that_scanners_find() {
    let life = Life::begin(options(), CONFIG).await;
    life.settles().await;
    let id_form = Regex::new("^AKIA[A-Z2-7]{16}$").unwrap();
    let secret_form = Regex::new("^[A-Za-z0-9/+]{40}$").unwrap();
    for note in ["a", "b", "c"] {
        let (id, secret) = life.noted(note).unwrap();
        assert!(id_form.is_match(&id), "{id}");
        let account = account_of(&id).unwrap();
        assert_eq!(account, ACCOUNT);
        assert!(!PUBLISHED.contains(&account.as_str()));
        assert!(secret_form.is_match(std::str::from_utf8(&secret).unwrap()));
    }
    assert_eq!(
        account_of("AKIAYVP4CIPPERUVIFXG").as_deref(),
        Some(PUBLISHED[0])
    );
}

#[tokio::test]
async fn nothing_that_is_planted_has_a_published_tell() {
    let life = Life::begin(options(), CONFIG).await;
    life.settles().await;
    let patterns: Vec<Regex> = TELLS.iter().map(|tell| Regex::new(tell).unwrap()).collect();
    let ours = life.ours_in_log();
    assert!(ours.len() >= 9);
    // All that was sent, as the account's own log has it, and who sent it.
    let mut events = life.sandbox.events();
    events.retain(|event| event["userIdentity"]["accessKeyId"] == life.keys.id.as_str());
    for event in events {
        for part in [&event["requestParameters"], &event["userAgent"]] {
            let text = part.to_string();
            for pattern in &patterns {
                assert!(!pattern.is_match(&text), "{pattern} in {text}");
            }
        }
    }
}
