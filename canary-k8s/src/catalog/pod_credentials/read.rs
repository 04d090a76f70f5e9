//! From a table to what is to be done about pods.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use canary_core::bait::{BaitKind, Containers, Files, POD_CREDENTIALS, Pattern, Target, Workload};
use canary_core::catalog::LowerError;
use canary_core::config::{Canary, Config, Setting};
use canary_core::disguise::SiteKeys;
use canary_core::graph::{Address, CanaryId};

use super::checks::is_within;
use super::defaults::Defaults;
use crate::catalog::kubernetes::wrong;
use crate::catalog::service_account;

/// One `[pod_credentials.LABEL]`, every choice made that does not depend on what is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodCredentials {
    /// Which pods, and where the files lie.
    pub target: Target,
    /// What sessions of AWS are made by; `None` without that bait.
    pub aws: Option<AwsBait>,
    /// What tokens are made by; `None` without that bait.
    pub kubeconfig: Option<KubeconfigBait>,
}

/// What sessions of AWS are made by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AwsBait {
    /// The canary that is the role; `None`: the role is a part of this one.
    pub of: Option<CanaryId>,
    /// The profile in the files.
    pub profile: String,
    /// The region in the files; `None` for the home region.
    pub region: Option<String>,
}

/// What tokens are made by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KubeconfigBait {
    /// How long a token is asked to live.
    pub expiry: Duration,
}

/// An issue of a day is refreshed at most twice a day, and a stolen token is of use, and so is seen, for as long.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The fields that are about one bait alone.
const OF_AWS: [&str; 6] = [
    "of",
    "profile",
    "region",
    "aws_directory",
    "credentials_file",
    "config_file",
];
const OF_CLUSTER: [&str; 4] = [
    "account",
    "expiry",
    "kubeconfig_directory",
    "kubeconfig_file",
];

impl PodCredentials {
    /// Reads one table. The same table, key and site always give the same.
    ///
    /// # Errors
    /// Everything in it that contradicts something else in it.
    pub fn read(canary: &Canary, keys: &SiteKeys) -> Result<Self, Vec<LowerError>> {
        let kinds = BaitKind::declared(canary);
        let mut errors = contradictions(canary, &kinds);
        let read = Self::made(canary, keys, &kinds);
        errors.extend(collisions(canary, &read.target));
        match errors.is_empty() {
            true => Ok(read),
            false => Err(errors),
        }
    }

    /// Reads all of them, in the order of the file: of several that match a pod the first is meant.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn all(config: &Config, keys: &SiteKeys) -> Result<Vec<Self>, Vec<LowerError>> {
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        for canary in in_order(config) {
            match Self::read(canary, keys) {
                Ok(read) => all.push(read),
                Err(wrong) => errors.extend(wrong),
            }
        }
        match errors.is_empty() {
            true => Ok(all),
            false => Err(errors),
        }
    }

    /// Where the plan and the ledger have the decoy account of a namespace.
    #[must_use]
    pub fn account(&self, namespace: &str) -> Address {
        super::address(&self.target.canary, namespace)
    }

    /// The files of a bait, by their whole paths, for people.
    pub(super) fn paths(&self, kind: BaitKind) -> Vec<String> {
        let Some(files) = self.target.baits.get(&kind) else {
            return Vec::new();
        };
        let names = files.names.values();
        names
            .map(|name| format!("{}/{name}", files.directory))
            .collect()
    }

    fn made(canary: &Canary, keys: &SiteKeys, kinds: &BTreeSet<BaitKind>) -> Self {
        let table = &canary.table;
        let defaults = Defaults::new(canary, keys);
        let (of_aws, of_cluster) = (defaults.of_aws(), defaults.of_cluster());
        let text = |field: &str, default: &dyn Fn() -> String| {
            table.text(field).map_or_else(default, str::to_owned)
        };
        let patterns = |field| table.texts(field).into_iter().map(Pattern::new).collect();
        let flag = |field, default| table.boolean(field).unwrap_or(default);
        let usual = Containers::default();
        let mut baits = BTreeMap::new();
        if kinds.contains(&BaitKind::Aws) {
            let file = |field, default: &str| text(field, &|| default.to_owned());
            let files = Files {
                directory: text("aws_directory", &|| defaults.directory(of_aws)),
                names: BTreeMap::from([
                    (
                        "credentials".to_owned(),
                        file("credentials_file", "credentials"),
                    ),
                    ("config".to_owned(), file("config_file", "config")),
                ]),
            };
            baits.insert(BaitKind::Aws, files);
        }
        if kinds.contains(&BaitKind::Kubeconfig) {
            let name = text("kubeconfig_file", &|| defaults.kubeconfig().to_owned());
            let files = Files {
                directory: text("kubeconfig_directory", &|| defaults.directory(of_cluster)),
                names: BTreeMap::from([("kubeconfig".to_owned(), name)]),
            };
            baits.insert(BaitKind::Kubeconfig, files);
        }
        let story = match kinds.contains(&BaitKind::Aws) {
            true => of_aws,
            false => of_cluster,
        };
        let workloads = table.texts("workloads").into_iter();
        let share = table.integer("share").unwrap_or(100);
        let target = Target {
            canary: canary.id.clone(),
            namespaces: patterns("namespaces"),
            except: patterns("except"),
            selector: table.text("labels").map(str::to_owned),
            workloads: workloads.filter_map(Workload::of_word).collect(),
            containers: Containers {
                names: patterns("containers"),
                init: flag("init", usual.init),
                sidecars: flag("sidecars", usual.sidecars),
                ephemeral: flag("ephemeral", usual.ephemeral),
            },
            // The shape allows nothing that does not fit.
            share: u8::try_from(share).unwrap_or(100),
            base: text("secret", &|| story.base()),
            baits,
        };
        let aws = kinds.contains(&BaitKind::Aws).then(|| AwsBait {
            of: table.canary("of").cloned(),
            profile: text("profile", &|| of_aws.profile.to_owned()),
            region: table.text("region").map(str::to_owned),
        });
        let kubeconfig = kinds
            .contains(&BaitKind::Kubeconfig)
            .then(|| KubeconfigBait {
                expiry: table.duration("expiry").unwrap_or(DAY),
            });
        Self {
            target,
            aws,
            kubeconfig,
        }
    }
}

/// All that are declared, in the order of the file.
pub(super) fn in_order(config: &Config) -> Vec<&Canary> {
    let mut all: Vec<&Canary> = config
        .canaries
        .values()
        .filter(|canary| canary.id.kind() == POD_CREDENTIALS)
        .collect();
    all.sort_by_key(|canary| canary.table.span.start);
    all
}

fn contradictions(canary: &Canary, kinds: &BTreeSet<BaitKind>) -> Vec<LowerError> {
    let mut errors = Vec::new();
    if kinds.is_empty() {
        let help = Some("bait = \"kubeconfig\", or \"aws\", or both");
        errors.push(wrong(canary, "bait", "it gives nothing", help));
    }
    let absent = [
        (BaitKind::Aws, &OF_AWS[..], "it is about the bait \"aws\""),
        (
            BaitKind::Kubeconfig,
            &OF_CLUSTER[..],
            "it is about the bait \"kubeconfig\"",
        ),
    ];
    for (kind, fields, about) in absent {
        let alone = fields
            .iter()
            .filter(|field| !kinds.contains(&kind) && canary.table.fields.get(field).is_some());
        let help = Some("name that in `bait` too, or leave this out");
        errors.extend(alone.map(|field| wrong(canary, field, about, help)));
    }
    errors.extend(uncovered(canary));
    let expiry = canary.table.duration("expiry").unwrap_or(DAY);
    errors.extend(service_account::too_short_or_long(canary, expiry));
    errors
}

/// Entries of `namespaces` that cover nothing.
fn uncovered(canary: &Canary) -> Vec<LowerError> {
    let Some(Setting::List(entries)) = canary.table.fields.get("namespaces").map(|f| &f.value)
    else {
        return Vec::new();
    };
    if entries.is_empty() {
        let help = Some("\"*\" stands for all but those of the cluster itself");
        return vec![wrong(canary, "namespaces", "it covers nothing", help)];
    }
    let except: Vec<Pattern> = canary
        .table
        .texts("except")
        .into_iter()
        .map(Pattern::new)
        .collect();
    let is_left_out = |text: &str| {
        let pattern = Pattern::new(text);
        except.iter().any(|out| match pattern.exact() {
            Some(name) => out.matches(name),
            None => out.as_str() == text || out.as_str() == "*",
        })
    };
    let texts = entries.iter().filter_map(|entry| match &entry.value {
        Setting::Text(text) => Some((text, &entry.span)),
        _ => None,
    });
    texts
        .filter(|(text, _)| is_left_out(text))
        .map(|(text, span)| LowerError {
            canary: canary.id.clone(),
            message: format!("`except` leaves all of {text} out"),
            help: Some("leave one of them out".into()),
            span: span.clone(),
        })
        .collect()
}

/// Files that would lie in one place: all of a pod's are in one Secret, and each bait has a directory of its own.
fn collisions(canary: &Canary, target: &Target) -> Vec<LowerError> {
    let mut errors = Vec::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for (content, name) in target.baits.values().flat_map(|files| &files.names) {
        if !names.insert(name) {
            let field = format!("{content}_file");
            let message = format!("two files of a pod would be called {name}");
            let help = Some("all of them are in one Secret, so each has a name of its own");
            errors.push(wrong(canary, &field, &message, help));
        }
    }
    let directories: Vec<&str> = target
        .baits
        .values()
        .map(|files| files.directory.as_str())
        .collect();
    if let [one, other] = directories.as_slice()
        && (is_within(one, other) || is_within(other, one))
    {
        let message = "one bait would lie in the directory of the other";
        let help = Some("each has a directory of its own");
        let field = match canary.table.text("kubeconfig_directory") {
            Some(_) => "kubeconfig_directory",
            None => "aws_directory",
        };
        errors.push(wrong(canary, field, message, help));
    }
    errors
}
