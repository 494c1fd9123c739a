//! Bytes of Parquet files that are declared as text: UTF-8, or an error that names the column.

use crate::elementwise::elementwise;
use crate::whose::Whose;
use polars::prelude::*;

/// Of a column of bytes.
pub fn text(column: Expr, whose: Whose) -> Expr {
    let given = whose.given(column);
    let run = move |columns: &mut [Column]| -> PolarsResult<Column> {
        columns[0].strict_cast(&DataType::String).or_else(|_| {
            let values = columns[0].binary()?;
            let at = values.iter().position(|value| value.is_some_and(|bytes| std::str::from_utf8(bytes).is_err()));
            let place = whose.place(columns, at.unwrap_or_default());
            polars_bail!(ComputeError:
                "{place}: a value is not UTF-8, and bytes have no type here: leave the column out of `columns`, or have it \
                 written as text")
        })
    };
    let fields = |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), DataType::String));
    elementwise("text", run, fields).call(given)
}
