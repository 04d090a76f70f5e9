//! A message that is being read, and what becomes of it.

use std::collections::VecDeque;

use super::message::Message;
use crate::trail::fetch::Body;
use crate::trail::found::S3Object;

/// So often a message is received before an object that cannot be had is given up: a notice may be faster than the object or
/// the permission, by the quarter of an hour at most that this takes.
const PATIENCE: u32 = 5;
/// So often the connection may break within an object before the message is left to come again.
const MOST_BREAKS: u32 = 3;

/// What is wrong with a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// Nothing can be made of it, now or later.
    Poison(String),
    /// What it tells of is damaged: what was behind the damage is lost.
    Damaged(String),
    /// What it tells of cannot be had; perhaps later.
    Absent(String),
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    /// It is deleted, once what came before it is done.
    pub(super) is_deleted: bool,
    /// It is told that it could not be read.
    pub(super) is_told: bool,
}

/// Decides about a message that was received so often, in a queue with or without a dead-letter queue behind so many receipts.
/// With one, what cannot be read goes there by itself; without one it would come until it expires, so it is deleted.
pub(super) fn verdict(fault: Option<&Fault>, receives: u32, most: Option<u32>) -> Verdict {
    let last = most.unwrap_or(PATIENCE).min(PATIENCE);
    let (is_fault, is_told) = match fault {
        None => (false, false),
        Some(Fault::Poison(_) | Fault::Damaged(_)) => (true, true),
        Some(Fault::Absent(_)) => (true, receives >= last),
    };
    Verdict {
        is_deleted: !is_fault || (most.is_none() && receives >= PATIENCE),
        is_told,
    }
}

/// A message that is being read.
pub(super) struct Reading {
    pub(super) message: Message,
    /// What is to be fetched, the object at hand first.
    objects: VecDeque<S3Object>,
    /// The object at hand, unless a part of it is being waited for.
    pub(super) body: Option<Body>,
    breaks: u32,
    pub(super) fault: Option<Fault>,
}

impl Reading {
    pub(super) fn new(message: Message, objects: Vec<S3Object>, fault: Option<Fault>) -> Self {
        Self {
            message,
            objects: objects.into(),
            body: None,
            breaks: 0,
            fault,
        }
    }

    /// The object to fetch.
    pub(super) fn object(&self) -> Option<&S3Object> {
        self.objects.front()
    }

    /// The object at hand is over, by a fault or without one.
    pub(super) fn next_object(&mut self, fault: Option<Fault>) {
        self.objects.pop_front();
        self.body = None;
        self.breaks = 0;
        if self.fault.is_none() {
            self.fault = fault;
        }
    }

    /// The connection broke within the object at hand. Gives whether it is worth to begin anew.
    pub(super) fn broke(&mut self, why: &str) -> bool {
        self.breaks += 1;
        self.body = None;
        if self.breaks > MOST_BREAKS {
            self.next_object(Some(Fault::Absent(why.to_owned())));
            return false;
        }
        true
    }

    /// What is wrong, with the object that it is about.
    pub(super) fn about(&self, why: &str) -> String {
        match self.object() {
            Some(S3Object { bucket, key }) => format!("s3://{bucket}/{key}: {why}"),
            None => why.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_left_to_the_dead_letters_and_without_them_deleted_in_the_end() {
        let poison = Fault::Poison(String::new());
        let absent = Fault::Absent(String::new());
        let of = |fault: Option<&Fault>, receives, most| {
            let verdict = verdict(fault, receives, most);
            (verdict.is_deleted, verdict.is_told)
        };
        assert_eq!(of(None, 1, None), (true, false));
        assert_eq!(of(Some(&poison), 1, Some(3)), (false, true));
        assert_eq!(of(Some(&poison), 9, Some(9)), (false, true));
        assert_eq!(of(Some(&poison), 4, None), (false, true));
        assert_eq!(of(Some(&poison), 5, None), (true, true));
        // Nobody gets it again after its last time.
        assert_eq!(of(Some(&absent), 1, Some(2)), (false, false));
        assert_eq!(of(Some(&absent), 2, Some(2)), (false, true));
        assert_eq!(of(Some(&absent), 5, Some(1000)), (false, true));
        assert_eq!(of(Some(&absent), 4, None), (false, false));
        assert_eq!(of(Some(&absent), 5, None), (true, true));
    }
}
