//! What keeps a log from being read while it is followed: said when it begins and when it is over, and at the end if it is
//! not.

use jiff::Timestamp;

use crate::error::{CommandError, Exit};

/// Whether a log is in trouble, as it was last said.
#[derive(Default)]
pub(super) struct Trouble {
    wrong: Option<Wrong>,
}

struct Wrong {
    since: Timestamp,
    why: String,
}

impl Trouble {
    /// What there is to say now that a log tells this of itself.
    pub(super) fn news(
        &mut self,
        name: &str,
        why: Option<String>,
        now: Timestamp,
    ) -> Option<String> {
        let told = self.wrong.take();
        let Some(why) = why else {
            return told.map(|_| format!("Note: the trouble with {name} is over"));
        };
        let is_new = told.as_ref().is_none_or(|told| told.why != why);
        let words =
            is_new.then(|| format!("Note: trouble with {name}, which is tried again: {why}"));
        let since = told.map_or(now, |told| told.since);
        self.wrong = Some(Wrong { since, why });
        words
    }

    /// What is wrong at the end: that all is told is not so then.
    pub(super) fn at_the_end(&self, name: &str) -> Option<String> {
        let Wrong { since, why } = self.wrong.as_ref()?;
        let since = since.strftime("%Y-%m-%d %H:%M:%SZ");
        Some(format!("trouble with {name} since {since}: {why}"))
    }
}

/// How a command ends that still had trouble with these logs.
pub(super) fn failure(troubles: &[String]) -> Option<CommandError> {
    if troubles.is_empty() {
        return None;
    }
    Some(
        CommandError::new(Exit::Failed, troubles.join("\n"))
            .hint("once that is mended, the next run takes up what has not come"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_said_once_until_it_is_another_or_over() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut trouble = Trouble::default();
        let mut news =
            |why: Option<&str>, second| trouble.news("sqs://q", why.map(str::to_owned), at(second));
        assert_eq!(news(None, 0), None);
        let said = news(Some("denied"), 1).unwrap();
        assert!(
            said.contains("sqs://q") && said.contains("denied"),
            "{said}"
        );
        assert_eq!(news(Some("denied"), 2), None);
        assert!(news(Some("lost"), 3).unwrap().contains("lost"));
        assert!(news(None, 4).unwrap().contains("over"));
        assert_eq!(news(None, 5), None);
    }

    #[test]
    fn trouble_that_is_not_over_is_told_at_the_end_with_its_beginning() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.at_the_end("q"), None);
        for (why, second) in [("denied", 1), ("lost", 2)] {
            let at = Timestamp::from_second(second).unwrap();
            drop(trouble.news("q", Some(why.to_owned()), at));
        }
        let told = trouble.at_the_end("q");
        assert_eq!(
            told.as_deref(),
            Some("trouble with q since 1970-01-01 00:00:01Z: lost")
        );
    }
}
