use super::{read, with};
use crate::config::{ConfigError, example, parse};

/// What is told of a text: each error's token and title.
fn told(source: &str) -> Vec<(String, String)> {
    let errors = read(source).unwrap_err();
    let token = |error: &ConfigError| source[error.span.clone()].to_owned();
    errors
        .iter()
        .map(|error| (token(error), error.title.clone()))
        .collect()
}

/// Asserts that one thing is told, with its token.
#[track_caller]
pub(super) fn only(source: &str, token: &str, title: &str) -> ConfigError {
    assert_eq!(
        told(source),
        [(token.to_owned(), title.to_owned())],
        "{source}"
    );
    read(source).unwrap_err().remove(0)
}

pub(super) const SECRET: &str = "[secret.a]\nnamespace = 'x'\ntemplate = 'postgres'\n";

pub(super) fn secret(more: &str) -> String {
    with(&format!("{SECRET}{more}"))
}

#[test]
fn everything_wrong_is_told_in_one_run_in_the_order_of_the_file() {
    let source = "[kubernetes]\ncontxt = 1\n[secret.a]\nnamespace = 5\ntemplate = 'postgres'\n\
                  [secrt.b]\n[[known_reader]]\nverbs = ['get']\nscope='cluster'\nreason='r'\nuntil=2030-01-01\n";
    let tokens: Vec<_> = told(source).into_iter().map(|(token, _)| token).collect();
    assert_eq!(
        tokens,
        ["contxt", "5", "secrt", "[[known_reader]]", "'get'"]
    );
}

#[test]
fn several_errors_of_syntax_are_told_in_one_run_and_nothing_that_they_cause() {
    let source =
        secret("generation = = 2\nname = \nof = 'service_account.gone'\n[secret.b\nx = 1\n");
    let lines: Vec<_> = read(&source)
        .unwrap_err()
        .iter()
        .map(|error| source[..error.span.start].lines().count())
        .collect();
    assert!(lines.len() >= 3, "{lines:?}");
    // The dangling reference may name what stands on a broken line.
    assert!(!lines.contains(&7), "{lines:?}");
}

#[test]
fn a_broken_line_does_not_hide_what_is_wrong_elsewhere() {
    let source = secret("namspace = 'y'\nname = 'unclosed\n");
    let tokens: Vec<_> = told(&source).into_iter().map(|(token, _)| token).collect();
    assert_eq!(tokens[0], "namspace");
    assert!(tokens.len() >= 2);
}

#[test]
fn a_misspelt_key_is_told_with_the_one_that_was_meant_and_not_missed_too() {
    let error = only(
        &with("[secret.a]\nnamspace = 'x'\ntemplate = 'postgres'\n"),
        "namspace",
        "unknown key `namspace` in [secret.a]",
    );
    assert_eq!(error.help.as_deref(), Some("did you mean `namespace`?"));
}

#[test]
fn a_key_that_resembles_nothing_is_told_with_those_there_are() {
    let error = only(
        &with("[alert.a]\nwebhook='https://x'\ncolour=1\n"),
        "colour",
        "unknown key `colour` in [alert.a]",
    );
    assert_eq!(error.help.as_deref(), Some("known keys are `webhook`"));
}

#[test]
fn an_unknown_kind_points_at_all_its_tables() {
    let source = with("[secrets.a]\n[secrets.b]\n[secrets.c]\n");
    let error = only(&source, "secrets", "unknown table `secrets`");
    assert_eq!(error.help.as_deref(), Some("did you mean `secret`?"));
    let also: Vec<_> = error
        .also
        .iter()
        .map(|(span, _)| &source[span.clone()])
        .collect();
    assert_eq!(also, ["[secrets.b]", "[secrets.c]"]);
}

#[test]
fn what_does_not_exist_yet_says_so() {
    for word in ["aws", "iam_user", "pod_credentials"] {
        let title = format!("`{word}` is not supported by this version");
        only(&format!("[{word}.x]\n"), word, &title);
    }
    for (store, title) in [
        (
            "s3://bucket/key",
            "a ledger in `s3:` is not supported by this version",
        ),
        (
            "kubernetes:ns/name",
            "a ledger in `kubernetes:` is not supported by this version",
        ),
        ("ftp:x", "unknown kind of store `ftp:x`"),
        ("ledger", "unknown kind of store `ledger`"),
        ("file:", "`store` names no file"),
    ] {
        only(
            &format!("[ledger]\nstore = '{store}'\n"),
            &format!("'{store}'"),
            title,
        );
    }
}

#[test]
fn a_wrong_type_is_told_with_what_was_expected_and_what_was_found() {
    for (line, token, field, label) in [
        (
            "name = 5",
            "5",
            "name",
            "expected a string, found an integer",
        ),
        (
            "name = 1.5",
            "1.5",
            "name",
            "expected a string, found a float",
        ),
        (
            "generation = '2'",
            "'2'",
            "generation",
            "expected an integer from 1 to 1000000, found a string",
        ),
        (
            "immutable = 1",
            "1",
            "immutable",
            "expected `true` or `false`, found an integer",
        ),
        (
            "keep_retired = 90",
            "90",
            "keep_retired",
            "expected a length of time, as in \"90d\", found an integer",
        ),
        (
            "name = 2027-03-01",
            "2027-03-01",
            "name",
            "expected a string, found a date or time",
        ),
        (
            "of = ['a']",
            "['a']",
            "of",
            "expected the address of a canary, as in \"service_account.LABEL\", found an array",
        ),
    ] {
        let error = only(
            &secret(line),
            token,
            &format!("`{field}` has the wrong type"),
        );
        assert_eq!(error.label, label);
    }
}

#[test]
fn a_wrong_type_is_told_with_the_same_value_in_the_right_one() {
    for (line, help) in [
        ("name = 5", Some("write it in quotes: \"5\"")),
        ("generation = '2'", Some("write it without quotes: 2")),
        ("generation = 'two'", None),
        ("immutable = 'true'", Some("write it without quotes: true")),
        (
            "keep_retired = 9",
            Some("write it in quotes with its unit: \"9s\", \"9m\", \"9h\" or \"9d\""),
        ),
    ] {
        let error = read(&secret(line)).unwrap_err().remove(0);
        assert_eq!(error.help.as_deref(), help, "{line}");
    }
}

#[test]
fn numbers_have_a_range() {
    for number in [
        "0",
        "-1",
        "1000001",
        "99999999999999999999",
        "0xffffffffffffffffff",
    ] {
        only(
            &secret(&format!("generation = {number}")),
            number,
            "`generation` is out of range",
        );
    }
    assert!(read(&secret("generation = 1_000_000")).is_ok());
    assert!(read(&secret("generation = 0x10")).is_ok());
}

#[test]
fn a_table_in_the_wrong_place_is_told_with_its_form() {
    for (source, token, title) in [
        ("secret = 1\n", "secret", "`secret` is not a table"),
        ("[[secret]]\n", "secret", "`secret` is not a table"),
        (
            "[secret]\nnamespace = 'x'\n",
            "namespace",
            "`namespace` stands directly in `secret`",
        ),
        ("[[secret.a]]\n", "a", "`a` stands directly in `secret`"),
        (
            "kubernetes = true\n",
            "kubernetes",
            "`kubernetes` is not a table",
        ),
        (
            "[known_reader]\n",
            "known_reader",
            "`known_reader` is not an array",
        ),
        ("known_reader = [1]\n", "1", "`known_reader` holds no table"),
        ("[[alert]]\n", "alert", "`alert` is not a table"),
        ("ledger = 'file:x'\n", "ledger", "`ledger` is not a table"),
        ("secrt = 1\n", "secrt", "unknown key `secrt`"),
    ] {
        only(source, token, title);
    }
}

#[test]
fn labels_are_checked_where_they_stand() {
    only(
        &secret("[alert.'a b']\nwebhook = 'https://x'\n"),
        "'a b'",
        "`a b` is not a label",
    );
    only(
        &with("[secret.Payments]\nnamespace = 'x'\ntemplate = 'postgres'\n"),
        "Payments",
        "`Payments` is not a label",
    );
}

#[test]
fn a_repeated_key_points_at_both_places() {
    let cases = [
        ("name = 'a'\nname = 'b'\n", "name"),
        ("\"name\" = 'a'\nname = 'b'\n", "name"),
        ("data = { k = '1', k = '2' }\n", "k"),
        (
            "[service_account.b]\nnamespace = 'x'\n[service_account.b]\n",
            "b",
        ),
        (
            "[service_account.b]\nnamespace = 'x'\naudiences = []\n[service_account.c]\naudiences = []\nnamespace = 'x'\naudiences = []\n",
            "audiences",
        ),
    ];
    for (more, token) in cases {
        let source = with(&format!("[secret.a]\n{more}"));
        let errors = read(&source).unwrap_err();
        let error = errors
            .iter()
            .find(|error| error.title.ends_with("is here twice"))
            .unwrap();
        assert_eq!(&source[error.span.clone()], token, "{more}");
        assert_eq!(error.span.start, source.rfind(token).unwrap(), "{more}");
        let [(first, _)] = error.also.as_slice() else {
            panic!("{more}: {error:?}");
        };
        assert!(source[first.clone()].contains(token), "{more}");
        // The first place within the same table.
        let table = source[..error.span.start].rfind("[secret.a]\n").unwrap();
        let table = source[..error.span.start]
            .rfind("[service_account.c]")
            .unwrap_or(table);
        assert!((table..error.span.start).contains(&first.start), "{more}");
    }
}

#[test]
fn fields_that_exclude_each_other_point_at_both() {
    let source = secret("data = { k = 'v' }\n");
    let error = only(&source, "data", "[secret.a] has both `template` and `data`");
    assert_eq!(&source[error.also[0].0.clone()], "template");
}

#[test]
fn what_is_required_is_missed_at_the_header() {
    only(
        &with("[service_account.a]\n"),
        "[service_account.a]",
        "[service_account.a] has no `namespace`",
    );
    only(
        &with("[secret.a]\nnamespace = 'x'\n"),
        "[secret.a]",
        "[secret.a] has no `template` or `data`",
    );
    only(
        &with("[secret]\na = { namespace = 'x' }\n"),
        "a",
        "[secret.a] has no `template` or `data`",
    );
}

#[test]
fn canaries_need_the_table_of_their_provider() {
    let error = only(
        &format!("{SECRET}{}", SECRET.replace(".a]", ".b]")),
        "[secret.a]",
        "no [kubernetes] table",
    );
    assert_eq!(
        error.help.as_deref(),
        Some("add one: [kubernetes] (it may be empty)")
    );
}

#[test]
fn a_table_that_may_not_be_empty_is_asked_for_with_what_it_needs() {
    let mut words = example::vocabulary();
    for field in &mut words.providers[0].1.fields {
        field.required = true;
    }
    let errors = parse(SECRET, &words, example::TODAY).unwrap_err();
    assert_eq!(
        errors[0].help.as_deref(),
        Some("add one: [kubernetes] with `context` and `persona`")
    );
}

#[test]
fn keys_and_texts_of_a_map_are_checked_one_by_one() {
    let source = with(
        "[secret.a]\nnamespace = 'x'\ndata = { 'a b' = 'v', k = 1, l = 'fine', m = { n = 'v' } }\n",
    );
    assert_eq!(
        told(&source),
        [
            ("'a b'".into(), "`a b` is not a valid key of `data`".into()),
            ("1".into(), "`data.k` has the wrong type".into()),
            ("m".to_owned(), "`data.m` has the wrong type".to_owned()),
        ]
    );
}

#[test]
fn a_field_of_the_provider_is_checked_like_any_other() {
    let error = only(
        "[kubernetes]\npersona = 'hlem'\n",
        "'hlem'",
        "`persona` cannot be `hlem`",
    );
    assert_eq!(error.help.as_deref(), Some("did you mean `helm`?"));
}

#[test]
fn the_text_of_an_error_is_its_title() {
    let error = read("x = 1").unwrap_err().remove(0);
    assert_eq!(error.to_string(), error.title);
    assert!(read(example::SOURCE).is_ok());
}
