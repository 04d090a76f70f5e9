use proptest::prelude::*;

use super::{read, with};
use crate::config::{ConfigError, MAX_BYTES, MAX_ERRORS, example, parse_bytes};

/// Reads bytes and asserts what holds for all errors: some, sorted, each on a token within the text.
fn told(source: &[u8]) -> Vec<ConfigError> {
    let Err(errors) = parse_bytes(source, &example::vocabulary(), example::TODAY) else {
        return Vec::new();
    };
    assert!(!errors.is_empty() && errors.len() <= MAX_ERRORS + 1);
    assert!(errors.is_sorted_by_key(|error| error.span.start));
    for error in &errors {
        let spans = error.also.iter().map(|(span, _)| span).chain([&error.span]);
        for span in spans {
            assert!(
                span.start <= span.end && span.end <= source.len(),
                "{error:?}"
            );
            if let Ok(text) = std::str::from_utf8(source) {
                assert!(text.get(span.clone()).is_some(), "{error:?}");
            }
        }
        let texts = [&error.title, &error.label].into_iter().chain(&error.help);
        assert!(
            texts
                .into_iter()
                .all(|text| text.len() < 4_096 && !text.contains('\0')),
            "{error:?}"
        );
    }
    errors
}

#[test]
fn bytes_that_are_no_text_are_told_at_the_first_of_them() {
    let errors = told(b"[kubernetes]\ncontext = \"\xff\xfe\"\n");
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (errors[0].span.clone(), errors[0].title.as_str()),
        (24..25, "the file is not UTF-8")
    );
    assert_eq!(told(b"\xe2\x82")[0].span, 0..2);
    assert_eq!(told(b"\xff\xfe[\0k\0")[0].span, 0..1);
}

#[test]
fn a_file_of_ten_megabytes_is_refused_unread() {
    let errors = told(&vec![b'x'; 10_000_000]);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].title.contains("4 MiB"), "{}", errors[0].title);
    assert!(read(&"\n".repeat(MAX_BYTES)).is_ok());
}

#[test]
fn deep_nesting_is_told_and_does_not_exhaust_the_stack() {
    for unit in ["[", "{a=", "[{a="] {
        assert!(!told(format!("x={}", unit.repeat(50_000)).as_bytes()).is_empty());
    }
    assert!(!told(format!("a{}=1", ".a".repeat(50_000)).as_bytes()).is_empty());
    let dotted = format!("{{a{}=", ".a".repeat(78));
    assert!(!told(format!("x={}1{}", dotted.repeat(79), "}".repeat(79)).as_bytes()).is_empty());
}

#[test]
fn control_characters_are_told_and_not_repeated() {
    let errors = told(b"[kubernetes]\ncontext = \"a\0b\"\n");
    assert_eq!(errors.len(), 1, "{errors:?}");
    let errors = told("[\"se\\u001bcret\".a]\n".as_bytes());
    assert_eq!(errors[0].title, "unknown table `se\\u{1b}cret`");
}

#[test]
fn a_flood_of_errors_is_counted() {
    let unknown: String = (0..5_000)
        .map(|number| format!("x{number} = 1\n"))
        .collect();
    let errors = told(with(&unknown).as_bytes());
    assert_eq!(errors.len(), MAX_ERRORS + 1);
    assert_eq!(errors[MAX_ERRORS].title, "4000 more errors are not shown");
    let broken = told("=\n".repeat(20_000).as_bytes());
    assert_eq!(broken.len(), MAX_ERRORS + 1);
}

#[test]
fn a_large_file_with_broken_syntax_is_told_its_first_error() {
    let source = format!("{}[broken\n[broken\n", "# filler\n".repeat(40_000));
    let errors = told(source.as_bytes());
    assert_eq!(errors.len(), 1);
    assert!(source[errors[0].span.start..].len() <= "\n[broken\n".len() + 1);
}

#[test]
fn a_long_chain_of_references_is_followed_and_a_long_cycle_is_shortened() {
    let map = |number: usize, of: usize| {
        format!("[config_map.a{number}]\nnamespace='x'\ndata={{}}\nof='config_map.a{of}'\n")
    };
    let ring: String = (0..20_000)
        .map(|number| map(number, (number + 1) % 20_000))
        .collect();
    let errors = told(with(&ring).as_bytes());
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].title.contains("… 19992 more"),
        "{}",
        errors[0].title
    );
}

/// Pieces of which wrong and nearly right configurations are made.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\"",
        "'",
        "'''",
        "\"\"\"",
        "\n",
        "\r\n",
        "#",
        " ",
        "\0",
        "\u{feff}",
        "ä",
        "secret",
        "service_account",
        "config_map",
        "known_reader",
        "alert",
        "ledger",
        "kubernetes",
        "aws",
        "a",
        "namespace",
        "name",
        "template",
        "data",
        "of",
        "generation",
        "store",
        "until",
        "2027-03-01",
        "1",
        "1.5",
        "true",
        "inf",
        "\\u0000",
        "[secret.a]\n",
        "of = \"config_map.a\"\n",
        "[config_map.a]\n",
        "[[known_reader]]\n",
        "verbs = ['get']\n",
        "until = 2020-01-01\n",
        "again-0",
    ]);
    words.prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn any_bytes_are_answered_without_a_panic(source in prop::collection::vec(any::<u8>(), 0..300)) {
        told(&source);
    }

    #[test]
    fn any_pieces_of_a_configuration_are_answered_without_a_panic(pieces in prop::collection::vec(piece(), 0..60)) {
        told(pieces.concat().as_bytes());
    }

    #[test]
    fn a_mutated_configuration_is_answered_without_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..20usize, piece()), 1..8),
    ) {
        let mut source = example::SOURCE.as_bytes().to_vec();
        for (place, length, with) in changes {
            let start = place.index(source.len());
            let end = (start + length).min(source.len());
            source.splice(start..end, with.bytes());
        }
        told(&source);
    }

    #[test]
    fn a_cut_configuration_is_answered_without_a_panic(end in 0..example::SOURCE.len()) {
        told(&example::SOURCE.as_bytes()[..end]);
    }

    #[test]
    fn a_generation_is_set_or_refused_in_any_text(pieces in prop::collection::vec(piece(), 0..40), generation: u32) {
        let source = pieces.concat();
        let canary = crate::graph::CanaryId::new("secret", "a");
        if let Ok(edited) = crate::config::with_generation(&source, &canary, generation) {
            let table: toml::Table = edited.parse().unwrap();
            prop_assert_eq!(table["secret"]["a"]["generation"].as_integer(), Some(i64::from(generation)));
        }
    }
}
