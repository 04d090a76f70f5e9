//! What the webhook's server costs: CPU of the server for a request, and how long a client waits, at 32 connections.
//!
//! ```text
//! cargo bench -p canary-cli --bench webhook [-- --requests N]
//! ```
//!
//! The server is a process of its own, so that its CPU can be told from the client's, which runs on the same machine.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use canary_cli::agent::webhook::{CertificateSource, Metrics, Pem, ServeOptions, serve};
use canary_core::bait::{BaitKind, Containers, Files, Pattern, PodHandles, Target};
use canary_core::disguise::Key;
use canary_core::graph::CanaryId;
use canary_k8s::admission::Admission;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tokio::sync::watch;
use wait4::Wait4 as _;

/// As many as the promise is made for.
const CONNECTIONS: usize = 32;
const REQUESTS: usize = 100_000;
/// Of a review: a pod of a Deployment, managed fields and all.
const REVIEW: usize = 4_096;
const SERVER: &str = "--server";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let after = |word: &str| Some(&args[args.iter().position(|arg| arg == word)? + 1]);
    if let Some(folder) = after(SERVER) {
        server(folder);
        return ExitCode::SUCCESS;
    }
    // `cargo test --benches` runs this too, without the word.
    if !args.iter().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    let requests = after("--requests").map_or(REQUESTS, |text| text.parse().unwrap());
    // One that serves nobody costs its start alone, which is taken off.
    let idle = measure(0);
    let busy = measure(requests);
    let cpu = busy.cpu.saturating_sub(idle.cpu);
    let mut waits = busy.waits;
    waits.sort();
    let at = |per_mille: usize| micros(waits[(waits.len() - 1) * per_mille / 1_000]);
    let count = waits.len();
    println!(
        "{count} reviews of {REVIEW} bytes over TLS 1.3, {CONNECTIONS} connections that stay open, no pause between:\n\
         server {:.1} µs CPU a request; client waits p50 {:.0} µs, p99 {:.0} µs, at most {:.0} µs; {:.0} a second",
        micros(cpu) / float(count),
        at(500),
        at(990),
        at(1_000),
        float(count) / busy.took.as_secs_f64(),
    );
    ExitCode::SUCCESS
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

struct Measured {
    cpu: Duration,
    took: Duration,
    waits: Vec<Duration>,
}

fn measure(requests: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let ca = authority(folder.path());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(SERVER)
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let port = port.trim().parse().unwrap();
    let tls = trusting(&ca);
    let body = review();
    let each = requests / CONNECTIONS;
    // All are connected before one asks, so that handshakes are not counted as waiting.
    let ready = Barrier::new(CONNECTIONS + 1);
    let (took, waits) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(|| client(&tls, port, &body, each, &ready)))
            .collect();
        ready.wait();
        let began = Instant::now();
        let waits = clients.into_iter().flat_map(|one| one.join().unwrap());
        let waits: Vec<_> = waits.collect();
        (began.elapsed(), waits)
    });
    Measured {
        cpu: end(child),
        took,
        waits,
    }
}

/// Ends the server and tells the CPU it took.
fn end(mut child: Child) -> Duration {
    drop(child.stdin.take());
    let used = child.wait4().unwrap().rusage;
    used.utime + used.stime
}

type Client = StreamOwned<ClientConnection, TcpStream>;

fn client(
    tls: &Arc<ClientConfig>,
    port: u16,
    body: &[u8],
    requests: usize,
    ready: &Barrier,
) -> Vec<Duration> {
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_nodelay(true).unwrap();
    let mut client = StreamOwned::new(ClientConnection::new(tls.clone(), name).unwrap(), socket);
    let mut buffer = vec![0; 16 * 1024];
    let head = format!(
        "POST /?timeout=1s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    // The first has the handshake in it.
    ask(&mut client, &request, &mut buffer);
    ready.wait();
    (0..requests)
        .map(|_| {
            let began = Instant::now();
            ask(&mut client, &request, &mut buffer);
            began.elapsed()
        })
        .collect()
}

fn ask(client: &mut Client, request: &[u8], buffer: &mut [u8]) {
    client.write_all(request).unwrap();
    let mut filled = 0;
    loop {
        filled += client.read(&mut buffer[filled..]).unwrap();
        // The body is one object whose last two braces stand nowhere else.
        if buffer[..filled].ends_with(b"}}") {
            break;
        }
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200"));
}

/// Serves until its standard input ends.
fn server(folder: &str) {
    let file = |name: &str| Pem::File(std::path::Path::new(folder).join(name));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        let options = ServeOptions {
            listener,
            certificate: CertificateSource::Signed {
                certificate: file("tls.crt"),
                key: file("tls.key"),
                names: vec!["localhost".into()],
            },
            metrics: Arc::new(Metrics::default()),
            connections: ServeOptions::CONNECTIONS,
            more: axum::Router::new(),
            drain: Duration::ZERO,
        };
        let (_keep, admission) = watch::channel(Arc::new(admission()));
        let told = async {
            let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
            end.await.unwrap().unwrap();
        };
        serve(options, admission, told).await.unwrap();
    });
}

fn authority(folder: &std::path::Path) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().pem();
    std::fs::write(folder.join("tls.crt"), &certificate).unwrap();
    std::fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
    certificate
}

fn trusting(ca: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn admission() -> Admission {
    let names = [("credentials", "credentials"), ("config", "config")];
    let files = Files {
        directory: "/etc/{workload}/cloud".into(),
        names: names.map(|(what, name)| (what.into(), name.into())).into(),
    };
    let target = Target {
        canary: CanaryId::new("pod_credentials", "web"),
        namespaces: vec![Pattern::new("web")],
        except: Vec::new(),
        selector: None,
        workloads: BTreeSet::new(),
        containers: Containers::default(),
        share: 100,
        base: "{workload}-settings".into(),
        baits: BTreeMap::from([(BaitKind::Aws, files)]),
    };
    let keys = Key::from_bytes([3; 32]).at_site(&canary_k8s::provider(), "site");
    Admission::new(vec![target], PodHandles::new(&keys)).unwrap()
}

fn review() -> Vec<u8> {
    let mut review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "0df28fbd-5f5f-11e8-bc74-36e6bb280816", "operation": "CREATE", "namespace": "web",
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "object": {
                "metadata": { "generateName": "checkout-" },
                "spec": {
                    "containers": [{ "name": "app", "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }],
                    "volumes": [{ "name": "data", "emptyDir": {} }],
                },
            },
        },
    });
    let missing = REVIEW - review.to_string().len();
    let managed: Vec<Value> = (0..missing / 32)
        .map(|i| json!({ "f:metadata": { "f:k": i } }))
        .collect();
    review["request"]["object"]["metadata"]["managedFields"] = managed.into();
    review.to_string().into_bytes()
}
