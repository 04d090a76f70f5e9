//! What is known of AWS without looking: kinds, their tables, and how a canary becomes resources. Pure.

mod access_key;
mod aws;
mod handles;
mod iam_role;
mod iam_user;
mod listener;
mod names;
mod notes;
mod policy;
mod shapes;
mod tripwires;

pub(crate) use access_key::{ID as KEY_ID, SECRET as KEY_SECRET};
pub use aws::AwsCatalog;
pub(crate) use aws::partition;
pub(crate) use handles::{
    ACCESS_KEY, LOG_BUCKET, LOG_BUCKET_POLICY, LOGGING, QUEUE, ROLE, ROLE_POLICY, RULE, SELECTORS,
    TARGET, TRAIL, USER, USER_POLICY,
};
pub(crate) use listener::regions_of_partition;
pub(crate) use policy::canonical;
