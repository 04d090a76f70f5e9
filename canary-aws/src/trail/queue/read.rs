//! Messages are read, with the objects that they tell of, and judged.

use super::listen::QueueListener;
use super::message::Message;
use super::reading::{Fault, Reading, verdict};
use crate::trail::fetch::{Progress, is_wanted};
use crate::trail::forms::messages;

impl QueueListener {
    /// Reads what is here, until there is enough or something has to be waited for.
    pub(super) fn read(&mut self) {
        while !self.intake.is_full() {
            let Some(reading) = &mut self.reading else {
                match self.waiting.pop_front() {
                    Some(message) => self.begin(message),
                    None => return,
                }
                continue;
            };
            if reading.object().is_none() {
                self.finish();
                continue;
            }
            let Some(body) = &mut reading.body else {
                return;
            };
            match body.read(&mut self.intake) {
                Ok(Progress::Wants | Progress::Full) => return,
                Ok(Progress::Ended) => reading.next_object(None),
                Err(why) => {
                    let why = reading.about(&why.to_string());
                    reading.next_object(Some(Fault::Damaged(why)));
                }
            }
        }
    }

    fn begin(&mut self, message: Message) {
        if self.held.is_done(&message) {
            return;
        }
        let mut found = messages(message.body.as_bytes());
        let poison = found.poison.filter(|_| found.is_poison());
        if poison.is_some() {
            // Counted once, however often it comes.
            found.unreadable = 0;
        }
        let mut objects = self.intake.message(message.body.as_bytes(), found);
        let all = objects.len();
        objects.retain(|object| is_wanted(&object.key));
        self.intake.counts.skipped += (all - objects.len()) as u64;
        let fault = poison.map(|why| Fault::Poison(why.to_string()));
        self.reading = Some(Reading::new(message, objects, fault));
    }

    fn finish(&mut self) {
        let Some(Reading { message, fault, .. }) = self.reading.take() else {
            return;
        };
        let verdict = verdict(fault.as_ref(), message.receives, self.queue.most_receives);
        if let Some(Fault::Poison(why) | Fault::Damaged(why) | Fault::Absent(why)) = &fault {
            let is_new = verdict.is_told && self.told.is_first(&message.id);
            if is_new {
                match &fault {
                    // No record is known to have been in it.
                    Some(Fault::Poison(_)) => self.intake.lose(1),
                    _ => self.intake.lose_rest(why),
                }
                tracing::warn!(queue = self.queue.url, message = message.id, problem = %why, "a message cannot be read");
            } else {
                tracing::debug!(queue = self.queue.url, message = message.id, problem = %why, "a message is left");
            }
        }
        if verdict.is_deleted {
            self.held.push(message);
        }
    }
}
