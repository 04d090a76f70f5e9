//! Names that are put into pods: labels of DNS, whatever they are made from.

use canary_core::bait::PodHandles;

/// `{workload}` in a configured text stands for the name of what made the pod.
const PLACEHOLDER: &str = "{workload}";
/// Of a label of DNS, which a volume's name must be.
const LONGEST: usize = 63;
const LONGEST_BASE: usize = PodHandles::LONGEST_BASE;
/// A workload is told apart by so many characters, whatever else is in the name.
const LEAST: usize = 12;
/// For what has no name of its own that could be used.
const NAMELESS: &str = "app";

/// What the handle and the volumes of a pod begin with.
pub(super) fn base(configured: &str, workload: &str) -> String {
    let rest = configured.len().saturating_sub(PLACEHOLDER.len());
    let room = LONGEST_BASE.saturating_sub(rest).max(LEAST);
    let text = configured.replace(PLACEHOLDER, &workload_label(workload, room));
    or_nameless(label(&text, LONGEST_BASE))
}

/// Where a bait lies in a pod.
pub(super) fn directory(configured: &str, workload: &str) -> String {
    configured.replace(PLACEHOLDER, &workload_label(workload, LONGEST_BASE))
}

/// The name of a volume. Where there are several, each is called by its directory as well.
pub(super) fn volume(
    base: &str,
    directory: Option<&str>,
    is_taken: impl Fn(&str) -> bool,
) -> String {
    let last = directory
        .and_then(|path| path.rsplit('/').find(|part| !part.is_empty()))
        .unwrap_or_default();
    let mut name = label(&format!("{base}-{last}"), LONGEST);
    let plain = name.clone();
    // As many are tried as are taken.
    let mut number = 1_u32;
    while is_taken(&name) {
        number += 1;
        let end = format!("-{number}");
        name = format!("{}{end}", label(&plain, LONGEST - end.len()));
    }
    name
}

fn workload_label(workload: &str, longest: usize) -> String {
    or_nameless(label(workload, longest))
}

fn or_nameless(label: String) -> String {
    if label.is_empty() {
        NAMELESS.to_owned()
    } else {
        label
    }
}

/// The characters of a label that a text has; hyphens stand for all others and are never at an end or beside another.
fn label(text: &str, longest: usize) -> String {
    let mut label = String::with_capacity(longest);
    for c in text.chars() {
        if label.len() == longest {
            break;
        }
        if c.is_ascii_alphanumeric() {
            label.push(c.to_ascii_lowercase());
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
    }
    label.truncate(label.trim_end_matches('-').len());
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::HashSet;

    #[test]
    fn whatever_a_workload_is_called_its_base_is_a_label_that_keeps_its_end() {
        for (configured, workload, expected) in [
            ("{workload}-settings", "checkout", "checkout-settings"),
            (
                "{workload}-settings",
                "Check_Out..1",
                "check-out-1-settings",
            ),
            ("{workload}-settings", "", "app-settings"),
            ("{workload}-settings", "-é-", "app-settings"),
            ("settings", "checkout", "settings"),
            ("{workload}", "", "app"),
            ("", "x", "app"),
        ] {
            assert_eq!(base(configured, workload), expected);
        }
        let long = base("{workload}-settings", &"a".repeat(300));
        assert_eq!(long.len(), LONGEST_BASE);
        assert!(long.ends_with("-settings"));
        assert!(base(&"b-".repeat(200), "x").len() <= LONGEST_BASE);
    }

    #[test]
    fn a_volume_name_that_is_taken_gets_a_number() {
        let taken = RefCell::new(HashSet::new());
        let is_taken = |name: &str| taken.borrow().contains(name);
        let base = "a".repeat(LONGEST_BASE);
        let first = volume(&base, None, is_taken);
        assert_eq!(first, base);
        taken.borrow_mut().insert(first);
        for number in 2..1_000 {
            let next = volume(&base, None, is_taken);
            assert_eq!(next, format!("{base}-{number}"));
            taken.borrow_mut().insert(next);
        }
        let directory = format!("/etc/{}/", "x".repeat(90));
        let long = volume(&base, Some(&directory), is_taken);
        assert!(taken.borrow_mut().insert(long.clone()) && long.len() == LONGEST);
        let next = volume(&base, Some(&directory), is_taken);
        assert!(!is_taken(&next) && next.len() <= LONGEST);
    }
}
