//! A log is read once and whole, whatever happens to its files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use canary_core::detect::{Defect, Event, Interest, Listen as _, Listened, Mention, Tripwire};
use canary_k8s::audit::{AuditFile, Listening};
use tempfile::TempDir;

const GET: &str = include_str!("../../fixtures/events/get-secret.json");

fn record(number: usize) -> String {
    let text = GET.trim_end();
    text.replace(
        "24e930f8-9163-4941-9e31-94409b88c16e",
        &format!("{number:036}"),
    )
}

fn number(event: &Event) -> usize {
    event.id.parse().unwrap()
}

const FOLLOW: Listening = Listening {
    follow: true,
    context: false,
};

fn follow(path: &Path, position: Option<&str>) -> AuditFile {
    AuditFile::new(path, &Interest::Everything, FOLLOW, position).unwrap()
}

fn replay(path: &Path) -> AuditFile {
    AuditFile::new(path, &Interest::Everything, Listening::default(), None).unwrap()
}

async fn all(mut file: AuditFile) -> (Vec<Event>, AuditFile) {
    let mut events = Vec::new();
    while let Some(listened) = file.next().await.unwrap() {
        events.extend(listened.events);
    }
    (events, file)
}

async fn some(file: &mut AuditFile) -> Listened {
    file.next().await.unwrap().unwrap()
}

/// Reads until so many events came, and gives their numbers with how often each came.
async fn count(file: &mut AuditFile, total: usize) -> BTreeMap<usize, usize> {
    let mut seen = BTreeMap::new();
    let mut events = 0;
    while events < total {
        for event in some(file).await.events {
            *seen.entry(number(&event)).or_insert(0) += 1;
            events += 1;
        }
    }
    seen
}

fn each_once(total: usize) -> BTreeMap<usize, usize> {
    (0..total).map(|number| (number, 1)).collect()
}

fn append(path: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

struct Log {
    dir: TempDir,
}

impl Log {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("audit.log")
    }
}

/// Writes records and rotates the log now and then.
fn write_rotating(
    path: &Path,
    numbers: std::ops::Range<usize>,
    every: usize,
    rotate: impl Fn(&Path, usize),
) {
    let mut log = append(path);
    for at in numbers {
        if at % every == every - 1 {
            rotate(path, at);
            log = append(path);
        }
        // In two writes, so that the reader meets half lines.
        let text = format!("{}\n", record(at));
        let (begin, end) = text.split_at(text.len() / 3);
        log.write_all(begin.as_bytes()).unwrap();
        log.write_all(end.as_bytes()).unwrap();
    }
}

/// As kube-apiserver does.
fn by_time(path: &Path, at: usize) {
    fs::rename(
        path,
        path.with_file_name(format!(
            "audit-2026-11-22T05-00-{:02}.{:03}.log",
            at / 1000,
            at % 1000
        )),
    )
    .unwrap();
}

/// As logrotate does.
fn by_number(path: &Path, _: usize) {
    let name = |number: usize| path.with_file_name(format!("audit.log.{number}"));
    for number in (1..100).rev().filter(|number| name(*number).exists()) {
        fs::rename(name(number), name(number + 1)).unwrap();
    }
    fs::rename(path, name(1)).unwrap();
}

/// As logrotate does with `copytruncate`.
fn by_copy(path: &Path, at: usize) {
    fs::copy(path, path.with_file_name(format!("audit.log.{at}"))).unwrap();
    OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(0)
        .unwrap();
}

async fn nothing_is_lost_and_nothing_comes_twice(rotate: fn(&Path, usize)) {
    const TOTAL: usize = 20_000;
    let log = Log::new();
    let path = log.path();
    // It is listened to before anything is rotated: what was rotated away before that is not asked for.
    write_rotating(&path, 0..1, 1500, rotate);
    let mut file = follow(&path, None);
    assert_eq!(some(&mut file).await.events.len(), 1);
    let writer = std::thread::spawn({
        let path = path.clone();
        move || write_rotating(&path, 1..TOTAL, 1500, rotate)
    });
    let mut seen = count(&mut file, TOTAL - 1).await;
    seen.insert(0, 1);
    assert_eq!(seen, each_once(TOTAL));
    writer.join().unwrap();
}

#[tokio::test]
async fn a_log_that_the_api_server_rotates_is_read_once() {
    nothing_is_lost_and_nothing_comes_twice(by_time).await;
}

#[tokio::test]
async fn a_log_that_logrotate_renames_is_read_once() {
    nothing_is_lost_and_nothing_comes_twice(by_number).await;
}

#[tokio::test]
async fn a_log_that_logrotate_copies_and_truncates_is_read_once() {
    nothing_is_lost_and_nothing_comes_twice(by_copy).await;
}

/// Reads some of it, is killed, and goes on at the last position that was kept, again and again.
async fn a_restart_goes_on_where_it_was(rotate: fn(&Path, usize)) {
    let log = Log::new();
    let path = log.path();
    write_rotating(&path, 0..1, 700, rotate);
    let mut position = some(&mut follow(&path, None)).await.position;
    let mut seen = BTreeMap::from([(0, 1)]);
    for round in 0..6 {
        // More than two batches of events, so that it is killed in the middle.
        let numbers = (round * 3000).max(1)..(round + 1) * 3000;
        write_rotating(&path, numbers, 700, rotate);
        let mut file = follow(&path, Some(&position));
        for _ in 0..2 {
            let listened = some(&mut file).await;
            assert_eq!(listened.unreadable, 0);
            for event in &listened.events {
                *seen.entry(number(event)).or_insert(0) += 1;
            }
            position = listened.position;
        }
    }
    let mut file = follow(&path, Some(&position));
    let left = 18_000 - seen.len();
    for (number, times) in count(&mut file, left).await {
        *seen.entry(number).or_insert(0) += times;
    }
    assert_eq!(seen, each_once(18_000));
}

#[tokio::test]
async fn a_restart_finds_its_place_in_files_renamed_by_time() {
    a_restart_goes_on_where_it_was(by_time).await;
}

#[tokio::test]
async fn a_restart_finds_its_place_in_files_renamed_by_number() {
    a_restart_goes_on_where_it_was(by_number).await;
}

#[tokio::test]
async fn a_restart_finds_its_place_in_a_packed_file() {
    let log = Log::new();
    let path = log.path();
    write_rotating(&path, 0..3000, 100_000, by_time);
    let listened = some(&mut follow(&path, None)).await;
    let first = listened.events.len();
    assert!(first < 3000);
    let packed = path.with_file_name("audit-2026-11-22T05-00-00.000.log.gz");
    gzip(&fs::read(&path).unwrap(), &packed);
    fs::remove_file(&path).unwrap();
    write_rotating(&path, 3000..3010, 100_000, by_time);
    let mut file = follow(&path, Some(&listened.position));
    let seen = count(&mut file, 3010 - first).await;
    assert_eq!(seen, (first..3010).map(|number| (number, 1)).collect());
}

#[tokio::test]
async fn a_place_that_is_gone_is_counted() {
    let log = Log::new();
    let path = log.path();
    fs::write(&path, format!("{}\n", record(0))).unwrap();
    let position = some(&mut follow(&path, None)).await.position;
    fs::remove_file(&path).unwrap();
    fs::write(&path, format!("{}\n", record(1))).unwrap();
    let listened = some(&mut follow(&path, Some(&position))).await;
    assert_eq!((listened.events.len(), listened.unreadable), (1, 1));
}

#[test]
fn a_position_of_another_form_is_refused() {
    for text in ["", "{}", r#"{"version":2,"files":[]}"#] {
        let file = AuditFile::new(Path::new("x"), &Interest::Everything, FOLLOW, Some(text));
        assert!(file.is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_half_line_waits_for_its_end_and_survives_a_restart() {
    let log = Log::new();
    let path = log.path();
    let (one, two) = (record(0), record(1));
    let (begin, end) = two.split_at(500);
    fs::write(&path, format!("{one}\n{begin}")).unwrap();
    let mut file = follow(&path, None);
    let listened = some(&mut file).await;
    assert_eq!(listened.events.len(), 1);
    append(&path)
        .write_all(format!("{end}\n").as_bytes())
        .unwrap();
    for mut file in [file, follow(&path, Some(&listened.position))] {
        let listened = some(&mut file).await;
        assert_eq!(number(&listened.events[0]), 1);
        assert!(listened.events[0].defects.is_empty());
    }
}

#[tokio::test]
async fn a_half_line_at_the_end_of_a_replay_is_read_as_cut() {
    let log = Log::new();
    fs::write(log.path(), format!("{}\n{}", record(0), &record(1)[..900])).unwrap();
    let (events, file) = all(replay(&log.path())).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].defects, [Defect::Cut]);
    assert_eq!(file.counts().lines, 2);
}

#[tokio::test]
async fn a_last_line_without_a_line_feed_is_whole() {
    let log = Log::new();
    fs::write(log.path(), record(0)).unwrap();
    let (events, _) = all(replay(&log.path())).await;
    assert!(events.len() == 1 && events[0].defects.is_empty());
}

#[tokio::test]
async fn lines_of_every_kind_are_read() {
    let long = record(1).replace("kubectl/", &"x".repeat(66_000));
    let longer = record(2).replace("kubectl/", &"x".repeat(10_000_000));
    let oversize = record(3).replace("kubectl/", &"x".repeat(40_000_000));
    let text = format!(
        "\n{}\r\n\r\n   \n{long}\n{longer}\n{oversize}\n\0\0\0\0{}\nI1124 klog\n{{\"kind\":0}}\n{}\n",
        record(0),
        record(4),
        record(5),
    );
    let log = Log::new();
    fs::write(log.path(), &text).unwrap();
    let (events, file) = all(replay(&log.path())).await;
    assert_eq!(
        events.iter().map(number).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5]
    );
    let defects = |at: usize| events[at].defects.as_slice();
    assert_eq!(defects(3), [Defect::Oversize]);
    assert!([0, 1, 2, 4, 5].iter().all(|at| defects(*at).is_empty()));
    assert_eq!(file.counts().unreadable, 2);
    assert_eq!(file.counts().lines, 11);
    assert_eq!(file.counts().bytes, text.len() as u64);
}

fn gzip(text: &[u8], path: &Path) {
    let mut packed =
        flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap();
}

#[tokio::test]
async fn a_packed_log_is_read_and_a_damaged_one_as_far_as_it_goes() {
    let log = Log::new();
    let text: String = (0..5000).map(|at| record(at) + "\n").collect();
    gzip(text.as_bytes(), &log.path());
    let (events, file) = all(replay(&log.path())).await;
    assert_eq!((events.len(), file.counts().unreadable), (5000, 0));
    let packed = fs::read(log.path()).unwrap();
    fs::write(log.path(), &packed[..packed.len() / 2]).unwrap();
    let (events, file) = all(replay(&log.path())).await;
    assert!(events.len() > 1000 && events.len() < 5000);
    assert!(file.counts().unreadable > 0);
}

#[tokio::test]
async fn a_document_over_many_lines_is_read_as_one() {
    let one: serde_json::Value = serde_json::from_str(&record(0)).unwrap();
    let list = serde_json::json!({"kind": "EventList", "items": [one, one, one]});
    let log = Log::new();
    for text in [
        format!("{list:#}"),
        format!("{list:#}\n"),
        list.to_string(),
        format!("{one:#}\n{one:#}\n{one:#}\n"),
    ] {
        fs::write(log.path(), &text).unwrap();
        let (events, file) = all(replay(&log.path())).await;
        assert_eq!((events.len(), file.counts().unreadable), (3, 0), "{text}");
    }
}

#[tokio::test]
async fn what_is_broken_in_a_text_hides_nothing_that_stands_behind_it() {
    let value: serde_json::Value = serde_json::from_str(&record(0)).unwrap();
    let pretty = format!("{value:#}\n");
    let torn = &pretty[..pretty.find("\"verb\"").unwrap()];
    let items = serde_json::json!([value, value]);
    let broken = format!("{items:#}\n").replacen("\"verb\"", "\"verb", 1);
    let list = serde_json::json!({"kind": "EventList", "items": items});
    let in_list = format!("{list:#}\n").replacen("\"verb\"", "\"verb", 1);
    let log = Log::new();
    for (text, whole) in [
        (format!("{{\n{}\n{}\n", record(0), record(1)), 2),
        (format!("[\n{},\n{}\n]\n", record(0), record(1)), 2),
        (format!("{pretty}I1124 05:40:00.1 klog] text\n{pretty}"), 2),
        (format!("{torn}\n{pretty}{pretty}"), 2),
        (broken, 1),
        (in_list, 1),
    ] {
        fs::write(log.path(), &text).unwrap();
        let (events, _) = all(replay(&log.path())).await;
        let sound = events.iter().filter(|event| event.defects.is_empty());
        assert_eq!(sound.count(), whole, "{text}");
    }
}

#[tokio::test]
async fn a_log_that_is_not_there_is_waited_for_or_refused() {
    let log = Log::new();
    assert!(replay(&log.path()).next().await.is_err());
    let mut file = follow(&log.path(), None);
    let (listened, ()) = tokio::join!(some(&mut file), async {
        tokio::task::yield_now().await;
        fs::write(log.path(), record(0) + "\n").unwrap();
    });
    assert_eq!(listened.events.len(), 1);
}

#[tokio::test]
async fn a_pipe_is_read_to_its_end() {
    let log = Log::new();
    let pipe = log.dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut pipe = OpenOptions::new().write(true).open(pipe).unwrap();
            for at in 0..1000 {
                writeln!(pipe, "{}", record(at)).unwrap();
            }
        }
    });
    let (events, _) = all(replay(&pipe)).await;
    assert_eq!(events.len(), 1000);
    writer.join().unwrap();
}

#[tokio::test]
async fn only_candidates_are_read_when_only_they_are_wanted() {
    let tripwire = Tripwire {
        mention: Mention::Object {
            group: String::new(),
            resource: "secrets".to_owned(),
            namespace: "payments".to_owned(),
            name: "db-admin".to_owned(),
        },
        meaning: canary_core::detect::Meaning::Content,
        address: "secret.a".parse().unwrap(),
        labels: None,
        fields: BTreeMap::new(),
    };
    let log = Log::new();
    let other = record(1).replace("db-admin", "db-user");
    fs::write(log.path(), format!("{other}\n{}\n{other}\n", record(0))).unwrap();
    let interest = Interest::Tripwires(Arc::new(vec![tripwire]));
    let file = AuditFile::new(&log.path(), &interest, Listening::default(), None).unwrap();
    let (events, file) = all(file).await;
    assert_eq!(events.iter().map(number).collect::<Vec<_>>(), [0]);
    assert_eq!((file.counts().lines, file.counts().candidates), (3, 1));
}

#[tokio::test]
async fn a_call_that_is_given_up_loses_nothing() {
    let log = Log::new();
    write_rotating(&log.path(), 0..5000, 100_000, by_time);
    let mut file = replay(&log.path());
    let mut events = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            listened = file.next() => match listened.unwrap() {
                Some(listened) => events.extend(listened.events),
                None => break,
            },
        }
    }
    assert_eq!(
        events.iter().map(number).collect::<Vec<_>>(),
        (0..5000).collect::<Vec<_>>()
    );
}
