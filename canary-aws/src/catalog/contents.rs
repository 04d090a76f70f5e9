//! What parameters, secrets and objects hold: a configured text, or a believable one.

use canary_core::catalog::{AccessKey, LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::disguise::placeholders::{database, fill, is_derived, username};
use canary_core::disguise::{Alphabet, Filler};
use canary_core::graph::{Handle, Input};
use canary_core::observe::{Object, Seen};

use super::aws::region;
use super::held;
use super::partition::domain;

/// The field that is the content, of every kind that has one.
pub(crate) const VALUE: &str = "value";

/// What a content is made from.
struct Ground<'a> {
    filler: Filler<'a>,
    /// The region that is spoken of.
    region: &'a str,
    key: Option<&'a AccessKey>,
}

/// The content of a canary's main resource under that name.
pub(super) fn content(
    canary: &Canary,
    handle: &Handle,
    cx: &Lowering<'_>,
) -> Result<Input, Vec<LowerError>> {
    let key = held::key(canary, cx)?;
    let ground = Ground {
        filler: Filler::new(cx.keys, handle, canary.generation),
        region: region(canary, cx.config),
        key: key.as_ref(),
    };
    if let Some(text) = canary.table.text(VALUE) {
        let filled = fill(text, VALUE, &host(&ground), &ground.filler);
        return filled.map(Input::Secret).map_err(|unknown| {
            vec![LowerError {
                canary: canary.id.clone(),
                message: unknown.message,
                help: unknown.help,
                span: canary.table.span_of(VALUE),
            }]
        });
    }
    let template = canary.table.text("template").unwrap_or_default();
    Ok(of_template(canary.id.kind(), template, &ground))
}

/// How long a content is, as far as that is known before it is made.
pub(super) fn length(content: &Input) -> usize {
    match content {
        Input::Public(text) => text.len(),
        Input::Secret(bytes) => bytes.expose().len(),
        // A key and a few words: far below every limit.
        Input::Join(_) => 0,
    }
}

/// Whether a text is in it, as far as it is known before it is made.
pub(super) fn holds(content: &Input, text: &str) -> bool {
    match content {
        Input::Public(content) => content.contains(text),
        Input::Secret(bytes) => bytes
            .expose_text()
            .is_some_and(|content| content.contains(text)),
        Input::Join(_) => false,
    }
}

/// Whether an object that was read in full has the content that our key gives for that very place.
pub(super) fn proves(
    canary: &Canary,
    content: Option<&Input>,
    object: &Object,
    cx: &Lowering<'_>,
) -> bool {
    let configured = canary.table.text(VALUE);
    let seen = object.fields.as_ref().and_then(|fields| fields.get(VALUE));
    match (content, seen) {
        (Some(Input::Secret(bytes)), Some(Seen::Digest(seen))) => {
            configured.is_none_or(is_derived) && cx.keys.digester().digest(bytes.expose()) == *seen
        }
        _ => false,
    }
}

fn of_template(kind: &str, template: &str, ground: &Ground<'_>) -> Input {
    match (template, ground.key) {
        (held::WITH_KEY, Some(key)) => credentials(kind, key),
        ("postgres-url", _) => secret(&url(ground)),
        ("postgres", _) => secret(&postgres(ground)),
        ("api-token", _) => secret(&text(ground, "api token", 43, Alphabet::UrlSafe)),
        ("api-key", _) => {
            let key = text(ground, "api key", 40, Alphabet::Alphanumeric);
            secret(&format!("{{\"api_key\":\"{key}\"}}"))
        }
        ("basic", _) => {
            let (user, password) = (username(&ground.filler), password(ground));
            secret(&format!(
                "{{\"username\":\"{user}\",\"password\":\"{password}\"}}"
            ))
        }
        ("env-file", _) => secret(&env_file(ground)),
        _ => secret(&password(ground)),
    }
}

fn secret(text: &str) -> Input {
    Input::Secret(text.into())
}

fn text(ground: &Ground<'_>, topic: &str, length: usize, alphabet: Alphabet) -> String {
    let text = ground.filler.text(topic, length, alphabet);
    text.expose_text().unwrap_or_default().to_owned()
}

fn password(ground: &Ground<'_>) -> String {
    text(ground, "password", 24, Alphabet::Alphanumeric)
}

/// An endpoint as RDS names one: the database, twelve characters that stand for account and region, the region. There is none
/// of that name.
fn host(ground: &Ground<'_>) -> String {
    let database = database(&ground.filler);
    let role = ground
        .filler
        .choose("role", &["db", "primary", "postgres", "prod"]);
    // The first of the twelve is a `c`.
    let twelve = text(ground, "endpoint", 11, Alphabet::Lower);
    let suffix = domain(ground.region);
    format!("{database}-{role}.c{twelve}.{}.rds.{suffix}", ground.region)
}

fn url(ground: &Ground<'_>) -> String {
    let (user, database) = (username(&ground.filler), database(&ground.filler));
    let (password, host) = (password(ground), host(ground));
    format!("postgres://{user}:{password}@{host}:5432/{database}?sslmode=require")
}

/// The members that RDS and its rotation functions have in a secret.
fn postgres(ground: &Ground<'_>) -> String {
    let (user, database) = (username(&ground.filler), database(&ground.filler));
    let (password, host) = (password(ground), host(ground));
    format!(
        "{{\"engine\":\"postgres\",\"host\":\"{host}\",\"username\":\"{user}\",\"password\":\"{password}\",\"dbname\":\"{database}\",\"port\":5432}}"
    )
}

fn env_file(ground: &Ground<'_>) -> String {
    let key = text(ground, "secret key base", 128, Alphabet::Hex);
    let session = text(ground, "session secret", 43, Alphabet::UrlSafe);
    let url = url(ground);
    format!("DATABASE_URL={url}\nSECRET_KEY_BASE={key}\nSESSION_SECRET={session}\n")
}

/// As each place has it: JSON in a secret, a file as the command line reads it elsewhere.
fn credentials(kind: &str, key: &AccessKey) -> Input {
    let region = &key.region;
    if kind == "s3_object" {
        let before = "[default]\naws_access_key_id = ";
        let between = "\naws_secret_access_key = ";
        return held::within(key, before, between, &format!("\nregion = {region}\n"));
    }
    let before = "{\"aws_access_key_id\":\"";
    let between = "\",\"aws_secret_access_key\":\"";
    held::within(
        key,
        before,
        between,
        &format!("\",\"region\":\"{region}\"}}"),
    )
}
