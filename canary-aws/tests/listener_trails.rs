//! What is told of regions that nobody hears and of trails that log nothing, and a trail of our own.

#![allow(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod listener_support;
mod sandbox_support;

use aws_sdk_cloudtrail::types::{
    AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType,
};
use canary_aws::sandbox::{Sandbox, SandboxOptions};
use canary_core::check::Severity;
use canary_core::plan::Outside;
use listener_support::{Account, REGIONS, told};
use sandbox_support::{REGION, options};

const TABLE: &str = "[aws.listener]\nname = \"ops-events\"\n";
const WITH_TRAIL: &str =
    "[aws.listener]\nname = \"ops-events\"\ntrail = \"make\"\nbucket = \"acme-ops-events\"\n";

async fn messages(account: &Account, severity: Severity) -> Vec<String> {
    let notes = account.notes(severity).await;
    notes.into_iter().map(|note| note.message).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enabled_region_without_a_rule_is_an_error_until_it_is_accepted_by_name() {
    let table = |more: &str| format!("{TABLE}regions = [\"{REGION}\"]\n{more}");
    let mut account = Account::with(&table("without = [\"us-east-1\"]")).await;
    let unheard = |messages: Vec<String>| {
        let about = messages
            .into_iter()
            .filter(|message| message.contains("has no rule"));
        about.collect::<Vec<_>>()
    };
    let told = unheard(messages(&account, Severity::Error).await);
    let [only] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(only.contains("ap-southeast-2"), "{only}");
    let plan = account.plan().await;
    assert!(
        !plan.has_changes() && !plan.is_settled(),
        "{}",
        self::told(&plan)
    );
    account
        .configured(&table("without = [\"us-east-1\", \"ap-southeast-2\"]"))
        .await;
    assert_eq!(
        unheard(messages(&account, Severity::Error).await),
        Vec::<String>::new()
    );
    // A queue and a rule of the home region, without a role for others.
    assert_eq!(account.plan().await.summary().add, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_enabled_later_gets_a_rule_and_one_that_is_excepted_loses_it() {
    let mut account = Account::with(&format!("{TABLE}without = [\"ap-southeast-2\"]\n")).await;
    account.settles().await;
    account.configured(TABLE).await;
    let plan = account.plan().await;
    assert_eq!(plan.summary().add, 2, "{}", told(&plan));
    account.settles().await;
    account
        .configured(&format!(
            "{TABLE}without = [\"us-east-1\", \"ap-southeast-2\"]\n"
        ))
        .await;
    let plan = account.plan().await;
    // Both rules with their targets, and the role that nobody needs any more.
    assert_eq!(plan.summary().destroy, 6, "{}", told(&plan));
    account.settles().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_trail_that_logs_nothing_is_heard_and_that_is_told() {
    let account = Account::without_trail(TABLE).await;
    let silent = "no trail logs management events in ap-southeast-2, eu-west-1, us-east-1: nothing reaches the rules";
    assert!(
        messages(&account, Severity::Error)
            .await
            .contains(&silent.to_owned())
    );

    // The listener is held up as a whole, and the account is as it was.
    let plan = account.plan().await;
    assert!(!plan.has_changes() && !plan.is_settled(), "{}", told(&plan));
    assert!(account.apply().await.is_none());

    let account = Account::with(TABLE).await;
    assert_eq!(
        messages(&account, Severity::Error).await,
        Vec::<String>::new()
    );
    let cloudtrail = aws_sdk_cloudtrail::Client::new(&account.admin(REGION).await);
    cloudtrail
        .stop_logging()
        .name("theirs")
        .send()
        .await
        .unwrap();
    assert!(
        messages(&account, Severity::Error)
            .await
            .contains(&silent.to_owned())
    );
    cloudtrail
        .start_logging()
        .name("theirs")
        .send()
        .await
        .unwrap();

    let writes = EventSelector::builder().include_management_events(true);
    let writes = writes.read_write_type(ReadWriteType::WriteOnly).build();
    let request = cloudtrail.put_event_selectors().trail_name("theirs");
    request.event_selectors(writes).send().await.unwrap();
    let warnings = messages(&account, Severity::Warning).await;
    assert!(
        warnings
            .iter()
            .any(|text| text.starts_with("trails log only what changes something")),
        "{warnings:?}"
    );
    assert_eq!(
        messages(&account, Severity::Error).await,
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_of_our_own_lets_the_rules_hear_and_is_started_again_where_somebody_stops_it() {
    let options = SandboxOptions {
        regions: REGIONS.map(ToOwned::to_owned).to_vec(),
        events_need_trail: true,
        ..options()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let account = Account::of(sandbox, WITH_TRAIL).await;
    let plan = account.plan().await;
    assert_eq!(plan.summary().add, 15, "{}", told(&plan));
    account.settles().await;
    assert_eq!(
        messages(&account, Severity::Error).await,
        Vec::<String>::new()
    );

    let sts = aws_sdk_sts::Client::new(&account.admin("us-east-1").await);
    sts.get_caller_identity().send().await.unwrap();
    let sqs = aws_sdk_sqs::Client::new(&account.admin(REGION).await);
    let url = account.output("aws.listener", "url").await;
    let answer = sqs.receive_message().queue_url(&url).send().await.unwrap();
    assert!(!answer.messages().is_empty());

    let cloudtrail = aws_sdk_cloudtrail::Client::new(&account.admin(REGION).await);
    cloudtrail
        .stop_logging()
        .name("ops-events")
        .send()
        .await
        .unwrap();
    let s3 = aws_sdk_s3::Client::new(&account.admin(REGION).await);
    s3.delete_bucket_policy()
        .bucket("acme-ops-events")
        .send()
        .await
        .unwrap();
    let plan = account.plan().await;
    for part in ["trail-logging", "bucket-policy"] {
        let step = plan
            .step(&format!("aws.listener/{part}").parse().unwrap())
            .unwrap();
        assert_eq!(step.outside, Some(Outside::Deleted), "{part}");
    }
    account.settles().await;
    let status = cloudtrail
        .get_trail_status()
        .name("ops-events")
        .send()
        .await
        .unwrap();
    assert_eq!(status.is_logging(), Some(true));
    account.destroy().await;
    assert!(s3.list_buckets().send().await.unwrap().buckets().is_empty());
    let trails = cloudtrail.describe_trails().send().await.unwrap();
    assert!(trails.trail_list().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_of_our_own_that_somebody_blinds_is_drift_and_hears_again() {
    let account = Account::with(WITH_TRAIL).await;
    account.settles().await;
    let cloudtrail = aws_sdk_cloudtrail::Client::new(&account.admin(REGION).await);
    let plain = |kind: ReadWriteType, management: bool, without: &[&str]| {
        let selector = EventSelector::builder().read_write_type(kind);
        let without = without.iter().map(|source| (*source).to_owned()).collect();
        selector
            .include_management_events(management)
            .set_exclude_management_event_sources(Some(without))
            .build()
    };
    let field = |name: &str, value: &str| {
        let field = AdvancedFieldSelector::builder().field(name);
        field.equals(value).build().unwrap()
    };
    let advanced = AdvancedEventSelector::builder()
        .field_selectors(field("eventCategory", "Management"))
        .field_selectors(field("readOnly", "false"));
    let by_others = [
        (Some(plain(ReadWriteType::WriteOnly, false, &[])), None),
        (Some(plain(ReadWriteType::WriteOnly, true, &[])), None),
        (
            Some(plain(ReadWriteType::All, true, &["kms.amazonaws.com"])),
            None,
        ),
        (None, Some(advanced.build().unwrap())),
    ];
    for (plain, advanced) in by_others {
        let request = cloudtrail.put_event_selectors().trail_name("ops-events");
        let request = request.set_event_selectors(plain.map(|plain| vec![plain]));
        let request = request.set_advanced_event_selectors(advanced.map(|all| vec![all]));
        request.send().await.unwrap();
        let plan = account.plan().await;
        let step = plan.step(&"aws.listener/trail-data".parse().unwrap());
        let outside = step.unwrap().outside.as_ref();
        assert!(
            matches!(outside, Some(Outside::Changed { .. })),
            "{}",
            told(&plan)
        );
        account.settles().await;
        let request = cloudtrail.get_event_selectors().trail_name("ops-events");
        let selected = request.send().await.unwrap();
        let [selector] = selected.event_selectors() else {
            panic!("{selected:?}");
        };
        assert_eq!(selector.read_write_type(), Some(&ReadWriteType::All));
        assert_eq!(selector.include_management_events(), Some(true));
        assert_eq!(selector.exclude_management_event_sources().len(), 0);
    }
    account.destroy().await;
}
