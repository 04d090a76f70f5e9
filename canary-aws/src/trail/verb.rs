//! What kind of doing an operation is, in Kubernetes' words.

/// Beginnings of operation names with their verbs; the first that fits counts. The services name their operations by these
/// words (AWS's own API guidelines), and the rest is told by `readOnly`.
const VERBS: [(&str, &[&str]); 6] = [
    // What reads all that is below a path, or fits a filter.
    ("list", &["GetParametersByPath", "BatchGetSecretValue"]),
    (
        "get",
        &[
            "Get", "Describe", "Head", "Lookup", "BatchGet", "Check", "Test", "Simulate", "Select",
            "Validate", "Generate",
        ],
    ),
    ("list", &["List", "Search", "Scan", "Query"]),
    (
        "create",
        &[
            "Create", "Run", "Issue", "Register", "Copy", "Import", "Assume", "Switch",
        ],
    ),
    (
        "delete",
        &["Delete", "Terminate", "Purge", "BatchDelete", "Deregister"],
    ),
    (
        "update",
        &[
            "Put",
            "Update",
            "Tag",
            "Untag",
            "Set",
            "Modify",
            "Attach",
            "Detach",
            "Add",
            "Remove",
            "Enable",
            "Disable",
            "Start",
            "Stop",
            "Reset",
            "Restore",
            "Rotate",
            "Change",
            "Cancel",
            "Deactivate",
            "Label",
            "Associate",
            "Disassociate",
            "Authorize",
            "Revoke",
            "Send",
        ],
    ),
];

/// The verb of an operation. A word that begins another (`Runtime…`, `Address…`) is none.
pub(super) fn verb(operation: &str, read_only: bool) -> &'static str {
    let begins = |word: &str| {
        operation
            .strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let told = VERBS
        .iter()
        .find(|(_, words)| words.iter().any(|word| begins(word)));
    match told {
        // As in `StartQuery`.
        Some(("update", _)) | None if read_only => "get",
        Some((verb, _)) => verb,
        None => "update",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_read_by_their_first_word_and_else_by_read_only() {
        let cases = [
            ("GetSecretValue", true, "get"),
            ("BatchGetSecretValue", true, "list"),
            ("GetParametersByPath", true, "list"),
            ("GetParameters", true, "get"),
            ("ListUsers", true, "list"),
            ("CreateAccessKey", false, "create"),
            ("RunInstances", false, "create"),
            ("DeleteTrail", false, "delete"),
            ("StopLogging", false, "update"),
            ("AssumeRole", true, "create"),
            ("ConsoleLogin", false, "update"),
            ("Settle", true, "get"),
            ("StartQuery", true, "get"),
            ("StartSession", false, "update"),
            ("GenerateCredentialReport", false, "get"),
            ("", false, "update"),
        ];
        for (operation, read_only, expected) in cases {
            assert_eq!(verb(operation, read_only), expected, "{operation}");
        }
    }
}
