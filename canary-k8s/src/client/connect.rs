//! From a kubeconfig, or from inside a pod, to a client.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedCluster};

use super::Client;
use super::error::plugin_failure;

/// Where to connect to.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// A kubeconfig file; default: `KUBECONFIG`, then `~/.kube/config`, then the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// A context in it; default: its current one.
    pub context: Option<String>,
}

/// Why no client could be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    /// The kubeconfig is no YAML, or not of a kubeconfig's shape. Its parser quotes what it does not understand, and
    /// that can be a credential: only the place is told.
    #[error("the kubeconfig is not valid{}", .at.as_ref().map(|at| format!(": {at}")).unwrap_or_default())]
    Malformed {
        /// Line and column.
        at: Option<String>,
    },
    /// There is no kubeconfig, and this is no pod.
    #[error("there is no cluster to connect to")]
    Nowhere(#[source] KubeconfigError),
    /// Its certificates or keys cannot be used.
    #[error("the credentials of the kubeconfig cannot be used")]
    Credentials(#[source] kube::Error),
    /// The program that gives credentials does not. What it printed is not told: it may be a secret.
    #[error("the credentials of the kubeconfig cannot be used: {0}")]
    Plugin(String),
    /// The proxy that the environment or the kubeconfig names cannot be used.
    #[error("the proxy cannot be used: {0}")]
    Proxy(String),
}

/// A connection to a server that is there is made within milliseconds; ten seconds cover a busy one far away.
const CONNECT: Duration = Duration::from_secs(10);

/// What an ordinary operator's requests carry. Ours must not stand out in an audit log that a thief can read.
const USER_AGENT: &str = "kubectl/v1.36.3 (linux/amd64) kubernetes/7c8ea1a";

/// What is known of the cluster without asking it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoint {
    pub(crate) server: String,
    /// The authorities, DER.
    pub(crate) authorities: Vec<Vec<u8>>,
    pub(crate) context: String,
    pub(crate) cluster: String,
}

impl Endpoint {
    /// The authorities as PEM; `None` where the system's are trusted.
    pub(crate) fn ca_pem(&self) -> Option<String> {
        if self.authorities.is_empty() {
            return None;
        }
        Some(self.authorities.iter().map(|der| pem(der)).collect())
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    // RFC 7468: lines of 64 characters.
    for line in text.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).unwrap_or_default());
        out.push('\n');
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

/// One that is there and wrong is told: whoever has written it does not mean the pod's own account.
fn without_credentials(error: kube::Error) -> ConnectError {
    match &error {
        kube::Error::Auth(auth) => match plugin_failure(auth) {
            Some(words) => ConnectError::Plugin(words),
            None => ConnectError::Credentials(error),
        },
        kube::Error::ProxyProtocolUnsupported { .. }
        | kube::Error::ProxyProtocolDisabled { .. } => {
            ConnectError::Proxy("only http:// and socks5:// are known".to_owned())
        }
        _ => ConnectError::Credentials(error),
    }
}

/// Whether a server is this machine: programs do not ask proxies for that.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let is_address = |address: std::net::IpAddr| address.is_loopback();
    host == "localhost" || host.parse().is_ok_and(is_address)
}

/// The files that `KUBECONFIG` names, or the one at home. As with kubectl, of several names those count that are there.
fn read_named() -> Result<Kubeconfig, KubeconfigError> {
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let all: Vec<PathBuf> = std::env::split_paths(&named)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    let mut there = all.iter().filter(|path| path.exists());
    let Some(first) = there.next().filter(|_| all.len() > 1) else {
        return Kubeconfig::read();
    };
    there.try_fold(Kubeconfig::read_from(first)?, |merged, path| {
        merged.merge(Kubeconfig::read_from(path)?)
    })
}

fn is_missing(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::ReadConfig(error, _) => error.kind() == std::io::ErrorKind::NotFound,
        KubeconfigError::FindPath => true,
        _ => false,
    }
}

fn unreadable(error: KubeconfigError) -> ConnectError {
    match error {
        KubeconfigError::Parse(error) => {
            let words = error.to_string();
            let at = words.split(": ").find(|part| part.starts_with("line "));
            ConnectError::Malformed {
                at: at.map(str::to_owned),
            }
        }
        other => ConnectError::Kubeconfig(other),
    }
}

impl Connection {
    /// Makes a client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the kubeconfig or its credentials cannot be used.
    pub async fn connect(&self) -> Result<Client, ConnectError> {
        let (mut config, context, cluster) = self.config().await?;
        // Retries are decided where the ledger is kept.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        config.headers.push((
            http::header::USER_AGENT,
            HeaderValue::from_static(USER_AGENT),
        ));
        let endpoint = Endpoint {
            server: config
                .cluster_url
                .to_string()
                .trim_end_matches('/')
                .to_owned(),
            authorities: config.root_cert.clone().unwrap_or_default(),
            context,
            cluster,
        };
        let kube = kube::Client::try_from(config).map_err(without_credentials)?;
        Ok(Client::new(kube, endpoint))
    }

    async fn config(&self) -> Result<(Config, String, String), ConnectError> {
        let file = match &self.kubeconfig {
            Some(path) => Kubeconfig::read_from(path).map_err(unreadable)?,
            None => match read_named() {
                Ok(file) => file,
                Err(error) if is_missing(&error) => {
                    let pod = Config::incluster().map_err(|_| ConnectError::Nowhere(error))?;
                    return Ok((pod, "in-cluster".into(), "kubernetes".into()));
                }
                Err(error) => return Err(unreadable(error)),
            },
        };
        let context = self
            .context
            .clone()
            .or_else(|| file.current_context.clone())
            .unwrap_or_default();
        let cluster = file
            .contexts
            .iter()
            .find(|named| named.name == context)
            .and_then(|named| Some(named.context.as_ref()?.cluster.clone()))
            .unwrap_or_else(|| "kubernetes".into());
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let names_proxy = |named: &NamedCluster| {
            let of_cluster = named.cluster.as_ref();
            named.name == cluster && of_cluster.is_some_and(|cluster| cluster.proxy_url.is_some())
        };
        let own_proxy = file.clusters.iter().any(names_proxy);
        let mut config = Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(ConnectError::Kubeconfig)?;
        if !own_proxy && is_loopback(config.cluster_url.host().unwrap_or_default()) {
            config.proxy_url = None;
        }
        Ok((config, context, cluster))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_kubeconfig_is_told_by_its_place_and_not_by_what_stands_there() {
        let text = "users:\n- name: a\n  user: { token: correct-horse-battery\n";
        let error = unreadable(Kubeconfig::from_yaml(text).unwrap_err());
        let words = format!("{error} {error:?}");
        assert!(words.contains("line "), "{words}");
        assert!(!words.contains("horse"), "{words}");
        let text = "users: correct-horse-battery\n";
        let error = unreadable(Kubeconfig::from_yaml(text).unwrap_err());
        assert!(!format!("{error} {error:?}").contains("horse"));
    }
}
