//! Every write of an apply, of a change and of a destroy on a real API server: cut, refused, failed and killed, before it
//! and after it. Judged by what is there afterwards and by the server's audit log.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use canary_fixtures::{Fault, Write};
use serde_json::Value;
use support::case::{Case, End, cluster, lost_token};
use support::secrets::from_base64;
use support::thirty::Stage;
use support::touch::Touch;

/// What may befall every write: killed before it, after it, and its answer lost.
const ALWAYS: [Fault; 3] = [Fault::HangBefore, Fault::HangAfter, Fault::CutAfter];
/// Of these each write has one.
const IN_TURN: [Fault; 5] = [
    Fault::CutBefore,
    Fault::CutWithin,
    Fault::Busy,
    Fault::ErrorBefore,
    Fault::ErrorAfter,
];

/// The faults of the write with this number.
fn faults(number: usize) -> impl Iterator<Item = Fault> {
    ALWAYS.into_iter().chain([IN_TURN[number % IN_TURN.len()]])
}

fn touch(planned: &[Touch], address: &str) -> Touch {
    let found = planned.iter().find(|touch| touch.address == address);
    found.expect(address).clone()
}

/// The identifier that a token carries.
fn identifier(token: &str) -> String {
    use base64::Engine as _;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

/// Carries cases out, a few at a time; tells all that fail.
fn all<T: std::fmt::Debug + Sync>(cases: &[T], run: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        // Twice as many as run programs at once: each waits for a server part of the time.
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if catch_unwind(AssertUnwindSafe(|| run(case))).is_err() {
                        failed.lock().unwrap().push(format!("{case:?}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {} cases: {failed:#?}",
        failed.len(),
        cases.len()
    );
}

#[test]
fn a_server_that_never_answers_is_given_up_and_asked_again() {
    let Some(cluster) = cluster() else {
        return;
    };
    let cases = [
        ("config_map.settings", Fault::HangBefore),
        ("secret.free", Fault::HangAfter),
        ("service_account.deployer/token", Fault::HangAfter),
    ];
    all(&cases, |&(address, fault)| {
        let mut case = Case::new(cluster);
        case.configure(Stage::Planted);
        let planned = case.planned(&[]);
        let wanted = touch(&planned, address);
        let apply = ["apply", "--auto-approve"];
        let (ran, struck, _) =
            case.struck(&apply, fault, move |write| wanted.is(write), End::ByItself);
        ran.exits(0);
        case.is_settled(0);
        case.show_no_secrets(lost_token(&struck).as_deref());
        case.left_everything_else_alone();
    });
}

#[test]
fn a_token_whose_answer_was_lost_still_gives_its_thief_away() {
    let Some(cluster) = cluster() else {
        return;
    };
    all(&[Fault::CutAfter, Fault::HangAfter], |&fault| {
        let mut case = Case::new(cluster);
        case.configure(Stage::Planted);
        let planned = case.planned(&[]);
        let token = touch(&planned, "service_account.deployer/token");
        let struck = case.overcome(&["apply", "--auto-approve"], &planned, &token, fault, 0);
        case.is_settled(0);
        // The one that is known is the one that is planted, and it is another.
        let lost = lost_token(&struck).unwrap();
        let known = case.output("service_account.deployer", "jti");
        let holder = touch(&planned, "secret.deployer");
        let path = format!(
            "/api/v1/namespaces/{}/secrets/{}",
            holder.namespace, holder.name
        );
        let secret = cluster.admin("GET", &path, None);
        let config = from_base64(secret["data"]["kubeconfig"].as_str().unwrap());
        let config = String::from_utf8(config).unwrap();
        let planted = config.split("token: ").nth(1).unwrap().trim();
        assert_eq!(identifier(planted), known);
        assert_ne!(identifier(&lost), known);
        // Nobody knows the lost one's identifier, but whose it is.
        let account = format!("system:serviceaccount:{}:{}", token.namespace, token.name);
        assert!(case.alerts_of(&account).is_empty());
        let path = format!("/api/v1/namespaces/{}/pods", token.namespace);
        let used = cluster.request_with(&lost, "GET", &path, None, &[]);
        assert_eq!(used.unwrap().status, 403, "the lost token lives");
        let alerts = case.alerts_of(&account);
        assert_eq!(alerts.len(), 1, "{alerts:#?}");
        assert_eq!(alerts[0]["severity"], "High");
        assert_eq!(
            alerts[0]["resources"][0]["name"],
            "service_account.deployer"
        );
    });
}

#[test]
fn who_we_are_is_asked_again_so_that_our_own_calls_stay_known() {
    let Some(cluster) = cluster() else {
        return;
    };
    let faults = [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Busy,
        Fault::ErrorAfter,
    ];
    all(&faults, |&fault| {
        let mut case = Case::new(cluster);
        case.configure(Stage::Planted);
        case.planned(&[]);
        let review = |write: &Write| write.path.ends_with("/selfsubjectreviews");
        let apply = ["apply", "--auto-approve"];
        let (ran, _, _) = case.struck(&apply, fault, review, End::ByItself);
        ran.exits(0);
        case.is_settled(0);
        case.left_everything_else_alone();
    });
}

#[test]
fn whatever_befalls_a_write_of_an_apply_is_overcome() {
    let Some(cluster) = cluster() else {
        return;
    };
    let apply = ["apply", "--auto-approve"];
    let mut first = Case::new(cluster);
    first.configure(Stage::Taken);
    let count = first.planned(&[]).len();
    assert_eq!(count, 30);
    let cases: Vec<(usize, Fault)> = (0..count)
        .flat_map(|touch| faults(touch).map(move |fault| (touch, fault)))
        .collect();
    all(&cases, |&(touch, fault)| {
        let mut case = Case::new(cluster);
        case.configure(Stage::Taken);
        let planned = case.planned(&[]);
        case.overcome(&apply, &planned, &planned[touch], fault, 7);
        // What has a name that we want goes on blocking that one canary, and nothing else.
        case.is_settled(7);
        assert!(!case.has_retired(), "made twice");
        case.configure(Stage::Planted);
        case.project
            .run(&["plan", "--detailed-exitcode"])
            .exits(0)
            .shows("No changes.");
        case.left_everything_else_alone();
    });
}

#[test]
fn whatever_befalls_a_write_of_a_change_and_of_a_destroy_is_overcome() {
    let Some(cluster) = cluster() else {
        return;
    };
    let apply = ["apply", "--auto-approve"];
    let cases: Vec<usize> = (0..40).collect();
    all(&cases, |&number| {
        let mut case = Case::new(cluster);
        case.configure(Stage::Planted);
        case.planned(&[]);
        case.project.run(&apply).exits(0);
        case.configure(Stage::Changed);
        let planned = case.planned(&[]);
        assert_eq!(planned.len(), 10);
        let fault = faults(number % 10).nth(number / 10).unwrap();
        case.overcome(&apply, &planned, &planned[number % 10], fault, 0);
        case.is_settled(0);
        case.project.run(&["plan", "--detailed-exitcode"]).exits(0);
        let planned = case.planned(&["--destroy"]);
        let fault = faults(number)
            .nth((number / planned.len() + number) % 4)
            .unwrap();
        let touch = &planned[number % planned.len()];
        case.overcome(&["destroy", "--auto-approve"], &planned, touch, fault, 0);
        case.project
            .run(&["destroy", "--retired-too", "--auto-approve"])
            .exits(0);
        assert_eq!(case.there(), case.theirs);
        case.left_everything_else_alone();
    });
}
