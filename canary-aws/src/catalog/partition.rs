//! The partitions of AWS: groups of regions with names, credentials and domains of their own.

/// A partition, as the `partitions.json` of AWS' SDKs of 2026 has it.
struct Partition {
    name: &'static str,
    /// What the names of its regions begin with.
    regions: &'static str,
    domain: &'static str,
    global: &'static str,
}

const COMMERCIAL: Partition = Partition {
    name: "aws",
    regions: "",
    domain: "amazonaws.com",
    global: "us-east-1",
};

const OTHERS: [Partition; 7] = [
    Partition {
        name: "aws-cn",
        regions: "cn-",
        domain: "amazonaws.com.cn",
        global: "cn-north-1",
    },
    Partition {
        name: "aws-us-gov",
        regions: "us-gov-",
        domain: "amazonaws.com",
        global: "us-gov-west-1",
    },
    Partition {
        name: "aws-eusc",
        regions: "eusc-",
        domain: "amazonaws.eu",
        global: "eusc-de-east-1",
    },
    Partition {
        name: "aws-iso",
        regions: "us-iso-",
        domain: "c2s.ic.gov",
        global: "us-iso-east-1",
    },
    Partition {
        name: "aws-iso-b",
        regions: "us-isob-",
        domain: "sc2s.sgov.gov",
        global: "us-isob-east-1",
    },
    Partition {
        name: "aws-iso-e",
        regions: "eu-isoe-",
        domain: "cloud.adc-e.uk",
        global: "eu-isoe-west-1",
    },
    Partition {
        name: "aws-iso-f",
        regions: "us-isof-",
        domain: "csp.hci.ic.gov",
        global: "us-isof-south-1",
    },
];

fn of(region: &str) -> &'static Partition {
    let is_in = |partition: &&Partition| region.starts_with(partition.regions);
    OTHERS.iter().find(is_in).unwrap_or(&COMMERCIAL)
}

/// The partition that a region is in, as in ARNs.
pub(crate) fn partition(region: &str) -> &'static str {
    of(region).name
}

/// The domain of a region's endpoints.
pub(super) fn domain(region: &str) -> &'static str {
    of(region).domain
}

/// The region of the same partition where the calls of services without regions are logged, IAM's among them.
pub(super) fn global(region: &str) -> &'static str {
    of(region).global
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_in_the_partition_of_its_name() {
        for (region, name) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-west-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-east-1", "aws-iso-f"),
        ] {
            assert_eq!(partition(region), name, "{region}");
            assert_eq!(partition(global(region)), name, "{region}");
        }
    }
}
