//! Every fault at every write of a life: nothing is made twice, nothing is left behind, nothing else is touched.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod life_support;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_iam::types::{StatusType, Tag};
use canary_aws::sandbox::{Consistency, Fault, FaultKind, Lag, SandboxOptions};
use canary_core::plan::Purpose;
use canary_core::testing::leaks;
use jiff::SignedDuration;
use life_support::{Life, destroying, options};

const CONFIG: &str = r#"
[iam_user.backup]
name     = "svc-backup"
path     = "/service/"
tags     = { team = "platform" }
boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
policy   = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
[note.backup]
of = "iam_user.backup"
[iam_role.admin]
name   = "backup-admin"
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
"#;

const GRANTS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// What is to be done when something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    First,
    FirstWithTwoKeys,
    Rotation(u32),
    RotationOfTwoKeys,
    UserDeleted,
    KeyDeleted,
    KeyDeactivated,
    PolicyChanged,
    RoleMoved,
    TagsChanged,
    Destroy,
    DestroyAll,
}

const ALL: [Work; 14] = [
    Work::First,
    Work::FirstWithTwoKeys,
    Work::Rotation(1),
    Work::Rotation(2),
    Work::Rotation(3),
    Work::RotationOfTwoKeys,
    Work::UserDeleted,
    Work::KeyDeleted,
    Work::KeyDeactivated,
    Work::PolicyChanged,
    Work::RoleMoved,
    Work::TagsChanged,
    Work::Destroy,
    Work::DestroyAll,
];

impl Work {
    fn purpose(self) -> Purpose {
        match self {
            Self::Destroy => destroying(false),
            Self::DestroyAll => destroying(true),
            _ => Purpose::default(),
        }
    }

    fn keys(self) -> usize {
        match self {
            Self::FirstWithTwoKeys | Self::RotationOfTwoKeys => 2,
            _ => 1,
        }
    }
}

/// What goes wrong.
const KINDS: [FaultKind; 7] = [
    FaultKind::Throttle,
    FaultKind::Error,
    FaultKind::ErrorAfter,
    FaultKind::Cut,
    FaultKind::CutAfter,
    FaultKind::Hang,
    FaultKind::HangAfter,
];

fn is_kill(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Hang | FaultKind::HangAfter)
}

fn pass(life: &Life) {
    life.sandbox.clock().advance(Duration::from_secs(300));
}

/// An account with others in it, up to where the work is to be done.
async fn prepared(work: Work, options: SandboxOptions) -> Life {
    let config = match work.keys() {
        2 => CONFIG.replace("path ", "keys = 2\npath "),
        _ => CONFIG.to_owned(),
    };
    let mut life = Life::begin(options, &config).await;
    let iam = life.somebody().await;
    for name in ["theirs", "svc-backup-2"] {
        iam.create_user().user_name(name).send().await.unwrap();
    }
    iam.create_access_key()
        .user_name("theirs")
        .send()
        .await
        .unwrap();
    if matches!(work, Work::First | Work::FirstWithTwoKeys) {
        pass(&life);
        return life;
    }
    life.settles().await;
    pass(&life);
    let last = match work {
        Work::Rotation(number) => number,
        Work::Destroy | Work::DestroyAll => 2,
        _ => 1,
    };
    for generation in 2..=last {
        life.rotate("iam_user.backup", generation);
        life.settles().await;
        pass(&life);
    }
    let (id, _) = life.keys_of("svc-backup").await.remove(0);
    match work {
        Work::Rotation(number) => life.rotate("iam_user.backup", number + 1),
        Work::RotationOfTwoKeys => life.rotate("iam_user.backup", 2),
        Work::RoleMoved => {
            let moved = "name   = \"backup-admin\"\npath   = \"/ops/\"";
            life.config = life.config.replace("name   = \"backup-admin\"", moved);
        }
        Work::UserDeleted => {
            iam.delete_access_key()
                .user_name("svc-backup")
                .access_key_id(id)
                .send()
                .await
                .unwrap();
            iam.delete_user_policy()
                .user_name("svc-backup")
                .policy_name("svc-backup-policy")
                .send()
                .await
                .unwrap();
            iam.delete_user()
                .user_name("svc-backup")
                .send()
                .await
                .unwrap();
        }
        Work::KeyDeleted => {
            iam.delete_access_key()
                .user_name("svc-backup")
                .access_key_id(id)
                .send()
                .await
                .unwrap();
        }
        Work::KeyDeactivated => {
            let request = iam
                .update_access_key()
                .user_name("svc-backup")
                .access_key_id(id);
            request.status(StatusType::Inactive).send().await.unwrap();
        }
        Work::PolicyChanged => {
            let request = iam.put_user_policy().user_name("svc-backup");
            request
                .policy_name("svc-backup-policy")
                .policy_document(GRANTS)
                .send()
                .await
                .unwrap();
            let request = iam.delete_role_policy().role_name("backup-admin");
            request
                .policy_name("backup-admin-policy")
                .send()
                .await
                .unwrap();
        }
        Work::TagsChanged => {
            let tag = |key: &str| Tag::builder().key(key).value("x").build().unwrap();
            for tag in [tag("team"), tag("theirs")] {
                iam.tag_user()
                    .user_name("svc-backup")
                    .tags(tag.clone())
                    .send()
                    .await
                    .unwrap();
                iam.tag_role()
                    .role_name("backup-admin")
                    .tags(tag)
                    .send()
                    .await
                    .unwrap();
            }
            iam.delete_user_permissions_boundary()
                .user_name("svc-backup")
                .send()
                .await
                .unwrap();
        }
        _ => {}
    }
    pass(&life);
    life
}

/// The writes of a work that nothing befalls: each operation, and how many of it came before.
async fn writes(work: Work, options: SandboxOptions) -> Vec<(String, u32)> {
    let life = prepared(work, options).await;
    let before = life.writes().len();
    life.applied(work.purpose()).await;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    life.writes()[before..]
        .iter()
        .map(|write| {
            let count = counts.entry(write.clone()).or_default();
            *count += 1;
            (write.clone(), *count - 1)
        })
        .collect()
}

/// One fault at one write, and then runs until all is done: at most three.
async fn overcome(work: Work, options: SandboxOptions, write: &(String, u32), kind: FaultKind) {
    let life = prepared(work, options).await;
    let (operation, after) = write;
    let fault = Fault::once(kind).on(operation).after(*after);
    life.sandbox.faults().push(fault);
    let run = life.starting(work.purpose()).await;
    if is_kill(kind) {
        let run = tokio::spawn(run);
        life.sandbox.faults().wait_for_hanging(1).await;
        run.abort();
        assert!(run.await.unwrap_err().is_cancelled());
        life.sandbox.faults().release();
        life.unlock().await;
    } else {
        drop(run.await);
    }
    assert_eq!(life.sandbox.faults().done(), 1, "it was not struck");
    let mut runs = 0;
    loop {
        runs += 1;
        let applied = life.applied(work.purpose()).await;
        let is_done = applied.report.is_none_or(|report| report.is_complete());
        if is_done && life.ledger().await.open.is_empty() {
            break;
        }
        assert!(
            runs < 3,
            "not settled after three more runs:\n{}",
            life.told()
        );
        // Whoever runs it again does so a while later.
        life.sandbox.clock().advance(Duration::from_secs(150));
    }
    holds(work, &life).await;
}

async fn holds(work: Work, life: &Life) {
    let told = || life.told();
    pass(life);
    assert!(life.most_keys() <= 2, "{}", told());
    life.touched_only(&["svc-backup", "backup-admin"]);
    let (writes, ledger) = (life.writes(), life.store.bytes());
    life.applied(work.purpose()).await;
    assert_eq!(
        life.writes(),
        writes,
        "a run with nothing to do wrote:\n{}",
        told()
    );
    assert_eq!(
        life.store.bytes(),
        ledger,
        "a run with nothing to do wrote the ledger"
    );
    let keys = life.keys_of("svc-backup").await;
    match work {
        Work::DestroyAll => {
            assert_eq!(keys, []);
            let iam = life.somebody().await;
            assert!(iam.get_user().user_name("svc-backup").send().await.is_err());
            assert!(life.ledger().await.records.is_empty());
        }
        Work::Destroy => {
            life.keys_are_owned("svc-backup", None, &[]).await;
            assert_eq!(keys.len(), 1, "{}", told());
        }
        _ => {
            life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
            let plan = life.plan().await;
            assert!(plan.is_settled() && !plan.has_drift(), "{plan:#?}");
            let wanted = match work {
                Work::Rotation(_) => 2,
                work => work.keys(),
            };
            assert_eq!(keys.len(), wanted, "{}", told());
        }
    }
    let shown = format!("{:?}{:?}", life.plan().await, life.ledger().await);
    let secrets = life.secrets().await;
    assert_eq!(leaks(shown.as_bytes(), &secrets), []);
    assert_eq!(leaks(&life.store.bytes(), &secrets), []);
    assert_eq!(life.keys_of("theirs").await.len(), 1);
}

/// Every fault at every write; tells all cases that fail.
async fn everything(works: &[Work], options: impl Fn() -> SandboxOptions) {
    let mut failed = Vec::new();
    let mut cases = 0;
    for &work in works {
        let writes = writes(work, options()).await;
        assert!(!writes.is_empty(), "{work:?} writes nothing");
        for write in writes {
            for kind in KINDS {
                cases += 1;
                let (options, write) = (options(), write.clone());
                let case = (work, write.clone(), kind);
                let one = tokio::spawn(async move { overcome(work, options, &write, kind).await });
                if let Err(error) = one.await {
                    let said = error.into_panic().downcast::<String>();
                    failed.push(format!("{case:?}: {}", said.unwrap_or_default()));
                }
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {cases} cases:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[tokio::test]
async fn whatever_befalls_a_write_is_overcome() {
    everything(&ALL, options).await;
}

#[tokio::test]
async fn whatever_befalls_a_write_is_overcome_where_it_is_seen_late() {
    let late = || SandboxOptions {
        consistency: Consistency {
            lag: Lag::Time(SignedDuration::from_secs(4)),
            own_writes_at_once: false,
        },
        ..options()
    };
    everything(
        &[
            Work::First,
            Work::Rotation(1),
            Work::Rotation(2),
            Work::KeyDeleted,
        ],
        late,
    )
    .await;
}
