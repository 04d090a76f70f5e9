//! Sources of events.

use async_trait::async_trait;

use super::Event;

/// What a listener is asked for. A source may give more, never less.
#[derive(Clone, Debug)]
pub enum Interest {
    /// Only what can touch one of these tripwires.
    Tripwires(std::sync::Arc<Vec<super::Tripwire>>),
    /// The same, and what comes with a pod's token from elsewhere than there.
    AlsoAway(
        std::sync::Arc<Vec<super::Tripwire>>,
        std::sync::Arc<super::PodHomes>,
    ),
    /// Every event.
    Everything,
}

/// What a source gave.
#[derive(Clone, Debug)]
pub struct Listened {
    /// The events, in the source's order.
    pub events: Vec<Event>,
    /// The source's position after them, opaque; kept durably once their alerts are delivered.
    pub position: String,
    /// Records that could not be read at all.
    pub unreadable: u64,
    /// Lines that were looked at; none of a document.
    pub lines: u64,
    /// Bytes that were looked at.
    pub bytes: u64,
}

/// Why a source stopped.
#[derive(Debug, thiserror::Error)]
#[error("{source_name}: {message}")]
pub struct ListenError {
    /// Which source.
    pub source_name: String,
    /// What happened.
    pub message: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A source of events: a file, a webhook, a queue.
#[async_trait]
pub trait Listen: Send {
    /// The next events; `None` at the end of a source that ends.
    ///
    /// # Errors
    /// When the source cannot go on by itself.
    async fn next(&mut self) -> Result<Option<Listened>, ListenError>;

    /// Everything up to this position of an earlier [`Listened`] was told and is kept durably, so that the source may
    /// forget it. What is not called done comes again from a source that gives everything until it is told so.
    ///
    /// # Errors
    /// When the source cannot go on by itself. What could not be forgotten for the moment is none: it comes again.
    async fn done(&mut self, position: &str) -> Result<(), ListenError> {
        let _ = position;
        Ok(())
    }
}
