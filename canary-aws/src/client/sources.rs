//! The clients that events come through.

use aws_config::Region;

use super::Client;

/// Each is made anew, with connections of its own: whoever asks often keeps it.
impl Client {
    pub(crate) fn sqs(&self, region: &str) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::config::Builder::from(&self.config)
            .region(Region::new(region.to_owned()))
            .interceptor(self.metered())
            .build();
        aws_sdk_sqs::Client::from_conf(config)
    }

    pub(crate) fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .region(Region::new(region.to_owned()))
            .interceptor(self.metered())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    pub(crate) fn logs(&self, region: &str) -> aws_sdk_cloudwatchlogs::Client {
        let config = aws_sdk_cloudwatchlogs::config::Builder::from(&self.config)
            .region(Region::new(region.to_owned()))
            .interceptor(self.metered())
            .build();
        aws_sdk_cloudwatchlogs::Client::from_conf(config)
    }
}
