//! What the texts of the table must be.

use canary_core::bait::PodHandles;
use canary_core::disguise::giveaway;

use crate::catalog::names;

/// Stands for the name of what made a pod.
pub(super) const WORKLOAD: &str = "{workload}";

/// What a text with the placeholder is besides; it must stand there at most once.
fn besides(text: &str) -> Result<String, String> {
    let rest = text.replacen(WORKLOAD, "", 1);
    if rest.contains(['{', '}']) {
        return Err("of placeholders there is {workload} alone, once".into());
    }
    Ok(rest)
}

fn untold(text: &str) -> Result<(), String> {
    match giveaway(text) {
        Some(word) => Err(format!(
            "the word `{word}` in it tells everybody what it is"
        )),
        None => Ok(()),
    }
}

/// A label of DNS in which `*` may stand for any number of characters.
fn glob(text: &str) -> Result<(), String> {
    if !text.contains('*') {
        return names::namespace(text);
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '*');
    if let Some(c) = text.chars().find(|c| !fits(*c)) {
        return Err(format!(
            "`{c}` is not allowed: only a to z, 0 to 9, `-` and `*`"
        ));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("it matches nothing: a name begins and ends with a letter or digit".into());
    }
    if text.bytes().filter(|c| *c != b'*').count() > 63 {
        return Err("it matches nothing: a name has at most 63 characters".into());
    }
    Ok(())
}

/// Namespaces that may be covered.
pub(super) fn namespace(text: &str) -> Result<(), String> {
    glob(text)?;
    if text.starts_with("kube-") {
        return Err("namespaces of the cluster itself, kube-…, are never covered".into());
    }
    Ok(())
}

/// Namespaces that are left out. Whoever leaves those of the cluster out says what is so anyway.
pub(super) fn left_out(text: &str) -> Result<(), String> {
    glob(text)
}

/// A container's name is a label of DNS.
pub(super) fn container(text: &str) -> Result<(), String> {
    glob(text)
}

/// Of a name made from the placeholder so much is left to the workload, so that Secrets of two are told apart.
const LEAST_WORKLOAD: usize = 12;

/// What the names of Secrets begin with.
pub(super) fn base(text: &str) -> Result<(), String> {
    let rest = besides(text)?;
    untold(text)?;
    let example = text.replace(WORKLOAD, "app");
    names::namespace(&example)?;
    let room = match text.contains(WORKLOAD) {
        true => PodHandles::LONGEST_BASE - LEAST_WORKLOAD,
        false => PodHandles::LONGEST_BASE,
    };
    if rest.len() > room {
        return Err(format!(
            "it must have at most {room} characters besides the placeholder: the name goes on"
        ));
    }
    Ok(())
}

/// Directories that the system, the runtime or the cluster fills; nothing of ours may be in them.
const SYSTEM: [&str; 15] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc/kubernetes",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/kubelet",
    "/var/run",
    "/tmp",
];

/// What images have below `/etc` and `/var` (the Filesystem Hierarchy Standard 3.0, and what Debian, Alpine, Fedora and
/// the official images of nginx, postgres, mysql, redis, httpd and php put there). A mount would hide what is in it.
const IN_IMAGES: &[&str] = &[
    "/etc/alternatives",
    "/etc/apk",
    "/etc/apt",
    "/etc/bash_completion.d",
    "/etc/ca-certificates",
    "/etc/conf.d",
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/crypto-policies",
    "/etc/default",
    "/etc/dpkg",
    "/etc/fonts",
    "/etc/gss",
    "/etc/init.d",
    "/etc/java",
    "/etc/ld.so.conf.d",
    "/etc/logrotate.d",
    "/etc/modprobe.d",
    "/etc/my.cnf.d",
    "/etc/mysql",
    "/etc/network",
    "/etc/nginx",
    "/etc/opt",
    "/etc/pam.d",
    "/etc/periodic",
    "/etc/php",
    "/etc/pki",
    "/etc/postgresql",
    "/etc/profile.d",
    "/etc/redis",
    "/etc/rpm",
    "/etc/security",
    "/etc/selinux",
    "/etc/skel",
    "/etc/ssh",
    "/etc/ssl",
    "/etc/sysctl.d",
    "/etc/systemd",
    "/etc/udhcpc",
    "/etc/xdg",
    "/etc/yum.repos.d",
    "/opt/bin",
    "/srv/www",
    "/var/backups",
    "/var/cache",
    "/var/empty",
    "/var/lib",
    "/var/local",
    "/var/lock",
    "/var/log",
    "/var/mail",
    "/var/opt",
    "/var/spool",
    "/var/tmp",
    "/var/www",
];

/// Where the tools look by themselves: what is there is the workload's own.
const OWN: [&str; 5] = [".aws", ".kube", ".config", ".docker", ".ssh"];

/// Far below the 4,096 bytes of a path (`PATH_MAX`), whatever the workload is called.
const LONGEST_PATH: usize = 200;

/// A directory of an image's file system that is not there before.
pub(super) fn directory(text: &str) -> Result<(), String> {
    besides(text)?;
    untold(text)?;
    let example = text.replace(WORKLOAD, "app");
    let Some(path) = example.strip_prefix('/') else {
        return Err("it must be an absolute path, beginning with `/`".into());
    };
    if text.len() > LONGEST_PATH {
        return Err(format!("it must have at most {LONGEST_PATH} characters"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if let Some(c) = example.chars().find(|c| !fits(*c)) {
        return Err(format!(
            "`{}` is not allowed: only letters, digits, `-`, `_`, `.` and `/`",
            c.escape_default()
        ));
    }
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err("write it without `//`, `.`, `..` and a slash at its end".into());
    }
    if parts.len() < 2 {
        return Err("a directory of its own within another, as in /etc/NAME".into());
    }
    if let Some(own) = OWN
        .iter()
        .find(|own| parts.iter().any(|part| part.eq_ignore_ascii_case(own)))
    {
        return Err(format!(
            "`{own}` may be the workload's own, which it would hide"
        ));
    }
    if let Some(system) = SYSTEM.iter().find(|system| is_within(&example, system)) {
        return Err(format!("{system} is not for such files"));
    }
    let is_home = parts.len() == 2 && parts[0] == "home";
    if is_home || IN_IMAGES.contains(&example.as_str()) {
        return Err("images have that directory, and it would hide what is in it".into());
    }
    Ok(())
}

/// Whether a path is another or lies below it.
pub(super) fn is_within(path: &str, other: &str) -> bool {
    let rest = path.strip_prefix(other);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A file's name, which is a key of a Secret.
pub(super) fn file(text: &str) -> Result<(), String> {
    names::data_key(text)?;
    untold(text)
}

/// A profile as the tools of AWS read it: one word. The default one would be used by the workload itself.
pub(super) fn profile(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err("a profile has 1 to 64 letters, digits, `-`, `_`, `.`, `@` and `+`".into());
    }
    if text.eq_ignore_ascii_case("default") {
        return Err("the workload itself would use a profile of that name".into());
    }
    untold(text)
}

/// A region, as in `eu-west-1`.
pub(super) fn region(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., number]
            if words.len() >= 2
                && words.iter().all(is_word)
                && !number.is_empty()
                && number.bytes().all(|c| c.is_ascii_digit()) =>
        {
            Ok(())
        }
        _ => Err("expected a region, as in eu-west-1".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_name_or_a_pattern_that_some_name_matches() {
        for good in ["web", "web-*", "*", "*-prod", "a*b", "kube*", "kubeflow"] {
            assert_eq!(namespace(good), Ok(()), "{good}");
        }
        let long = format!("{}*", "a".repeat(64));
        for bad in [
            "",
            "Web",
            "web-",
            "-*",
            "*-",
            "a.b",
            "we?",
            "kube-system",
            "kube-*",
            &long,
        ] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
        assert_eq!(left_out("kube-system"), Ok(()));
    }

    #[test]
    fn a_directory_is_new_and_hides_nothing() {
        for good in [
            "/etc/web-sync",
            "/etc/{workload}-sync",
            "/opt/{workload}/deploy",
            "/home/app/backup",
            "/var/lib/web",
            "/etc/ssl/web",
            "/srv/v1.2_x",
        ] {
            assert_eq!(directory(good), Ok(()), "{good}");
        }
        let long = format!("/etc/{}", "a".repeat(200));
        for bad in [
            "",
            "/",
            "etc/web",
            "/web",
            "/{workload}",
            "/etc/web/",
            "/etc//web",
            "/etc/../web",
            "/etc/./web",
            "/root/.aws",
            "/home/app/.aws/web",
            "/root/.Kube",
            "/proc/web",
            "/sys/web",
            "/dev/web",
            "/run/secrets/web",
            "/var/run/secrets/kubernetes.io/web",
            "/var/run/secrets/eks.amazonaws.com/serviceaccount",
            "/usr/share/web",
            "/home/app",
            "/etc/ssl",
            "/var/lib",
            "/etc/{name}",
            "/etc/{workload}-{workload}",
            "/etc/a b",
            "/etc/a:b",
            "/etc/a\nb",
            "/etc/canary",
            &long,
        ] {
            assert!(directory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_base_leaves_room_for_what_makes_the_pods() {
        for good in ["web", "{workload}", "{workload}-sync", "x-{workload}"] {
            assert_eq!(base(good), Ok(()), "{good}");
        }
        let (short, long) = ("a".repeat(46), "a".repeat(47));
        assert_eq!(base(&short), Ok(()));
        let with = format!("{{workload}}{}", "a".repeat(35));
        for bad in [
            "",
            "-web",
            "{workload}-",
            "Web",
            "{x}",
            "honey",
            &long,
            &with,
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_profile_is_never_ours() {
        assert_eq!(profile("s3-sync"), Ok(()));
        for bad in [
            "",
            "default",
            "Default",
            "a b",
            "a]",
            "decoy",
            "a\n[default]",
        ] {
            assert!(profile(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_region_looks_like_one() {
        for good in ["eu-west-1", "us-gov-east-1", "ap-southeast-12"] {
            assert_eq!(region(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "eu",
            "eu-west",
            "eu-west-a",
            "EU-west-1",
            "eu--1",
            "eu-west-1\n",
        ] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_is_one_name() {
        assert_eq!(file("kubeconfig.yaml"), Ok(()));
        for bad in ["", "a/b", "..", "..data", "bait", "a b"] {
            assert!(file(bad).is_err(), "{bad}");
        }
    }
}
