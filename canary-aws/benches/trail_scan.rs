//! How fast a trail is looked through for canaries, from its file to the events, beside reading its bytes and beside
//! reading every record.
//!
//! ```text
//! cargo bench -p canary-aws --bench trail_scan
//! ```
//!
//! The trail is 1 GB of records as CloudTrail writes them, compact and in one list: those of the recorded detonations
//! where `CANARY_DATASETS` has them, else made ones. One thread at a time.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::hint::black_box;
use std::io::{BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use canary_aws::trail::TrailFiles;
use canary_core::detect::{Interest, Listen as _, Meaning, Mention, Tripwire};
use divan::Bencher;
use divan::counter::BytesCount;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// Large enough that what a run begins with does not count.
const TRAIL_BYTES: usize = 1_000_000_000;
/// Reads of a canary in it.
const HITS: usize = 19;

/// The limit: every byte read from the file and touched.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn plain_1_read_and_sum(bencher: Bencher<'_, '_>) {
    bench_file(bencher, &PLAIN, |path| sum(File::open(path).unwrap()));
}

/// Only what can touch one of so many canaries: for each a key, a user and a secret.
#[divan::bench(args = [1, 100, 10_000], sample_count = 5, sample_size = 1)]
fn plain_2_tripwires(bencher: Bencher<'_, '_>, count: usize) {
    let interest = canaries(count);
    bench_file(bencher, &PLAIN, |path| {
        assert_eq!(listen(path, &interest), HITS);
    });
}

/// Every record.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn plain_3_everything(bencher: Bencher<'_, '_>) {
    bench_file(bencher, &PLAIN, |path| listen(path, &Interest::Everything));
}

/// The limit of a packed file: unpacked and touched.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn packed_1_unpack_and_sum(bencher: Bencher<'_, '_>) {
    bench_file(bencher, &PACKED, |path| {
        sum(MultiGzDecoder::new(File::open(path).unwrap()))
    });
}

/// The same as above of a packed file.
#[divan::bench(args = [100, 10_000], sample_count = 3, sample_size = 1)]
fn packed_2_tripwires(bencher: Bencher<'_, '_>, count: usize) {
    let interest = canaries(count);
    bench_file(bencher, &PACKED, |path| {
        assert_eq!(listen(path, &interest), HITS);
    });
}

/// Counted are the bytes of the text, of a packed file, too.
fn bench_file<T>(bencher: Bencher<'_, '_>, path: &Path, run: impl Fn(&Path) -> T + Sync) {
    let length = fs::metadata(&*PLAIN).unwrap().len();
    let bytes = BytesCount::new(usize::try_from(length).unwrap());
    bencher.counter(bytes).bench(|| run(black_box(path)));
}

fn sum(mut text: impl Read) -> u64 {
    let mut buffer = vec![0; 512 * 1024];
    let mut sum = 0_u64;
    loop {
        let count = text.read(&mut buffer).unwrap();
        if count == 0 {
            return sum;
        }
        let part: u64 = buffer[..count].iter().map(|&byte| u64::from(byte)).sum();
        sum = sum.wrapping_add(part);
    }
}

/// What a trail tells of the canary that is read in it.
fn listen(path: &Path, interest: &Interest) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut files = TrailFiles::new([path.to_owned()], interest, None);
        let mut hits = 0;
        while let Some(listened) = files.next().await.unwrap() {
            let read = secret(0);
            let touched = |event: &&canary_core::detect::Event| event.mentions.contains(&read);
            hits += listened.events.iter().filter(touched).count();
        }
        hits
    })
}

fn secret(number: usize) -> Mention {
    Mention::Object {
        group: "secretsmanager".into(),
        resource: "secrets".into(),
        namespace: "eu-west-1".into(),
        name: secret_name(number),
    }
}

fn secret_name(number: usize) -> String {
    format!("prod/payments/database-{number}")
}

fn canaries(count: usize) -> Interest {
    let mentions = (0..count).flat_map(|number| {
        let name = format!("svc-backup-{number}");
        [
            secret(number),
            Mention::Credential(format!("AKIAQX7{number:013}")),
            Mention::Principal(format!("arn:aws:iam::123456789012:user/service/{name}")),
            Mention::Object {
                group: "iam".into(),
                resource: "users".into(),
                namespace: String::new(),
                name,
            },
        ]
    });
    let tripwires = mentions.map(|mention| Tripwire {
        mention,
        meaning: Meaning::Content,
        address: "secret.a".parse().unwrap(),
        labels: None,
        fields: BTreeMap::new(),
    });
    Interest::Tripwires(Arc::new(tripwires.collect()))
}

static PLAIN: LazyLock<PathBuf> = LazyLock::new(|| {
    let records = records();
    kept("plain", &records, |file| {
        let mut file = BufWriter::new(file);
        write_trail(&mut file, &records);
        file.flush().unwrap();
    })
});

static PACKED: LazyLock<PathBuf> = LazyLock::new(|| {
    let records = records();
    kept("packed", &records, |file| {
        let mut packed = GzEncoder::new(BufWriter::new(file), Compression::default());
        write_trail(&mut packed, &records);
        packed.finish().unwrap().flush().unwrap();
    })
});

fn write_trail(to: &mut impl std::io::Write, records: &[String]) {
    let hit = made("GetSecretValue", json!({"secretId": secret_name(0)})).to_string();
    to.write_all(br#"{"Records":["#).unwrap();
    let (mut written, mut hits) = (0, 0);
    for record in records.iter().cycle() {
        if written >= TRAIL_BYTES {
            break;
        }
        if written > 0 {
            to.write_all(b",").unwrap();
        }
        if hits * TRAIL_BYTES / HITS <= written {
            hits += 1;
            to.write_all(hit.as_bytes()).unwrap();
            to.write_all(b",").unwrap();
        }
        to.write_all(record.as_bytes()).unwrap();
        written += record.len();
    }
    to.write_all(b"]}").unwrap();
}

/// The file of that trail, made if it is not there.
fn kept(name: &str, records: &[String], make: impl Fn(&File)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (records, TRAIL_BYTES, HITS).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("trail-{name}-{:016x}", hasher.finish()));
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        make(&File::create(&unfinished).unwrap());
        fs::rename(unfinished, &path).unwrap();
    }
    path
}

/// The records of the detonations, compact and in CloudTrail's order of keys; made ones where there are none.
fn records() -> Vec<String> {
    let recorded = std::env::var_os("CANARY_DATASETS").map(PathBuf::from);
    let folder = recorded.map(|sets| sets.join("stratus-red-team/docs/detonation-logs"));
    let Some(Ok(files)) = folder.map(fs::read_dir) else {
        let operations = [
            "DescribeInstances",
            "AssumeRole",
            "GetObject",
            "GetSecretValue",
        ];
        return operations
            .iter()
            .map(|operation| made(operation, json!({"name": "something-else"})).to_string())
            .collect();
    };
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("/aws."))
        .flat_map(|path| {
            let text = fs::read(path).unwrap();
            serde_json::from_slice::<Vec<Value>>(&text).unwrap()
        })
        .map(|record| record.to_string())
        .collect()
}

fn made(operation: &str, parameters: Value) -> Value {
    json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAQX7EXAMPLE000001:i-0123456789abcdef0",
            "arn": "arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0",
            "accountId": "123456789012",
            "accessKeyId": "ASIAQX7EXAMPLE000001",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAQX7EXAMPLE000001",
                    "arn": "arn:aws:iam::123456789012:role/web",
                    "accountId": "123456789012",
                    "userName": "web"
                },
                "attributes": {"creationDate": "2026-01-02T03:04:05Z", "mfaAuthenticated": "false"}
            }
        },
        "eventTime": "2026-01-02T03:04:05Z",
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": operation,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-sdk-go-v2/1.32.3 os/linux lang/go#1.23.1 md/GOOS#linux md/GOARCH#amd64",
        "requestParameters": parameters,
        "responseElements": null,
        "requestID": "11111111-2222-3333-4444-555555555555",
        "eventID": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}
    })
}
