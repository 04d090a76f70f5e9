//! Clients of services that are regions' own: made once for each, because they keep their connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::{Region, SdkConfig};

use super::connect::Metered;

/// The clients of one region.
pub(crate) struct Services {
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) cloudtrail: aws_sdk_cloudtrail::Client,
    pub(crate) s3: aws_sdk_s3::Client,
}

/// The clients of every region that was asked for.
pub(super) struct Regional {
    config: SdkConfig,
    metered: Metered,
    made: Mutex<BTreeMap<String, Arc<Services>>>,
}

impl Regional {
    pub(super) fn new(config: SdkConfig, metered: Metered) -> Self {
        Self {
            config,
            metered,
            made: Mutex::default(),
        }
    }

    pub(super) fn of(&self, region: &str) -> Arc<Services> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let services = made
            .entry(region.to_owned())
            .or_insert_with(|| Arc::new(self.make(region)));
        services.clone()
    }

    fn make(&self, region: &str) -> Services {
        let config = self.config.to_builder();
        let config = config.region(Region::new(region.to_owned())).build();
        let metered = || self.metered.clone();
        let events = aws_sdk_eventbridge::config::Builder::from(&config).interceptor(metered());
        let sqs = aws_sdk_sqs::config::Builder::from(&config).interceptor(metered());
        let cloudtrail = aws_sdk_cloudtrail::config::Builder::from(&config).interceptor(metered());
        let s3 = aws_sdk_s3::config::Builder::from(&config).interceptor(metered());
        Services {
            events: aws_sdk_eventbridge::Client::from_conf(events.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            cloudtrail: aws_sdk_cloudtrail::Client::from_conf(cloudtrail.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
        }
    }
}
