//! Grouped aggregates: one value a group of rows that lie next to each other. It promises the rows of a group in the
//! call's order, ties as they came, to an order-sensitive function, and the value of no rows to an empty group. It
//! never moves a row from one group to another.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, UInt64Array};
use arrow::compute::take;
use datafusion_common::{Result, exec_err};
use datafusion_expr::utils::AggregateOrderSensitivity;

use crate::accumulator::Aggregate;
use crate::aggregate;
use crate::call::GroupedCall;
use crate::keys::encoded;

/// One value a group, in the order of the groups.
pub fn grouped(call: &GroupedCall, groups: &[Range<usize>]) -> Result<ArrayRef> {
    let rows = call.check()?;
    if let Some(group) = groups.iter().find(|group| group.start > group.end || group.end > rows) {
        return exec_err!("the group {group:?} is not among {rows} rows");
    }
    let (args, filter) = match order(call, groups, rows)? {
        Some(order) => {
            let args = call.args.iter().map(|arg| take(arg, &order, None)).collect::<Result<_, _>>()?;
            let filter = call.filter.as_ref().map(|filter| take(filter, &order, None)).transpose()?;
            (args, filter.map(|filter| filter.as_boolean().clone()))
        }
        None => (call.args.clone(), call.filter.clone()),
    };
    let within_group = call.order_by.first().filter(|_| call.function.supports_within_group_clause());
    let aggregate = Aggregate {
        function: &call.function,
        args,
        arg_fields: call.arg_fields.clone(),
        literal_args: &call.literal_args,
        return_field: Arc::clone(&call.return_field),
        within_group: within_group.map(|(_, options)| *options),
        distinct: call.distinct,
    };
    aggregate::values(aggregate, filter, call.ignore_nulls, groups)
}

/// The rows in order, each in its group, if the order makes a difference.
fn order(call: &GroupedCall, groups: &[Range<usize>], rows: usize) -> Result<Option<UInt64Array>> {
    if call.order_by.is_empty() || call.function.order_sensitivity() == AggregateOrderSensitivity::Insensitive {
        return Ok(None);
    }
    let keys = encoded(&call.order_by)?;
    let mut order: Vec<u64> = (0..rows as u64).collect();
    for group in groups {
        order[group.clone()].sort_by(|left, right| keys.row(*left as usize).cmp(&keys.row(*right as usize)));
    }
    Ok(Some(order.into()))
}
