//! How a log group is listened to.

use std::time::Duration;

use jiff::Timestamp;

/// How a log group is listened to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogsOptions {
    /// What the names of its streams begin with; `None`: all streams.
    pub streams: Option<String>,
    /// How late an event may come, by its own time against the newest, to be seen for sure.
    pub overlap: Duration,
    /// Wait for more. Without it the source ends when it has caught up.
    pub follow: bool,
    /// Where reading begins when there is no position: without it at the group's beginning, of a followed group at its end.
    pub since: Option<Timestamp>,
}

impl Default for LogsOptions {
    /// The audit streams of EKS, ten minutes: EKS delivers "within a few minutes", by its best effort.
    fn default() -> Self {
        Self {
            streams: Some("kube-apiserver-audit-".to_owned()),
            overlap: Duration::from_secs(600),
            follow: false,
            since: None,
        }
    }
}
