//! What is known of AWS without looking: kinds, their tables, and how a canary becomes resources. Pure.

mod access_key;
mod aws;
mod contents;
mod grammar;
mod handles;
mod held;
mod iam_role;
mod iam_user;
mod listener;
mod names;
mod naming;
mod notes;
mod partition;
mod pod_role;
mod policy;
mod s3_object;
mod secretsmanager_secret;
mod shapes;
mod ssm_parameter;
mod tags;
mod tripwires;

pub(crate) use access_key::{ID as KEY_ID, SECRET as KEY_SECRET};
pub use aws::AwsCatalog;
pub(crate) use contents::VALUE;
pub(crate) use handles::{
    ACCESS_KEY, BUCKET, LOG_BUCKET, LOG_BUCKET_POLICY, LOGGING, LOGIN_PROFILE, OBJECT, PARAMETER,
    QUEUE, ROLE, ROLE_POLICY, RULE, SECRET, SELECTORS, TARGET, TRAIL, USER, USER_POLICY, alone,
    neighbours,
};
pub(crate) use listener::regions_of_partition;
pub(crate) use partition::partition;
pub use pod_role::role_address;
pub(crate) use policy::canonical;
pub(crate) use secretsmanager_secret::RECOVERY;
pub(crate) use ssm_parameter::arn as parameter_arn;
