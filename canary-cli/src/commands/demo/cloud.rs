//! The account of the demo: an AWS account in memory, and somebody who uses a key that was planted.

use std::path::Path;

use canary_aws::sandbox::{Keys, Sandbox, SandboxOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::stage::failed;
use crate::error::CommandError;

/// What is planted in it, as a person would write it.
pub(super) const CONFIG: &str = r#"
[aws]
account = "123456789012"
region  = "eu-west-1"

# A user without rights, and a Secret that holds its key.
[iam_user.backup]
path = "/service/"

[secret.backup-credentials]
namespace = "payments"
template  = "aws-credentials"
of        = "iam_user.backup"
"#;

/// The account is the same every time.
const SEED: [u8; 32] = *b"an account in memory for a demo.";
const REGION: &str = "eu-west-1";
/// From where the thief comes (RFC 5737: an address for examples).
const ADDRESS: &str = "198.51.100.77";

/// The running account.
pub(super) struct Cloud {
    sandbox: Sandbox,
    admin: Keys,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Cloud {
    /// Starts the account.
    pub(super) async fn start() -> Result<Self, CommandError> {
        let options = SandboxOptions {
            seed: SEED,
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::start(options)
            .await
            .map_err(|error| failed(&error))?;
        let admin = sandbox.admin();
        Ok(Self { sandbox, admin })
    }

    /// What a program's environment says to be the account's administrator.
    pub(super) fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.sandbox.endpoint()),
            ("AWS_ACCESS_KEY_ID", self.admin.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.admin.secret_text()),
            ("AWS_REGION", REGION.to_owned()),
        ]
    }

    /// Asks with a key, as somebody from elsewhere. `service` is told by what stands in a signature; nobody checks the rest.
    pub(super) async fn ask(
        &self,
        key: &str,
        service: &str,
        request: &str,
        body: &str,
    ) -> Result<Answer, CommandError> {
        let endpoint = self.sandbox.endpoint();
        let host = endpoint.trim_start_matches("http://");
        let text = format!(
            "{request} HTTP/1.1\r\nHost: {host}\r\nx-test-source-ip: {ADDRESS}\r\nUser-Agent: aws-cli/2.17.9\r\n\
             X-Amz-Date: 20260101T000000Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(host).await?;
            stream.write_all(text.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
            let status = head
                .split_whitespace()
                .nth(1)
                .and_then(|word| word.parse().ok());
            std::io::Result::Ok(Answer {
                status: status.unwrap_or_default(),
                body: body.to_owned(),
            })
        };
        exchange.await.map_err(|error| failed(&error))
    }

    /// What the account logged, as CloudTrail delivers it.
    pub(super) fn write_trail(&self, folder: &Path) -> std::io::Result<()> {
        let records: Vec<Value> = self.sandbox.events();
        std::fs::create_dir_all(folder)?;
        std::fs::write(
            folder.join("123456789012_CloudTrail_eu-west-1.json"),
            json!({ "Records": records }).to_string(),
        )
    }

    pub(super) async fn close(self) {
        self.sandbox.close().await;
    }
}

/// The text between two tags of an answer in XML.
pub(super) fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}
