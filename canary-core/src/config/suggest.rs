//! The word that was probably meant.

/// The longest text that is compared: no word of the configuration is longer than a kind, a dot and a label of 63.
const LONGEST: usize = 128;

/// The nearest of some words, when it is near enough to be meant.
///
/// Near enough is a third of the letters mistyped (inserted, left out, replaced, swapped with their neighbour), at
/// least one. Case does not count, nor do `-` and `_`. Of equally near words the first is taken.
#[must_use]
pub fn nearest<'a>(wanted: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wanted.len() > LONGEST {
        return None;
    }
    let wanted = folded(wanted);
    let most = (wanted.len() / 3).max(1);
    let mut best: Option<(usize, &'a str)> = None;
    for word in words.into_iter().filter(|word| word.len() <= LONGEST) {
        // A better word must be nearer than the best so far.
        let limit = best.map_or(Some(most), |(distance, _)| distance.checked_sub(1));
        let Some(limit) = limit else { break };
        if let Some(distance) = distance(&wanted, &folded(word), limit) {
            best = Some((distance, word));
        }
    }
    best.map(|(_, word)| word)
}

/// The letters that count.
fn folded(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many letters were mistyped (optimal string alignment), when at most `limit` were.
fn distance(a: &[char], b: &[char], limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(from != to);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        // Two rows decide all later ones, because of swaps.
        if row.iter().chain(&last).all(|least| *least > limit) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 6] = [
        "namespace",
        "name",
        "template",
        "service_account",
        "of",
        "data",
    ];

    #[test]
    fn a_typing_mistake_is_seen_through() {
        for (typed, meant) in [
            ("namspace", "namespace"),
            ("nmae", "name"),
            ("Template", "template"),
            ("serviceAccount", "service_account"),
            ("service-account", "service_account"),
            ("service_acounts", "service_account"),
            ("fo", "of"),
        ] {
            assert_eq!(nearest(typed, WORDS), Some(meant), "{typed}");
        }
    }

    #[test]
    fn another_word_is_not_a_mistake() {
        for typed in ["", "x", "labels", "key", "account", "☃☃☃☃"] {
            assert_eq!(nearest(typed, WORDS), None, "{typed}");
        }
    }

    #[test]
    fn the_nearest_wins_and_then_the_first() {
        assert_eq!(nearest("dato", ["date", "data"]), Some("date"));
        assert_eq!(nearest("data", ["date", "data"]), Some("data"));
    }

    #[test]
    fn a_huge_word_is_not_compared() {
        let huge = "a".repeat(1 << 20);
        assert_eq!(nearest(&huge, [huge.as_str()]), None);
        assert_eq!(nearest("aaa", [huge.as_str()]), None);
    }
}
