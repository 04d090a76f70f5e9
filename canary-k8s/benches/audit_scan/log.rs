//! The logs that are looked through: 1 GB in a file that the page cache holds, and a piece of it in memory.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::canaries::{self, WORDS};

/// Large enough that what a run begins with does not count.
const LOG_BYTES: usize = 1_000_000_000;
/// Enough for parsers, which are slower.
const TEXT_BYTES: usize = 50_000_000;
/// The made log repeats after so many lines: 20 MB, which no cache holds.
const LINES: usize = 20_000;
/// Reads of canaries in the made log.
pub(crate) const HITS: usize = 19;

/// A made log in a file: the lines of a real server with other names, as often as a quiet cluster writes them.
pub(crate) static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
    let lines = made();
    repeated("made", &lines, |nth| {
        let hits = (0..HITS).filter(|hit| hit * LOG_BYTES / HITS / lines.len() == nth);
        hits.map(canaries::read).collect()
    })
});

/// The recorded log of a cluster's first minutes (`living-cluster` under `CANARY_DATASETS`), where it is.
pub(crate) static RECORDED: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let sets = PathBuf::from(std::env::var_os("CANARY_DATASETS")?);
    let packed = File::open(sets.join("living-cluster/audit.log.gz")).ok()?;
    let mut lines = Vec::new();
    flate2::read::MultiGzDecoder::new(packed)
        .read_to_end(&mut lines)
        .unwrap();
    Some(repeated("recorded", &lines, |_| String::new()))
});

/// A piece of the made log.
pub(crate) static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let lines = made();
    lines.repeat(TEXT_BYTES / lines.len() + 1)
});

/// The file of a log, made if it is not there. `extra` gives what stands before the nth repetition.
fn repeated(name: &str, lines: &[u8], extra: impl Fn(usize) -> String) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (lines, LOG_BYTES, extra(0)).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("audit-{name}-{:016x}.log", hasher.finish()));
    if !path.exists() {
        remove_others(folder, name);
        let unfinished = path.with_extension("unfinished");
        let mut file = File::create(&unfinished).unwrap();
        for nth in 0..LOG_BYTES.div_ceil(lines.len()) {
            file.write_all(extra(nth).as_bytes()).unwrap();
            file.write_all(lines).unwrap();
        }
        fs::rename(unfinished, &path).unwrap();
    }
    path
}

/// A log that was made otherwise is of no use any more.
fn remove_others(folder: &Path, name: &str) {
    let start = format!("audit-{name}-");
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&start) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

fn made() -> Vec<u8> {
    let lines: Vec<&str> = include_str!("../../../fixtures/events/varied.log")
        .lines()
        .collect();
    let by_weight: Vec<&str> = lines
        .into_iter()
        .flat_map(|line| std::iter::repeat_n(line, weight(line)))
        .collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut text = String::new();
    for _ in 0..LINES {
        let line = by_weight[random.below(by_weight.len())];
        text.push_str(&renamed(line, &mut random));
        text.push('\n');
    }
    text.into_bytes()
}

/// Leases are renewed and events written all day; an informer begins a list or a watch every some minutes, and a webhook
/// that is down is soon up again.
fn weight(line: &str) -> usize {
    let has = |text: &str| line.contains(text);
    if has(r#""resource":"leases""#) || has(r#""resource":"events""#) {
        40
    } else if has(r#""verb":"list""#) || has(r#""verb":"watch""#) || has(r#""causes":["#) {
        1
    } else {
        10
    }
}

/// The same record with another id, and about another object of its kind.
fn renamed(line: &str, random: &mut Random) -> String {
    let mut line = line.to_owned();
    let id = format!(r#""auditID":"{:08x}"#, random.next() >> 32);
    if let Some(at) = line.find(r#""auditID":""#) {
        line.replace_range(at..at + id.len(), &id);
    }
    let word = |random: &mut Random| WORDS[random.below(WORDS.len())];
    let object = line.find(r#""objectRef":"#).unwrap_or(line.len());
    for (key, path) in [("namespace", "/namespaces/"), ("name", "/")] {
        let start = format!(r#","{key}":""#);
        let Some(at) = line[object..].find(&start) else {
            continue;
        };
        let from = object + at + start.len();
        let old = line[from..from + line[from..].find('"').unwrap()].to_owned();
        if old == "kube-system" {
            continue;
        }
        // Canaries have smaller numbers.
        let new = match key {
            "namespace" => format!("{}-{}", word(random), random.below(50)),
            _ => {
                let (one, other) = (word(random), word(random));
                format!("{one}-{other}-{}", 1_000 + random.below(9_000))
            }
        };
        line = line
            .replacen(&format!("{path}{old}"), &format!("{path}{new}"), 1)
            .replace(
                &format!(r#","{key}":"{old}""#),
                &format!(r#","{key}":"{new}""#),
            );
    }
    line
}

/// The same numbers every time (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}
