//! Columns as Hive, and so Glue and Athena, have them: of each type its name there, or why there is none.

use super::Field;
use crate::types::{Column, ColumnType};

/// The longest name of a table or column that Glue takes.
pub const MAX_NAME: usize = 255;

/// A name that Glue keeps as it is and Athena takes without quotes.
pub fn is_name(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    first && name.len() <= MAX_NAME && name.chars().all(rest)
}

/// The type in Hive's words; what it has none for comes back as what to do.
pub fn hive(ty: ColumnType) -> Result<String, &'static str> {
    use ColumnType as T;
    Ok(match ty {
        T::Bool => "boolean",
        T::Int8 => "tinyint",
        T::Int16 => "smallint",
        T::Int32 => "int",
        T::Int64 => "bigint",
        T::Float32 => "float",
        T::Float64 => "double",
        T::String => "string",
        T::Date => "date",
        T::Timestamp | T::TimestampUtc => "timestamp",
        T::Decimal { precision, scale } => return Ok(format!("decimal({precision},{scale})")),
        T::Uint8 => return Err("CAST it to SMALLINT"),
        T::Uint16 => return Err("CAST it to INTEGER"),
        T::Uint32 => return Err("CAST it to BIGINT"),
        T::Uint64 => return Err("CAST it to BIGINT or DECIMAL(20, 0)"),
    }
    .to_owned())
}

/// The columns as the table has them, or what of the first that it cannot have is wrong, with the way out.
pub fn fields(columns: &[Column], partition: &[String]) -> Result<Vec<Field>, String> {
    let mut out: Vec<Field> = Vec::with_capacity(columns.len());
    for column in columns {
        let name = &column.name;
        if !is_name(name) {
            let rule = "a table of Glue has lower-case letters, digits and `_` in its names";
            return Err(format!("column `{name}`: {rule}: rename it with AS"));
        }
        if partition.contains(name) {
            return Err(format!(
                "column `{name}` is what the table is partitioned by, too: leave it out, or rename it"
            ));
        }
        let ty = hive(column.ty)
            .map_err(|way| format!("column `{name}` is {}, and Athena has no unsigned integers: {way}", column.ty))?;
        out.push(Field { name: name.clone(), ty });
    }
    Ok(out)
}
