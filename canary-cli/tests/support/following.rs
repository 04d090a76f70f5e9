//! A running `canary detect --follow`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use canary_fixtures::ControlPlane;
use serde_json::Value;

use super::Project;

/// A running `canary detect --follow`, with what it tells.
pub(crate) struct Following {
    child: Child,
    told: Receiver<Value>,
}

impl Following {
    /// Follows a cluster's audit log.
    pub(crate) fn start(project: &Project, cluster: &ControlPlane) -> Self {
        let log = cluster.audit_log().path().display().to_string();
        Self::of(project, &["--audit-log", &log])
    }

    /// Follows these sources.
    pub(crate) fn of(project: &Project, sources: &[&str]) -> Self {
        let args = [&["detect", "--follow", "--json"], sources].concat();
        let mut child = project
            .command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        let ear = project.ear();
        let hear = move |line: &str| {
            let mut said = ear.lock().unwrap_or_else(PoisonError::into_inner);
            said.extend_from_slice(line.as_bytes());
            said.push(b'\n');
        };
        let hear_err = hear.clone();
        std::thread::spawn(move || {
            err.lines()
                .map_while(Result::ok)
                .for_each(|line| hear_err(&line));
        });
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for line in out.lines() {
                let Ok(line) = line else { return };
                hear(&line);
                if tell.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, told }
    }

    /// The next finding, which must come.
    #[track_caller]
    pub(crate) fn next(&self) -> Value {
        self.told.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// Asks it to end, and gives what else it told.
    pub(crate) fn end(self) -> Vec<Value> {
        self.ends(0)
    }

    /// The same, with the code that it ends with.
    #[track_caller]
    pub(crate) fn ends(mut self, code: i32) -> Vec<Value> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        assert_eq!(self.child.wait().unwrap().code(), Some(code));
        self.told.iter().collect()
    }

    /// Ends it at once, and gives what it had told by then.
    pub(crate) fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.told.iter().collect()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
