//! Numbers of rows and ranks as int64: DataFusion counts in unsigned integers, whose differences wrap.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{PartitionEvaluator, Signature, WindowUDF, WindowUDFImpl};
use std::sync::Arc;

/// A window function of DataFusion's whose values are converted.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Signed(Arc<WindowUDF>);

impl Signed {
    /// The function, signed if it counts.
    pub fn of(function: &Arc<WindowUDF>) -> Arc<WindowUDF> {
        match function.name() {
            "row_number" | "rank" | "dense_rank" | "ntile" => Arc::new(WindowUDF::from(Self(function.clone()))),
            _ => function.clone(),
        }
    }
}

impl WindowUDFImpl for Signed {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        self.0.partition_evaluator_factory(args)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Int64, true)))
    }
}
