//! Keys: what sorts, partitions and finds repeats. It promises that nulls are equal to each other, NaN to NaN and -0.0
//! to 0.0, that NaN is greater than every number, and that a sort keeps the order of ties. It never changes a value
//! that is answered, but for the sign of a NaN.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, FixedSizeListArray, GenericListArray,
    OffsetSizeTrait, StructArray,
};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, FieldRef, Float16Type, Float32Type, Float64Type};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion_common::{Result, exec_err, not_impl_err};

type F16 = <Float16Type as ArrowPrimitiveType>::Native;

/// The keys as rows that compare byte by byte. There must be a key.
pub(crate) fn encoded(keys: &[(ArrayRef, SortOptions)]) -> Result<Rows> {
    let columns = keys.iter().map(|(key, _)| one_form(key)).collect::<Result<Vec<_>>>()?;
    if columns.iter().any(|column| column.len() != columns[0].len()) {
        return exec_err!("the keys of a sort must have the same length");
    }
    let fields = columns.iter().zip(keys).map(|(column, (_, options))| {
        let data_type = column.data_type().clone();
        SortField::new_with_options(data_type, *options)
    });
    Ok(RowConverter::new(fields.collect())?.convert_columns(&columns)?)
}

/// The array with one form of each float: a positive NaN, and zero without a sign.
pub(crate) fn one_form(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => one_zero(&one_nan(array)),
        DataType::Dictionary(_, values) => one_form(&cast(array, values)?)?,
        DataType::List(field) => list_of_one_form(array.as_list::<i32>(), field)?,
        DataType::LargeList(field) => list_of_one_form(array.as_list::<i64>(), field)?,
        DataType::FixedSizeList(field, size) => {
            let list = array.as_fixed_size_list();
            let values = one_form(list.values())?;
            let (field, nulls) = (retyped(field, &values), list.nulls().cloned());
            Arc::new(FixedSizeListArray::try_new_with_length(field, *size, values, nulls, list.len())?)
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(one_form).collect::<Result<Vec<_>>>()?;
            let fields = fields.iter().zip(&columns).map(|(field, column)| retyped(field, column)).collect();
            Arc::new(StructArray::try_new_with_length(fields, columns, array.nulls().cloned(), array.len())?)
        }
        other if other.is_nested() => return not_impl_err!("a value of type {other} cannot be a key"),
        _ => Arc::clone(array),
    })
}

/// Floats with every NaN positive, so that NaN is the greatest of them. Any other array is left as it is.
pub(crate) fn one_nan(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float16 => map::<Float16Type>(array, |value| if value.is_nan() { F16::NAN } else { value }),
        DataType::Float32 => map::<Float32Type>(array, |value| if value.is_nan() { f32::NAN } else { value }),
        DataType::Float64 => map::<Float64Type>(array, |value| if value.is_nan() { f64::NAN } else { value }),
        _ => Arc::clone(array),
    }
}

fn one_zero(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float16 => map::<Float16Type>(array, plus_zero),
        DataType::Float32 => map::<Float32Type>(array, plus_zero),
        DataType::Float64 => map::<Float64Type>(array, plus_zero),
        _ => Arc::clone(array),
    }
}

/// The sum of -0.0 and 0.0 is 0.0, and every other value stays.
fn plus_zero<N: ArrowNativeTypeOp>(value: N) -> N {
    value.add_wrapping(N::ZERO)
}

fn map<T: ArrowPrimitiveType>(array: &ArrayRef, each: impl Fn(T::Native) -> T::Native) -> ArrayRef {
    Arc::new(array.as_primitive::<T>().unary::<_, T>(each))
}

fn list_of_one_form<O: OffsetSizeTrait>(list: &GenericListArray<O>, field: &FieldRef) -> Result<ArrayRef> {
    let values = one_form(list.values())?;
    let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
    Ok(Arc::new(GenericListArray::try_new(retyped(field, &values), offsets, values, nulls)?))
}

fn retyped(field: &FieldRef, values: &ArrayRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(values.data_type().clone()))
}
