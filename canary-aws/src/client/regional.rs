//! Clients of services whose things are in a region: made once for each region, and kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::{Region, SdkConfig};

use super::connect::Metered;
use super::{CallError, Client, Failure};

/// The header by which S3 says where a bucket is, also where it refuses to say more.
const BUCKET_REGION: &str = "x-amz-bucket-region";

/// The clients of one region.
#[derive(Clone)]
pub(crate) struct Regional {
    pub(crate) cloudtrail: aws_sdk_cloudtrail::Client,
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) s3: aws_sdk_s3::Client,
}

/// What clients are made from, and those that were made.
pub(super) struct Regions {
    config: SdkConfig,
    metered: Metered,
    made: Mutex<BTreeMap<String, Regional>>,
    /// Where buckets are.
    buckets: Mutex<BTreeMap<String, String>>,
}

impl Regions {
    pub(super) fn new(config: SdkConfig, metered: Metered) -> Arc<Self> {
        Arc::new(Self {
            config,
            metered,
            made: Mutex::default(),
            buckets: Mutex::default(),
        })
    }

    fn make(&self, region: &str) -> Regional {
        let builder = self.config.to_builder();
        let config = builder.region(Region::new(region.to_owned())).build();
        let metered = || self.metered.clone();
        let cloudtrail = aws_sdk_cloudtrail::config::Builder::from(&config).interceptor(metered());
        let events = aws_sdk_eventbridge::config::Builder::from(&config).interceptor(metered());
        let s3 = aws_sdk_s3::config::Builder::from(&config).interceptor(metered());
        let secrets = aws_sdk_secretsmanager::config::Builder::from(&config).interceptor(metered());
        let sqs = aws_sdk_sqs::config::Builder::from(&config).interceptor(metered());
        let ssm = aws_sdk_ssm::config::Builder::from(&config).interceptor(metered());
        Regional {
            cloudtrail: aws_sdk_cloudtrail::Client::from_conf(cloudtrail.build()),
            events: aws_sdk_eventbridge::Client::from_conf(events.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
        }
    }
}

impl Client {
    /// The clients of a region.
    pub(crate) fn in_region(&self, region: &str) -> Regional {
        let made = &self.regions.made;
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        let of_region = made.entry(region.to_owned());
        of_region
            .or_insert_with(|| self.regions.make(region))
            .clone()
    }

    /// Where a bucket is; `None` where there is none of that name. Asked once, and only of whoever has not been told.
    pub(crate) async fn region_of(&self, bucket: &str) -> Result<Option<String>, CallError> {
        let known = {
            let buckets = &self.regions.buckets;
            let buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
            buckets.get(bucket).cloned()
        };
        match known {
            Some(region) => Ok(Some(region)),
            None => self.look_for(bucket).await,
        }
    }

    /// Where a bucket is now. One of another account is refused.
    pub(crate) async fn look_for(&self, bucket: &str) -> Result<Option<String>, CallError> {
        let home = &self.connection.region;
        let s3 = self.in_region(home).s3;
        let account = &self.connection.account;
        let elsewhere = Mutex::new(None);
        let answer = self
            .ask("s3:ListBucket", || async {
                let request = s3.head_bucket().bucket(bucket);
                let answer = request.expected_bucket_owner(account).send().await;
                if let Err(error) = &answer {
                    let response = error.raw_response();
                    let region = response.and_then(|r| r.headers().get(BUCKET_REGION));
                    let moved = response.is_some_and(|r| matches!(r.status().as_u16(), 301 | 400));
                    let region = region.filter(|_| moved).map(str::to_owned);
                    *elsewhere.lock().unwrap_or_else(PoisonError::into_inner) = region;
                }
                answer
            })
            .await;
        let elsewhere = elsewhere
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let region = match (answer, elsewhere) {
            (Ok(answer), _) => answer.bucket_region().unwrap_or(home).to_owned(),
            (Err(_), Some(region)) => region,
            (Err(error), None) if error.is_absence() => {
                self.forget(bucket);
                return Ok(None);
            }
            (Err(error), None) => return Err(error),
        };
        let buckets = &self.regions.buckets;
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.insert(bucket.to_owned(), region.clone());
        Ok(Some(region))
    }

    /// A bucket is not where it was.
    pub(crate) fn forget(&self, bucket: &str) {
        let buckets = &self.regions.buckets;
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.remove(bucket);
    }

    /// The client that reaches a bucket.
    pub(crate) async fn of_bucket(&self, bucket: &str) -> Result<aws_sdk_s3::Client, CallError> {
        let region = self.region_of(bucket).await?;
        let region = region.ok_or_else(|| CallError {
            action: "s3:ListBucket",
            failure: Failure::Refused,
            code: "NoSuchBucket".into(),
            message: format!("there is no bucket {bucket}"),
        })?;
        Ok(self.in_region(&region).s3)
    }
}
