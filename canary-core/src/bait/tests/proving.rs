//! Which sessions were begun for pods.

use super::world::{at, canary, handle, keys, pod};
use crate::bait::{PodEntry, PodNumber, Pods, Sessions};

#[test]
fn a_session_is_proven_by_a_name_of_that_moment_and_of_a_pod_that_was_there() {
    let sessions = Sessions::new(&keys());
    let number = PodNumber::new(3).unwrap();
    let pods = Pods::from_entries([PodEntry::Opened {
        number,
        canary: canary(),
        handle: handle("a"),
        subject: Box::new(pod("a").subject),
        at: at(0),
    }]);
    let name = sessions.name(number, at(1000));
    for (seconds, proven) in [
        (1000, true),
        (700, true),
        (1300, true),
        (699, false),
        (1301, false),
    ] {
        assert_eq!(
            pods.proves(&sessions, &name, at(seconds)),
            proven,
            "{seconds}"
        );
    }
    let other = sessions.name(PodNumber::new(4).unwrap(), at(1000));
    assert!(!pods.proves(&sessions, &other, at(1000)));
    // Before the pod was there.
    let early = sessions.name(number, at(-1));
    assert!(!pods.proves(&sessions, &early, at(0)));
    assert!(!pods.proves(&sessions, "a-session", at(0)));
}
