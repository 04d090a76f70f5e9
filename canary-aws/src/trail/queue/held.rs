//! Messages that were read and may not be deleted yet, and those that may.

use std::collections::{BTreeMap, VecDeque};

use super::message::Message;

/// So many messages wait at most until they are done, or so many bytes of them. Whoever does not say that anything is done
/// gets the oldest again: nothing is lost, and memory stays bounded.
const MOST: usize = 4096;
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// So many wait at most to be deleted while the queue does not delete. One that is forgotten comes again, and folds.
const MOST_DONE: usize = 16 * 1024;

/// Messages between being read and being deleted.
#[derive(Debug)]
pub(super) struct Held {
    /// Tells positions of this listener from those of others.
    nonce: i128,
    /// The number of the last message that was read.
    last: u64,
    read: VecDeque<(u64, Message)>,
    bytes: usize,
    /// Receipts by the messages' ids.
    done: BTreeMap<String, String>,
}

impl Held {
    pub(super) fn new(nonce: i128) -> Self {
        Self {
            nonce,
            last: 0,
            read: VecDeque::new(),
            bytes: 0,
            done: BTreeMap::new(),
        }
    }

    /// A message was read to its end.
    pub(super) fn push(&mut self, message: Message) {
        self.last += 1;
        self.bytes += message.body.len();
        self.read.push_back((self.last, message));
        while self.read.len() > MOST || self.bytes > MOST_BYTES {
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Message> {
        let (_, message) = self.read.pop_front()?;
        self.bytes -= message.body.len();
        Some(message)
    }

    /// The position behind all that was read.
    pub(super) fn position(&self) -> String {
        format!("{}:{}", self.nonce, self.last)
    }

    /// What was read up to this position may be deleted. Nothing of another listener's position may.
    pub(super) fn settle(&mut self, position: &str) {
        let number = position
            .split_once(':')
            .filter(|(nonce, _)| nonce.parse() == Ok(self.nonce))
            .and_then(|(_, number)| number.parse::<u64>().ok())
            .unwrap_or(0);
        while self.read.front().is_some_and(|(of, _)| *of <= number) {
            let Some(message) = self.pop() else {
                return;
            };
            if self.done.len() >= MOST_DONE {
                self.done.pop_first();
            }
            self.done.insert(message.id, message.receipt);
        }
    }

    /// Takes what may not be deleted yet back, to read it again.
    pub(super) fn take_back(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.pop()).collect()
    }

    /// Whether a message may be deleted, although it came again; its receipt is the newer one from now on.
    pub(super) fn is_done(&mut self, message: &Message) -> bool {
        let Some(receipt) = self.done.get_mut(&message.id) else {
            return false;
        };
        receipt.clone_from(&message.receipt);
        true
    }

    /// At most `most` messages that may be deleted: id and receipt.
    pub(super) fn to_delete(&self, most: usize) -> Vec<(String, String)> {
        let done = self.done.iter().take(most);
        done.map(|(id, receipt)| (id.clone(), receipt.clone()))
            .collect()
    }

    /// A message was deleted.
    pub(super) fn deleted(&mut self, id: &str) {
        self.done.remove(id);
    }

    /// What may not be deleted yet.
    pub(super) fn messages(&mut self) -> impl Iterator<Item = &mut Message> {
        self.read.iter_mut().map(|(_, message)| message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn message(id: &str) -> Message {
        Message {
            id: id.to_owned(),
            receipt: format!("of {id}"),
            body: "body".to_owned(),
            receives: 1,
            until: Instant::now(),
        }
    }

    fn ids(held: &Held) -> Vec<String> {
        let all = held.to_delete(usize::MAX);
        all.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn what_came_after_a_position_is_not_deleted_by_it() {
        let mut held = Held::new(7);
        held.push(message("a"));
        held.push(message("b"));
        let position = held.position();
        held.push(message("c"));
        assert!(ids(&held).is_empty());
        held.settle(&position);
        assert_eq!(ids(&held), ["a", "b"]);
        held.deleted("a");
        assert_eq!(ids(&held), ["b"]);
        held.settle(&held.position());
        assert_eq!(ids(&held), ["b", "c"]);
    }

    #[test]
    fn the_position_of_another_listener_deletes_nothing() {
        let mut before = Held::new(6);
        before.push(message("x"));
        let mut held = Held::new(7);
        held.push(message("a"));
        for position in [&before.position(), "", "7", "7:", "7:x", "{}", ":1"] {
            held.settle(position);
        }
        assert!(ids(&held).is_empty());
    }

    #[test]
    fn what_is_read_again_is_not_covered_by_the_position_of_before() {
        let mut held = Held::new(7);
        held.push(message("a"));
        let position = held.position();
        for message in held.take_back() {
            held.push(message);
        }
        held.settle(&position);
        assert!(ids(&held).is_empty());
    }

    #[test]
    fn what_nobody_calls_done_is_let_go_in_the_end() {
        let mut held = Held::new(7);
        for number in 0..2 * MOST {
            held.push(message(&number.to_string()));
        }
        assert!(held.read.len() <= MOST);
        held.settle(&held.position());
        assert_eq!((held.done.len(), held.bytes), (MOST, 0));
    }

    #[test]
    fn one_that_comes_again_before_it_was_deleted_is_deleted_by_its_newer_receipt() {
        let mut held = Held::new(7);
        held.push(message("a"));
        held.settle(&held.position());
        let again = Message {
            receipt: "newer".to_owned(),
            ..message("a")
        };
        assert!(held.is_done(&again) && !held.is_done(&message("b")));
        assert_eq!(held.to_delete(10), [("a".to_owned(), "newer".to_owned())]);
    }
}
