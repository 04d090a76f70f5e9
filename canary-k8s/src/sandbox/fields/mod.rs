//! Who owns which field: `managedFields` as the API server keeps them (`sigs.k8s.io/structured-merge-diff`,
//! `k8s.io/apimachinery/pkg/util/managedfields`).

mod compare;
mod managed;
mod merge;
mod set;

pub(super) use managed::{Writer, applied, same_but_for_times, updated};
pub(super) use merge::{json_merge, strategic_merge};
