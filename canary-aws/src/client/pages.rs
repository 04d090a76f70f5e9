//! Following a list over its pages.

use std::collections::BTreeSet;

use super::{CallError, Failure};

/// A list that is followed, page by page.
pub(crate) struct Pages {
    /// The IAM action that gives a page.
    pub(crate) action: &'static str,
    marker: Option<String>,
    sent: BTreeSet<String>,
}

impl Pages {
    pub(crate) fn of(action: &'static str) -> Self {
        Self {
            action,
            marker: None,
            sent: BTreeSet::new(),
        }
    }

    /// What the next page is asked for by.
    pub(crate) fn marker(&self) -> Option<String> {
        self.marker.clone()
    }

    /// Whether there is a page after one that ends by this token. A page that was given already would be given for ever.
    pub(crate) fn go_on(&mut self, token: Option<&str>) -> Result<bool, CallError> {
        self.marker = token.filter(|token| !token.is_empty()).map(str::to_owned);
        match &self.marker {
            Some(marker) if !self.sent.insert(marker.clone()) => {
                Err(self.wrong("the list begins again with a page that was given already"))
            }
            marker => Ok(marker.is_some()),
        }
    }

    /// The same where a page says whether it is the last. One that is not and does not say where to go on hides the rest.
    pub(crate) fn go_on_if(
        &mut self,
        is_truncated: bool,
        marker: Option<&str>,
    ) -> Result<bool, CallError> {
        let goes_on = self.go_on(marker.filter(|_| is_truncated))?;
        if is_truncated && !goes_on {
            return Err(self.wrong("the list does not end and does not say where it goes on"));
        }
        Ok(goes_on)
    }

    fn wrong(&self, message: &str) -> CallError {
        CallError {
            action: self.action,
            failure: Failure::NotUnderstood,
            code: String::new(),
            message: message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_followed_to_its_last_page() {
        let mut pages = Pages::of("iam:ListUsers");
        assert_eq!(pages.marker(), None);
        assert_eq!(pages.go_on_if(true, Some("a")), Ok(true));
        assert_eq!(pages.marker().as_deref(), Some("a"));
        assert_eq!(pages.go_on(Some("b")), Ok(true));
        assert_eq!(pages.go_on_if(false, Some("c")), Ok(false));
        for end in [None, Some("")] {
            assert_eq!(pages.go_on(end), Ok(false));
        }
    }

    #[test]
    fn a_list_that_would_never_end_is_an_error() {
        for markers in [vec!["a", "a"], vec!["a", "b", "a"]] {
            let mut pages = Pages::of("iam:ListUsers");
            let (last, first) = markers.split_last().unwrap();
            for marker in first {
                assert_eq!(pages.go_on_if(true, Some(marker)), Ok(true));
            }
            let error = pages.go_on_if(true, Some(last)).unwrap_err();
            assert_eq!(error.failure, Failure::NotUnderstood);
        }
    }

    #[test]
    fn a_list_that_breaks_off_is_an_error() {
        for marker in [None, Some("")] {
            assert!(Pages::of("iam:ListUsers").go_on_if(true, marker).is_err());
        }
    }
}
