//! How errors of the configuration read.

use canary_core::catalog::LowerError;
use canary_core::config::{ConfigError, example, parse_bytes};
use canary_core::graph::CanaryId;
use proptest::prelude::*;

use super::diagnostics::{render, render_lower_errors};

/// What a person sees of a file.
fn shown(source: &[u8]) -> String {
    let errors = parse_bytes(source, &example::vocabulary(), example::TODAY).unwrap_err();
    render(
        &errors,
        &String::from_utf8_lossy(source),
        "canaries.toml",
        false,
    )
}

macro_rules! reads {
    ($($test:ident: $source:expr;)*) => {
        $(
            #[test]
            fn $test() {
                insta::assert_snapshot!(shown($source.as_ref()));
            }
        )*
    };
}

reads! {
    an_unknown_key: "[kubernetes]\ncontxt = \"prod\"\ncolour = 1\n";
    an_unknown_kind: "[secrt.a]\nx = 1\n\n[secrt.b]\n\n[deployment.web]\n";
    what_does_not_exist_yet: "[aws]\nregion = \"eu-west-1\"\n\n[ledger]\nstore = \"s3://bucket/key\"\n";
    a_wrong_type: "[kubernetes]\n[secret.a]\nnamespace = 5\ntemplate = \"postgres\"\nkeep_retired = 90\ngeneration = \"two\"\n";
    a_value_that_is_not_valid: "[kubernetes]\npersona = \"hlem\"\n[service_account.a]\nnamespace = \"Web Apps\"\ngeneration = 0\nkeep_retired = \"3 weeks\"\n";
    a_repeated_table_and_key: "[kubernetes]\n[service_account.a]\nnamespace = \"ci\"\nnamespace = \"web\"\n\n[service_account.a]\n";
    what_is_missing: "[secret.a]\nname = \"x\"\n";
    fields_that_exclude_each_other: "[kubernetes]\n[secret.a]\nnamespace = \"x\"\ntemplate = \"postgres\"\ndata = { password = \"x\" }\n";
    a_reference_that_names_nothing: "[kubernetes]\n[secret.a]\nnamespace = \"x\"\ntemplate = \"kubeconfig\"\nof = \"service_account.deploer\"\n\n[service_account.deployer]\nnamespace = \"ci\"\n";
    a_reference_to_the_wrong_kind: "[kubernetes]\n[secret.a]\nnamespace = \"x\"\ntemplate = \"kubeconfig\"\nof = \"secret.a\"\n";
    a_cycle: "[kubernetes]\n[config_map.a]\nnamespace = \"x\"\ndata = {}\nof = \"config_map.b\"\n\n[config_map.b]\nnamespace = \"x\"\ndata = {}\nof = \"config_map.a\"\n";
    a_known_reader: "[[known_reader]]\nprincipal = \"system:serviceaccount:backup:velero\"\nverbs = [\"get\", \"lst\"]\nscope = \"cluster\"\nfield_selector = \"metadata.name=db\"\nfrom = \"10.0.0.1\"\nreason = \"backup\"\nuntil = 2026-01-01\n";
    broken_syntax: "[kubernetes\ncontext = prod\n\n[secret.a]\nnamespace = \"payments\ntemplate = = 1\n";
    bytes_that_are_no_text: b"[kubernetes]\ncontext = \"pr\xf6d\"\n";
    characters_that_control_a_terminal: "[kubernetes]\ncontext = \"\u{1b}[31m\"\n\"\\u001b[2J\" = 1\n";
    a_file_with_windows_line_ends_and_tabs: "\u{feff}[kubernetes]\r\n\tcontext = 1\r\n";
    places_far_apart: format!("[kubernetes]\ncontext = \"a\"\n{}context = \"b\"\n", "# filler\n".repeat(100));
    a_line_too_long_to_show: format!("kubernetes = {{ context = \"{}\", x = 1 }}\n", "a".repeat(5_000));
    a_file_too_large: vec![b'x'; 5_000_000];
}

#[test]
fn errors_of_lowering() {
    let source = example::SOURCE;
    let start = source.find("\"payments-db-admin\"").unwrap();
    let errors = [LowerError {
        canary: CanaryId::new("secret", "payments-db"),
        message: "the name is taken by secret.other".into(),
        help: Some("leave `name` out to have one chosen".into()),
        span: start..start + "\"payments-db-admin\"".len(),
    }];
    insta::assert_snapshot!(render_lower_errors(&errors, source, "canaries.toml", false));
}

#[test]
fn colour_changes_nothing_but_colour() {
    let source = "[kubernetes]\ncontxt = 1\n";
    let errors =
        parse_bytes(source.as_bytes(), &example::vocabulary(), example::TODAY).unwrap_err();
    let coloured = render(&errors, source, "canaries.toml", true);
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render(&errors, source, "canaries.toml", false));
}

#[test]
fn errors_are_shown_in_the_order_of_the_file() {
    let errors = [
        ConfigError::new(4..5, "second", ""),
        ConfigError::new(0..1, "first", ""),
    ];
    let text = render(&errors, "a b c", "x", false);
    assert!(text.find("first").unwrap() < text.find("second").unwrap());
    assert!(text.ends_with("2 errors in x\n"));
}

#[test]
fn without_errors_there_is_nothing_to_show() {
    assert_eq!(render(&[], "", "x", false), "");
}

proptest! {
    #[test]
    fn any_place_in_any_text_is_shown_without_a_panic(
        pieces in prop::collection::vec(prop::sample::select(vec!["a", "ä", "漢", "\u{301}", "\t", "\n", "\r", "\r\n", "\0", "\u{200d}", " "]), 0..40),
        spans in prop::collection::vec((0..100usize, 0..20usize), 1..4),
    ) {
        let source = pieces.concat();
        let mut spans = spans.into_iter().map(|(start, length)| start..start + length);
        let mut error = ConfigError::new(spans.next().unwrap_or(0..0), "title", "label");
        for span in spans {
            error = error.and_at(span, "also");
        }
        prop_assert!(render(&[error], &source, "x", false).ends_with("1 error in x\n"));
    }
}
