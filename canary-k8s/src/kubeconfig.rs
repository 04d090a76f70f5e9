//! A kubeconfig with a token. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::value::SecretBytes;

/// What a kubeconfig says beside the token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cluster<'a> {
    pub(crate) server: &'a str,
    /// PEM; `None` where the system's authorities are trusted.
    pub(crate) authority: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) account: &'a str,
}

/// Everything up to the token.
pub(crate) fn before_token(cluster: &Cluster<'_>) -> String {
    let Cluster {
        server,
        name,
        namespace,
        account,
        ..
    } = cluster;
    let authority = cluster.authority.map_or(String::new(), |pem| {
        format!("\n    certificate-authority-data: {}", STANDARD.encode(pem))
    });
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:{authority}\n    server: {server}\n  name: {name}\ncontexts:\n- context:\n    cluster: {name}\n    namespace: {namespace}\n    user: {account}\n  name: {account}@{name}\ncurrent-context: {account}@{name}\npreferences: {{}}\nusers:\n- name: {account}\n  user:\n    token: "
    )
}

/// The whole file.
pub(crate) fn with_token(cluster: &Cluster<'_>, token: &SecretBytes) -> SecretBytes {
    let before = before_token(cluster);
    SecretBytes::new([before.as_bytes(), token.expose(), b"\n"].concat())
}
