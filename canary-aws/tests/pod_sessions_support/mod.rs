//! A pod, its role, and an STS that answers as it is told.

#![allow(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use canary_aws::{Client, Connection, PodRole};
use canary_core::bait::{
    BaitKind, Fresh, PodEntry, PodHandles, PodNumber, Pods, Sessions, Subject, Wanted,
};
use canary_core::disguise::{Key, SiteKeys};
use canary_core::graph::{CanaryId, ProviderId};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Its uid.
pub(crate) const POD: &str = "0c9a3a3e-4f6b-4a52-9d7a-0a6f4b8f1d11";

pub(crate) fn canary() -> CanaryId {
    CanaryId::new("pod_credentials", "web")
}

fn keys() -> SiteKeys {
    Key::from_bytes([3; 32]).at_site(&ProviderId::new("kubernetes"), "cluster")
}

pub(crate) fn sessions() -> Sessions {
    Sessions::new(&keys())
}

fn number() -> PodNumber {
    PodNumber::new(7).unwrap()
}

pub(crate) fn wanted(at: Timestamp) -> Wanted {
    Wanted {
        kind: BaitKind::Aws,
        number: number(),
        canary: canary(),
        namespace: "web".to_owned(),
        at,
    }
}

/// The pod, as it is recorded.
pub(crate) fn pods(at: Timestamp) -> Pods {
    let subject = Subject {
        uid: POD.to_owned(),
        namespace: "web".to_owned(),
        name: "checkout-1".to_owned(),
        owner: None,
        service_account: "default".to_owned(),
        node: None,
        node_address: None,
        addresses: Vec::new(),
        images: BTreeMap::new(),
        created: at,
    };
    Pods::from_entries([PodEntry::Opened {
        number: number(),
        canary: canary(),
        handle: PodHandles::new(&keys()).make("web", "checkout-sync", b"review"),
        subject: Box::new(subject),
        at,
    }])
}

pub(crate) fn role(account: &str, longest: Duration) -> PodRole {
    PodRole {
        arn: format!("arn:aws:iam::{account}:role/web-irsa"),
        longest,
        profile: "s3-sync".to_owned(),
        region: "eu-west-1".to_owned(),
        credentials: "keys".to_owned(),
        config: "settings".to_owned(),
    }
}

pub(crate) fn client(config: &SdkConfig, account: &str) -> Client {
    let connection = Connection {
        account: account.to_owned(),
        region: "eu-west-1".to_owned(),
        profile: None,
    };
    connection.through(config)
}

pub(crate) fn files(fresh: &Fresh) -> BTreeMap<String, String> {
    let files = fresh.files.iter();
    files
        .map(|(name, bytes)| {
            let text = std::str::from_utf8(bytes.expose()).unwrap();
            (name.clone(), text.to_owned())
        })
        .collect()
}

/// The session in the files, as a thief reads it.
pub(crate) fn given(fresh: &Fresh) -> Credentials {
    let files = files(fresh);
    let value = |name: &str| {
        let mut lines = files["keys"].lines();
        let line = lines.find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.unwrap().to_owned()
    };
    Credentials::new(
        value("aws_access_key_id"),
        value("aws_secret_access_key"),
        Some(value("aws_session_token")),
        None,
        "test",
    )
}

/// An answer with a session.
pub(crate) fn session(expiration: &str) -> (u16, String) {
    let body = format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>\
         <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
         <Expiration>{expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
         </AssumeRoleWithWebIdentityResponse>"
    );
    (200, body)
}

/// A refusal.
pub(crate) fn denied(code: &str, status: u16) -> (u16, String) {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>words</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    (status, body)
}

#[derive(Default)]
struct Told {
    answers: VecDeque<(u16, String)>,
    asked: BTreeMap<String, String>,
    signed: bool,
}

/// An STS that answers what it is told to, one request at a time.
pub(crate) struct FakeSts {
    url: String,
    told: Arc<Mutex<Told>>,
}

impl FakeSts {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::new(Mutex::new(Told::default()));
        let shared = told.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &shared).await;
            }
        });
        Self { url, told }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the next requests are answered.
    pub(crate) fn will_answer(&self, answers: Vec<(u16, String)>) {
        self.told.lock().unwrap().answers = answers.into();
    }

    /// The parameters of the last request.
    pub(crate) fn asked(&self) -> BTreeMap<String, String> {
        self.told.lock().unwrap().asked.clone()
    }

    pub(crate) fn was_signed(&self) -> bool {
        self.told.lock().unwrap().signed
    }
}

async fn answer(mut stream: TcpStream, told: &Mutex<Told>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let (head, body) = loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().unwrap())
        });
        if body.len() >= length.unwrap_or(0) {
            break (head.to_ascii_lowercase(), body.to_owned());
        }
    };
    let (status, text) = {
        let mut told = told.lock().unwrap();
        told.signed = head.contains("\r\nauthorization:");
        told.asked = body
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), plain(value)))
            .collect();
        told.answers
            .pop_front()
            .unwrap_or_else(|| denied("InternalFailure", 500))
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: text/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    drop(stream.write_all(answer.as_bytes()).await);
}

/// Of what is percent-encoded in these parameters there are colons and slashes.
fn plain(text: &str) -> String {
    text.replace("%3A", ":").replace("%2F", "/")
}
