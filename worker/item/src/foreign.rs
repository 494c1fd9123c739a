//! Types of Parquet files that the engine has not. It would panic over a file that has one in any of its columns; so they
//! are found before it sees the file, a column that is read is refused by name, and the others are hidden from it
//! (`stripped`).

use polars::prelude::{ArrowDataType as Arrow, TimeZone};

/// The engine's decimals.
const MOST_DIGITS: usize = 38;

/// What the type is, if the engine has none for it, or for what is in it.
pub fn what(ty: &Arrow) -> Option<String> {
    match ty {
        Arrow::Extension(extension) => Some(format!("`{}`", extension.name)),
        Arrow::Interval(_) => Some("an interval".to_owned()),
        Arrow::Union(_) => Some("a union".to_owned()),
        Arrow::Decimal(precision, scale)
        | Arrow::Decimal32(precision, scale)
        | Arrow::Decimal64(precision, scale)
        | Arrow::Decimal256(precision, scale)
            if *precision > MOST_DIGITS =>
        {
            Some(format!("decimal({precision},{scale})"))
        }
        Arrow::Timestamp(_, zone) if TimeZone::opt_try_new(zone.clone()).is_err() => {
            Some(format!("a timestamp of the zone {}", zone.as_deref().unwrap_or_default()))
        }
        Arrow::Dictionary(_, values, _) => what(values),
        Arrow::List(item) | Arrow::LargeList(item) | Arrow::FixedSizeList(item, _) | Arrow::Map(item, _) => {
            what(&item.dtype).map(|inside| format!("a list or map of {inside}"))
        }
        Arrow::Struct(fields) => {
            fields.iter().find_map(|field| what(&field.dtype)).map(|inside| format!("a struct with {inside}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_has_not_is_named() {
        assert_eq!(what(&Arrow::Int64), None);
        assert_eq!(what(&Arrow::Decimal256(38, 2)), None);
        assert_eq!(what(&Arrow::Decimal256(50, 2)).as_deref(), Some("decimal(50,2)"));
        assert_eq!(what(&Arrow::Timestamp(polars::prelude::ArrowTimeUnit::Second, Some("UTC".into()))), None);
    }
}
