//! A URL that takes each alert as a POST of JSON. Its path may be a secret of its own, so it is never told.

use std::time::Duration;

use async_trait::async_trait;
use canary_core::alert::{Sink, SinkError};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A receiver that takes longer has not taken it: ten seconds cover a busy one far away.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Webhook {
    url: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Webhook {
    /// A webhook of that URL, trusted as the system trusts.
    pub(super) fn new(url: &str) -> std::io::Result<Self> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            url: url.to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    async fn post(&self, finding: &Value) -> Result<u16, SinkError> {
        let request = http::Request::post(&self.url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(finding.to_string())))
            .map_err(|error| SinkError::Unreachable(error.into()))?;
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|error| SinkError::Unreachable(error.into()))?;
        Ok(answer.status().as_u16())
    }
}

#[async_trait]
impl Sink for Webhook {
    async fn deliver(&self, finding: &Value) -> Result<(), SinkError> {
        let status = tokio::time::timeout(TIMEOUT, self.post(finding))
            .await
            .map_err(|error| SinkError::Unreachable(error.into()))??;
        if (200..300).contains(&status) {
            Ok(())
        } else {
            Err(SinkError::Refused(status))
        }
    }
}
