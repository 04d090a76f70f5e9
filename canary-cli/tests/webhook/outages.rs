//! The webhook is down, hangs, is not who it should be, or is restarted: every pod is made, soon.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use canary_cli::agent::webhook::ServeOptions;
use canary_fixtures::{ControlPlane, Request};
use jiff::Timestamp;
use serde_json::Value;

use crate::authority::Authority;
use crate::cluster::{
    configuration, configure, flood, handle, namespace, pod, pods, pods_path, until_called,
    with_controllers,
};
use crate::hook::{Hook, until};

const PODS: usize = 500;
/// A second for the call, a second for the call after a change by somebody else, and what it takes to give up.
const LONGEST: f64 = 2.2;

const LATENCY: &str = "apiserver.latency.k8s.io/mutating-webhook";
const FAILED_OPEN: &str = "failed-open.mutation.webhook.admission.k8s.io/";

/// Seconds of a duration as Go writes it (`1.00251s`, `512.3ms`).
fn seconds(text: &str) -> f64 {
    let unit = |end: &str, factor: f64| {
        let number = text.strip_suffix(end)?.parse::<f64>().ok()?;
        Some(number * factor)
    };
    unit("ms", 1e-3)
        .or_else(|| unit("µs", 1e-6))
        .or_else(|| unit("s", 1.0))
        .unwrap()
}

/// What the server's log says of the pods that were made in a namespace.
struct Told {
    /// The longest that one was held up.
    longest: f64,
    /// Those that were let through without us.
    without_us: BTreeSet<String>,
    count: usize,
}

fn told(cluster: &ControlPlane, namespace: &str) -> Told {
    let events = cluster
        .audit_log()
        .since_with(0, |line| line.contains(namespace));
    let mut told = Told {
        longest: 0.0,
        without_us: BTreeSet::new(),
        count: 0,
    };
    let made = events.iter().filter(|event| {
        event["verb"] == "create"
            && event["objectRef"]["resource"] == "pods"
            && event["objectRef"]["namespace"] == namespace
            && event["objectRef"]["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("flood"))
    });
    for event in made {
        told.count += 1;
        told.longest = told.longest.max(held_up(event));
        let annotations = event["annotations"].as_object().unwrap();
        if annotations.keys().any(|key| key.starts_with(FAILED_OPEN)) {
            let name = event["objectRef"]["name"].as_str().unwrap();
            told.without_us.insert(name.to_owned());
        }
    }
    told
}

/// How long webhooks held a request up. The server tells it of requests that took half a second in all; of others that is
/// the most it can have been.
fn held_up(event: &Value) -> f64 {
    if let Some(latency) = event["annotations"][LATENCY].as_str() {
        return seconds(latency);
    }
    let moment = |key: &str| event[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    let whole = moment("stageTimestamp").duration_since(moment("requestReceivedTimestamp"));
    whole.as_secs_f64().min(0.5)
}

/// Names of pods that have no bait.
fn bare(cluster: &ControlPlane, namespace: &str) -> BTreeSet<String> {
    let all = pods(cluster, namespace).into_iter();
    all.filter(|pod| handle(pod).is_none())
        .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Floods a namespace while something is wrong, and looks at what became of it.
fn survives(
    cluster: &ControlPlane,
    what: &str,
    mut meanwhile: impl FnMut(&AtomicUsize) + Send,
) -> Told {
    let namespace = namespace(cluster);
    let made = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| meanwhile(&made));
        flood(cluster, &namespace, PODS, &made);
    });
    let told = told(cluster, &namespace);
    assert_eq!(told.count, PODS, "{what}");
    assert_eq!(pods(cluster, &namespace).len(), PODS, "{what}");
    assert!(told.longest <= LONGEST, "{what}: {} s", told.longest);
    // The server's own account of the gap is the gap.
    assert_eq!(told.without_us, bare(cluster, &namespace), "{what}");
    told
}

#[test]
fn every_pod_of_a_flood_is_made_soon_whatever_is_wrong_with_the_webhook() {
    let Some(cluster) = with_controllers() else {
        return;
    };
    let authority = Authority::new();
    let hook = Hook::start(authority.source());
    let port = hook.port;
    configure(&cluster, &configuration(port, &authority.certificate));
    until_called(&cluster, &namespace(&cluster));
    let missed = |what: &str, told: Told| {
        println!("{what}: held up for {:.2} s at most", told.longest);
        told.without_us.len()
    };
    // A loaded machine may miss a second for some.
    let fine = "nothing is wrong";
    assert!(missed(fine, survives(&cluster, fine, |_| {})) < PODS);

    let mut hook = Some(hook);
    let start = || {
        let most = ServeOptions::CONNECTIONS;
        Hook::with(authority.source(), port, most, Duration::ZERO)
    };
    let restarted = survives(&cluster, "restarted", |made| {
        until("a part is made", || made.load(Ordering::Relaxed) > PODS / 5);
        drop(hook.take());
        let before = made.load(Ordering::Relaxed);
        until("some are made without", || {
            made.load(Ordering::Relaxed) > before + PODS / 5
        });
        hook = Some(start());
    });
    assert!((1..PODS).contains(&missed("restarted", restarted)));

    drop(hook.take());
    assert_eq!(
        missed("stopped", survives(&cluster, "stopped", |_| {})),
        PODS
    );

    let most = ServeOptions::CONNECTIONS;
    let stranger = Hook::with(Authority::new().source(), port, most, Duration::ZERO);
    let another = survives(&cluster, "another's certificate", |_| {});
    assert_eq!(missed("another's certificate", another), PODS);
    drop(stranger);

    // Connections are taken by the kernel, and nobody answers.
    let hanging = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(
        missed("hanging", survives(&cluster, "hanging", |_| {})),
        PODS
    );
    drop(hanging);

    let _back = start();
    let namespace = namespace(&cluster);
    until_called(&cluster, &namespace);
    let made = cluster.admin("POST", &pods_path(&namespace), Some(&pod("after")));
    assert!(handle(&made).is_some());
}

#[test]
fn no_call_fails_while_the_authority_and_with_it_the_leaf_is_replaced() {
    let Some(cluster) = with_controllers() else {
        return;
    };
    let (old, new) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    old.write(folder.path());
    let hook = Hook::start(Authority::in_files(folder.path()));
    // As an authority is replaced: both are trusted for a while.
    let both = format!("{}{}", old.certificate, new.certificate);
    let mut patient = configuration(hook.port, &both);
    // As long as can be: what fails here is not slow.
    patient["webhooks"][0]["timeoutSeconds"] = 30.into();
    configure(&cluster, &patient);
    let namespace = namespace(&cluster);
    until_called(&cluster, &namespace);
    let is_shown = |authority: &Authority| {
        let request = Request {
            method: "GET",
            path: "/healthz",
            token: "",
            body: None,
            headers: &[],
        };
        request.send_to(&authority.certificate, hook.port).is_ok()
    };
    assert!(is_shown(&old) && !is_shown(&new));
    let made = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            until("a part is made", || made.load(Ordering::Relaxed) > 50);
            new.write(folder.path());
        });
        let mut round = 0;
        // The files are looked at every few seconds: the flood goes on until they were, and for some pods after.
        while !is_shown(&new) || round == 0 {
            let name = format!("flood-{round}");
            for i in 0..20 {
                let pod = pod(&format!("{name}-{i}"));
                cluster.admin("POST", &pods_path(&namespace), Some(&pod));
                made.fetch_add(1, Ordering::Relaxed);
            }
            round += 1;
            assert!(round < 5_000, "the new leaf is never shown");
        }
        flood(&cluster, &namespace, 200, &made);
    });
    assert!(is_shown(&new) && !is_shown(&old));
    let told = told(&cluster, &namespace);
    assert_eq!(told.without_us, BTreeSet::new());
    assert_eq!(bare(&cluster, &namespace), BTreeSet::new());
}
