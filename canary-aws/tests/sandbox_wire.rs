//! The sandbox on the wire: what no client of ours sends, and what of it looks as AWS's.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use canary_aws::sandbox::Sandbox;
use sandbox_support::sandbox;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends a request that is signed in form only, and gives all that comes back.
async fn ask(sandbox: &Sandbox, service: &str, path: &str, header: &str, body: &[u8]) -> String {
    let address = sandbox.endpoint().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={}/20261103/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=00\r\n{header}\r\n",
        body.len(),
        sandbox.admin().id,
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn errors_of_iam_are_written_as_aws_does() {
    let sandbox = sandbox().await;
    let answer = ask(
        &sandbox,
        "iam",
        "/",
        "",
        b"Action=GetUser&Version=2010-05-08&UserName=none",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 404 "));
    assert!(answer.contains("x-amzn-requestid: "));
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let want = "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Code>NoSuchEntity</Code>\
        <Message>The user with name none cannot be found.</Message><Type>Sender</Type></Error><RequestId>";
    assert!(body.starts_with(want), "{body}");
}

#[tokio::test]
async fn enabled_regions_are_told_by_two_services() {
    let sandbox = sandbox().await;
    let answer = ask(
        &sandbox,
        "ec2",
        "/",
        "",
        b"Action=DescribeRegions&Version=2016-11-15",
    )
    .await;
    for region in ["us-east-1", "eu-west-1"] {
        assert!(
            answer.contains(&format!("<regionName>{region}</regionName>")),
            "{answer}"
        );
    }
    let answer = ask(
        &sandbox,
        "account",
        "/listRegions",
        "",
        br#"{"RegionOptStatusContains":["ENABLED_BY_DEFAULT"]}"#,
    )
    .await;
    assert!(
        answer.contains(r#"{"RegionName":"eu-west-1","RegionOptStatus":"ENABLED_BY_DEFAULT"}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn what_is_not_spoken_or_not_understood_is_refused_and_the_server_goes_on() {
    let sandbox = sandbox().await;
    let target = "x-amz-target: AmazonSSM.GetParameter\r\n";
    let deep = [
        b"{\"a\":".repeat(10_000),
        b"1".to_vec(),
        b"}".repeat(10_000),
    ]
    .concat();
    for (service, header, body, code) in [
        (
            "iam",
            "",
            b"Action=CreateSomething".to_vec(),
            "InvalidAction",
        ),
        ("iam", "", b"nothing".to_vec(), "InvalidAction"),
        ("ssm", target, b"{".to_vec(), "SerializationException"),
        ("ssm", target, deep, "SerializationException"),
        (
            "ssm",
            "x-amz-target: AmazonSSM.Frobnicate\r\n",
            b"{}".to_vec(),
            "UnknownOperationException",
        ),
        (
            "ssm",
            target,
            b"{\"Name\":7}".to_vec(),
            "ValidationException",
        ),
        ("lambda", "", b"".to_vec(), "SignatureDoesNotMatch"),
    ] {
        let answer = ask(&sandbox, service, "/", header, &body).await;
        assert!(
            answer.starts_with("HTTP/1.1 4") && answer.contains(code),
            "{code}: {answer}"
        );
    }
    let long = [
        b"Action=CreateUser&UserName=".to_vec(),
        b"a".repeat(2_000_000),
    ]
    .concat();
    let answer = ask(&sandbox, "iam", "/", "", &long).await;
    assert!(answer.contains("ValidationError"), "{answer}");
    let records = serde_json::to_string(&sandbox.events()).unwrap();
    assert!(
        records.len() < 20_000,
        "a record holds a hundred kilobytes at most"
    );
}
