//! What comes in over the network, meant well or not.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use canary_cli::agent::webhook::{CertificateSource, Pem, ServeOptions};
use canary_fixtures::{Request, Response};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::hook::{Hook, PATIENCE, admission, target, until};

fn pod_review(namespace: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "11d5", "operation": "CREATE", "namespace": namespace,
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "object": {
                "metadata": { "name": "shell" },
                "spec": { "containers": [{ "name": "app" }] },
            },
        },
    })
}

fn ask(
    authority: &Authority,
    port: u16,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Response {
    let request = Request {
        method,
        path,
        token: "",
        body,
        headers: &[],
    };
    request.send_to(&authority.certificate, port).unwrap()
}

fn is_patched(authority: &Authority, hook: &Hook) -> bool {
    let review = pod_review("web");
    let answer = ask(authority, hook.port, "POST", "/?timeout=1s", Some(&review));
    assert_eq!(answer.body["response"]["allowed"], true);
    answer.body["response"]["patch"].is_string()
}

type Client = StreamOwned<ClientConnection, TcpStream>;

/// A connection that goes on.
fn connect(authority: &Authority, port: u16, alpn: &[&str]) -> Client {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.certificate.as_bytes());
    roots.add(root.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(session, socket)
}

fn head(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

/// The status line and what came with it.
fn beginning(client: &mut Client) -> String {
    let mut bytes = [0; 4096];
    let read = client.read(&mut bytes).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[test]
fn reviews_come_to_one_path_and_nothing_else_is_answered() {
    let authority = Authority::new();
    let hook = Hook::start(authority.source());
    assert!(is_patched(&authority, &hook));
    let review = pod_review("web");
    for (method, path, body, status) in [
        ("POST", "/", Some(&review), 200),
        ("POST", "/mutate", Some(&review), 404),
        ("GET", "/", None, 405),
        ("POST", "/", None, 400),
        ("POST", "/", Some(&json!([])), 400),
        ("GET", "/healthz", None, 200),
        ("GET", "/readyz", None, 200),
    ] {
        let answer = ask(&authority, hook.port, method, path, body);
        assert_eq!(answer.status, status, "{method} {path}");
    }
    assert!(hook.has_counted("reviews_total", "malformed"));
}

#[test]
fn a_review_of_three_megabytes_is_read_and_a_longer_one_is_refused() {
    let authority = Authority::new();
    let hook = Hook::start(authority.source());
    let mut review = pod_review("web");
    let annotations = &mut review["request"]["object"]["metadata"]["annotations"];
    annotations["note"] = "x".repeat(3 * 1024 * 1024).into();
    let answer = ask(&authority, hook.port, "POST", "/", Some(&review));
    assert!(answer.body["response"]["patch"].is_string());
    for head in [
        head(5 * 1024 * 1024),
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n".into(),
    ] {
        let mut client = connect(&authority, hook.port, &[]);
        client.write_all(head.as_bytes()).unwrap();
        if head.contains("chunked") {
            // Closed while it is written.
            let _cut = client.write_all(&vec![b'x'; 0x50_0000]);
        }
        assert!(
            beginning(&mut client).starts_with("HTTP/1.1 413 "),
            "{head}"
        );
    }
    assert!((hook.counted("reviews_total", "too_large") - 2.0).abs() < 0.5);
}

#[test]
fn broken_connections_and_strange_handshakes_are_counted_and_end_nothing() {
    let authority = Authority::new();
    let hook = Hook::start(authority.source());
    let raw = |bytes: &[u8]| {
        let mut socket = TcpStream::connect(("127.0.0.1", hook.port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may have hung up before all is said; an alert or a reset comes back.
        let _said = socket.write_all(bytes);
        let _done = socket.shutdown(Shutdown::Write);
        let _end = socket.read_to_end(&mut Vec::new());
    };
    raw(b"");
    raw(b"GET / HTTP/1.1\r\n\r\n");
    raw(&[0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0xff, 0xff, 0xff]);
    raw(&[0xff; 20_000]);
    let mut stranger = connect(&Authority::new(), hook.port, &[]);
    assert!(stranger.write_all(b"GET").is_err());
    let mut modern = connect(&authority, hook.port, &["h2"]);
    assert!(modern.write_all(b"PRI").is_err());
    until("six handshakes fail", || {
        hook.counted("connections_total", "handshake_failed") > 5.5
    });
    let mut cut = connect(&authority, hook.port, &["http/1.1"]);
    cut.write_all(format!("{}{{", head(100)).as_bytes())
        .unwrap();
    drop(cut);
    until("a body is cut off", || {
        hook.has_counted("reviews_total", "cut_off")
    });
    let mut nonsense = connect(&authority, hook.port, &[]);
    nonsense.write_all(b"\x00\x01\x02\r\n\r\n").unwrap();
    assert!(beginning(&mut nonsense).starts_with("HTTP/1.1 400 "));
    assert!(is_patched(&authority, &hook));
    drop(nonsense);
    until("no connection is left open", || {
        hook.counted("connections_open", "") < 0.5
    });
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let authority = Authority::new();
    let hook = Hook::start(authority.source());
    let mut client = connect(&authority, hook.port, &[]);
    client.write_all(head(100).as_bytes()).unwrap();
    assert!(beginning(&mut client).starts_with("HTTP/1.1 408 "));
    assert!(hook.has_counted("reviews_total", "too_slow"));
}

#[test]
fn a_connection_that_asks_nothing_is_closed() {
    let authority = Authority::new();
    let hook = Hook::start(authority.source());
    let mut client = connect(&authority, hook.port, &[]);
    client.write_all(b"POST / HT").unwrap();
    assert_eq!(beginning(&mut client), "");
    assert!(hook.has_counted("connections_total", "broken"));
}

#[test]
fn more_connections_than_there_is_room_for_are_closed_at_once() {
    let authority = Authority::new();
    let hook = Hook::with(authority.source(), 0, 2, Duration::ZERO);
    let is_answered = |client: &mut Client| {
        let asked = client.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        asked.is_ok() && beginning(client).starts_with("HTTP/1.1 200 ")
    };
    let mut held = [(); 2].map(|()| connect(&authority, hook.port, &[]));
    assert!(held.iter_mut().all(is_answered));
    assert!(!is_answered(&mut connect(&authority, hook.port, &[])));
    assert!(hook.has_counted("connections_total", "turned_away"));
    assert!(held.iter_mut().all(is_answered));
    drop(held);
    until("there is room again", || {
        is_answered(&mut connect(&authority, hook.port, &[]))
    });
}

#[test]
fn what_pods_get_can_change_while_it_serves() {
    let authority = Authority::new();
    let hook = Hook::start(authority.source());
    assert!(is_patched(&authority, &hook));
    hook.admission.send(admission(Vec::new())).unwrap();
    assert!(!is_patched(&authority, &hook));
    hook.admission.send(admission(vec![target()])).unwrap();
    assert!(is_patched(&authority, &hook));
}

#[test]
fn who_is_told_to_end_answers_for_a_while_and_finishes_what_has_begun() {
    let authority = Authority::new();
    let options = (ServeOptions::CONNECTIONS, Duration::from_secs(2));
    let mut hook = Hook::with(authority.source(), 0, options.0, options.1);
    let body = pod_review("web").to_string();
    let mut begun = connect(&authority, hook.port, &[]);
    let (first, second) = body.split_at(100);
    begun
        .write_all(format!("{}{first}", head(body.len())).as_bytes())
        .unwrap();
    let mut idle = connect(&authority, hook.port, &[]);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert!(beginning(&mut idle).starts_with("HTTP/1.1 200 "));
    hook.tell_to_end();
    until("it is not ready any more", || hook.metrics.is_stopping());
    let ready = ask(&authority, hook.port, "GET", "/readyz", None);
    assert_eq!(ready.status, 503);
    assert!(is_patched(&authority, &hook));
    // An idle connection is closed when it ends, and the port with it.
    assert_eq!(beginning(&mut idle), "");
    until("it takes no connection any more", || {
        TcpStream::connect(("127.0.0.1", hook.port)).is_err()
    });
    begun.write_all(second.as_bytes()).unwrap();
    let answer = beginning(&mut begun);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    hook.ended();
}

#[test]
fn a_certificate_that_is_given_is_shown_and_taken_anew() {
    let folder = tempfile::tempdir().unwrap();
    let write = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        std::fs::write(folder.path().join("tls.key"), key.serialize_pem()).unwrap();
        std::fs::write(folder.path().join("tls.crt"), &certificate).unwrap();
        certificate
    };
    let is_shown = |hook: &Hook, certificate: &str| {
        let request = Request {
            method: "GET",
            path: "/healthz",
            token: "",
            body: None,
            headers: &[],
        };
        request.send_to(certificate, hook.port).is_ok()
    };
    let first = write();
    let file = |name: &str| Pem::File(folder.path().join(name));
    let hook = Hook::start(CertificateSource::Given {
        certificate: file("tls.crt"),
        key: file("tls.key"),
    });
    assert!(is_shown(&hook, &first));
    std::fs::write(folder.path().join("tls.crt"), "half").unwrap();
    until("what cannot be read is counted", || {
        hook.has_counted("certificates_total", "failed")
    });
    assert!(is_shown(&hook, &first));
    let second = write();
    until("the second is shown", || is_shown(&hook, &second));
}
