//! The sandbox against a real kube-apiserver: one table of requests, the same answers and the same audit events.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use canary_fixtures::{ControlPlane, Options, Request};
use sandbox_support::normal::Normal;
use sandbox_support::script::{Step, play};
use sandbox_support::{Real, Sand, Server, table, wait_for};
use serde_json::{Value, json};

/// What differs, step by step.
fn differences(real: &[String], sand: &[String], steps: &[Step]) -> Vec<String> {
    assert_eq!(real.len(), sand.len());
    real.iter()
        .zip(sand)
        .zip(steps)
        .filter(|((real, sand), step)| (real == sand) == step.reason().is_some())
        .map(|((real, sand), step)| match step.reason() {
            None => format!("{}\n  real {real}\n  sand {sand}\n", step.shown()),
            Some(reason) => format!("{}\n  does not differ any more: {reason}\n", step.shown()),
        })
        .collect()
}

#[test]
fn the_same_requests_get_the_same_answers_and_events_as_from_a_real_server() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let steps = table::steps();
    let real = play(&Real(&cluster), &steps);
    let sand = Sand::start();
    let sand = play(&sand, &steps);
    let differences = differences(&real, &sand, &steps);
    for difference in &differences {
        eprintln!("{difference}");
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ",
        differences.len(),
        steps.len()
    );
}

fn ask(server: &impl Server, user: &str, method: &str, path: &str, body: &Value) -> Value {
    let token = match user.strip_prefix('$') {
        Some(token) => token.to_owned(),
        None => server.token(user),
    };
    let request = Request {
        method,
        path,
        token: &token,
        body: Some(body).filter(|body| !body.is_null()),
        headers: &[],
    };
    server.send(&request).unwrap().body
}

/// What the cluster itself did to a token Secret, from its making to its end.
fn life_of_a_token_secret(server: &impl Server) -> (Value, Vec<Value>) {
    let at = "/api/v1/namespaces/default";
    let account = json!({ "metadata": { "name": "robot" } });
    ask(
        server,
        "admin",
        "POST",
        &format!("{at}/serviceaccounts"),
        &account,
    );
    let secret = |name: &str, account: &str| {
        json!({
            "metadata": { "name": name, "annotations": { "kubernetes.io/service-account.name": account } },
            "type": "kubernetes.io/service-account-token",
        })
    };
    ask(
        server,
        "admin",
        "POST",
        &format!("{at}/secrets"),
        &secret("robot-token", "robot"),
    );
    let path = format!("{at}/secrets/robot-token");
    let get = || ask(server, "admin", "GET", &path, &Value::Null);
    let filled = wait_for("a token", || {
        Some(get()).filter(|secret| secret["data"]["token"].is_string())
    });
    let token = {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(filled["data"]["token"].as_str().unwrap())
            .unwrap();
        format!("${}", String::from_utf8(bytes).unwrap())
    };
    ask(server, &token, "GET", &path, &Value::Null);
    ask(server, &token, "GET", &path, &Value::Null);
    let used = get();
    // One whose account there is not goes at once.
    ask(
        server,
        "admin",
        "POST",
        &format!("{at}/secrets"),
        &secret("stray-token", "nobody"),
    );
    let gone = |name: &str| {
        let found = ask(
            server,
            "admin",
            "GET",
            &format!("{at}/secrets/{name}"),
            &Value::Null,
        );
        (found["code"] == 404).then_some(())
    };
    wait_for("the end of a stray token", || gone("stray-token"));
    ask(
        server,
        "admin",
        "DELETE",
        &format!("{at}/serviceaccounts/robot"),
        &Value::Null,
    );
    wait_for("the end of the token", || gone("robot-token"));
    let mut normal = Normal::default();
    let events: Vec<Value> = server
        .audit()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| {
            let name = event["objectRef"]["name"].as_str().unwrap_or_default();
            let by = event["user"]["username"].as_str().unwrap_or_default();
            ["robot-token", "stray-token", "nobody"].contains(&name) && by.starts_with("system:")
        })
        .map(|mut event| {
            // Of the build, of its certificate, and of each process.
            event["userAgent"] =
                json!(
                    event["userAgent"]
                        .as_str()
                        .map(|agent| agent.rsplit('/').next().map(|last| {
                            if last == "tokens-controller" {
                                last
                            } else {
                                ""
                            }
                        }))
                );
            event["user"]["extra"] = json!(event["user"]["extra"].is_object());
            if event["user"]["username"] == "system:apiserver" {
                event["user"]["uid"] = Value::Null;
            }
            event["auditID"] = Value::Null;
            normal.value(&event)
        })
        .collect();
    // There is no authority where there is no TLS.
    let mut used = used;
    let data = used["data"].as_object_mut().unwrap();
    data.remove("ca.crt");
    let written = used["metadata"]["managedFields"].as_array_mut().unwrap();
    for entry in written {
        if let Some(data) = entry["fieldsV1"]["f:data"].as_object_mut() {
            data.remove("f:ca.crt");
        }
    }
    (normal.value(&used), events)
}

#[test]
fn token_secrets_are_filled_noted_and_buried_as_by_the_real_controllers() {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let Some(cluster) = ControlPlane::for_test_alone(&options) else {
        return;
    };
    let (real_secret, mut real) = life_of_a_token_secret(&Real(&cluster));
    let (sand_secret, mut sand) = life_of_a_token_secret(&Sand::start());
    assert_eq!(real_secret, sand_secret);
    // Controllers act when they come to it: before or after the answer that set them off is in the log.
    let order = |event: &Value| {
        format!(
            "{} {} {}",
            event["objectRef"], event["verb"], event["user"]["username"]
        )
    };
    real.sort_by_key(order);
    sand.sort_by_key(order);
    assert_eq!(real.len(), sand.len(), "{real:#?}\n{sand:#?}");
    for (real, sand) in real.iter().zip(&sand) {
        assert_eq!(real, sand);
    }
}
