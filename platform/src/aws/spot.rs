//! What spare machines cost now, pool by pool, as EC2's price history has it.

use super::error::RequestError;
use super::filter::filter;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::SpotPrice;
use spotmill_ec2::prices::PoolPrice;
use std::collections::BTreeMap;

/// Values that a filter takes.
const VALUES: usize = 200;
/// How long a price that did not change is still reported for sure.
const BACK_SECS: i64 = 3_600;

/// The latest price of each pool of these machine types and zones, by zone and type. A type that the region does not
/// have is in no pool.
pub async fn prices(
    client: &Client,
    instance_types: &[String],
    zones: &[String],
    now_ms: u64,
) -> Result<Vec<PoolPrice>, RequestError> {
    let mut latest: BTreeMap<(String, String), (i64, f64)> = BTreeMap::new();
    let now = i64::try_from(now_ms / 1_000).unwrap_or_default();
    for some in instance_types.chunks(VALUES) {
        // Not the parameter of instance types, which refuses the whole request for one unknown type.
        let call = client.describe_spot_price_history().product_descriptions("Linux/UNIX");
        let call = call.filters(filter("instance-type", some)).filters(filter("availability-zone", zones));
        let call = call.start_time(DateTime::from_secs(now - BACK_SECS)).end_time(DateTime::from_secs(now));
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            for (pool, at, usd) in page?.spot_price_history().iter().filter_map(pool_price) {
                let newest = latest.entry(pool).or_insert((at, usd));
                if newest.0 < at {
                    *newest = (at, usd);
                }
            }
        }
    }
    let price = |((zone, instance_type), (_, usd))| PoolPrice { kind: instance_type, zone, usd };
    Ok(latest.into_iter().map(price).collect())
}

/// ((zone, type), when, dollars an hour)
fn pool_price(reported: &SpotPrice) -> Option<((String, String), i64, f64)> {
    let pool = (reported.availability_zone()?.to_owned(), reported.instance_type()?.as_str().to_owned());
    let usd = reported.spot_price()?.parse::<f64>().ok().filter(|usd| usd.is_finite() && *usd > 0.0)?;
    Some((pool, reported.timestamp().map_or(0, DateTime::secs), usd))
}
