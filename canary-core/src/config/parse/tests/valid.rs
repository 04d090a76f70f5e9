use std::time::Duration;

use jiff::civil::date;

use super::{read, with};
use crate::config::{
    Cadence, FieldShape, LedgerPlace, Origin, ReaderScope, Shape, TableShape, Vocabulary, example,
    parse,
};
use crate::graph::{CanaryId, ProviderId};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn everything_of_the_example_is_read() {
    let config = read(example::SOURCE).unwrap();
    let kubernetes = &config.providers[&ProviderId::new("kubernetes")];
    assert_eq!(kubernetes.text("context"), Some("prod"));
    assert_eq!(
        config.ledger,
        Some(LedgerPlace::File(".canary/ledger".into()))
    );
    assert_eq!(config.alerts[0].label, "soc");

    let secret = &config.canaries[&CanaryId::new("secret", "payments-db")];
    assert_eq!(secret.provider, ProviderId::new("kubernetes"));
    assert_eq!((secret.generation, secret.keep_retired), (2, 90 * DAY));
    assert_eq!(secret.table.text("name"), Some("payments-db-admin"));

    let kubeconfig = &config.canaries[&CanaryId::new("secret", "ci-kubeconfig")];
    assert_eq!(
        (kubeconfig.generation, kubeconfig.keep_retired),
        (1, 30 * DAY)
    );
    let account = CanaryId::new("service_account", "ci-deployer");
    assert_eq!(kubeconfig.table.canary("of"), Some(&account));

    let flags = &config.canaries[&CanaryId::new("config_map", "feature-flags")];
    let data = flags.table.text_map("data").unwrap();
    assert_eq!(data["owner.txt"].value, "platform");
}

#[test]
fn a_known_reader_is_read_with_all_its_conditions() {
    let config = read(example::SOURCE).unwrap();
    let reader = &config.known_readers[0];
    assert_eq!(reader.principal, "system:serviceaccount:backup:velero");
    assert_eq!(reader.verbs, ["list"]);
    assert_eq!(reader.resource, "secrets");
    assert_eq!(reader.scope, ReaderScope::Cluster);
    assert_eq!(reader.from, Some(Origin::Network("10.0.0.0/8".into())));
    assert_eq!(reader.every, Some(Cadence::Every(DAY)));
    assert_eq!(reader.until, date(2027, 3, 1));
    assert_eq!(&example::SOURCE[reader.span.clone()], "[[known_reader]]");
}

#[test]
fn a_known_reader_holds_through_its_last_day() {
    let entry = |day| {
        format!(
            "[[known_reader]]\nprincipal = 'p'\nverbs = ['watch']\nscope = 'ci'\nreason = 'r'\nuntil = {day}\n"
        )
    };
    assert!(read(&entry("2026-11-22")).is_ok());
    assert!(read(&entry("2026-11-21")).is_err());
}

#[test]
fn values_and_headers_keep_their_place() {
    let config = read(example::SOURCE).unwrap();
    let secret = &config.canaries[&CanaryId::new("secret", "payments-db")];
    let at = |span: std::ops::Range<usize>| &example::SOURCE[span];
    assert_eq!(at(secret.table.span.clone()), "[secret.payments-db]");
    assert_eq!(at(secret.table.span_of("namespace")), "\"payments\"");
    assert_eq!(at(secret.table.span_of("of")), "[secret.payments-db]");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let config = read(example::SOURCE).unwrap();
    let windows = format!("\u{feff}{}", example::SOURCE.replace('\n', "\r\n"));
    let other = read(&windows).unwrap();
    let id = CanaryId::new("secret", "payments-db");
    let (one, other) = (&config.canaries[&id].table, &other.canaries[&id].table);
    assert_eq!(one.text("name"), other.text("name"));
    assert_eq!(&windows[other.span_of("name")], "\"payments-db-admin\"");
}

#[test]
fn every_form_of_a_table_says_the_same() {
    let forms = [
        "[secret.a]\nnamespace = 'x'\ndata = { k = 'v' }\n",
        "[secret.a]\nnamespace = 'x'\ndata.k = 'v'\n",
        "[secret.a]\nnamespace = 'x'\n[secret.a.data]\nk = 'v'\n",
        "[secret]\na = { namespace = 'x', data = { k = 'v' } }\n",
        "[secret]\na.namespace = 'x'\na.data.k = 'v'\n",
    ];
    for form in forms {
        let config = read(&with(form)).unwrap();
        let table = &config.canaries[&CanaryId::new("secret", "a")].table;
        assert_eq!(table.text("namespace"), Some("x"), "{form}");
        assert_eq!(table.text_map("data").unwrap()["k"].value, "v", "{form}");
    }
}

#[test]
fn without_canaries_no_provider_is_needed() {
    let config = read("").unwrap();
    assert!(config.providers.is_empty() && config.canaries.is_empty());
    assert_eq!(config.ledger, None);
}

#[test]
fn a_retired_generation_need_not_be_kept() {
    for none in ["0", "0d", "0s"] {
        let text = with(&format!(
            "[secret.a]\nnamespace='x'\ntemplate='postgres'\nkeep_retired='{none}'"
        ));
        let config = read(&text).unwrap();
        let canary = &config.canaries[&CanaryId::new("secret", "a")];
        assert_eq!(canary.keep_retired, Duration::ZERO);
    }
}

#[test]
fn where_a_list_may_have_one_entry_that_may_stand_alone() {
    let words = Shape::OneOf(&["north", "south"]);
    let table = TableShape {
        fields: vec![FieldShape {
            name: "ways",
            shape: Shape::OneOrMore(Box::new(words)),
            required: true,
            about: "",
        }],
        exclusive: vec![],
        one_needed: vec![],
    };
    let id = ProviderId::new("compass");
    let vocabulary = Vocabulary::new().with(id.clone(), table, vec![]);
    let read = |value: &str| {
        let source = format!("[compass]\nways = {value}\n");
        parse(&source, &vocabulary, example::TODAY)
    };
    for (value, expected) in [
        ("'north'", vec!["north"]),
        ("['south', 'north']", vec!["south", "north"]),
        ("[]", vec![]),
    ] {
        let config = read(value).unwrap();
        assert_eq!(config.providers[&id].texts("ways"), expected, "{value}");
    }
    for wrong in ["'west'", "1", "['north', 1]", "[['north']]"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
