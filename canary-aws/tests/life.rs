//! Users and roles from their planting to their removal, against the account in memory.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod life_support;

use aws_sdk_iam::types::{StatusType, Tag};
use canary_aws::sandbox::{Consistency, Lag, SandboxOptions};
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
[iam_user.both]
name = "svc-both"
keys = 2
[iam_role.admin]
name        = "backup-admin"
description = "Nightly backups"
tags        = { team = "platform" }
policy      = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
"#;

const THEIRS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;

/// Everything that is there has nothing left of it afterwards.
async fn is_gone(life: &Life) {
    let iam = life.somebody().await;
    for _ in 0..3 {
        drop(iam.list_users().send().await);
    }
    for user in ["svc-backup", "svc-both"] {
        assert!(
            iam.get_user().user_name(user).send().await.is_err(),
            "{user}"
        );
    }
    assert!(
        iam.get_role()
            .role_name("backup-admin")
            .send()
            .await
            .is_err()
    );
}

/// Planting, repair of everything, three rotations, removal.
async fn whole_life(options: SandboxOptions) {
    let pass = |life: &Life| {
        life.sandbox
            .clock()
            .advance(std::time::Duration::from_secs(300));
    };
    let mut life = Life::begin(options, CONFIG).await;
    life.settles().await;
    pass(&life);
    assert_eq!(life.keys_of("svc-backup").await.len(), 1);
    assert_eq!(life.keys_of("svc-both").await.len(), 2);
    life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
    life.is_settled().await;

    let iam = life.somebody().await;
    let tag = Tag::builder().key("team").value("red").build().unwrap();
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
    iam.update_user()
        .user_name("svc-both")
        .new_path("/theirs/")
        .send()
        .await
        .unwrap();
    iam.delete_user_permissions_boundary()
        .user_name("svc-backup")
        .send()
        .await
        .unwrap();
    iam.update_role()
        .role_name("backup-admin")
        .max_session_duration(7200)
        .send()
        .await
        .unwrap();
    iam.update_assume_role_policy()
        .role_name("backup-admin")
        .policy_document(THEIRS)
        .send()
        .await
        .unwrap();
    iam.put_user_policy().user_name("svc-backup").policy_name("svc-backup-policy").policy_document(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#).send().await.unwrap();
    iam.delete_role_policy()
        .role_name("backup-admin")
        .policy_name("backup-admin-policy")
        .send()
        .await
        .unwrap();
    let (id, _) = life.keys_of("svc-backup").await.remove(0);
    iam.update_access_key()
        .user_name("svc-backup")
        .access_key_id(&id)
        .status(StatusType::Inactive)
        .send()
        .await
        .unwrap();
    let (lost, _) = life.keys_of("svc-both").await.remove(1);
    iam.delete_access_key()
        .user_name("svc-both")
        .access_key_id(lost)
        .send()
        .await
        .unwrap();
    pass(&life);
    assert!(life.plan().await.has_drift());
    let report = life.apply().await;
    assert!(report.is_complete(), "{report:#?}");
    life.is_settled().await;
    assert!(!life.plan().await.has_drift());
    pass(&life);
    life.is_settled().await;
    life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
    life.keys_are_owned("svc-both", None, &[]).await;
    assert_eq!(life.keys_of("svc-both").await.len(), 2);

    let mut before = life.noted("backup").unwrap().0;
    for generation in 2..=4 {
        life.rotate("iam_user.backup", generation);
        life.settles().await;
        pass(&life);
        life.is_settled().await;
        let keys = life.keys_of("svc-backup").await;
        assert_eq!(keys.len(), 2, "{keys:?}");
        assert!(
            keys.contains(&(before.clone(), true)),
            "the one before lives on"
        );
        life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
        let now = life.noted("backup").unwrap().0;
        assert_ne!(now, before);
        before = now;
    }
    assert_eq!(life.most_keys(), 2);
    let secrets = life.secrets().await;
    assert_eq!(secrets.len(), 4);
    let told = format!(
        "{:?}{:?}{:?}",
        life.plan().await,
        life.ledger().await,
        life.client().await
    );
    assert_eq!(leaks(told.as_bytes(), &secrets), []);
    assert_eq!(leaks(&life.store.bytes(), &secrets), []);

    life.applied(destroying(false)).await;
    life.applied(destroying(true)).await;
    pass(&life);
    is_gone(&life).await;
    life.touched_only(&["svc-backup", "svc-both", "backup-admin"]);
}

#[tokio::test]
async fn what_is_planted_is_kept_repaired_rotated_and_removed() {
    whole_life(options()).await;
}

#[tokio::test]
async fn the_same_where_everything_is_seen_reads_later() {
    for own_writes_at_once in [true, false] {
        let consistency = Consistency {
            lag: Lag::Reads(2),
            own_writes_at_once,
        };
        whole_life(SandboxOptions {
            consistency,
            ..options()
        })
        .await;
    }
}

#[tokio::test]
async fn the_same_where_everything_is_seen_seconds_later() {
    for seconds in [1, 4, 7] {
        let consistency = Consistency {
            lag: Lag::Time(SignedDuration::from_secs(seconds)),
            own_writes_at_once: false,
        };
        whole_life(SandboxOptions {
            consistency,
            ..options()
        })
        .await;
    }
}
