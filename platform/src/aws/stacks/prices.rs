//! What spare machines cost now, for people.

use super::AwsError;
use crate::aws::spot;
use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use spotmill_ec2::prices::PoolPrice;

#[derive(Clone, Debug)]
pub struct Prices {
    client: Client,
}

impl Prices {
    pub fn new(config: &SdkConfig) -> Prices {
        Prices { client: Client::new(config) }
    }

    /// The latest price of each pool of these machine types and zones, by zone and type. A type that the region does
    /// not have is in no pool.
    pub async fn spot(
        &self,
        instance_types: &[String],
        zones: &[String],
        now_ms: u64,
    ) -> Result<Vec<PoolPrice>, AwsError> {
        let prices = spot::prices(&self.client, instance_types, zones, now_ms).await;
        prices.map_err(|e| AwsError::of("looking at spot prices", "ec2:DescribeSpotPriceHistory", e))
    }
}
