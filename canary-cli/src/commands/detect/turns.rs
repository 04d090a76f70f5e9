//! Waiting for several at once.

use futures::future::select_all;

/// What is ready first, and whose it is by its number. Of those that are ready at once it is the first from `from` on: whoever
/// goes on behind the last that was given hears everybody, however much one has to tell.
pub(super) async fn in_turn<F>(mut waiting: Vec<F>, from: usize) -> (usize, F::Output)
where
    F: Future + Unpin,
{
    let many = waiting.len();
    let from = from.checked_rem(many).unwrap_or_default();
    waiting.rotate_left(from);
    let (given, n, _) = select_all(waiting).await;
    ((n + from) % many, given)
}

#[cfg(test)]
mod tests {
    use std::future::{Pending, Ready, pending, ready};

    use futures::future::Either;

    use super::*;

    type Source = Either<Ready<char>, Pending<char>>;

    fn has(what: char) -> Source {
        Either::Left(ready(what))
    }

    fn has_none() -> Source {
        Either::Right(pending())
    }

    #[tokio::test]
    async fn who_has_much_to_tell_keeps_nobody_from_being_heard() {
        let sources = || vec![has('a'), has('b'), has_none(), has('d')];
        let mut from = 0;
        let mut heard = Vec::new();
        for _ in 0..4 {
            let (n, given) = in_turn(sources(), from).await;
            heard.push((n, given));
            from = n + 1;
        }
        assert_eq!(heard, [(0, 'a'), (1, 'b'), (3, 'd'), (0, 'a')]);
    }
}
