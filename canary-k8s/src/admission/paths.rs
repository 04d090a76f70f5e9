//! Paths in a container.

/// Whether one path is the other, is above it or lies under it: then a mount of the one hides what is at the other, or its
/// mount point would have to be made in a file system that is not ours and may be read-only.
///
/// A path that goes up is taken to be in the way: where it ends is the container runtime's to say.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let goes_up = |path: &str| path.split('/').any(|part| part == "..");
    let is_prefix = parts(one).zip(parts(other)).all(|(a, b)| a == b);
    is_prefix || goes_up(one) || goes_up(other)
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|part| !part.is_empty() && *part != ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_overlap_where_one_holds_the_other() {
        for (one, other, expected) in [
            ("/etc/app", "/etc/app", true),
            ("/etc/app", "/etc/app/", true),
            ("/etc/app", "//etc/./app/conf", true),
            ("/etc", "/etc/app", true),
            ("/", "/etc/app", true),
            ("etc", "/etc/app", true),
            ("/etc/app", "/etc/application", false),
            ("/etc/app", "/var/app", false),
            ("/var/../etc", "/opt", true),
            ("/etc/..app", "/opt", false),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} {other}");
            assert_eq!(overlap(other, one), expected, "{other} {one}");
        }
    }
}
