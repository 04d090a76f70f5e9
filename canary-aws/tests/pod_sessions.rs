//! Sessions for pods: on the account in memory, on an emulated one, and by tokens.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod pod_sessions_support;
mod sandbox_support;
mod trail_support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_types::timeout::TimeoutConfig;
use canary_aws::sandbox::{Fault, FaultKind, Sandbox};
use canary_aws::{AwsBaits, AwsCatalog, Way};
use canary_core::bait::{Issue as _, Refusal, TouchError};
use canary_core::catalog::Catalog as _;
use canary_core::config::{Setting, Spanned, Table};
use canary_core::detect::{BaitSessions, Event, Judge, Own, Planted, Rules, Sighting, Tripwires};
use canary_core::graph::Handle;
use canary_fixtures::aws::Cloud;
use jiff::{SignedDuration, Timestamp};
use pod_sessions_support::{
    FakeSts, POD, canary, client, denied, files, given, pods, role, session, sessions, wanted,
};
use sandbox_support::{ACCOUNT, REGION, admin, config, sandbox, start_of_time, user_with_key};
use serde_json::{Value, json};
use trail_support::event;

const TWELVE_HOURS: Duration = Duration::from_secs(12 * 3600);

/// A role that an agent may assume, and the agent's keys.
async fn with_role(sandbox: &Sandbox, longest: i32) -> Credentials {
    let iam = aws_sdk_iam::Client::new(&admin(sandbox).await);
    let agent = user_with_key(&iam, "agent").await;
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": [
            format!("arn:aws:iam::{ACCOUNT}:user/agent"),
            format!("arn:aws:iam::{ACCOUNT}:role/agent-role"),
        ] },
        "Action": "sts:AssumeRole",
    }]});
    let own = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": ACCOUNT },
        "Action": "sts:AssumeRole",
    }]});
    let agents = iam.create_role().role_name("agent-role");
    let agents = agents.assume_role_policy_document(own.to_string());
    agents.send().await.unwrap();
    let made = iam.create_role().role_name("web-irsa");
    let made = made.assume_role_policy_document(trust.to_string());
    let made = made.max_session_duration(longest);
    made.send().await.unwrap();
    agent
}

async fn issuing(sandbox: &Sandbox, credentials: Credentials) -> AwsBaits {
    let config = config(sandbox, credentials).await;
    let roles = BTreeMap::from([(canary(), role(ACCOUNT, TWELVE_HOURS))]);
    AwsBaits::new(
        client(&config, ACCOUNT),
        sessions(),
        Way::Credentials,
        roles,
    )
}

fn lasts(until: Timestamp) -> SignedDuration {
    until.duration_since(start_of_time())
}

/// What the account's trail has of STS, the oldest first.
async fn trail(sandbox: &Sandbox) -> Vec<Event> {
    let trail = aws_sdk_cloudtrail::Client::new(&admin(sandbox).await);
    let mut pages = trail.lookup_events().into_paginator().items().send();
    let mut events = Vec::new();
    while let Some(one) = pages.next().await {
        let record: Value =
            serde_json::from_str(one.unwrap().cloud_trail_event().unwrap()).unwrap();
        if record["eventSource"] == "sts.amazonaws.com" {
            events.push(event(&record));
        }
    }
    events.reverse();
    events
}

/// The decoy role, as the ledger has it.
fn planted(account: &str) -> Planted {
    Planted {
        address: canary_aws::role_address(&canary()),
        provider: AwsCatalog.provider(),
        handle: Handle {
            kind: "Role".into(),
            scope: None,
            name: "web-irsa".into(),
        },
        fields: BTreeMap::from([("arn".to_owned(), role(account, TWELVE_HOURS).arn)]),
        outputs: BTreeMap::new(),
        needs: Default::default(),
        uid: None,
        since: None,
        buried: None,
    }
}

fn seen(account: &str, own: Own, events: &[Event]) -> Vec<Sighting> {
    let planted = vec![planted(account)];
    let tripwires = planted.iter().flat_map(|one| AwsCatalog.tripwires(one));
    let mut judge = Judge::new(Rules {
        tripwires: Tripwires::new(tripwires),
        planted,
        known_readers: Vec::new(),
        machinery: Vec::new(),
        own: BTreeMap::from([(AwsCatalog.provider(), own)]),
        planned: false,
        applied_by: None,
        pods: None,
    });
    let mut seen: Vec<Sighting> = events.iter().flat_map(|event| judge.judge(event)).collect();
    seen.extend(judge.finish());
    seen
}

fn own(operator: &str) -> Own {
    Own {
        operators: [operator.to_owned()].into(),
        sessions: Some(BaitSessions {
            sessions: sessions(),
            pods: Arc::new(pods(start_of_time())),
        }),
        ..Own::default()
    }
}

#[tokio::test]
async fn a_pods_session_is_in_the_files_as_aws_configure_writes_them() {
    let sandbox = sandbox().await;
    let agent = with_role(&sandbox, 43_200).await;
    let baits = issuing(&sandbox, agent).await;
    let fresh = baits.issue(&wanted(start_of_time())).await.unwrap();
    assert_eq!(lasts(fresh.until), SignedDuration::from_hours(12));
    assert_eq!(fresh.token, None);
    let files = files(&fresh);
    assert_eq!(
        files["settings"],
        "[profile s3-sync]\nregion = eu-west-1\noutput = json\n"
    );
    let given = given(&fresh);
    let written = format!(
        "[s3-sync]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        given.access_key_id(),
        given.secret_access_key(),
        given.session_token().unwrap()
    );
    assert_eq!(files["keys"], written);
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, given).await);
    let me = sts.get_caller_identity().send().await.unwrap();
    let name = me.arn().unwrap().rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(
        me.arn().unwrap(),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/web-irsa/{name}")
    );
    let pods = pods(start_of_time());
    let resolved = pods.of_session(&sessions(), &name).unwrap();
    assert_eq!(resolved.record.subject.uid, POD);
    assert_eq!(resolved.issued, Some(start_of_time()));
}

#[tokio::test]
async fn a_session_is_as_long_as_the_role_or_the_chain_lets_it_be() {
    let sandbox = sandbox().await;
    let agent = with_role(&sandbox, 7200).await;
    let hour = SignedDuration::from_hours(1);
    // The role was changed since: what every role allows is had, and asked for from then on.
    let baits = issuing(&sandbox, agent.clone()).await;
    for requests in [2, 1] {
        let fresh = baits.issue(&wanted(start_of_time())).await.unwrap();
        assert_eq!(lasts(fresh.until), hour);
        assert_eq!(baits.requests().len(), requests);
    }
    let sandbox = self::sandbox().await;
    with_role(&sandbox, 43_200).await;
    let sts = aws_sdk_sts::Client::new(&admin(&sandbox).await);
    let assumed = sts.assume_role().role_session_name("a-1");
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/agent-role");
    let assumed = assumed.role_arn(arn).send().await.unwrap();
    let had = assumed.credentials().unwrap();
    let chained = sandbox_support::credentials(
        had.access_key_id(),
        had.secret_access_key(),
        Some(had.session_token()),
    );
    let baits = issuing(&sandbox, chained).await;
    let fresh = baits.issue(&wanted(start_of_time())).await.unwrap();
    assert_eq!(lasts(fresh.until), hour);
}

#[tokio::test]
async fn a_refusal_says_what_comes_next_and_nothing_secret() {
    let sandbox = sandbox().await;
    let agent = with_role(&sandbox, 43_200).await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let stranger = user_with_key(&iam, "stranger").await;
    let secret = stranger.secret_access_key().to_owned();
    let refused = issuing(&sandbox, stranger).await;
    let told = refused.issue(&wanted(start_of_time())).await.unwrap_err();
    assert_eq!(told.refusal, Refusal::Denied, "{told}");
    assert!(!format!("{told:?} {refused:?}").contains(&secret));

    let baits = issuing(&sandbox, agent).await;
    for (kind, expected) in [
        (FaultKind::Throttle, Refusal::Throttled),
        (FaultKind::Error, Refusal::Unreachable),
        (FaultKind::Cut, Refusal::Unreachable),
        (FaultKind::CutAfter, Refusal::Unreachable),
        // The account's clock stands still, far from ours: so that is what a wrong signature is put down to.
        (FaultKind::WrongSignature, Refusal::Unreachable),
    ] {
        sandbox
            .faults()
            .push(Fault::once(kind).on("sts:AssumeRole"));
        let told = baits.issue(&wanted(start_of_time())).await.unwrap_err();
        assert_eq!(told.refusal, expected, "{kind:?}: {told}");
        let waits = expected == Refusal::Throttled;
        assert_eq!(told.retry_after.is_some(), waits, "{kind:?}");
    }
    // None was asked for twice: when to try again is not decided here.
    let mut other = wanted(start_of_time());
    other.canary = canary_core::graph::CanaryId::new("pod_credentials", "other");
    let told = baits.issue(&other).await.unwrap_err();
    assert_eq!(told.refusal, Refusal::Missing);
    baits.issue(&wanted(start_of_time())).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let sandbox = sandbox().await;
    let agent = with_role(&sandbox, 43_200).await;
    let soon = TimeoutConfig::builder().operation_timeout(Duration::from_millis(300));
    let config = config(&sandbox, agent).await.into_builder();
    let config = config.timeout_config(soon.build()).build();
    let roles = BTreeMap::from([(canary(), role(ACCOUNT, TWELVE_HOURS))]);
    let baits = AwsBaits::new(
        client(&config, ACCOUNT),
        sessions(),
        Way::Credentials,
        roles,
    );
    sandbox
        .faults()
        .push(Fault::once(FaultKind::Hang).on("sts:AssumeRole"));
    let told: TouchError = baits.issue(&wanted(start_of_time())).await.unwrap_err();
    assert_eq!(told.refusal, Refusal::Unreachable, "{told}");
    sandbox.faults().release();
}

#[tokio::test]
async fn our_own_issuing_is_excused_and_whatever_else_befalls_the_role_is_told() {
    let sandbox = sandbox().await;
    let agent = with_role(&sandbox, 43_200).await;
    let agent_config = config(&sandbox, agent.clone()).await;
    let baits = issuing(&sandbox, agent).await;
    let fresh = baits.issue(&wanted(start_of_time())).await.unwrap();
    let operator = format!("arn:aws:iam::{ACCOUNT}:user/agent");
    let told = |events: &[Event]| seen(ACCOUNT, own(&operator), events).len();

    let issued = trail(&sandbox).await;
    assert_eq!((issued.len(), told(&issued)), (1, 0));
    // By the identifier that the account gave the request, too.
    let by_request = Own {
        requests: baits.requests().into_iter().collect(),
        sessions: None,
        ..own(&operator)
    };
    assert!(seen(ACCOUNT, by_request, &issued).is_empty());
    // The same from anybody else is told.
    assert_eq!(
        seen(ACCOUNT, own("arn:aws:iam::1:user/x"), &issued).len(),
        1
    );

    // The agent's own key in a thief's hands, by a name that is of no pod of ours or of an earlier time.
    let sts = aws_sdk_sts::Client::new(&agent_config);
    let name = sessions().name(wanted(start_of_time()).number, start_of_time());
    for (later, name) in [
        (0, "s-1"),
        (0, "aws-go-sdk-1793697251000000001"),
        (301, name.as_str()),
    ] {
        sandbox.clock().advance(Duration::from_secs(later));
        let before = trail(&sandbox).await.len();
        let role = role(ACCOUNT, TWELVE_HOURS).arn;
        let assume = sts.assume_role().role_arn(role).role_session_name(name);
        assume.send().await.unwrap();
        let events = trail(&sandbox).await;
        assert_eq!(told(&events[before..]), 1, "{name}");
    }

    // Whoever uses a pod's session is told, and the session says whose it is.
    let before = trail(&sandbox).await.len();
    let thief = aws_sdk_sts::Client::new(&config(&sandbox, given(&fresh)).await);
    thief.get_caller_identity().send().await.unwrap();
    let events = trail(&sandbox).await;
    let sightings = seen(ACCOUNT, own(&operator), &events[before..]);
    assert_eq!(sightings.len(), 1);
    assert_is_of_the_pod(&sightings[0].event);
}

/// A record of a session that was begun, as a real trail has it.
fn began(by: Value, operation: &str) -> Event {
    let name = sessions().name(wanted(start_of_time()).number, start_of_time());
    event(&trail_support::record(json!({
        "userIdentity": by,
        "eventTime": start_of_time().to_string(),
        "eventSource": "sts.amazonaws.com",
        "eventName": operation,
        "requestParameters": { "roleArn": role(ACCOUNT, TWELVE_HOURS).arn, "roleSessionName": name },
        "responseElements": {
            "credentials": { "accessKeyId": "ASIAEXAMPLE000000001", "expiration": "Nov 3, 2026, 9:14:11 PM" },
            "assumedRoleUser": {
                "assumedRoleId": format!("AROAEXAMPLEWEB000001:{name}"),
                "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/web-irsa/{name}"),
            },
        },
    })))
}

#[test]
fn an_agent_is_known_by_its_token_or_by_its_role_whatever_its_own_session_is_called() {
    let oidc =
        format!("arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EX");
    let subject = "system:serviceaccount:platform:sync";
    let by_token = |subject: &str| {
        let by = json!({
            "type": "WebIdentityUser",
            "principalId": format!("{oidc}:sts.amazonaws.com:{subject}"),
            "userName": subject,
            "identityProvider": oidc,
        });
        began(by, "AssumeRoleWithWebIdentity")
    };
    let role = format!("arn:aws:iam::{ACCOUNT}:role/workers");
    let by_role = |role: &str| {
        let by = json!({
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEWORKERS01:i-0abc",
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/workers/i-0abc"),
            "accountId": ACCOUNT,
            "sessionContext": { "sessionIssuer": {
                "type": "Role", "principalId": "AROAEXAMPLEWORKERS01", "arn": role, "accountId": ACCOUNT,
            }},
        });
        began(by, "AssumeRole")
    };
    let table = |fields: &[(&str, &str)]| {
        let mut table = Table::default();
        for (name, text) in fields {
            let value = Setting::Text((*text).to_owned());
            table.fields.insert(*name, Spanned { value, span: 0..0 });
        }
        table
    };
    let of_token = table(&[("agent_oidc", &oidc), ("agent_subject", subject)]);
    let of_role = table(&[("agent_principal", &role)]);
    let told = |section: &Table, event: Event| {
        let operators = AwsCatalog.operators(section);
        assert_eq!(operators.len(), 1);
        seen(ACCOUNT, own(&operators[0]), &[event]).len()
    };
    assert_eq!(told(&of_token, by_token(subject)), 0);
    assert_eq!(
        told(&of_token, by_token("system:serviceaccount:web:sync")),
        1
    );
    assert_eq!(told(&of_role, by_role(&role)), 0);
    assert_eq!(
        told(
            &of_role,
            by_role(&format!("arn:aws:iam::{ACCOUNT}:role/other"))
        ),
        1
    );
    assert_eq!(told(&of_role, by_token(subject)), 1);
}

#[track_caller]
fn assert_is_of_the_pod(event: &Event) {
    let uid = &event.actor.identity.uid;
    let name = uid.rsplit_once(':').unwrap().1;
    let pods = pods(start_of_time());
    let resolved = pods.of_session(&sessions(), name).unwrap();
    assert_eq!(resolved.record.subject.uid, POD);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emulated_account_gives_sessions_whose_use_is_resolved() {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{}:root", cloud.account()) },
        "Action": "sts:AssumeRole",
    }]});
    cloud.admin(
        "iam:CreateRole",
        &json!({ "RoleName": "web-irsa", "AssumeRolePolicyDocument": trust.to_string() }),
    );
    let keys = cloud.admin_keys();
    let at = |credentials: Credentials| {
        aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(cloud.url())
            .region(aws_config::Region::new(REGION))
            .credentials_provider(credentials)
            .load()
    };
    let admin = sandbox_support::credentials(&keys.access_key_id, &keys.secret_access_key, None);
    let config = at(admin).await;
    let role = role(cloud.account(), Duration::from_secs(3600));
    let roles = BTreeMap::from([(canary(), role)]);
    let baits = AwsBaits::new(
        client(&config, cloud.account()),
        sessions(),
        Way::Credentials,
        roles,
    );
    let fresh = baits.issue(&wanted(start_of_time())).await.unwrap();
    let thief = aws_sdk_sts::Client::new(&at(given(&fresh)).await);
    thief.get_caller_identity().send().await.unwrap();
    let records = cloud.records();
    let used = records
        .iter()
        .filter(|record| record["eventName"] == "GetCallerIdentity");
    let used: Vec<Event> = used.map(event).collect();
    let told = seen(cloud.account(), Own::default(), &used);
    assert_eq!(told.len(), 1);
    assert_is_of_the_pod(&told[0].event);
}

fn token_way(sts: &FakeSts, token: &std::path::Path) -> AwsBaits {
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(REGION))
        .endpoint_url(sts.url())
        .build();
    let roles = BTreeMap::from([(canary(), role(ACCOUNT, TWELVE_HOURS))]);
    let way = Way::Token(token.to_owned());
    AwsBaits::new(client(&config, ACCOUNT), sessions(), way, roles)
}

#[tokio::test]
async fn a_token_is_read_anew_for_every_session_and_no_credentials_are_needed() {
    let sts = FakeSts::start().await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    let baits = token_way(&sts, &token);
    let missing = baits.issue(&wanted(start_of_time())).await.unwrap_err();
    assert_eq!(missing.refusal, Refusal::Missing, "{missing}");
    for text in ["first.token", "second.token"] {
        std::fs::write(&token, format!("{text}\n")).unwrap();
        sts.will_answer(vec![session("2026-11-03T21:14:11Z")]);
        let fresh = baits.issue(&wanted(start_of_time())).await.unwrap();
        assert_eq!(lasts(fresh.until), SignedDuration::from_hours(12));
        let asked = sts.asked();
        assert_eq!(asked["WebIdentityToken"], text);
        assert_eq!(asked["Action"], "AssumeRoleWithWebIdentity");
        assert_eq!(asked["DurationSeconds"], "43200");
        assert_eq!(asked["RoleArn"], role(ACCOUNT, TWELVE_HOURS).arn);
        assert!(sessions().read(&asked["RoleSessionName"]).is_some());
        assert!(!sts.was_signed());
    }
    for hostile in ["", " \n", "\u{0}"] {
        std::fs::write(&token, hostile).unwrap();
        sts.will_answer(vec![denied("InvalidIdentityToken", 400)]);
        assert!(baits.issue(&wanted(start_of_time())).await.is_err());
    }
    std::fs::write(&token, vec![b'a'; 30_000]).unwrap();
    let told = baits.issue(&wanted(start_of_time())).await.unwrap_err();
    assert_eq!(told.refusal, Refusal::Missing);
}

#[tokio::test]
async fn what_sts_says_of_a_token_decides_what_comes_next() {
    let sts = FakeSts::start().await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "a.b.c").unwrap();
    for (code, status, expected) in [
        ("ExpiredTokenException", 400, Refusal::Denied),
        ("InvalidIdentityToken", 400, Refusal::Denied),
        ("IDPRejectedClaim", 403, Refusal::Denied),
        ("IDPCommunicationError", 400, Refusal::Unreachable),
        ("AccessDenied", 403, Refusal::Denied),
        ("Throttling", 400, Refusal::Throttled),
        ("InternalFailure", 500, Refusal::Unreachable),
    ] {
        let baits = token_way(&sts, &token);
        sts.will_answer(vec![denied(code, status)]);
        let told = baits.issue(&wanted(start_of_time())).await.unwrap_err();
        assert_eq!(told.refusal, expected, "{code}: {told}");
        assert!(!format!("{told:?}").contains("a.b.c"), "{told:?}");
    }
}
