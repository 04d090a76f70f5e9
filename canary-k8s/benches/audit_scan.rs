//! How fast a log is looked through for canaries, beside reading its bytes and beside parsing it.
//!
//! The log is the recorded one of a real cluster (`living-cluster` under `CANARY_DATASETS`), or else made of
//! `fixtures/events`, repeated to 1 GB in a file, which the page cache holds. One thread, as the rest of a node has work
//! to do.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use canary_core::detect::{Interest, Listen as _, Meaning, Mention, Tripwire};
use canary_k8s::audit::{AuditFile, Listening, Scan, read_line};
use divan::Bencher;
use divan::counter::BytesCount;
use serde::Deserialize;

/// Large enough that what a run begins with does not count.
const LOG_BYTES: usize = 1_000_000_000;
/// Enough for parsers, which are slower.
const TEXT_BYTES: usize = 50_000_000;

/// Shaped like those of the logs, so that nothing is told apart by a first letter or a length.
const WORDS: [&str; 10] = [
    "payments",
    "db",
    "admin",
    "backup",
    "registry",
    "web",
    "token",
    "tls",
    "credentials",
    "release",
];

struct Log {
    // Removed at the end.
    _dir: tempfile::TempDir,
    path: PathBuf,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.log");
    let lines = lines();
    let mut file = File::create(&path).unwrap();
    let mut written = 0;
    while written < LOG_BYTES {
        file.write_all(&lines).unwrap();
        written += lines.len();
    }
    Log { _dir: dir, path }
});

static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let lines = lines();
    let mut text = lines.repeat(TEXT_BYTES / lines.len() + 1);
    let end = text[..TEXT_BYTES]
        .iter()
        .rposition(|&byte| byte == b'\n')
        .unwrap();
    text.truncate(end + 1);
    text
});

fn lines() -> Vec<u8> {
    let sets = std::env::var_os("CANARY_DATASETS").map(PathBuf::from);
    let recorded = sets.map(|sets| sets.join("living-cluster/audit.log.gz"));
    let mut lines = Vec::new();
    match recorded.filter(|path| path.exists()) {
        Some(path) => {
            let packed = File::open(path).unwrap();
            flate2::read::MultiGzDecoder::new(packed)
                .read_to_end(&mut lines)
                .unwrap();
        }
        None => lines.extend(include_bytes!("../../fixtures/events/varied.log")),
    }
    lines
}

fn object(number: usize) -> Tripwire {
    let word = |at: usize| WORDS[at % WORDS.len()];
    let name = format!("{}-{}-{}", word(number), word(number / 10), number / 100);
    tripwire(Mention::Object {
        group: String::new(),
        resource: "secrets".to_owned(),
        namespace: format!("{}-{}", word(number / 7), number % 50),
        name,
    })
}

fn tripwire(mention: Mention) -> Tripwire {
    Tripwire {
        mention,
        meaning: Meaning::Content,
        address: "secret.a".parse().unwrap(),
        labels: None,
        fields: BTreeMap::new(),
    }
}

/// Secrets alone.
fn secrets(count: usize) -> Vec<Tripwire> {
    (0..count).map(object).collect()
}

/// For each ten Secrets a service account with its token, as the demo plants them.
fn mixed(count: usize) -> Vec<Tripwire> {
    let accounts = (0..count / 10).flat_map(|number| {
        let name = format!("system:serviceaccount:ci-{}:deployer-{number}", number % 50);
        let token = format!("JTI=0f1e2d3c-0000-4000-8000-{number:012}");
        [Mention::Principal(name), Mention::Credential(token)].map(tripwire)
    });
    secrets(count).into_iter().chain(accounts).collect()
}

fn main() {
    divan::main();
}

/// The limit: every byte read from the file and touched.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn read_and_sum(bencher: Bencher<'_, '_>) {
    bench_file(bencher, |path| {
        let mut file = File::open(path).unwrap();
        let mut buffer = vec![0; 512 * 1024];
        let mut sum = 0_u64;
        loop {
            let count = file.read(&mut buffer).unwrap();
            if count == 0 {
                return sum;
            }
            let part: u64 = buffer[..count].iter().map(|&byte| u64::from(byte)).sum();
            sum = sum.wrapping_add(part);
        }
    });
}

#[divan::bench(args = [10, 10_000], sample_count = 10, sample_size = 1)]
fn file_to_verdict_secrets(bencher: Bencher<'_, '_>, count: usize) {
    let interest = Interest::Tripwires(Arc::new(secrets(count)));
    bench_file(bencher, |path| listen(path, &interest, false));
}

#[divan::bench(args = [10, 10_000], sample_count = 10, sample_size = 1)]
fn file_to_verdict_with_accounts(bencher: Bencher<'_, '_>, count: usize) {
    let interest = Interest::Tripwires(Arc::new(mixed(count)));
    bench_file(bencher, |path| listen(path, &interest, false));
}

#[divan::bench(args = [10_000], sample_count = 10, sample_size = 1)]
fn file_to_verdict_with_context(bencher: Bencher<'_, '_>, count: usize) {
    let interest = Interest::Tripwires(Arc::new(mixed(count)));
    bench_file(bencher, |path| listen(path, &interest, true));
}

fn bench_file<T>(bencher: Bencher<'_, '_>, run: impl Fn(&Path) -> T + Sync) {
    let path = LOG.path.as_path();
    let length = std::fs::metadata(path).unwrap().len();
    let bytes = BytesCount::new(usize::try_from(length).unwrap());
    bencher.counter(bytes).bench(|| run(black_box(path)));
}

fn listen(path: &Path, interest: &Interest, context: bool) -> u64 {
    let listening = Listening {
        follow: false,
        context,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut file = AuditFile::new(path, interest, listening, None).unwrap();
        while let Some(listened) = file.next().await.unwrap() {
            black_box(listened.events.len());
        }
        file.counts().candidates
    })
}

#[divan::bench(args = [10, 10_000], sample_count = 10)]
fn scan_in_memory(bencher: Bencher<'_, '_>, count: usize) {
    let scan = Mutex::new(Scan::new(&mixed(count), false));
    bench_text(bencher, |text| {
        let mut candidates = 0_u64;
        scan.lock().unwrap().lines(text, |_| candidates += 1);
        candidates
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn every_event_in_full(bencher: Bencher<'_, '_>) {
    bench_text(bencher, |text| {
        let lines = text.split(|&byte| byte == b'\n');
        lines
            .map(|line| read_line(line, false).events.len())
            .sum::<usize>()
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "what is parsed is not looked at")]
struct Borrowed<'a> {
    #[serde(borrow, rename = "auditID")]
    audit_id: Cow<'a, str>,
    #[serde(borrow)]
    stage: Cow<'a, str>,
    #[serde(borrow, rename = "requestURI")]
    request_uri: Cow<'a, str>,
    #[serde(borrow)]
    verb: Cow<'a, str>,
    #[serde(borrow)]
    user: User<'a>,
    #[serde(borrow)]
    object_ref: Option<ObjectRef<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is parsed is not looked at")]
struct User<'a> {
    #[serde(borrow)]
    username: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is parsed is not looked at")]
struct ObjectRef<'a> {
    #[serde(borrow)]
    resource: Option<Cow<'a, str>>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn serde_json_borrowed(bencher: Bencher<'_, '_>) {
    bench_text(bencher, |text| {
        let lines = text.split(|&byte| byte == b'\n');
        lines
            .filter(|line| serde_json::from_slice::<Borrowed<'_>>(line).is_ok())
            .count()
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn serde_json_value(bencher: Bencher<'_, '_>) {
    bench_text(bencher, |text| {
        let lines = text.split(|&byte| byte == b'\n');
        lines
            .filter(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok())
            .count()
    });
}

fn bench_text<T>(bencher: Bencher<'_, '_>, run: impl Fn(&[u8]) -> T + Sync) {
    let text = TEXT.as_slice();
    let bytes = BytesCount::new(text.len());
    bencher.counter(bytes).bench(|| run(black_box(text)));
}
