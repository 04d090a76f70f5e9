//! Long texts, cut to what somebody would read.

/// As much of a text as is shown, in characters.
const LONGEST: usize = 60;
/// So much of what is equal stands before the first difference, as the member's name that it is in.
const BEFORE: usize = 20;

/// The beginning of a text.
pub(super) fn beginning(text: &str) -> String {
    from(text, 0)
}

/// Two texts, from a little before the point where they differ.
pub(super) fn differing(one: &str, other: &str) -> (String, String) {
    let is_short = |text: &str| text.chars().nth(LONGEST).is_none();
    if is_short(one) && is_short(other) {
        return (one.to_owned(), other.to_owned());
    }
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    let start = same.count().saturating_sub(BEFORE);
    (from(one, start), from(other, start))
}

fn from(text: &str, start: usize) -> String {
    let mut cut = String::new();
    if start > 0 {
        cut.push('…');
    }
    let mut rest = text.chars().skip(start);
    cut.extend(rest.by_ref().take(LONGEST));
    if rest.next().is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_documents_are_shown_where_they_differ() {
        let document = |who: &str| {
            format!(
                r#"{{"Statement":[{{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{{"AWS":"{who}"}}}}],"Version":"2012-10-17"}}"#
            )
        };
        let (before, after) =
            differing(&document("arn:aws:iam::111122223333:root"), &document("*"));
        assert!(
            before.starts_with('…') && before.contains("111122223333"),
            "{before}"
        );
        assert!(after.contains(r#""Principal":{"AWS":"*"}"#), "{after}");
    }

    #[test]
    fn short_texts_are_shown_whole_and_the_end_of_a_text_is_none_cut_off() {
        assert_eq!(differing("a b", "a c"), ("a b".into(), "a c".into()));
        let long = "x".repeat(100);
        let (before, after) = differing(&long, &format!("{long}y"));
        assert_eq!(before, format!("…{}", "x".repeat(20)));
        assert_eq!(after, format!("…{}y", "x".repeat(20)));
        assert_eq!(beginning(&long), format!("{}…", "x".repeat(60)));
    }
}
