//! Who issues sessions of decoy roles.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use canary_aws::{AwsBaits, Connection, PodRole, Way};
use canary_core::bait::{BaitKind, Sessions, Target};
use canary_core::disguise::SiteKeys;

use super::settings::Settings;

/// Where the projected token of the agent's own account is told, as IAM roles for service accounts have it.
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
/// As long as a role that we make allows; what the service grants is less where roles are chained.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// The issuer, where there is an account and a role that is planted.
pub(super) async fn issuer(settings: &Settings, keys: &SiteKeys) -> Option<AwsBaits> {
    let aws = settings.aws.as_ref()?;
    let roles: BTreeMap<_, _> = settings
        .targets
        .iter()
        .filter_map(|target| Some((target.canary.clone(), role(settings, target)?)))
        .collect();
    if roles.is_empty() {
        return None;
    }
    let connection = Connection {
        account: aws.account.clone(),
        region: aws.region.clone(),
        profile: None,
    };
    let token = std::env::var_os(TOKEN_FILE).map(PathBuf::from);
    let (client, way) = match token {
        Some(token) => (connection.without_credentials().await, Way::Token(token)),
        None => match connection.connect().await {
            Ok(client) => (client, Way::Credentials),
            Err(error) => {
                tracing::error!(%error, "there are no credentials to ask for sessions with");
                return None;
            }
        },
    };
    Some(AwsBaits::new(client, Sessions::new(keys), way, roles))
}

fn role(settings: &Settings, target: &Target) -> Option<PodRole> {
    let role = settings.roles.get(&target.canary)?;
    let files = &target.baits.get(&BaitKind::Aws)?.names;
    Some(PodRole {
        arn: role.arn.clone(),
        longest: LONGEST,
        profile: role.profile.clone(),
        region: role.region.clone(),
        credentials: files.get("credentials")?.clone(),
        config: files.get("config")?.clone(),
    })
}
