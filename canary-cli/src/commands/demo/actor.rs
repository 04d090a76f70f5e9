//! Requests of others: who made the neighbours, and the intruder.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Somebody with a token.
pub(super) struct Actor {
    pub(super) port: u16,
    pub(super) token: String,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// As the tool of the trade says it.
const USER_AGENT: &str = "kubectl/v1.36.3 (linux/amd64) kubernetes/7c8ea1a";

impl Actor {
    pub(super) async fn get(&self, path: &str) -> std::io::Result<Answer> {
        self.send("GET", path, "application/json", None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> std::io::Result<Answer> {
        self.send("POST", path, "application/json", Some(body))
            .await
    }

    /// As Helm 4 writes.
    pub(super) async fn apply(&self, path: &str, body: &Value) -> std::io::Result<Answer> {
        let path = format!("{path}?fieldManager=helm&force=true");
        self.send("PATCH", &path, "application/apply-patch+yaml", Some(body))
            .await
    }

    /// Over a connection of its own; the sandbox answers with a length or until it closes.
    async fn send(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: Option<&Value>,
    ) -> std::io::Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\nUser-Agent: {USER_AGENT}\r\n\
             Accept: application/json\r\nContent-Type: {content}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            self.token,
            body.len(),
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        parse(&answer).ok_or_else(|| std::io::Error::other("the sandbox did not answer"))
    }
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    })
}
