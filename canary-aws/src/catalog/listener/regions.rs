//! The regions that there are.

use crate::catalog::partition::partition;

/// Every region of the commercial partition, as the `partitions.json` of AWS' SDKs of 2026 has them. Which of them an
/// account has enabled is asked region by region; newer ones are named in `regions`.
const COMMERCIAL: [&str; 34] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
/// Those of the partitions for China and for the government of the United States, from the same source.
const OTHERS: [&str; 4] = [
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
    "us-gov-west-1",
];

/// Every region that is known here.
pub(super) fn known<'a>() -> impl Iterator<Item = &'a str> {
    COMMERCIAL.into_iter().chain(OTHERS)
}

/// Whether a region is in the partition of another: credentials are of one.
pub(crate) fn of_partition(region: &str, other: &str) -> bool {
    partition(region) == partition(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::partition::global;

    #[test]
    fn every_region_is_one_and_is_there_once() {
        let mut all: Vec<&str> = known().collect();
        assert!(
            all.iter()
                .all(|region| crate::catalog::names::region(region).is_ok())
        );
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_region_of_global_services_is_of_the_same_partition() {
        for region in known() {
            assert!(of_partition(region, global(region)), "{region}");
        }
    }
}
