//! Accumulators of one aggregate, as many as are needed. It promises that a literal argument reaches the function as a
//! literal. It never lets the function see DISTINCT, FILTER, IGNORE NULLS or an order of its input: the rows fed to an
//! accumulator are already those.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use arrow::datatypes::{FieldRef, Schema};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{Accumulator, AggregateUDF};
use datafusion_functions_aggregate::min_max::{Max, Min};
use datafusion_physical_expr::expressions::{Column, Literal};
use datafusion_physical_expr::{PhysicalExpr, PhysicalSortExpr};

/// One aggregate over rows in their final order.
pub(crate) struct Aggregate<'a> {
    pub(crate) function: &'a AggregateUDF,
    pub(crate) args: Vec<ArrayRef>,
    pub(crate) arg_fields: Vec<FieldRef>,
    pub(crate) literal_args: &'a [Option<ScalarValue>],
    pub(crate) return_field: FieldRef,
    /// The direction of WITHIN GROUP, which such a function asks for.
    pub(crate) within_group: Option<SortOptions>,
    pub(crate) distinct: bool,
}

impl Aggregate<'_> {
    /// The least or the greatest: the same over repeats, and at home with any order of removal.
    pub(crate) fn is_extreme(&self) -> bool {
        let function = self.function.inner();
        function.downcast_ref::<Min>().is_some() || function.downcast_ref::<Max>().is_some()
    }
}

/// What every accumulator of an aggregate is made of.
pub(crate) struct Accumulators<'a> {
    function: &'a AggregateUDF,
    return_field: FieldRef,
    fields: &'a [FieldRef],
    schema: Schema,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    order_bys: Vec<PhysicalSortExpr>,
}

impl<'a> Accumulators<'a> {
    pub(crate) fn new(aggregate: &'a Aggregate) -> Accumulators<'a> {
        let exprs = exprs(&aggregate.arg_fields, aggregate.literal_args);
        let order_bys = aggregate
            .within_group
            .iter()
            .flat_map(|options| exprs.first().map(|expr| PhysicalSortExpr::new(Arc::clone(expr), *options)))
            .collect();
        Accumulators {
            function: aggregate.function,
            return_field: Arc::clone(&aggregate.return_field),
            fields: &aggregate.arg_fields,
            schema: Schema::new(aggregate.arg_fields.clone()),
            exprs,
            order_bys,
        }
    }

    pub(crate) fn plain(&self) -> Result<Box<dyn Accumulator>> {
        self.function.accumulator(self.args())
    }

    /// An accumulator that may also take rows back.
    pub(crate) fn sliding(&self) -> Result<Box<dyn Accumulator>> {
        self.function.create_sliding_accumulator(self.args())
    }

    fn args(&self) -> AccumulatorArgs<'_> {
        AccumulatorArgs {
            return_field: Arc::clone(&self.return_field),
            schema: &self.schema,
            ignore_nulls: false,
            order_bys: &self.order_bys,
            is_reversed: false,
            name: self.function.name(),
            is_distinct: false,
            exprs: &self.exprs,
            expr_fields: self.fields,
        }
    }
}

/// The arguments as the functions see them: a literal by its value, any other by its place.
pub(crate) fn exprs(fields: &[FieldRef], literals: &[Option<ScalarValue>]) -> Vec<Arc<dyn PhysicalExpr>> {
    let places = fields.iter().zip(literals).enumerate();
    places
        .map(|(place, (field, literal))| match literal {
            Some(value) => Arc::new(Literal::new(value.clone())) as Arc<dyn PhysicalExpr>,
            None => Arc::new(Column::new(field.name(), place)) as Arc<dyn PhysicalExpr>,
        })
        .collect()
}
