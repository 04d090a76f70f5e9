//! What content is filled with that is Kubernetes' own.

pub(super) use canary_core::disguise::placeholders::{Unknown, database, is_derived, username};
use canary_core::disguise::{Filler, placeholders};
use canary_core::value::SecretBytes;

/// A text with every placeholder filled.
pub(super) fn fill(
    text: &str,
    key: &str,
    namespace: &str,
    filler: &Filler<'_>,
) -> Result<SecretBytes, Unknown> {
    placeholders::fill(text, key, &host(namespace, filler), filler)
}

pub(super) fn exposed(secret: &SecretBytes) -> String {
    secret.expose_text().unwrap_or_default().to_owned()
}

/// A Service of the namespace that does not exist: a name that resolves nowhere, and whose lookup is one more sign.
pub(super) fn host(namespace: &str, filler: &Filler<'_>) -> String {
    // Three words, because charts and operators name Services with two: `postgres-primary`, `redis-master`.
    let server = filler.choose("server", &["db", "pg", "postgres", "sql"]);
    let role = filler.choose("role", &["primary", "replica", "standby", "readonly"]);
    let database = database(filler);
    format!("{database}-{server}-{role}.{namespace}.svc.cluster.local")
}
