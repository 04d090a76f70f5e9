//! One run of a program: its time, its memory, and what it asked of the server.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use canary_fixtures::ControlPlane;
use wait4::Wait4 as _;

/// What a run took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Requests of its user, 0 when nobody counted.
    pub(crate) requests: u64,
    pub(crate) wall: Duration,
    /// In user and in kernel mode, programs that it started included.
    pub(crate) cpu: Duration,
    /// The most memory that it or a program of its had at once, in bytes.
    pub(crate) peak: u64,
}

impl Measured {
    pub(crate) fn megabytes(&self) -> f64 {
        Duration::from_micros(self.peak).as_secs_f64()
    }
}

/// Each figure's median.
pub(crate) fn median(all: &[Measured]) -> Measured {
    Measured {
        requests: middle(all, |measured| measured.requests),
        wall: middle(all, |measured| measured.wall),
        cpu: middle(all, |measured| measured.cpu),
        peak: middle(all, |measured| measured.peak),
    }
}

fn middle<T: Ord + Copy + Default>(all: &[Measured], of: impl Fn(&Measured) -> T) -> T {
    let mut values: Vec<T> = all.iter().map(of).collect();
    values.sort();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Runs a program that must succeed. What it says is shown when it does not.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Measured {
    let said = tempfile::NamedTempFile::new().unwrap();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said.reopen().unwrap());
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let used = child.wait4().unwrap();
    let wall = began.elapsed();
    assert!(
        used.status.success(),
        "{command:?}: {}\n{}",
        used.status,
        std::fs::read_to_string(said.path()).unwrap()
    );
    Measured {
        requests: 0,
        wall,
        cpu: used.rusage.utime + used.rusage.stime,
        peak: used.rusage.maxrss,
    }
}

/// Runs a program and counts what the server's log has of `user` meanwhile.
#[track_caller]
pub(crate) fn run_counted(cluster: &ControlPlane, user: &str, command: &mut Command) -> Measured {
    let log = cluster.audit_log();
    let from = log.position();
    let measured = run(command);
    // The server writes a line before it answers: behind this one, none of the program's is missing.
    let end = format!("/version?from={from}");
    cluster.admin("GET", &end, None);
    let began = Instant::now();
    loop {
        if let Some(requests) = count(log.path(), from, user, &end) {
            return Measured {
                requests,
                ..measured
            };
        }
        assert!(began.elapsed() < PATIENCE, "the audit log has no {end}");
        std::thread::yield_now();
    }
}

/// A line is there within milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The requests of a user between a position and a request; `None` when that is not there yet. Line by line: the
/// kernel counts our memory as that of the programs we start.
fn count(path: &Path, from: u64, user: &str, end: &str) -> Option<u64> {
    let mut file = File::open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    let user = format!(r#","user":{{"username":"{user}""#);
    let mut lines = BufReader::new(file);
    let mut line = String::new();
    let mut requests = 0;
    while lines.read_line(&mut line).unwrap() > 0 {
        if line.contains(end) {
            return Some(requests);
        }
        requests += u64::from(line.contains(&user));
        line.clear();
    }
    None
}
