//! Tags: what the services take, as their API references say. Keys are checked where they are read.

use std::collections::BTreeSet;

use canary_core::catalog::LowerError;
use canary_core::config::Canary;
use canary_core::graph::Input;

use super::aws::wrong;

/// What a service takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// So many on one thing.
    most: usize,
    /// Whether keys that differ only in capital letters are two.
    tells_case: bool,
}

pub(super) const OF_PRINCIPALS: Rules = Rules {
    most: 50,
    tells_case: false,
};
pub(super) const OF_VALUES: Rules = Rules {
    most: 50,
    tells_case: true,
};
pub(super) const OF_OBJECTS: Rules = Rules {
    most: 10,
    tells_case: true,
};

const LONGEST: usize = 256;

/// The fields that a canary's tags are.
pub(super) fn fields(
    canary: &Canary,
    rules: Rules,
) -> Result<Vec<(String, Input)>, Vec<LowerError>> {
    let declared = canary.table.text_map("tags").into_iter().flatten();
    let tags: Vec<(&str, &str)> = declared
        .map(|(key, value)| (key, value.value.as_str()))
        .collect();
    if let Some(why) = fault(&tags, rules) {
        return Err(vec![wrong(canary, "tags", &why, None)]);
    }
    let field =
        |(key, value): (&str, &str)| (format!("tags.{key}"), Input::Public(value.to_owned()));
    Ok(tags.into_iter().map(field).collect())
}

/// What a service would refuse.
fn fault(tags: &[(&str, &str)], rules: Rules) -> Option<String> {
    if tags.len() > rules.most {
        return Some(format!(
            "it has {} tags, and {} is the most",
            tags.len(),
            rules.most
        ));
    }
    let fits = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    let mut keys = BTreeSet::new();
    for (key, value) in tags {
        if value.chars().count() > LONGEST || !value.chars().all(fits) {
            return Some(format!(
                "the value of the tag {key} is none: at most {LONGEST} letters, digits, spaces and _.:/=+-@"
            ));
        }
        if !rules.tells_case && !keys.insert(key.to_lowercase()) {
            return Some(format!(
                "the tag {key} is there twice: IAM does not tell capital letters from small ones"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_refused_as_the_services_refuse_them() {
        let long = "x".repeat(257);
        assert_eq!(
            fault(&[("team", "ops: a+b/c_d=e@f-g.h")], OF_PRINCIPALS),
            None
        );
        for value in ["a,b", "a\tb", "a;b", long.as_str()] {
            assert!(fault(&[("team", value)], OF_VALUES).is_some(), "{value}");
        }
        let twice = [("Team", "a"), ("team", "b")];
        assert!(fault(&twice, OF_PRINCIPALS).is_some());
        assert_eq!(fault(&twice, OF_VALUES), None);
        let names: Vec<String> = (0..51).map(|n| format!("k{n}")).collect();
        let tags: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(fault(&tags, OF_VALUES).is_some());
        assert_eq!(fault(&tags[..50], OF_VALUES), None);
        assert!(fault(&tags[..11], OF_OBJECTS).is_some());
        assert_eq!(fault(&tags[..10], OF_OBJECTS), None);
    }
}
