//! ROWS and GROUPS, and the frames that need no offset: sums and counts worked out by hand.

use datafusion_expr::WindowFrame;
use datafusion_expr::WindowFrameUnits::{Groups, Range, Rows};
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::sum::sum_udaf;

use crate::support::*;

/// Sums of 1, 2, 4, 8, 16, 32 in the order of the keys 1, 1, 2, 2, 3, null, handed over in another order.
fn sums(frame: WindowFrame) -> Vec<Option<i64>> {
    let mut call = aggregate(&sum_udaf(), &[ints(&[16, 1, 32, 4, 2, 8])], &[]);
    call.order_by = vec![(ints(&[Some(3), Some(1), None, Some(2), Some(1), Some(2)]), ASCENDING)];
    call.frame = frame;
    let sums = as_ints(&answer(&call, 6));
    // Back to the order of the keys.
    [1, 4, 3, 5, 0, 2].map(|row| sums[row]).to_vec()
}

#[test]
fn a_window_without_an_order_is_its_partition() {
    let mut call = aggregate(&sum_udaf(), &[ints(&[1, 2, 4, 8])], &[]);
    assert_eq!(as_ints(&answer(&call, 4)), some(&[15, 15, 15, 15]));
    call.partition_by = vec![texts(&[Some("a"), None, Some("a"), None])];
    assert_eq!(as_ints(&answer(&call, 4)), some(&[5, 10, 5, 10]));
    // All rows are peers where there is no order.
    call.frame = running();
    assert_eq!(as_ints(&answer(&call, 4)), some(&[5, 10, 5, 10]));
}

#[test]
fn range_to_the_current_row_holds_its_peers() {
    assert_eq!(sums(running()), some(&[3, 3, 15, 15, 31, 63]));
    assert_eq!(sums(frame(Range, CURRENT, CURRENT)), some(&[3, 3, 12, 12, 16, 32]));
    assert_eq!(sums(frame(Range, CURRENT, LAST)), some(&[63, 63, 60, 60, 48, 32]));
    assert_eq!(sums(frame(Range, FIRST, LAST)), some(&[63; 6]));
}

#[test]
fn rows_count_rows() {
    assert_eq!(sums(frame(Rows, FIRST, CURRENT)), some(&[1, 3, 7, 15, 31, 63]));
    assert_eq!(sums(frame(Rows, CURRENT, LAST)), some(&[63, 62, 60, 56, 48, 32]));
    assert_eq!(sums(frame(Rows, before(1_u64), after(1_u64))), some(&[3, 7, 14, 28, 56, 48]));
    assert_eq!(sums(frame(Rows, before(0_u64), after(0_u64))), some(&[1, 2, 4, 8, 16, 32]));
    assert_eq!(sums(frame(Rows, FIRST, after(2_u64))), some(&[7, 15, 31, 63, 63, 63]));
    assert_eq!(sums(frame(Rows, before(u64::MAX), after(u64::MAX))), some(&[63; 6]));
}

#[test]
fn a_frame_without_rows_has_no_sum_and_a_count_of_0() {
    let behind = [None, None, Some(1), Some(3), Some(6), Some(12)];
    assert_eq!(sums(frame(Rows, before(3_u64), before(2_u64))), behind);
    let ahead = [Some(12), Some(24), Some(48), Some(32), None, None];
    assert_eq!(sums(frame(Rows, after(2_u64), after(3_u64))), ahead);
    assert_eq!(sums(frame(Rows, before(1_u64), before(2_u64))), vec![None; 6]);
    assert_eq!(sums(frame(Rows, after(u64::MAX), LAST)), vec![None; 6]);

    let mut call = aggregate(&count_udaf(), &[ints(&[1, 2, 3])], &[]);
    call.order_by = vec![(ints(&[1, 2, 3]), ASCENDING)];
    call.frame = frame(Rows, before(3_u64), before(1_u64));
    assert_eq!(as_ints(&answer(&call, 3)), some(&[0, 1, 2]));
}

#[test]
fn groups_count_groups_of_peers() {
    assert_eq!(sums(frame(Groups, FIRST, CURRENT)), some(&[3, 3, 15, 15, 31, 63]));
    assert_eq!(sums(frame(Groups, before(1_u64), CURRENT)), some(&[3, 3, 15, 15, 28, 48]));
    assert_eq!(sums(frame(Groups, before(1_u64), after(1_u64))), some(&[15, 15, 31, 31, 60, 48]));
    assert_eq!(sums(frame(Groups, CURRENT, LAST)), some(&[63, 63, 60, 60, 48, 32]));
    let behind = [None, None, Some(3), Some(3), Some(15), Some(28)];
    assert_eq!(sums(frame(Groups, before(2_u64), before(1_u64))), behind);
    let ahead = [Some(28), Some(28), Some(48), Some(48), Some(32), None];
    assert_eq!(sums(frame(Groups, after(1_u64), after(2_u64))), ahead);
}

#[test]
fn a_frame_ends_with_its_partition() {
    let mut call = aggregate(&sum_udaf(), &[ints(&[1, 2, 4, 8, 16])], &[]);
    call.partition_by = vec![ints(&[1, 2, 1, 2, 1])];
    call.order_by = vec![(ints(&[1, 1, 2, 2, 3]), ASCENDING)];
    call.frame = frame(Rows, before(1_u64), after(1_u64));
    assert_eq!(as_ints(&answer(&call, 5)), some(&[5, 10, 21, 10, 20]));
    call.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_ints(&answer(&call, 5)), some(&[1, 2, 5, 10, 20]));
    call.frame = frame(Groups, after(1_u64), LAST);
    assert_eq!(as_ints(&answer(&call, 5)), [Some(20), Some(8), Some(16), None, None]);
}

#[test]
fn ties_keep_the_order_of_the_input() {
    let mut call = aggregate(&sum_udaf(), &[ints(&[1, 2, 4, 8])], &[]);
    call.order_by = vec![(ints(&[7, 7, 7, 7]), DESCENDING)];
    call.frame = frame(Rows, FIRST, CURRENT);
    assert_eq!(as_ints(&answer(&call, 4)), some(&[1, 3, 7, 15]));
}

#[test]
fn no_row_and_one_row() {
    let mut call = aggregate(&sum_udaf(), &[ints::<i64>(&[])], &[]);
    call.order_by = vec![(ints::<i64>(&[]), ASCENDING)];
    call.frame = running();
    assert_eq!(answer(&call, 0).len(), 0);

    let mut call = aggregate(&sum_udaf(), &[ints(&[5])], &[]);
    call.order_by = vec![(ints(&[1]), ASCENDING)];
    for frame in [running(), whole(), frame(Rows, before(1_u64), after(1_u64)), frame(Groups, before(1_u64), CURRENT)] {
        call.frame = frame;
        assert_eq!(as_ints(&answer(&call, 1)), some(&[5]));
    }
}

#[test]
fn a_frame_that_cannot_be_is_an_error() {
    let mut call = aggregate(&sum_udaf(), &[ints(&[5])], &[]);
    call.frame = frame(Rows, LAST, LAST);
    assert_eq!(error(&call, 1), "Execution error: a frame cannot start at UNBOUNDED FOLLOWING");
    call.frame = frame(Rows, FIRST, FIRST);
    assert_eq!(error(&call, 1), "Execution error: a frame cannot end at UNBOUNDED PRECEDING");
    call.frame = frame(Rows, before(-1_i64), CURRENT);
    assert_eq!(error(&call, 1), "Execution error: an offset of a frame must not be negative, but is -1");
    call.frame = frame(Groups, before(0.5), CURRENT);
    assert_eq!(error(&call, 1), "Execution error: an offset of ROWS or GROUPS must be a whole number, not 0.5");
}
