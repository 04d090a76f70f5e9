//! How a sandbox is to be.

use std::fmt;

use canary_core::value::SecretBytes;
use jiff::SignedDuration;

use super::clock::SandboxClock;

/// An access key, as a client needs it.
#[derive(Clone)]
pub struct Keys {
    /// `AKIA…`.
    pub id: String,
    /// Text of 40 characters.
    pub secret: SecretBytes,
}

impl Keys {
    /// The secret as text, for a client's configuration.
    #[must_use]
    pub fn secret_text(&self) -> String {
        String::from_utf8_lossy(self.secret.expose()).into_owned()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.id).finish()
    }
}

/// When others see what was written, and when it counts for what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// At once.
    None,
    /// After so many reads that did not show it.
    Reads(u32),
    /// After so much time of the sandbox's clock.
    Time(SignedDuration),
}

/// How soon IAM, SSM and Secrets Manager show what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// How late.
    pub lag: Lag,
    /// Whether the key that wrote sees it at once.
    pub own_writes_at_once: bool,
}

impl Consistency {
    /// Everything is seen at once.
    pub const STRICT: Self = Self {
        lag: Lag::None,
        own_writes_at_once: true,
    };
}

/// How a sandbox is to be.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Twelve digits.
    pub account: String,
    /// The regions that are enabled. Elsewhere no key is known. `us-east-1` has the events of global services.
    pub regions: Vec<String>,
    /// The most that a page of a listing holds, whatever the client asks for.
    pub page_size: usize,
    /// How soon what was written is seen.
    pub consistency: Consistency,
    /// A credential report younger than this is given again: four hours in AWS.
    pub report_age: SignedDuration,
    /// How often a new credential report is asked for in vain.
    pub report_polls: u32,
    /// How long an event takes to a queue, by the sandbox's clock.
    pub event_delay: SignedDuration,
    /// How often each event reaches a queue: delivery is at least once.
    pub event_copies: usize,
    /// Whether EventBridge hears only of regions where a trail logs, as in AWS. Without it no trail need be made first.
    pub events_need_trail: bool,
    /// Whether making a secret again that waits for its deletion is answered as if it did not wait: the same request as the
    /// first one was, another by saying that the name is taken. Which goes first in AWS is nowhere said.
    pub secrets_hide_deletion: bool,
    /// Whether a request that was signed more than five minutes from the sandbox's time is refused, as AWS does.
    pub checks_signing_time: bool,
    /// What ids, keys and secrets come from: the same seed, clock and requests give the same bytes.
    pub seed: [u8; 32],
    /// What times come from.
    pub clock: SandboxClock,
    /// The port on 127.0.0.1; 0: any that is free.
    pub port: u16,
}

impl Default for SandboxOptions {
    /// Account 123456789012 with two regions, strict, pages of 100, a running clock.
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            regions: vec!["us-east-1".to_owned(), "eu-west-1".to_owned()],
            page_size: 100,
            consistency: Consistency::STRICT,
            report_age: SignedDuration::from_hours(4),
            report_polls: 1,
            event_delay: SignedDuration::ZERO,
            event_copies: 1,
            events_need_trail: false,
            secrets_hide_deletion: false,
            checks_signing_time: false,
            seed: [0; 32],
            clock: SandboxClock::running(),
            port: 0,
        }
    }
}
