//! What EC2 is to list, by one property.

use aws_sdk_ec2::types::Filter;

/// Any of these values.
pub(super) fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}
