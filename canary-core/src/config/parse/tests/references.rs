use super::told::{only, secret};
use super::{read, with};

#[test]
fn a_reference_that_names_nothing_is_told_with_a_near_one() {
    let account = "[service_account.deployer]\nnamespace = 'x'\n";
    for (of, help) in [
        (
            "service_account.deploer",
            "did you mean `service_account.deployer`?",
        ),
        (
            "service_account.x",
            "declare it, with a table [service_account.x]",
        ),
    ] {
        let source = secret(&format!("of = '{of}'\n{account}"));
        let error = only(
            &source,
            &format!("'{of}'"),
            &format!("there is no canary `{of}`"),
        );
        assert_eq!(error.help.as_deref(), Some(help));
    }
}

#[test]
fn a_reference_to_the_wrong_kind_is_told_with_the_right_one() {
    let source = secret(
        "of = 'secret.b'\n[service_account.b]\nnamespace = 'x'\n[secret.b]\nnamespace = 'x'\ntemplate = 'postgres'\n",
    );
    let error = only(&source, "'secret.b'", "`of` cannot name a `secret`");
    assert_eq!(error.label, "expected a canary of kind `service_account`");
    assert_eq!(
        error.help.as_deref(),
        Some("did you mean `service_account.b`?")
    );
    only(
        &secret("of = 'service_account'"),
        "'service_account'",
        "`of` is not the address of a canary",
    );
}

#[test]
fn a_canary_with_a_wrong_table_is_still_there_to_be_named() {
    only(
        &secret("of = 'service_account.b'\n[service_account.b]\nnamespace = 5\n"),
        "5",
        "`namespace` has the wrong type",
    );
}

#[test]
fn a_cycle_is_told_once_with_all_its_members() {
    let map = |label: &str, of: &str| {
        format!("[config_map.{label}]\nnamespace='x'\ndata={{}}\nof='config_map.{of}'\n")
    };
    let source = with(
        &[
            map("c", "a"),
            map("a", "b"),
            map("b", "c"),
            map("outside", "a"),
        ]
        .concat(),
    );
    let error = only(
        &source,
        "'config_map.a'",
        "canaries depend on each other in a cycle: config_map.c → config_map.a → config_map.b → config_map.c",
    );
    assert_eq!(error.also.len(), 2);
    only(
        &with(&map("a", "a")),
        "'config_map.a'",
        "`config_map.a` depends on itself",
    );
    let two = [map("a", "b"), map("b", "a"), map("c", "d"), map("d", "c")].concat();
    assert_eq!(read(&with(&two)).unwrap_err().len(), 2);
}
