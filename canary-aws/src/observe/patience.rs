//! Looking again for what was made moments ago.

use std::time::Duration;

use crate::client::{CallError, Client};

/// It is looked for this many times more, each twice as far from the last: 7.5 s in all, where researchers measured 4.
const LOOKS: u32 = 4;
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// Looks, and where what is known to be there is not shown, looks again.
pub(super) async fn patiently<T, F>(
    client: &Client,
    is_shown: impl Fn(&T) -> bool,
    look: impl Fn() -> F,
) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>> + Send,
{
    let mut pause = FIRST_LOOK;
    for _ in 0..LOOKS {
        let seen = look().await?;
        if is_shown(&seen) {
            return Ok(seen);
        }
        client.pause(pause).await;
        pause *= 2;
    }
    look().await
}
