//! Whether one of many texts stands somewhere in some bytes, at a cost that does not depend on how many there are.
//!
//! Of each text a few neighbouring grams (runs of so many bytes) are kept, one for each way that the text can lie to
//! every fourth byte; so it is enough to look at every fourth. What has a gram in common is then compared.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// Many texts to be found.
#[derive(Debug)]
pub(super) struct Grams {
    classes: Vec<Class>,
}

/// Width of grams and distance between the places looked at, for texts of at least their sum less one. Names of users may
/// be one byte long, but seldom are; for them every byte is looked at.
const CLASSES: [(usize, usize); 4] = [(8, 4), (4, 4), (2, 1), (1, 1)];

impl Grams {
    /// Looks for these texts, without regard to the case of letters. None may be empty.
    pub(super) fn new(texts: &[&[u8]]) -> Self {
        let mut sorted: [Vec<Box<[u8]>>; CLASSES.len()] = Default::default();
        for text in texts {
            let fits = |(width, step): &(usize, usize)| text.len() >= width + step - 1;
            let class = CLASSES.iter().position(fits);
            if let Some(texts) = class.and_then(|class| sorted.get_mut(class)) {
                texts.push(text.iter().map(|&byte| byte | CASE).collect());
            }
        }
        let classes = CLASSES.into_iter().zip(sorted);
        Self {
            classes: classes
                .filter(|(_, texts)| !texts.is_empty())
                .map(|((width, step), texts)| Class::new(width, step, texts))
                .collect(),
        }
    }

    /// Whether one of them stands in `bytes`.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        self.classes.iter().any(|class| class.is_in(bytes))
    }
}

/// The bit that tells small letters from capitals. Set in every byte, it makes a few other bytes alike, too.
const CASE: u8 = 0x20;

/// Texts of a class.
#[derive(Debug)]
struct Class {
    width: usize,
    step: usize,
    /// The bytes of a gram among eight.
    mask: u64,
    /// One bit for each gram, by its hash.
    filter: Vec<u64>,
    /// How far a hash is shifted to be the number of a bit.
    shift: u32,
    /// Where each gram stands in which text.
    places: HashMap<u64, Vec<(usize, usize)>, FixedState>,
    texts: Vec<Box<[u8]>>,
}

/// An odd number with its bits well spread (2^64 divided by the golden ratio).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The filter has that many bits to each gram, so that one look in as many passes it for nothing, and at least 8 KiB,
/// which stay in the first level of cache.
const SPARSE: usize = 64;
const SMALLEST: usize = 65_536;

impl Class {
    fn new(width: usize, step: usize, mut texts: Vec<Box<[u8]>>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        let bits = (texts.len() * step * SPARSE)
            .next_power_of_two()
            .max(SMALLEST);
        let mut class = Self {
            width,
            step,
            mask: u64::MAX >> (64 - 8 * width),
            filter: vec![0; bits / 64],
            shift: 64 - bits.trailing_zeros(),
            places: HashMap::default(),
            texts: Vec::new(),
        };
        for (number, text) in texts.iter().enumerate() {
            // The end tells most: ARNs begin alike, and names of one house, too.
            let from = text.len() - (width + step - 1);
            for at in from..from + step {
                let gram = gram_at(text, at) & class.mask;
                let (word, bit) = class.place(gram);
                if let Some(word) = class.filter.get_mut(word) {
                    *word |= bit;
                }
                class.places.entry(gram).or_default().push((number, at));
            }
        }
        class.texts = texts;
        class
    }

    #[inline]
    fn place(&self, gram: u64) -> (usize, u64) {
        let hash = gram.wrapping_mul(SPREAD) >> self.shift;
        (
            usize::try_from(hash >> 6).unwrap_or_default(),
            1 << (hash & 63),
        )
    }

    #[inline]
    fn may_be(&self, gram: u64) -> bool {
        let (word, bit) = self.place(gram);
        self.filter.get(word).is_some_and(|word| word & bit != 0)
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let fold = |eight: u64| (eight | FOLD) & self.mask;
        let mut at = 0;
        // Four grams at once, so that the processor does not wait for one after the other.
        while let Some(window) = bytes
            .get(at..)
            .and_then(|tail| tail.first_chunk::<WINDOW>())
        {
            let eight = |from: usize| {
                let eight = window.get(from..).and_then(|tail| tail.first_chunk());
                fold(eight.map_or(0, |eight| u64::from_le_bytes(*eight)))
            };
            let grams = [0, 1, 2, 3].map(|number| eight(number * self.step));
            let may_be = grams.map(|gram| self.may_be(gram));
            if may_be[0] | may_be[1] | may_be[2] | may_be[3] {
                let mut places = grams.into_iter().enumerate();
                if places.any(|(number, gram)| self.stands_at(bytes, at + number * self.step, gram))
                {
                    return true;
                }
            }
            at += 4 * self.step;
        }
        // What is left: a narrow gram may stand in its last bytes.
        let last = (bytes.len() + 1).saturating_sub(self.width);
        (at..last).step_by(self.step).any(|at| {
            let gram = fold(gram_at(bytes, at));
            self.may_be(gram) && self.stands_at(bytes, at, gram)
        })
    }

    /// Whether one of the texts with that gram stands where it has it in common with `bytes`.
    #[cold]
    fn stands_at(&self, bytes: &[u8], at: usize, gram: u64) -> bool {
        let places = self.places.get(&gram).map_or(&[][..], Vec::as_slice);
        places.iter().any(|&(number, offset)| {
            let text = self.texts.get(number).map_or(&[][..], AsRef::as_ref);
            at.checked_sub(offset)
                .and_then(|from| bytes.get(from..from + text.len()))
                .is_some_and(|found| {
                    let mut both = found.iter().zip(text);
                    both.all(|(&found, &wanted)| found | CASE == wanted)
                })
        })
    }
}

/// Four grams of eight bytes, each four bytes behind the one before.
const WINDOW: usize = 20;
const FOLD: u64 = u64::from_le_bytes([CASE; 8]);

/// The eight bytes at a place; behind the end there are zeros.
fn gram_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    let tail = bytes.get(at..).unwrap_or_default();
    for (to, from) in eight.iter_mut().zip(tail) {
        *to = *from;
    }
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_found_wherever_they_stand() {
        let alphabet = b"abcdefghijklmnopqrstuvwxyz-0123456789/";
        for length in 1..30 {
            let text = &alphabet[..length];
            let grams = Grams::new(&[text, b"another-one", b"zyx"]);
            for before in 0..20 {
                for after in 0..10 {
                    let bytes = [&b"."[..].repeat(before), text, &b"."[..].repeat(after)].concat();
                    assert!(grams.are_in(&bytes), "{length} at {before} before {after}");
                    let upper = bytes.to_ascii_uppercase();
                    assert!(grams.are_in(&upper));
                    let mut other = bytes.clone();
                    other[before + length / 2] = b'!';
                    assert!(!grams.are_in(&other), "{length} at {before} before {after}");
                }
            }
        }
    }

    #[test]
    fn of_ten_thousand_texts_each_is_found_and_others_are_not() {
        let texts: Vec<String> = (0..10_000).map(|i| format!("payments-db-{i:05}")).collect();
        let bytes: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let grams = Grams::new(&bytes);
        for text in &texts {
            assert!(grams.are_in(format!("\"{text}\"").as_bytes()));
        }
        assert!(!grams.are_in(b"\"payments-db-10000\" payments-web-00001"));
    }
}
