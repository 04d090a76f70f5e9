//! What is known of AWS without looking: kinds, their tables, and how a canary becomes resources. Pure.

mod access_key;
mod aws;
mod handles;
mod iam_role;
mod iam_user;
mod names;
mod notes;
mod policy;
mod shapes;
mod tripwires;

pub(crate) use access_key::{ID as KEY_ID, SECRET as KEY_SECRET};
pub use aws::AwsCatalog;
pub(crate) use handles::{ACCESS_KEY, ROLE, ROLE_POLICY, USER, USER_POLICY};
pub(crate) use policy::canonical;
