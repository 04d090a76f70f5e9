//! Rules in plain words.

use std::collections::BTreeSet;

use canary_core::observe::{Grantee, Rule};

/// Of a longer list, and of more rules, nobody reads the rest in one sentence.
const MOST: usize = 4;
/// Names are data of others. Kind, namespace (63) and name (253) of what there can be are shorter, and stay whole.
const LONGEST: usize = 340;

/// `list secrets in the whole cluster`.
pub(super) fn rules(rules: &[Rule], scope: Option<&str>) -> String {
    let resources: Vec<String> = rules.iter().filter_map(on_resources).collect();
    let paths: Vec<String> = rules.iter().filter_map(on_paths).collect();
    let place = match scope {
        Some(namespace) => format!("in namespace {}", clean(namespace)),
        None => "in the whole cluster".to_owned(),
    };
    let resources = (!resources.is_empty()).then(|| format!("{} {place}", several(&resources)));
    let paths = (!paths.is_empty()).then(|| several(&paths));
    let parts: Vec<String> = resources.into_iter().chain(paths).collect();
    parts.join("; ")
}

/// `group system:authenticated`.
pub(super) fn grantee(grantee: &Grantee) -> String {
    match grantee {
        Grantee::Principal(name) => clean(name),
        Grantee::Group(name) => format!("group {}", clean(name)),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(items: &[String]) -> String {
    let shown: Vec<&str> = items.iter().take(MOST).map(String::as_str).collect();
    let rest = items.len() - shown.len();
    match shown.split_last() {
        _ if rest > 0 => format!("{} and {rest} more", shown.join(", ")),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// No control character of others reaches a terminal.
pub(super) fn clean(text: &str) -> String {
    let harmless = |c: char| {
        let moves = c.is_control()
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c);
        if moves { '\u{fffd}' } else { c }
    };
    let mut line: String = text.chars().map(harmless).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// Phrases that have commas and `and` of their own.
fn several(phrases: &[String]) -> String {
    let shown = phrases.iter().take(MOST).cloned().collect::<Vec<_>>();
    let rest = phrases.len() - shown.len();
    let more = match rest {
        0 => String::new(),
        1 => "; and 1 more rule".to_owned(),
        rest => format!("; and {rest} more rules"),
    };
    format!("{}{more}", shown.join("; "))
}

fn on_resources(rule: &Rule) -> Option<String> {
    if rule.resources.is_empty() {
        return None;
    }
    let what = if rule.resources.contains("*") {
        everything(&rule.apis)
    } else if rule.apis.contains("*") {
        format!("{} of every API group", listed(&cleaned(&rule.resources)))
    } else {
        let kinds = rule.apis.iter().flat_map(|api| {
            rule.resources
                .iter()
                .map(move |resource| kind(api, resource))
        });
        listed(&kinds.collect::<Vec<_>>())
    };
    let named = if rule.names.is_empty() {
        String::new()
    } else {
        format!(" named {}", listed(&cleaned(&rule.names)))
    };
    Some(format!("{} {what}{named}", verbs(&rule.verbs)))
}

fn on_paths(rule: &Rule) -> Option<String> {
    if rule.paths.is_empty() {
        return None;
    }
    let paths = if rule.paths.contains("*") {
        "every path of the API server".to_owned()
    } else {
        format!("the API server's {}", listed(&cleaned(&rule.paths)))
    };
    Some(format!("{} {paths}", verbs(&rule.verbs)))
}

fn verbs(verbs: &BTreeSet<String>) -> String {
    if verbs.contains("*") {
        "do anything with".to_owned()
    } else {
        listed(&cleaned(verbs))
    }
}

fn everything(apis: &BTreeSet<String>) -> String {
    if apis.contains("*") {
        return "everything".to_owned();
    }
    let name = |api: &String| match api.as_str() {
        "" => "the core API".to_owned(),
        api => clean(api),
    };
    let names: Vec<String> = apis.iter().map(name).collect();
    format!("everything of {}", listed(&names))
}

/// As `kubectl` has it: `secrets`, `deployments.apps`.
fn kind(api: &str, resource: &str) -> String {
    match api {
        "" => clean(resource),
        api => format!("{}.{}", clean(resource), clean(api)),
    }
}

fn cleaned(texts: &BTreeSet<String>) -> Vec<String> {
    texts.iter().map(|text| clean(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn rule(verbs: &[&str], apis: &[&str], resources: &[&str]) -> Rule {
        Rule {
            verbs: set(verbs),
            apis: set(apis),
            resources: set(resources),
            ..Rule::default()
        }
    }

    #[test]
    fn each_form_of_a_rule_is_a_sentence() {
        let everywhere = |rule: Rule| rules(&[rule], None);
        let named = Rule {
            names: set(&["db", "web"]),
            ..rule(&["get"], &[""], &["secrets"])
        };
        let metrics = Rule {
            verbs: set(&["get"]),
            paths: set(&["/metrics", "/logs/*"]),
            ..Rule::default()
        };
        let all_paths = Rule {
            verbs: set(&["*"]),
            paths: set(&["*"]),
            ..Rule::default()
        };
        let many = rule(
            &["get", "list", "watch"],
            &[""],
            &["a", "b", "c", "d", "e", "f"],
        );
        for (rule, sentence) in [
            (
                rule(&["list"], &[""], &["secrets"]),
                "list secrets in the whole cluster",
            ),
            (
                rule(&["*"], &["*"], &["*"]),
                "do anything with everything in the whole cluster",
            ),
            (
                rule(&["get"], &["", "apps"], &["*"]),
                "get everything of the core API and apps in the whole cluster",
            ),
            (
                rule(&["create"], &["*"], &["pods/exec"]),
                "create pods/exec of every API group in the whole cluster",
            ),
            (
                rule(&["patch"], &["apps"], &["deployments", "daemonsets"]),
                "patch daemonsets.apps and deployments.apps in the whole cluster",
            ),
            (named, "get secrets named db and web in the whole cluster"),
            (metrics, "get the API server's /logs/* and /metrics"),
            (all_paths, "do anything with every path of the API server"),
            (
                many,
                "get, list and watch a, b, c, d and 2 more in the whole cluster",
            ),
        ] {
            assert_eq!(everywhere(rule), sentence);
        }
        assert_eq!(
            rules(&[rule(&["get"], &[""], &["pods"])], Some("ci")),
            "get pods in namespace ci"
        );
    }

    #[test]
    fn names_of_others_move_no_cursor_and_fill_no_screen() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn of_many_rules_the_first_are_told_and_the_rest_counted() {
        let many: Vec<Rule> = ["a", "b", "c", "d", "e", "f"]
            .iter()
            .map(|kind| rule(&["get"], &[""], &[kind]))
            .collect();
        assert_eq!(
            rules(&many, Some("n")),
            "get a; get b; get c; get d; and 2 more rules in namespace n"
        );
    }
}
