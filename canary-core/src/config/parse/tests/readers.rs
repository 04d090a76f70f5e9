use super::read;
use super::told::only;

const READER: &str = "[[known_reader]]\nprincipal='p'\nverbs=['list']\nscope='cluster'\nreason='r'\nuntil=2030-01-01\n";

#[test]
fn a_known_reader_excuses_no_named_touch() {
    let title = "this known reader excuses a named touch";
    for verb in ["get", "create", "update", "patch", "delete", "*"] {
        let source = READER.replace("'list'", &format!("'list', '{verb}'"));
        only(&source, &format!("'{verb}'"), title);
    }
    for selector in [
        "metadata.name=x",
        "type=Opaque, metadata.name = x",
        "metadata.name==x",
        "metadata.name!=x",
    ] {
        let source = format!("{READER}field_selector='{selector}'\n");
        only(&source, &format!("'{selector}'"), title);
    }
    for selector in [
        "metadata.namespace=x",
        "type=Opaque",
        "spec.nodeName=metadata.name",
    ] {
        assert!(
            read(&format!("{READER}field_selector='{selector}'\n")).is_ok(),
            "{selector}"
        );
    }
}

#[test]
fn a_known_reader_that_is_not_whole_is_told_field_by_field() {
    for (from, to, token, title) in [
        (
            "principal='p'\n",
            "",
            "[[known_reader]]",
            "[[known_reader]] has no `principal`",
        ),
        (
            "reason='r'\n",
            "",
            "[[known_reader]]",
            "[[known_reader]] has no `reason`",
        ),
        (
            "until=2030-01-01\n",
            "",
            "[[known_reader]]",
            "[[known_reader]] has no `until`",
        ),
        ("reason='r'", "reason=' '", "' '", "`reason` is not valid"),
        (
            "['list']",
            "[]",
            "[]",
            "`verbs` is empty: this entry excuses nothing",
        ),
        ("['list']", "['lists']", "'lists'", "unknown verb `lists`"),
        ("['list']", "'list'", "'list'", "`verbs` has the wrong type"),
        ("['list']", "['list', 1]", "1", "`verbs` has the wrong type"),
        (
            "'cluster'",
            "'All namespaces'",
            "'All namespaces'",
            "`scope` is not valid",
        ),
        (
            "2030-01-01",
            "2026-11-21",
            "2026-11-21",
            "this known reader has expired",
        ),
        (
            "2030-01-01",
            "'2030-01-01'",
            "'2030-01-01'",
            "`until` has the wrong type",
        ),
        (
            "2030-01-01",
            "2030-01-01T00:00:00Z",
            "2030-01-01T00:00:00Z",
            "`until` is not valid",
        ),
        (
            "reason",
            "from='10.0.0.0/40'\nreason",
            "'10.0.0.0/40'",
            "`from` is not valid",
        ),
        (
            "reason",
            "every='often'\nreason",
            "'often'",
            "`every` is not valid",
        ),
        (
            "reason",
            "every='0s'\nreason",
            "'0s'",
            "`every` is not valid",
        ),
        (
            "reason",
            "credential='pod'\nreason",
            "'pod'",
            "`credential` is not valid",
        ),
        (
            "reason",
            "resource='Secrets'\nreason",
            "'Secrets'",
            "`resource` is not valid",
        ),
        (
            "reason",
            "acting_as=''\nreason",
            "''",
            "`acting_as` is not valid",
        ),
        (
            "principal",
            "principle='p'\nprincipal",
            "principle",
            "unknown key `principle` in [[known_reader]]",
        ),
    ] {
        only(&READER.replacen(from, to, 1), token, title);
    }
}

#[test]
fn a_day_that_does_not_exist_is_an_error_of_syntax() {
    let errors = read(&READER.replace("2030-01-01", "2030-02-30")).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
}
