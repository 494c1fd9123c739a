//! Bytes of Parquet files that are declared as text: UTF-8, or an error that names the column.

use crate::elementwise::elementwise;
use polars::prelude::*;
use std::path::Path;

/// Of a column of bytes, of this file or others like it.
pub fn text(column: Expr, file: &Path) -> Expr {
    let file = file.display().to_string();
    let run = move |columns: &mut [Column]| -> PolarsResult<Column> {
        let name = columns[0].name();
        columns[0].strict_cast(&DataType::String).map_err(|_| {
            polars_err!(ComputeError:
                "column `{name}` of the input {file}, or of a file like it: a value is not UTF-8, and bytes have no type \
                 here: leave the column out of `columns`, or have it written as text")
        })
    };
    let fields = |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), DataType::String));
    elementwise("text", run, fields).call(vec![column])
}
