//! Questions are asked again: nothing is done by them, and a server that is busy says so.

use std::time::Duration;

use super::pages::TIMEOUT;
use crate::client::request::Request;
use crate::client::{Answer, CallError, Client};

/// Between tries: a connection is made anew at once, a leader is chosen within some seconds.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];
/// The server may ask for more than anybody waits for here.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Asks until there is another answer than that the server is busy.
pub(crate) async fn ask(client: &Client, request: Request) -> Result<Answer, CallError> {
    let is_busy = |error: &CallError| matches!(error.status(), Some(429 | 502..=504));
    ask_while(client, request, is_busy).await
}

/// Asks again while an error is such a one, and waits in between for as long as the server asks for.
pub(super) async fn ask_while(
    client: &Client,
    request: Request,
    again: impl Fn(&CallError) -> bool,
) -> Result<Answer, CallError> {
    for pause in PAUSES {
        match client.send(request.clone(), TIMEOUT).await {
            Err(error) if again(&error) => {
                let asked = error.retry_after.unwrap_or(pause);
                tokio::time::sleep(asked.min(LONGEST_PAUSE)).await;
            }
            answer => return answer,
        }
    }
    client.send(request, TIMEOUT).await
}
