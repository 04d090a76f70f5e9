//! Uses of keys that no event told, as IAM tells them.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use std::collections::BTreeSet;

use aws_sdk_iam::Client as Iam;
use aws_sdk_sts::Client as Sts;
use canary_aws::sandbox::{Sandbox, SandboxClock, SandboxOptions};
use canary_aws::{Connection, LastUsed, Watched, WatchedKey, WatchedUser};
use canary_core::detect::{Credential, Event, Listen as _, Listened, Mention, SILENT};
use jiff::{SignedDuration, Timestamp};
use sandbox_support::{ACCOUNT, REGION, admin, config, credentials};

/// A user whose key was used so long ago, by the machine's clock.
async fn used(ago: SignedDuration) -> (Sandbox, WatchedKey) {
    let options = SandboxOptions {
        clock: SandboxClock::standing(Timestamp::now() - ago),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let iam = Iam::new(&admin(&sandbox).await);
    let user = iam.create_user().user_name("svc").send().await.unwrap();
    let user = user.user().unwrap();
    let key = iam
        .create_access_key()
        .user_name("svc")
        .send()
        .await
        .unwrap();
    let key = key.access_key().unwrap();
    let keys = credentials(key.access_key_id(), key.secret_access_key(), None);
    let sts = Sts::new(&config(&sandbox, keys).await);
    sts.get_caller_identity().send().await.unwrap();
    let watched = WatchedKey {
        id: key.access_key_id().to_owned(),
        user: WatchedUser {
            name: "svc".to_owned(),
            arn: user.arn().to_owned(),
            id: user.user_id().to_owned(),
        },
    };
    (sandbox, watched)
}

async fn asked(sandbox: &Sandbox, key: &WatchedKey, position: Option<&str>) -> Listened {
    let connection = Connection {
        account: ACCOUNT.into(),
        region: REGION.into(),
        profile: None,
    };
    let client = connection.through(&admin(sandbox).await);
    let watched = Watched {
        keys: BTreeSet::from([key.clone()]),
        users: BTreeSet::from([key.user.clone()]),
    };
    let mut source = LastUsed::new(client, watched, false, position);
    let listened = source.next().await.unwrap().unwrap();
    assert!(source.next().await.unwrap().is_none());
    listened
}

#[tokio::test]
async fn a_use_is_told_an_hour_later_with_what_iam_knows_of_it_and_once() {
    let (sandbox, key) = used(SignedDuration::from_hours(2)).await;
    let told = asked(&sandbox, &key, None).await;
    let [event] = told.events.as_slice() else {
        unreachable!("{:?}", told.events);
    };
    assert_eq!(
        event.actor.credential,
        Credential::AccessKey(key.id.clone())
    );
    assert_eq!(event.actor.identity.name, key.user.arn);
    assert_eq!(event.actor.address, None);
    assert!(event.annotations.contains_key(SILENT));
    assert!(event.action.operation.contains("sts"), "{event:?}");
    let again = asked(&sandbox, &key, Some(&told.position)).await;
    assert!(again.events.is_empty());
}

#[tokio::test]
async fn a_use_whose_event_may_still_come_is_not_told_yet() {
    let (sandbox, key) = used(SignedDuration::from_mins(10)).await;
    let told = asked(&sandbox, &key, None).await;
    assert!(told.events.is_empty());
}

#[tokio::test]
async fn a_key_that_nobody_here_made_is_told_an_hour_later_and_once() {
    for (minutes, expected) in [(120, 1), (10, 0)] {
        let (sandbox, key) = used(SignedDuration::from_mins(minutes)).await;
        let iam = Iam::new(&admin(&sandbox).await);
        let made = iam.create_access_key().user_name("svc").send();
        let theirs = made.await.unwrap().access_key.unwrap().access_key_id;
        let told = asked(&sandbox, &key, None).await;
        let of_it = Mention::Credential(theirs);
        let is_of_it = |event: &&Event| event.gives.contains(&of_it);
        let events: Vec<&Event> = told.events.iter().filter(is_of_it).collect();
        assert_eq!(events.len(), expected, "{events:#?}");
        for event in events {
            let action = &event.action;
            assert_eq!((&*action.verb, &*action.resource), ("create", "users"));
            assert_eq!((&*action.subresource, &*action.name), ("access_key", "svc"));
            assert!(event.annotations.contains_key(SILENT));
        }
        let again = asked(&sandbox, &key, Some(&told.position)).await;
        assert!(again.events.is_empty());
    }
}
