//! Requests and answers on the wire, and what goes wrong with them there.

use std::sync::Arc;

use axum::body::Body as HttpBody;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::stream;
use jiff::Timestamp;

use super::api::{Body, Reply, Request, Watching};
use super::faults::FaultKind;
use super::order;
use super::server::Shared;
use super::status::Status;
use super::wire::Wire;

/// The server's own limit of a body (`--max-resource-write-bytes`, 3 MiB).
const MAX_BODY: usize = 3 * 1024 * 1024;

/// One request.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.path_and_query().map(ToString::to_string);
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return plain(413, "Request entity too large: limit is 3145728\n");
    };
    let request = Request {
        method: parts.method.to_string(),
        uri: uri.unwrap_or_default(),
        headers: parts.headers,
        body,
        peer: wire.peer(),
    };
    let fault = shared.faults.take(&request.method, &request.uri);
    match fault {
        Some(FaultKind::Cut) => {
            wire.cut();
            return plain(500, "");
        }
        Some(FaultKind::Hang) if !hang(&shared).await => {
            wire.cut();
            return plain(500, "");
        }
        _ => {}
    }
    let reply = shared.api().handle(&request, fault);
    match fault {
        Some(FaultKind::CutAfter) => wire.cut(),
        Some(FaultKind::HangAfter) if !hang(&shared).await => wire.cut(),
        _ => {}
    }
    match reply {
        Ok(reply) => response(reply, shared),
        // A server in blocking mode answers nothing that is not in its log.
        Err(error) => {
            tracing::error!(%error, "the audit log cannot be written");
            plain(
                500,
                &Status::internal("the audit log cannot be written").message,
            )
        }
    }
}

/// Whether it goes on: not when the sandbox ends.
async fn hang(shared: &Shared) -> bool {
    tokio::select! {
        () = shared.faults.hang() => true,
        () = shared.ended() => false,
    }
}

fn plain(code: u16, text: &str) -> Response {
    let mut response = Response::new(HttpBody::from(text.to_owned()));
    set_code(&mut response, code);
    response
}

fn set_code(response: &mut Response, code: u16) {
    if let Ok(code) = code.try_into() {
        *response.status_mut() = code;
    }
}

fn response(reply: Reply, shared: Arc<Shared>) -> Response {
    let (media, body) = match reply.body {
        Body::Json(value) => {
            let mut text = order::to_json(&value);
            text.push('\n');
            ("application/json", HttpBody::from(text))
        }
        Body::Text(text) => ("text/plain; charset=utf-8", HttpBody::from(text)),
        Body::Watch(watching) => ("application/json", watch_body(*watching, shared)),
    };
    let mut response = Response::new(body);
    set_code(&mut response, reply.code);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    let mut insert = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    insert("audit-id", reply.audit_id);
    insert("date", http_date(reply.at));
    if let Some(seconds) = reply.retry_after {
        insert("retry-after", seconds.to_string());
    }
    response
}

/// RFC 9110, section 5.6.7.
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Lines as they become due, until the watch's time is over, the sandbox ends, or nobody listens any more.
fn watch_body(watching: Watching, shared: Arc<Shared>) -> HttpBody {
    let end = watching
        .lasts()
        .map(|lasts| tokio::time::Instant::now() + lasts);
    let lines = stream::unfold(
        (watching, shared),
        move |(mut watching, shared)| async move {
            loop {
                let due = watching.due(&shared.api().store);
                if !due.is_empty() {
                    return Some((Ok::<_, std::convert::Infallible>(due), (watching, shared)));
                }
                let over = async {
                    match end {
                        Some(end) => tokio::time::sleep_until(end).await,
                        None => std::future::pending().await,
                    }
                };
                let goes_on = tokio::select! {
                    changed = watching.changed() => changed,
                    () = over => false,
                    () = shared.ended() => false,
                };
                if !goes_on {
                    return None;
                }
            }
        },
    );
    HttpBody::from_stream(lines)
}
