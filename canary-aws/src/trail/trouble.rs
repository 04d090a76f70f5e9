//! What a source that waits on a service does when the service does not answer: it waits, longer each time, and goes on.

use std::time::{Duration, Instant};

/// The first pause, doubled each time.
const FIRST: Duration = Duration::from_secs(1);
/// The longest: who mends something wants to see within a minute that it is mended.
const LONGEST: Duration = Duration::from_secs(60);

/// A source's trouble.
#[derive(Debug)]
pub(crate) struct Trouble {
    source: String,
    told: Option<String>,
    pause: Duration,
    until: Option<Instant>,
}

impl Trouble {
    pub(crate) fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            told: None,
            pause: FIRST,
            until: None,
        }
    }

    /// Something went wrong: said once, until it is over or something else goes wrong.
    pub(crate) fn note(&mut self, what: String) {
        if self.told.as_ref() != Some(&what) {
            tracing::warn!(
                source = self.source,
                problem = what,
                "the source has trouble"
            );
            self.told = Some(what);
        }
    }

    /// Something went wrong, and is tried again after a pause.
    pub(crate) fn wait(&mut self, what: String, now: Instant) {
        self.note(what);
        self.until = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
    }

    /// How long to wait still.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        let rest = self.until?.saturating_duration_since(now);
        (!rest.is_zero()).then_some(rest)
    }

    /// The service answers.
    pub(crate) fn is_over(&mut self) {
        if self.told.take().is_some() {
            tracing::info!(source = self.source, "the source answers again");
        }
        self.pause = FIRST;
        self.until = None;
    }

    /// What is wrong now.
    pub(crate) fn told(&self) -> Option<String> {
        self.told.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_begin_anew_once_it_is_over() {
        let now = Instant::now();
        let mut trouble = Trouble::new("a queue");
        let pauses: Vec<u64> = (0..8)
            .map(|_| {
                trouble.wait("throttled".to_owned(), now);
                trouble.pause(now).unwrap().as_secs()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(trouble.told().as_deref(), Some("throttled"));
        assert_eq!(trouble.pause(now + LONGEST), None);
        trouble.is_over();
        assert_eq!((trouble.told(), trouble.pause(now)), (None, None));
        trouble.wait("lost".to_owned(), now);
        assert_eq!(trouble.pause(now), Some(FIRST));
    }
}
