//! The engine's side of dates and timestamps in text: an elementwise function around the parser that the row check
//! has used already.

use crate::elementwise::elementwise;
use polars::prelude::*;
use spotmill_text::temporal::Temporal;

pub fn parsed(text: Expr, temporal: Temporal, out: DataType) -> Expr {
    let dtype = out.clone();
    let run = move |columns: &mut [Column]| -> PolarsResult<Column> {
        let name = columns[0].name().clone();
        let text = columns[0].str()?;
        let mut wrong = None;
        let one = |value: Option<&str>| -> Option<i64> {
            let value = value.filter(|v| !v.is_empty())?;
            let parsed = temporal.parse(value.as_bytes());
            if parsed.is_none() {
                wrong.get_or_insert_with(|| value.to_owned());
            }
            parsed
        };
        let ints: Int64Chunked = text.iter().map(one).collect();
        if let Some(wrong) = wrong {
            polars_bail!(ComputeError: "column `{name}`: `{wrong}` is not {}", temporal.expected());
        }
        let ints = ints.with_name(name).into_series();
        let physical = if dtype == DataType::Date { ints.cast(&DataType::Int32)? } else { ints };
        Ok(physical.cast(&dtype)?.into_column())
    };
    let fields = move |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), out.clone()));
    elementwise("read_time", run, fields).call(vec![text])
}
