//! Aggregates by DataFusion's own accumulators, over the rows of each group as lists.

use super::call::{held, typed};
use super::{bridged, engine_type, failed};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType as ArrowType, FieldRef};
use datafusion_common::ScalarValue;
use datafusion_expr::AggregateUDF;
use polars::prelude::*;
use spotmill_kernels::GroupedCall;
use std::ops::Range;
use std::sync::Arc;

#[derive(Clone)]
pub struct Grouped {
    pub function: Arc<AggregateUDF>,
    /// A column of lists each, with the field it was planned as, and its value where it is a literal.
    pub args: Vec<(PlSmallStr, FieldRef, Option<ScalarValue>)>,
    pub order_by: Vec<(PlSmallStr, ArrowType, SortOptions)>,
    pub filter: Option<PlSmallStr>,
    pub distinct: bool,
    pub ignore_nulls: bool,
    pub return_field: FieldRef,
    pub text: String,
}

impl Grouped {
    /// The frame with one column more.
    pub fn added(&self, frame: LazyFrame, name: &PlSmallStr) -> PolarsResult<LazyFrame> {
        let (call, out) = (self.clone(), name.clone());
        let made = vec![(name.clone(), engine_type(self.return_field.data_type())?)];
        Ok(held(frame, made, "aggregate", move |frame| Ok(vec![call.run(frame, &out)?])))
    }

    fn run(&self, frame: &DataFrame, name: &PlSmallStr) -> PolarsResult<Column> {
        let (mut args, mut fields, mut literals) = (Vec::new(), Vec::new(), Vec::new());
        let mut groups: Option<Vec<Range<usize>>> = None;
        for (column, field, literal) in &self.args {
            let (values, ranges) = flattened(frame.column(column)?, field.data_type())?;
            groups.get_or_insert(ranges);
            args.push(values);
            fields.push(field.clone());
            literals.push(literal.clone());
        }
        let order_by =
            self.order_by.iter().map(|(column, ty, options)| Ok((flattened(frame.column(column)?, ty)?.0, *options)));
        let filter = self.filter.as_ref().map(|column| flattened(frame.column(column)?, &ArrowType::Boolean));
        let call = GroupedCall {
            function: self.function.clone(),
            args,
            arg_fields: fields,
            literal_args: literals,
            return_field: self.return_field.clone(),
            filter: filter.transpose()?.map(|(values, _)| values.as_boolean().clone()),
            distinct: self.distinct,
            order_by: order_by.collect::<PolarsResult<_>>()?,
            ignore_nulls: self.ignore_nulls,
        };
        let out = spotmill_kernels::grouped(&call, &groups.unwrap_or_default())
            .map_err(|e| polars_err!(ComputeError: "`{}`: {}", self.text, failed(e)))?;
        let out = typed(&out, self.return_field.data_type())?;
        Ok(bridged(spotmill_bridge::to_series(name, &out))?.into_column())
    }
}

/// All values of a column of lists, and where each list lies among them.
fn flattened(column: &Column, ty: &ArrowType) -> PolarsResult<(ArrayRef, Vec<Range<usize>>)> {
    let lists = bridged(spotmill_bridge::to_arrow(column))?;
    let lists = lists.as_list::<i64>();
    let offsets = lists.value_offsets();
    let base = offsets.first().copied().unwrap_or(0);
    let ranges = offsets.windows(2).map(|w| (w[0] - base) as usize..(w[1] - base) as usize).collect();
    let last = offsets.last().copied().unwrap_or(base);
    let values = lists.values().slice(base as usize, (last - base) as usize);
    Ok((typed(&values, ty)?, ranges))
}
