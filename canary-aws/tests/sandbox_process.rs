//! A sandbox that is told what to do line by line.

mod sandbox_support;

use canary_aws::sandbox::{Principal, SandboxOptions, serve};
use sandbox_support::{code, credentials, options};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

#[tokio::test]
async fn it_says_where_it_is_and_does_what_it_is_told() {
    let (mut told, input) = tokio::io::duplex(4096);
    let (output, said) = tokio::io::duplex(65_536);
    let principals = [Principal {
        name: "reader".to_owned(),
        allowed: vec!["iam:List*".to_owned()],
    }];
    let options = SandboxOptions {
        seed: [3; 32],
        ..options()
    };
    let serving = tokio::spawn(async move { serve(options, &principals, input, output).await });
    let mut said = BufReader::new(said).lines();
    let greeting: Value = serde_json::from_str(&said.next_line().await.unwrap().unwrap()).unwrap();
    let key = &greeting["keys"]["reader"];
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(greeting["endpoint"].as_str().unwrap())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(credentials(
            key["id"].as_str().unwrap(),
            key["secret"].as_str().unwrap(),
            None,
        ))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .load()
        .await;
    let iam = aws_sdk_iam::Client::new(&config);
    assert!(iam.list_users().send().await.is_ok());
    let mut tell = async |line: &str| -> Value {
        told.write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
        serde_json::from_str(&said.next_line().await.unwrap().unwrap()).unwrap()
    };
    let fault = r#"{"fault":{"kind":"throttle","operation":"iam:ListUsers"}}"#;
    assert_eq!(tell(fault).await, "done");
    assert_eq!(code(iam.list_users().send().await), "Throttling");
    assert_eq!(tell(r#"{"fault":{"kind":{"delay":1}}}"#).await, "done");
    assert_eq!(tell(r#""clear""#).await, "done");
    assert_eq!(tell(r#"{"advance":60}"#).await, "done");
    assert_eq!(tell(r#""counts""#).await["iam:ListUsers"], 2);
    assert_eq!(tell(r#""events""#).await.as_array().unwrap().len(), 1);
    assert!(tell(r#"{"nonsense":1}"#).await["error"].is_string());
    drop(told);
    serving.await.unwrap().unwrap();
}
