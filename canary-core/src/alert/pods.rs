//! The pods that an alert points to, for people.

use jiff::Timestamp;

use super::text::escaped;
use super::{Alert, Attributed, Link, Readings};
use crate::bait::Subject;
use crate::detect::Reach;

/// As many who read a bait are named in a line.
const NAMED: usize = 4;

/// Whose credential it was, and who else had it.
pub(super) fn who(alert: &Alert) -> Vec<String> {
    let is_used = |one: &&Attributed| one.link == Link::Credential;
    let used = alert.pods.iter().filter(is_used);
    used.map(|one| whose(alert, one)).collect()
}

/// Of a token that came from where its pod is not: whose, and from where.
pub(super) fn stolen(alert: &Alert) -> String {
    let pod = alert.actor.pod.as_ref();
    let pod = pod.map(|pod| escaped(&format!("{}/{}", pod.namespace, pod.name)));
    let from = alert.actor.address.map(|address| address.to_string());
    format!(
        "a token of pod {} is used from {}",
        pod.unwrap_or_default(),
        from.unwrap_or_default()
    )
}

fn whose(alert: &Alert, one: &Attributed) -> String {
    let mut words = format!("pod {}", named(one));
    if !one.others.is_empty() {
        for other in &one.others {
            let other = format!("{}/{}", one.pod.namespace, other.name);
            words = format!("{words} or pod {}", escaped(&other));
        }
        words.push_str(" (same handle, a copy)");
    }
    if !one.readers.is_empty() || one.more_readings > 0 {
        let readers = readers(alert, one);
        words = format!("{words} or whoever read its credential: {readers}");
    }
    let age = one
        .age(alert.first)
        .map(|age| format!(", {} old", length(age)));
    let place = one.place.filter(|(_, of)| *of > 1);
    let place = place.map(|(place, of)| format!(", number {place} of the {of} that are known"));
    let (age, place) = (age.unwrap_or_default(), place.unwrap_or_default());
    format!("{words} – its credential{age}{place}")
}

fn readers(alert: &Alert, one: &Attributed) -> String {
    let mut all: Vec<String> = one
        .readers
        .iter()
        .take(NAMED)
        .map(|readings| reader(alert.last, readings))
        .collect();
    let more = one.readers.len().saturating_sub(NAMED);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    if one.more_readings > 0 {
        all.push(format!("and others, {} times", one.more_readings));
    }
    all.join(", ")
}

fn reader(used: Option<Timestamp>, readings: &Readings) -> String {
    let reader = &readings.reader;
    let mut words = match reader.principal.as_str() {
        "" => "somebody who was not known".to_owned(),
        name => escaped(name),
    };
    if let Some(other) = &reader.acting_as {
        words = format!("{words} as {}", escaped(other));
    }
    let reach = match &readings.reach {
        Reach::Pod(_) => "its Secret".to_owned(),
        Reach::Collection { namespace, .. } if namespace.is_empty() => {
            "the Secrets everywhere".to_owned()
        }
        Reach::Collection { namespace, .. } => format!("the Secrets in {}", escaped(namespace)),
    };
    let before = used.map(|used| used.duration_since(readings.last).as_secs().max(0));
    let when = before.map_or_else(String::new, |before| format!(", {} before", length(before)));
    let known = if readings.is_known {
        ", a known reader"
    } else {
        ""
    };
    format!("{words} ({} {reach}{when}{known})", escaped(&readings.verb))
}

/// Everything else that is known of the pods.
pub(super) fn what(alert: &Alert) -> Vec<String> {
    let told = alert.pods.iter().filter_map(|one| match one.link {
        Link::Bait => Some(format!("the bait is that of {}", named(one))),
        // Who has only the event's word for it is told with who it is.
        Link::Caller => one.subject.as_ref().map(|subject| {
            let known = known(subject);
            format!("the caller's is {}: {known}", named(one))
        }),
        Link::Credential => one.subject.as_ref().map(|subject| {
            let gone = one.gone.map(|at| format!(", gone since {}", moment(at)));
            let gone = gone.unwrap_or_default();
            format!("{}{gone}", known(subject))
        }),
    });
    told.collect()
}

/// As in `web/checkout-7c9f (Deployment checkout, on node1)`.
fn named(one: &Attributed) -> String {
    let name = escaped(&format!("{}/{}", one.pod.namespace, one.pod.name));
    let owner = one
        .subject
        .as_ref()
        .and_then(|subject| subject.owner.as_ref());
    let owner = owner.map(|owner| escaped(&owner.to_string()));
    let node = one
        .node
        .as_ref()
        .map(|node| format!("on {}", escaped(node)));
    let more: Vec<String> = owner.into_iter().chain(node).collect();
    match more.is_empty() {
        true => name,
        false => format!("{name} ({})", more.join(", ")),
    }
}

fn known(subject: &Subject) -> String {
    let addresses: Vec<String> = subject.addresses.iter().map(ToString::to_string).collect();
    let images = subject.images.iter();
    let images: Vec<String> = images
        .map(|(container, image)| format!("{container} {image}"))
        .collect();
    let at = match (addresses.is_empty(), subject.node_address) {
        (true, _) => String::new(),
        (false, None) => format!(", at {}", addresses.join(", ")),
        (false, Some(node)) => format!(", at {} on {node}", addresses.join(", ")),
    };
    let runs = match images.is_empty() {
        true => String::new(),
        false => format!(", runs {}", images.join(", ")),
    };
    let account = &subject.service_account;
    super::text::sentence(&format!("uid {}, as {account}{at}{runs}", subject.uid))
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A length of time in its largest whole unit.
fn length(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match seconds {
        ..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY.. => format!("{} d", seconds / DAY),
    }
}
