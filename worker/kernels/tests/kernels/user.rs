//! Window functions of other makers: what their evaluators are handed, by each way that an evaluator may ask for.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::WindowFrameUnits::Rows;
use datafusion_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

use crate::support::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asks {
    Frames,
    Ranks,
    Short,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    asks: Asks,
    signature: Signature,
}

impl WindowUDFImpl for Function {
    fn name(&self) -> &str {
        "user"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator(self.asks)))
    }

    fn field(&self, _: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new("user", DataType::Int64, true)))
    }
}

#[derive(Debug)]
struct Evaluator(Asks);

impl PartitionEvaluator for Evaluator {
    /// The bounds of the frame and the number of its partition's rows, as one number.
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        assert_eq!(values.len(), 2, "an argument and a key");
        Ok(((range.start * 100 + range.end * 10 + values[0].len()) as i64).into())
    }

    /// The start of each row's group of peers.
    fn evaluate_all_with_rank(&self, rows: usize, ranks: &[Range<usize>]) -> Result<ArrayRef> {
        let of_row = |row| ranks.iter().find(|rank| rank.contains(&row)).map(|rank| rank.start as i64);
        Ok(Arc::new((0..rows).map(of_row).collect::<Int64Array>()))
    }

    fn evaluate_all(&mut self, _: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from(vec![0; rows - 1])))
    }

    fn uses_window_frame(&self) -> bool {
        self.0 == Asks::Frames
    }

    fn include_rank(&self) -> bool {
        self.0 == Asks::Ranks
    }
}

fn call(asks: Asks) -> spotmill_kernels::WindowCall {
    let signature = Signature::variadic_any(Volatility::Immutable);
    let function = Arc::new(WindowUDF::new_from_impl(Function { asks, signature }));
    let mut call = windowed(&function, &[ints(&[1, 2, 3, 4, 5])], &[], 5);
    call.partition_by = vec![texts(&["b", "a", "a", "b", "b"])];
    call.order_by = vec![(ints(&[1, 1, 2, 2, 2]), ASCENDING)];
    call
}

#[test]
fn frames_and_ranks_count_from_the_start_of_the_partition() {
    let mut frames = call(Asks::Frames);
    frames.frame = frame(Rows, before(1_u64), CURRENT);
    assert_eq!(as_ints(&answer(&frames, 5)), some(&[13, 12, 22, 23, 133]));
    frames.frame = frame(Rows, after(1_u64), after(1_u64));
    assert_eq!(as_ints(&answer(&frames, 5)), some(&[123, 122, 222, 233, 333]));
    assert_eq!(as_ints(&answer(&call(Asks::Ranks), 5)), some(&[0, 0, 1, 1, 1]));
}

#[test]
fn a_value_too_few_is_an_error() {
    assert!(error(&call(Asks::Short), 5).contains("user gave 1 values for 2 rows"));
}
