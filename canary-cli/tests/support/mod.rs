//! A project in a folder of its own, and the program run in it as a person would.

#![allow(dead_code, reason = "each test file uses its part of this")]

pub(crate) mod audit;
pub(crate) mod case;
pub(crate) mod following;
pub(crate) mod named;
pub(crate) mod secrets;
pub(crate) mod thirty;
pub(crate) mod touch;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use canary_fixtures::ControlPlane;
use canary_fixtures::aws::{self, Cloud, Keys};
use serde_json::Value;

pub(crate) struct Project {
    folder: tempfile::TempDir,
    kubeconfig: PathBuf,
    environment: Vec<(&'static str, String)>,
    said: Arc<Mutex<Vec<u8>>>,
    /// Of the account that it is in.
    secrets: Option<aws::Secrets>,
}

/// The home region of the tests.
pub(crate) const REGION: &str = "eu-west-1";

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        assert!(
            self.out.contains(text),
            "no {text:?} in stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.err.contains(text),
            "no {text:?} in stderr:\n{}\nstdout:\n{}",
            self.err,
            self.out
        );
        self
    }
}

impl Ran {
    /// Every line of what was told with `--json`.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[track_caller]
    pub(crate) fn says_nothing_of(self, text: &str) -> Self {
        let all = format!("{}{}", self.out, self.err);
        assert!(!all.contains(text), "{text:?} in:\n{all}");
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Project {
    /// A project against a cluster, as a user of the fixture.
    pub(crate) fn new(cluster: &ControlPlane, user: &str, config: &str) -> Self {
        Self::at(cluster.kubeconfig(user, None), config)
    }

    pub(crate) fn at(kubeconfig: PathBuf, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self {
            folder,
            kubeconfig,
            environment: Vec::new(),
            said: Arc::default(),
            secrets: None,
        };
        project.run(&["init"]).exits(0);
        project.configure(config);
        project
    }

    pub(crate) fn configure(&self, config: &str) {
        std::fs::write(self.path("canaries.toml"), config).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_canary"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("USER", "tester")
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(self.environment.iter().map(|(name, value)| (*name, value)));
        command
    }

    /// From now on with these credentials of an account.
    pub(crate) fn in_account(mut self, cloud: &Cloud, keys: &Keys) -> Self {
        self.environment = keys.environment(&cloud.url(), REGION);
        self.secrets = Some(cloud.secrets());
        self
    }

    /// From now on with this in the environment, too.
    pub(crate) fn with_variable(mut self, name: &'static str, value: String) -> Self {
        self.environment.push((name, value));
        self
    }

    /// One apply does everything, and leaves nothing to do.
    #[track_caller]
    pub(crate) fn settles(&self) {
        self.run(&["apply", "--auto-approve"]).exits(0);
        self.run(&["plan", "--detailed-exitcode"]).exits(0);
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.ran(self.command(args).output().unwrap())
    }

    /// Keeps what a run of this project said.
    pub(crate) fn ran(&self, output: Output) -> Ran {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&output.stdout);
        said.extend_from_slice(&output.stderr);
        output.into()
    }

    /// What is said by what runs beside the test goes here.
    pub(crate) fn ear(&self) -> Arc<Mutex<Vec<u8>>> {
        self.said.clone()
    }

    /// Everything that runs of this project said, on both streams.
    pub(crate) fn said(&self) -> Vec<u8> {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Every file of the project, but the key: where it is, and what is in it.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with(Path::new(".canary/key")) {
                    let content = std::fs::read(&path).unwrap();
                    files.push((path, content));
                }
            }
        }
        files
    }

    pub(crate) fn ledger(&self) -> Vec<u8> {
        std::fs::read(self.path(".canary/ledger")).unwrap_or_default()
    }
}

/// Whatever a test was about: nothing secret of the account was said or left behind.
impl Drop for Project {
    fn drop(&mut self) {
        if let Some(given) = &self.secrets
            && !std::thread::panicking()
        {
            secrets::Secrets::of_account(self, given).do_not_show(self);
        }
    }
}

/// The alerts over a cluster's whole audit log, as OCSF findings.
pub(crate) fn alerts(project: &Project, cluster: &ControlPlane) -> Vec<Value> {
    let path = cluster.audit_log().path().display().to_string();
    let ran = project
        .run(&["detect", "--audit-log", &path, "--json"])
        .exits(0);
    ran.json_lines()
}

/// The data sets, where they are: `CANARY_DATASETS`, or beside the repository.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn dataset(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("CANARY_DATASETS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/datasets"),
    };
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: the data set {name} is not here; CANARY_DATASETS names its folder");
    None
}

/// Waits until something is so; a loaded machine takes its time.
#[track_caller]
pub(crate) fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(120), "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | u32::from(value(byte));
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    out
}
