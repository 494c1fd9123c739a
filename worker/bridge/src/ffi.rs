//! The Arrow C data interface between the two libraries, and all the `unsafe` there is. It promises that an array
//! handed over is released exactly once, by whoever holds it last, and that neither side sees values the other still
//! changes: both count who shares a buffer, and write only into one nobody shares. It never keeps a pointer of its own.
#![allow(unsafe_code, reason = "the C data interface is a contract between two libraries that no compiler can check")]

use crate::error::BridgeError;
use arrow::array::{Array, ArrayRef, make_array};
use arrow::datatypes::DataType as ArrowType;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type, to_ffi};
use polars_arrow::array::Array as PolarsArray;
use polars_arrow::datatypes::Field;
use polars_arrow::ffi::{
    ArrowArray, ArrowSchema, export_array_to_c, export_field_to_c, import_array_from_c, import_field_from_c,
};
use polars_core::prelude::PlSmallStr;
use std::mem::transmute;

// Each library declares the interface's two structs itself, `repr(C)` and field by field as its specification has
// them. Should one ever differ from the other in size, this crate does not compile.
const _: () = assert!(size_of::<ArrowArray>() == size_of::<FFI_ArrowArray>());
const _: () = assert!(align_of::<ArrowArray>() == align_of::<FFI_ArrowArray>());
const _: () = assert!(size_of::<ArrowSchema>() == size_of::<FFI_ArrowSchema>());
const _: () = assert!(align_of::<ArrowSchema>() == align_of::<FFI_ArrowSchema>());

/// `array` as one of Arrow; the buffers stay where Polars put them.
pub fn to_arrow(array: Box<dyn PolarsArray>) -> Result<ArrayRef, BridgeError> {
    // Without a name: a column's may hold what a string of C cannot.
    let field = Field::new(PlSmallStr::EMPTY, array.dtype().clone(), true);
    let ty = ArrowType::try_from(&schema_of_arrow(export_field_to_c(&field)))?;
    let mut exported = array_of_arrow(export_array_to_c(array));
    drop_buffers_of_nulls(&mut exported, &ty);
    // SAFETY: polars-arrow exported both the array and, from its own type, `ty`, as the interface specifies. The
    // array moves in: arrow releases it when the last buffer made of it is dropped, or at once if it makes none.
    let data = unsafe { from_ffi_and_data_type(exported, ty) }?;
    Ok(make_array(data))
}

/// `array` as one of Polars; the buffers stay where Arrow put them.
pub fn to_polars(array: &dyn Array) -> Result<Box<dyn PolarsArray>, BridgeError> {
    let (exported, schema) = to_ffi(&array.to_data())?;
    let schema = schema_of_polars(schema);
    // SAFETY: arrow exported the schema as the interface specifies; it is borrowed, and lives until the end of this
    // function. The field owns its strings.
    let field = unsafe { import_field_from_c(&schema) }?;
    // SAFETY: arrow exported the array as the interface specifies, and the schema of the same array gave its type.
    // It moves in: polars-arrow releases it when the last buffer made of it is dropped, or at once if it makes none.
    // Strings are UTF-8, because arrow makes no array of strings that are not, except by unsafe code.
    Ok(unsafe { import_array_from_c(array_of_polars(exported), field.dtype) }?)
}

fn array_of_arrow(array: ArrowArray) -> FFI_ArrowArray {
    // SAFETY: both are `repr(C)` with the fields of `struct ArrowArray` of the interface in its order, so every value
    // of the one is a value of the other; a pointer to the one is passed to a C function as one to the other is. The
    // value moves: `transmute` does not drop its argument, and so only the new owner calls `release`.
    unsafe { transmute::<ArrowArray, FFI_ArrowArray>(array) }
}

fn array_of_polars(array: FFI_ArrowArray) -> ArrowArray {
    // SAFETY: as in `array_of_arrow`, the other way round.
    unsafe { transmute::<FFI_ArrowArray, ArrowArray>(array) }
}

fn schema_of_arrow(schema: ArrowSchema) -> FFI_ArrowSchema {
    // SAFETY: as in `array_of_arrow`, with the fields of `struct ArrowSchema`.
    unsafe { transmute::<ArrowSchema, FFI_ArrowSchema>(schema) }
}

fn schema_of_polars(schema: FFI_ArrowSchema) -> ArrowSchema {
    // SAFETY: as in `schema_of_arrow`, the other way round.
    unsafe { transmute::<FFI_ArrowSchema, ArrowSchema>(schema) }
}

/// polars-arrow gives an array of nulls one absent buffer, for older readers in C++; the specification has none, and
/// arrow refuses it. What is released does not depend on this count.
fn drop_buffers_of_nulls(array: &mut FFI_ArrowArray, ty: &ArrowType) {
    match ty {
        ArrowType::Null => array.n_buffers = 0,
        ArrowType::LargeList(item) if array.n_children == 1 => {
            // SAFETY: polars-arrow just exported the array: with one child, `children` points to one pointer to it,
            // which lives as long as the array does. Nobody else has seen the array, so nobody else holds the child.
            let child = unsafe { &mut **array.children };
            drop_buffers_of_nulls(child, item.data_type());
        }
        _ => {}
    }
}
