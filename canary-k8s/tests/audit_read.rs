//! Audit records, real and damaged, become events.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use canary_core::detect::{Credential, Defect, Event, Mention, Stage};
use canary_k8s::audit::{read_document, read_line};

const GET: &str = include_str!("../../fixtures/events/get-secret.json");
const IMPERSONATED: &str = include_str!("../../fixtures/events/impersonated-list.json");
const TOKEN_REQUEST: &str = include_str!("../../fixtures/events/token-request.json");

fn one(line: &str) -> Event {
    let reading = read_line(line.as_bytes(), false);
    assert_eq!((reading.events.len(), reading.unreadable), (1, 0), "{line}");
    reading.events.into_iter().next().unwrap()
}

fn object(resource: &str, namespace: &str, name: &str) -> Mention {
    Mention::Object {
        group: String::new(),
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn collection(resource: &str, namespace: &str) -> Mention {
    Mention::Collection {
        group: String::new(),
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
    }
}

#[test]
fn a_record_says_who_with_what_from_where() {
    let event = one(GET);
    assert_eq!(event.stage, Stage::Complete);
    assert_eq!(event.at.unwrap().to_string(), "2026-11-22T05:50:01.000001Z");
    assert_eq!(event.actor.identity.name, "system:serviceaccount:web:shop");
    let jti = "0f1e2d3c-0000-4000-8000-000000000001";
    assert_eq!(event.actor.credential, Credential::Token(jti.to_owned()));
    let pod = event.actor.pod.unwrap();
    assert_eq!(
        (pod.namespace.as_str(), pod.name.as_str()),
        ("web", "shop-7c9")
    );
    assert_eq!(event.actor.node.unwrap().name, "node1");
    assert_eq!(event.actor.address.unwrap().to_string(), "10.88.0.1");
    assert_eq!(event.actor.claimed_addresses, ["8.8.8.8", "not an address"]);
    assert_eq!(event.outcome.code, Some(200));
    assert!(event.annotations["authorization.k8s.io/reason"].starts_with("RBAC"));
    let expected = [
        object("secrets", "payments", "db-admin"),
        Mention::Principal("system:serviceaccount:web:shop".to_owned()),
        Mention::Credential(format!("JTI={jti}")),
    ];
    assert_eq!(event.mentions, expected.into());
    assert!(event.defects.is_empty());
}

#[test]
fn an_impersonated_list_mentions_both_principals_and_what_it_covers() {
    let event = one(IMPERSONATED);
    assert_eq!(
        event.acting_as.unwrap().name,
        "system:serviceaccount:ci:deployer"
    );
    assert_eq!(event.action.selectors.label.as_deref(), Some("owner=helm"));
    let certificate = "5042ba8484f8a5e774c582564d522774d6f9934c4408332864c6434ca86ba6fe";
    let expected = [
        Mention::Credential(format!("X509SHA256={certificate}")),
        collection("secrets", ""),
        Mention::Principal("alice".to_owned()),
        Mention::Principal("system:serviceaccount:ci:deployer".to_owned()),
    ];
    assert_eq!(event.mentions, expected.into());
}

#[test]
fn a_token_request_mentions_the_account_and_the_token_that_was_issued() {
    let event = one(TOKEN_REQUEST);
    assert_eq!(event.action.subresource, "token");
    for mention in [
        object("serviceaccounts", "ci", "deployer"),
        Mention::Principal("system:serviceaccount:ci:deployer".to_owned()),
        Mention::Credential("JTI=0f1e2d3c-0000-4000-8000-000000000002".to_owned()),
    ] {
        assert!(event.mentions.contains(&mention), "{mention:?}");
    }
}

#[test]
fn a_name_in_all_namespaces_is_named_and_covers() {
    let line =
        r#"{"verb":"list","objectRef":{"resource":"secrets","name":"db","apiVersion":"v1"}}"#;
    let mentions = one(line).mentions;
    assert!(mentions.contains(&object("secrets", "", "db")));
    assert!(mentions.contains(&collection("secrets", "")));
}

#[test]
fn a_cut_line_still_names_its_object() {
    let after_uri = GET.find(r#","verb""#).unwrap();
    for end in after_uri..GET.trim_end().len() {
        let event = one(&GET[..end]);
        assert_eq!(event.defects, [Defect::Cut], "{end}");
        assert!(
            event
                .mentions
                .contains(&object("secrets", "payments", "db-admin")),
            "{end}"
        );
    }
    let user = GET.find(r#","sourceIPs""#).unwrap();
    let principal = Mention::Principal("system:serviceaccount:web:shop".to_owned());
    assert!(one(&GET[..user]).mentions.contains(&principal));
}

#[test]
fn a_cut_through_the_query_leaves_the_path_and_one_through_the_name_what_it_may_have_been() {
    let long =
        r#"{"kind":"Event","requestURI":"/api/v1/namespaces/payments/secrets/db?x=\u0026AAAAA\u0"#;
    assert_eq!(
        one(long).mentions,
        [object("secrets", "payments", "db")].into()
    );
    let torn = r#"{"kind":"Event","requestURI":"/api/v1/namespaces/payments/secrets/d"#;
    assert_eq!(
        one(torn).mentions,
        [collection("secrets", "payments")].into()
    );
}

#[test]
fn an_oversize_line_is_read_as_far_as_it_goes() {
    let reading = read_line(&GET.as_bytes()[..GET.len() / 2], true);
    assert_eq!(reading.events[0].defects, [Defect::Oversize]);
}

#[test]
fn a_record_behind_a_torn_one_is_read_too_wherever_the_tear_is() {
    for end in 1..GET.trim_end().len() {
        let reading = read_line(format!("{}{IMPERSONATED}", &GET[..end]).as_bytes(), false);
        let last = reading.events.last().unwrap();
        assert_eq!(last.action.verb, "list", "{end}");
        assert!(last.defects.is_empty(), "{end}");
    }
}

#[test]
fn records_on_one_line_are_read_however_they_are_spaced_and_listed() {
    let spaced = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        format!("{value:#}").replace('\n', " ")
    };
    let (one, other) = (spaced(GET), spaced(IMPERSONATED));
    let (tight, next) = (GET.trim_end(), IMPERSONATED.trim_end());
    for line in [
        format!("{one} {other}"),
        format!("[{one}, {other},"),
        format!("{one}, {other}]"),
        format!("[{tight},{next},"),
        format!("{tight},{next}]}}"),
        format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{tight},{next},"#),
    ] {
        let reading = read_line(line.as_bytes(), false);
        let verbs: Vec<&str> = reading
            .events
            .iter()
            .map(|e| e.action.verb.as_str())
            .collect();
        assert_eq!(verbs, ["get", "list"], "{line}");
        assert!(
            reading.events.iter().all(|event| event.defects.is_empty()),
            "{line}"
        );
        assert_eq!(reading.unreadable, 0, "{line}");
    }
    for punctuation in ["[", "]", ",", "]}", r#"{"kind":"EventList","items":["#] {
        let reading = read_line(punctuation.as_bytes(), false);
        assert_eq!(
            (reading.events.len(), reading.unreadable),
            (0, 0),
            "{punctuation}"
        );
    }
}

#[test]
fn what_a_line_lost_hides_neither_that_nor_what_stands_behind_it() {
    for from in [1, 5, 60, 200] {
        let reading = read_line(&GET.as_bytes()[from..], false);
        assert!(reading.events.iter().any(|event| event.is_cut()), "{from}");
        let both = format!("{}{IMPERSONATED}", &GET.trim_end()[from..]);
        let reading = read_line(both.as_bytes(), false);
        assert_eq!(reading.events.last().unwrap().action.verb, "list", "{from}");
    }
    let (one, next) = (GET.trim_end(), IMPERSONATED.trim_end());
    let list = format!(r#"{{"kind":"EventList","items":[{one},{next},{next}]}}"#);
    let broken = list.replacen(r#""requestURI":""#, r#""requestURI":"#, 1);
    let events = read_line(broken.as_bytes(), false).events;
    let whole = events.iter().filter(|event| event.action.verb == "list");
    assert_eq!(whole.count(), 2);
}

#[test]
fn a_refusal_in_words_alone_is_one_and_a_record_has_the_time_that_it_has() {
    let event = one(
        r#"{"verb":"get","responseStatus":{"reason":"Forbidden"},"stageTimestamp":"2026-11-22T05:40:00Z"}"#,
    );
    assert_eq!(event.outcome.code, Some(403));
    assert_eq!(event.at, event.stage_at);
    assert!(event.at.is_some());
    let decided = r#"{"verb":"get","annotations":{"authorization.k8s.io/decision":"forbid"}}"#;
    assert_eq!(one(decided).outcome.code, Some(403));
}

#[test]
fn a_record_inside_of_a_body_is_no_record() {
    let body = IMPERSONATED.trim_end();
    let line = format!(
        r#"{{"verb":"create","objectRef":{{"resource":"pods"}},"requestObject":{{"x":{body}"#
    );
    let reading = read_line(line.as_bytes(), false);
    assert_eq!(reading.events.len(), 1);
    assert_eq!(reading.events[0].action.verb, "create");
}

#[test]
fn wrong_types_and_strange_values_fail_nothing() {
    for line in [
        r#"{"kind":0}"#,
        "null",
        "17",
        r#""text""#,
        "[[]]",
        "[1,2]",
        "{}",
        "garbage",
        "{\"a\":,",
    ] {
        let reading = read_line(line.as_bytes(), false);
        assert!(
            reading.events.is_empty() && reading.unreadable > 0,
            "{line}"
        );
    }
    // What begins as a record does is told, whatever is left of it.
    assert_eq!(read_line("{\u{0}".as_bytes(), false).events.len(), 1);
    let wrong = r#"{"kind":[],"verb":"get","auditID":7,"user":"x","impersonatedUser":[],"sourceIPs":{"a":[{}]},"objectRef":3,
        "responseStatus":{"code":"200","reason":{}},"annotations":[{}],"requestReceivedTimestamp":"soon",
        "requestURI":"/api/v1/namespaces/a/secrets/b","items":4}"#;
    let event = one(&wrong.replace('\n', ""));
    assert_eq!(event.mentions, [object("secrets", "a", "b")].into());
    assert_eq!((event.at, event.outcome.code), (None, None));
}

#[test]
fn the_first_of_repeated_keys_counts() {
    let line = r#"{"verb":"get","objectRef":{"resource":"secrets","name":"a","name":"b"},"objectRef":{"resource":"pods"},"verb":"list"}"#;
    let event = one(line);
    assert_eq!(event.action.verb, "get");
    assert!(event.mentions.contains(&object("secrets", "", "a")));
}

#[test]
fn bytes_that_are_not_utf8_are_told() {
    let mut line = GET.as_bytes().to_vec();
    let at = GET.find("kubectl").unwrap();
    line[at] = 0xff;
    let reading = read_line(&line, false);
    assert_eq!(reading.events[0].defects, [Defect::Encoding]);
    assert!(
        reading.events[0]
            .mentions
            .contains(&object("secrets", "payments", "db-admin"))
    );
}

#[test]
fn what_a_client_makes_long_is_kept_short() {
    let long = "x".repeat(10_000_000);
    let line = format!(
        r#"{{"auditID":"{long}","requestURI":"/api/v1/secrets?x={long}","verb":"list","userAgent":"{long}","sourceIPs":["{long}","10.0.0.1"],"user":{{"username":"{long}"}},"objectRef":{{"resource":"secrets"}}}}"#
    );
    let event = one(&line);
    assert!(serde_json::to_string(&event).unwrap().len() < 32 * 1024);
    assert!(event.mentions.contains(&collection("secrets", "")));
}

#[test]
fn secret_values_and_tokens_are_not_kept() {
    let line = r#"{"verb":"update","objectRef":{"resource":"secrets","namespace":"a","name":"b"},"requestObject":{"kind":"Secret","metadata":{"name":"b","annotations":{"x":"aHVudGVyMg=="}},"data":{"p":"aHVudGVyMg=="},"stringData":{"p":"aHVudGVyMg=="}},"responseObject":{"items":[{"data":{"p":"aHVudGVyMg=="}}]}}"#;
    let event = one(line);
    assert!(!format!("{event:?}").contains("aHVudGVyMg"));
    assert_eq!(event.request_body.unwrap()["metadata"]["name"], "b");
    let line = r#"{"verb":"create","objectRef":{"resource":"serviceaccounts","namespace":"a","name":"b","subresource":"token"},"responseObject":{"status":{"token":"eyJhbGci","expirationTimestamp":"x"}}}"#;
    let event = one(line);
    assert!(!format!("{event:?}").contains("eyJhbGci"));
    assert_eq!(
        event.response_body.unwrap()["status"]["expirationTimestamp"],
        "x"
    );
}

#[test]
fn a_binding_and_a_pod_speak_of_the_account() {
    let account = Mention::Principal("system:serviceaccount:ci:deployer".to_owned());
    let binding = r#"{"verb":"create","objectRef":{"resource":"clusterrolebindings","name":"x"},"requestObject":{"subjects":[{"kind":"Group","name":"y"},{"kind":"ServiceAccount","namespace":"ci","name":"deployer"}]}}"#;
    let pod = r#"{"verb":"create","objectRef":{"resource":"pods","namespace":"ci"},"requestObject":{"spec":{"serviceAccountName":"deployer"}}}"#;
    let job = r#"{"verb":"patch","objectRef":{"resource":"cronjobs","namespace":"ci","name":"z"},"requestObject":{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"serviceAccount":"deployer"}}}}}}}"#;
    for line in [binding, pod, job] {
        assert!(one(line).mentions.contains(&account), "{line}");
    }
}

#[test]
fn a_token_that_another_server_has_reviewed_was_used() {
    let line = r#"{"verb":"create","objectRef":{"resource":"tokenreviews"},"requestObject":{"spec":{"token":"eyJhbGci"}},"responseObject":{"status":{"user":{"username":"system:serviceaccount:ci:deployer","extra":{"authentication.kubernetes.io/credential-id":["JTI=1"]}}}}}"#;
    let event = one(line);
    assert!(!format!("{event:?}").contains("eyJhbGci"));
    let expected = [
        Mention::Principal("system:serviceaccount:ci:deployer".to_owned()),
        Mention::Credential("JTI=1".to_owned()),
    ];
    assert_eq!(event.mentions, expected.into());
}

#[test]
fn deep_and_long_bodies_are_left_unread_and_told() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let line = format!(
        r#"{{"verb":"create","objectRef":{{"resource":"pods","namespace":"ci"}},"requestObject":{deep}}}"#
    );
    assert_eq!(one(&line).defects, [Defect::Oversize]);
    let left_out = r#"{"verb":"create","objectRef":{"resource":"pods"},"requestObject":"skipped-too-big-size-object"}"#;
    assert_eq!(one(left_out).defects, [Defect::Truncated]);
}

#[test]
fn lists_and_documents_are_read_whatever_their_form() {
    let get: serde_json::Value = serde_json::from_str(GET).unwrap();
    let mut bare = get.clone();
    bare.as_object_mut()
        .unwrap()
        .retain(|key, _| key != "kind" && key != "apiVersion");
    let list = serde_json::json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [get, bare, {"kind": 0}]});
    for text in [
        format!("{list:#}"),
        list.to_string(),
        format!("\u{feff}[{get:#},\n{bare},{{}}]"),
        format!("{get:#}\n{bare:#}\n{{\"kind\": 0}}"),
    ] {
        let reading = read_document(text.as_bytes());
        assert_eq!((reading.events.len(), reading.unreadable), (2, 1), "{text}");
        assert_eq!(reading.events[0].mentions, reading.events[1].mentions);
    }
    assert_eq!(
        read_line(list.to_string().as_bytes(), false).events.len(),
        2
    );
    let cut = list.to_string();
    let cut = read_document(&cut.as_bytes()[..cut.len() - 200]);
    assert!(!cut.events.is_empty());
}
