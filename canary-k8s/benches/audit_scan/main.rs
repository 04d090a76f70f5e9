//! How fast a log is looked through for canaries, from its file to the verdict, beside reading its bytes and beside
//! parsing it.
//!
//! ```text
//! cargo bench -p canary-k8s --bench audit_scan
//! ```
//!
//! The log is 1 GB of a real server's lines, with 19 reads of canaries among other names of the same words; with
//! `CANARY_DATASETS` a recorded one as well. One thread at a time, as the rest of a node has work to do.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

mod canaries;
mod log;
mod pods;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use canaries::Canaries;
use canary_core::alert::Folder;
use canary_core::catalog::Catalog as _;
use canary_core::detect::{Grade, Interest, Judge, Listen as _, Rules, Tripwires};
use canary_core::disguise::Digester;
use canary_k8s::KubernetesCatalog;
use canary_k8s::audit::{AuditFile, Listening, Scan, read_line};
use divan::Bencher;
use divan::counter::BytesCount;
use log::{HITS, MADE, RECORDED, TEXT};
use serde::Deserialize;

fn main() {
    divan::main();
}

/// The limit: every byte read from the file and touched.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn file_1_read_and_sum(bencher: Bencher<'_, '_>) {
    bench_file(bencher, &MADE, |path| {
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

/// Secrets alone: one identifier to a line.
#[divan::bench(args = [10, 1_000, 10_000], sample_count = 10, sample_size = 1)]
fn file_2_secrets(bencher: Bencher<'_, '_>, count: usize) {
    let canaries = Canaries::secrets(count);
    bench_file(bencher, &MADE, |path| {
        assert_eq!(detect(path, &canaries, false), HITS);
    });
}

/// Service accounts with their tokens too: every user and every credential is looked at.
#[divan::bench(args = [10, 1_000, 10_000], sample_count = 10, sample_size = 1)]
fn file_3_secrets_and_accounts(bencher: Bencher<'_, '_>, count: usize) {
    let canaries = Canaries::mixed(count);
    bench_file(bencher, &MADE, |path| {
        assert_eq!(detect(path, &canaries, false), HITS);
    });
}

/// As `canary detect` does it: also what a judge needs to know although it touches nothing, one line in thirty here.
#[divan::bench(args = [10, 1_000, 10_000], sample_count = 10, sample_size = 1)]
fn file_4_as_detect_does(bencher: Bencher<'_, '_>, count: usize) {
    let canaries = Canaries::mixed(count);
    bench_file(bencher, &MADE, |path| {
        assert_eq!(detect(path, &canaries, true), HITS);
    });
}

/// The same with the log of a cluster's first minutes, when everything is started and every reader begins to read.
#[divan::bench(args = [10, 1_000], sample_count = 10, sample_size = 1)]
fn file_5_as_detect_does_recorded(bencher: Bencher<'_, '_>, count: usize) {
    let Some(path) = RECORDED.as_deref() else {
        return;
    };
    let canaries = Canaries::mixed(count);
    bench_file(bencher, path, |path| detect(path, &canaries, true));
}

fn bench_file<T>(bencher: Bencher<'_, '_>, path: &Path, run: impl Fn(&Path) -> T + Sync) {
    let length = std::fs::metadata(path).unwrap().len();
    let bytes = BytesCount::new(usize::try_from(length).unwrap());
    bencher.counter(bytes).bench(|| run(black_box(path)));
}

/// What `canary detect` does with a log. Gives the number of named touches.
fn detect(path: &Path, canaries: &Canaries, context: bool) -> usize {
    let listening = Listening {
        follow: false,
        context,
    };
    let mut judge = Judge::new(Rules {
        planted: canaries.planted.clone(),
        tripwires: Tripwires::new(canaries.tripwires.clone()),
        known_readers: Vec::new(),
        machinery: KubernetesCatalog::new().machinery().into_iter().collect(),
        own: BTreeMap::new(),
        planned: false,
        applied_by: None,
        pods: None,
    });
    let interest = Interest::Tripwires(Arc::new(canaries.tripwires.clone()));
    let mut folder = Folder::new(Digester::new(&[0; 32]));
    let mut named = 0;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut file = AuditFile::new(path, &interest, listening, None).unwrap();
        while let Some(listened) = file.next().await.unwrap() {
            for event in &listened.events {
                for sighting in judge.judge(event) {
                    named += usize::from(sighting.touches.nearest() >= Some(Grade::Named));
                    folder.take(&sighting);
                }
            }
        }
    });
    black_box(folder.alerts());
    named
}

#[divan::bench(args = [10, 10_000], sample_count = 10)]
fn memory_1_scan(bencher: Bencher<'_, '_>, count: usize) {
    let scan = Mutex::new(Scan::new(&Canaries::mixed(count).tripwires, true));
    bench_text(bencher, |text| {
        let mut candidates = 0_u64;
        scan.lock().unwrap().lines(text, |_| candidates += 1);
        candidates
    });
}

/// The same, and every token of a pod is looked at for where it came from.
#[divan::bench(args = [10, 10_000], sample_count = 10)]
fn memory_1_scan_with_pods(bencher: Bencher<'_, '_>, count: usize) {
    let scan = Scan::new(&Canaries::mixed(count).tripwires, true);
    let scan = Mutex::new(scan.with_homes(pods::homes(&TEXT)));
    bench_text(bencher, |text| {
        let mut candidates = 0_u64;
        scan.lock().unwrap().lines(text, |_| candidates += 1);
        candidates
    });
}

/// Our own full reading of every event.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn memory_2_every_event_in_full(bencher: Bencher<'_, '_>) {
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
fn memory_3_serde_json_borrowed(bencher: Bencher<'_, '_>) {
    bench_text(bencher, |text| {
        let lines = text.split(|&byte| byte == b'\n');
        lines
            .filter(|line| serde_json::from_slice::<Borrowed<'_>>(line).is_ok())
            .count()
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn memory_4_serde_json_value(bencher: Bencher<'_, '_>) {
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
