//! What is asked: one call of a function over windows or over groups, with its arguments evaluated to arrays. It
//! promises that a checked call is whole: every array as long as the rows, every list as long as the arguments. It
//! never evaluates.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::SortOptions;
use arrow::datatypes::FieldRef;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::{AggregateUDF, WindowFrame, WindowFunctionDefinition};

/// One function over windows. The arrays have one element a row, in the order of the input.
#[derive(Debug, Clone)]
pub struct WindowCall {
    pub function: WindowFunctionDefinition,
    pub args: Vec<ArrayRef>,
    /// One field an argument.
    pub arg_fields: Vec<FieldRef>,
    /// One entry an argument: its value where the argument is a literal.
    pub literal_args: Vec<Option<ScalarValue>>,
    pub return_field: FieldRef,
    pub partition_by: Vec<ArrayRef>,
    pub order_by: Vec<(ArrayRef, SortOptions)>,
    pub frame: WindowFrame,
    /// The rows that reach an aggregate; a null is a no.
    pub filter: Option<BooleanArray>,
    pub distinct: bool,
    pub ignore_nulls: bool,
}

/// One aggregate over groups of rows that lie next to each other.
#[derive(Debug, Clone)]
pub struct GroupedCall {
    pub function: Arc<AggregateUDF>,
    pub args: Vec<ArrayRef>,
    /// One field an argument.
    pub arg_fields: Vec<FieldRef>,
    /// One entry an argument: its value where the argument is a literal.
    pub literal_args: Vec<Option<ScalarValue>>,
    pub return_field: FieldRef,
    /// The rows that reach the aggregate; a null is a no.
    pub filter: Option<BooleanArray>,
    pub distinct: bool,
    /// The order of the rows within a group, also that of WITHIN GROUP.
    pub order_by: Vec<(ArrayRef, SortOptions)>,
    pub ignore_nulls: bool,
}

impl WindowCall {
    pub(crate) fn check(&self, rows: usize) -> Result<()> {
        check_args(&self.args, &self.arg_fields, &self.literal_args)?;
        let keys = self.order_by.iter().map(|(key, _)| key);
        let arrays = self.args.iter().chain(&self.partition_by).chain(keys);
        same_length(arrays, self.filter.as_ref(), rows)
    }
}

impl GroupedCall {
    /// The number of rows, which every array has.
    pub(crate) fn check(&self) -> Result<usize> {
        check_args(&self.args, &self.arg_fields, &self.literal_args)?;
        let Some(first) = self.args.first() else {
            return exec_err!("{} needs an argument", self.function.name());
        };
        let keys = self.order_by.iter().map(|(key, _)| key);
        same_length(self.args.iter().chain(keys), self.filter.as_ref(), first.len())?;
        Ok(first.len())
    }
}

/// The functions trust the fields and would panic on an array of another type.
fn check_args(args: &[ArrayRef], fields: &[FieldRef], literals: &[Option<ScalarValue>]) -> Result<()> {
    let (count, fields_count, literals_count) = (args.len(), fields.len(), literals.len());
    if count != fields_count || count != literals_count {
        return exec_err!("{count} arguments came with {fields_count} fields and {literals_count} entries of literals");
    }
    for (arg, field) in args.iter().zip(fields) {
        if !arg.data_type().equals_datatype(field.data_type()) {
            return exec_err!("an argument of type {} came as {}", field.data_type(), arg.data_type());
        }
    }
    Ok(())
}

fn same_length<'a>(
    arrays: impl Iterator<Item = &'a ArrayRef>,
    filter: Option<&BooleanArray>,
    rows: usize,
) -> Result<()> {
    for length in arrays.map(|array| array.len()).chain(filter.map(|filter| filter.len())) {
        if length != rows {
            return exec_err!("an array of {length} elements came with {rows} rows");
        }
    }
    Ok(())
}
