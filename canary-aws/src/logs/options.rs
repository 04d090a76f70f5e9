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

impl LogsOptions {
    /// For a group by its name or ARN: of a cluster's group only the audit streams are read, of any other all.
    #[must_use]
    pub fn of_group(name: &str) -> Self {
        let name = name.rsplit(':').find(|part| *part != "*").unwrap_or(name);
        let is_cluster = name.starts_with("/aws/eks/") && name.ends_with("/cluster");
        Self {
            streams: is_cluster.then(|| "kube-apiserver-audit-".to_owned()),
            ..Self::default()
        }
    }
}

impl Default for LogsOptions {
    /// All streams, ten minutes: EKS delivers "within a few minutes", by its best effort.
    fn default() -> Self {
        Self {
            streams: None,
            overlap: Duration::from_secs(600),
            follow: false,
            since: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_clusters_group_the_audit_streams_are_read_and_of_any_other_all() {
        let is_narrowed = |name: &str| LogsOptions::of_group(name).streams.is_some();
        assert!(is_narrowed("/aws/eks/prod/cluster"));
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/eks/prod/cluster";
        assert!(is_narrowed(arn));
        assert!(is_narrowed(&format!("{arn}:*")));
        assert!(!is_narrowed("aws-cloudtrail-logs"));
        assert!(!is_narrowed(
            "arn:aws:logs:eu-west-1:123456789012:log-group:trail:*"
        ));
    }
}
