//! Requests and answers on the wire, and what goes wrong with them there.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::DATE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::failure::Failure;
use super::faults::FaultKind;
use super::protocol::{self, Request, Written};
use super::server::Shared;
use super::wire::Wire;

/// More than any of the services takes at once but S3, whose objects here are ledgers: 16 MiB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A waiting receipt looks again at least so often: a clock that runs makes messages visible without a word.
const LOOK: Duration = Duration::from_millis(50);

/// One request. The answer bears the sandbox's own date.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: axum::extract::Request,
) -> Response {
    let mut response = answer(&shared, &wire, request).await;
    let date = shared.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    if let Ok(date) = HeaderValue::try_from(date.to_string()) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// The longest that AWS takes a signature from another time.
const SIGNED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

fn is_signed_about(headers: &HeaderMap, now: Timestamp) -> bool {
    let date = headers
        .get("x-amz-date")
        .and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| date.strip_suffix('Z'));
    let signed = date.and_then(|date| DateTime::strptime("%Y%m%dT%H%M%S", date).ok());
    let signed = signed.and_then(|signed| signed.to_zoned(TimeZone::UTC).ok());
    signed.is_some_and(|at| at.timestamp().duration_since(now).abs() <= SIGNED_WITHIN)
}

async fn answer(shared: &Arc<Shared>, wire: &Wire, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return response(Written {
            status: 413,
            ..Written::default()
        });
    };
    let request = match protocol::parse(&parts, body, &wire.peer()) {
        Ok(request) => request,
        Err(unreadable) => {
            return response(protocol::failure(
                unreadable.service,
                &unreadable.failure,
                "-",
            ));
        }
    };
    let name = request.name();
    shared.account().requests.push(&name);
    let now = shared.clock.now();
    if shared.checks_signing_time && !is_signed_about(&parts.headers, now) {
        let failure = Failure::signed_at_another_time(request.service);
        return response(shared.account().refuse(&request, &failure));
    }
    let fault = shared.faults.take(&name, now);
    if !before(shared, fault).await {
        wire.cut();
        return response(Written::default());
    }
    let written = match fault.and_then(|fault| fault.refusal(request.service)) {
        Some(failure) => shared.account().refuse(&request, &failure),
        None => {
            wait_for_message(shared, &request).await;
            shared.account().handle(&request)
        }
    };
    shared.changed.send_modify(|times| *times += 1);
    let written = match fault {
        Some(FaultKind::ErrorAfter) => {
            let failure = Failure::internal(request.service);
            shared.account().refuse(&request, &failure)
        }
        _ => written,
    };
    if !after(shared, fault).await {
        wire.cut();
    }
    response(written)
}

/// Whether it goes on to be done.
async fn before(shared: &Shared, fault: Option<FaultKind>) -> bool {
    match fault {
        Some(FaultKind::Cut) => false,
        Some(FaultKind::Hang) => hang(shared).await,
        _ => true,
    }
}

/// Whether the answer arrives.
async fn after(shared: &Shared, fault: Option<FaultKind>) -> bool {
    match fault {
        Some(FaultKind::CutAfter) => false,
        Some(FaultKind::HangAfter) => hang(shared).await,
        Some(FaultKind::Delay(by)) => {
            tokio::select! {
                () = tokio::time::sleep(by) => true,
                () = shared.ended() => false,
            }
        }
        _ => true,
    }
}

/// Whether it goes on: not when the sandbox ends.
async fn hang(shared: &Shared) -> bool {
    tokio::select! {
        () = shared.faults.hang() => true,
        () = shared.ended() => false,
    }
}

/// Long polling: waits until there is a message to receive, or the time that was asked for is over, by the machine's clock.
async fn wait_for_message(shared: &Shared, request: &Request) {
    let mut changed = shared.changed.subscribe();
    let mut turned = shared.clock.turned();
    let Some(seconds) = shared.account().waits(request) else {
        return;
    };
    let seconds = Duration::from_secs(seconds.unsigned_abs());
    let end = tokio::time::Instant::now() + seconds;
    while shared.account().waits(request).is_some() {
        tokio::select! {
            _ = changed.changed() => {}
            _ = turned.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = tokio::time::sleep_until(end) => return,
            () = shared.ended() => return,
        }
    }
}

fn response(written: Written) -> Response {
    let mut response = Response::new(Body::from(written.body));
    if let Ok(status) = written.status.try_into() {
        *response.status_mut() = status;
    }
    for (name, value) in written.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            let name = HeaderName::from_static(name);
            response.headers_mut().insert(name, value);
        }
    }
    response
}
