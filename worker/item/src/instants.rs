//! Timestamps of Parquet files in microseconds, the unit of every column: to the last digit, or an error that
//! names the column. Nothing saturates and nothing is cut off unless the column is declared so.

use crate::elementwise::elementwise;
use crate::int96;
use crate::types::word;
use crate::whose::Whose;
use polars::prelude::*;

const EPOCH_JULIAN_DAY: i64 = 2_440_588;
const DAY_MICROS: i64 = 86_400_000_000;

/// Why a value is no timestamp of this vocabulary, and which.
type Wrong = (usize, String);

/// Of a column of timestamps, or of INT96 as bytes.
pub fn micros(column: Expr, to: DataType, cut: bool, whose: Whose) -> Expr {
    let (out, given) = (to.clone(), whose.given(column));
    let run = move |columns: &mut [Column]| -> PolarsResult<Column> {
        let name = columns[0].name().clone();
        // The type that the engine has read, not that of a footer.
        let found = match columns[0].dtype() {
            DataType::Binary => of_bytes(columns[0].binary()?, cut),
            DataType::Datetime(unit, _) => of_unit(columns[0].to_physical_repr().i64()?, *unit, cut),
            other => polars_bail!(ComputeError: "column `{name}`: {} is no timestamp", word(other)),
        };
        let found = found.map_err(|(at, why)| polars_err!(ComputeError: "{}: {why}", whose.place(columns, at)))?;
        Ok(found.with_name(name).into_series().cast(&to)?.into_column())
    };
    let fields = move |_: &Schema, fields: &[Field]| Ok(Field::new(fields[0].name().clone(), out.clone()));
    elementwise("micros", run, fields).call(given)
}

fn of_unit(ticks: &Int64Chunked, unit: TimeUnit, cut: bool) -> Result<Int64Chunked, Wrong> {
    let one = |tick: i64| match unit {
        TimeUnit::Microseconds => Ok(tick),
        TimeUnit::Milliseconds => tick.checked_mul(1000).ok_or_else(|| out_of_range(MILLIS)),
        TimeUnit::Nanoseconds if tick % 1000 == 0 || cut => Ok(tick.div_euclid(1000)),
        TimeUnit::Nanoseconds => Err(too_fine()),
    };
    numbered(ticks.iter().map(|tick| tick.map(one).transpose()))
}

fn of_bytes(values: &BinaryChunked, cut: bool) -> Result<Int64Chunked, Wrong> {
    let one = |bytes: &[u8]| {
        let bytes: &[u8; int96::BYTES] = bytes.try_into().map_err(|_| "a value has not twelve bytes".to_owned())?;
        let [n0, n1, n2, n3, n4, n5, n6, n7, d0, d1, d2, d3] = *bytes;
        let nanos = i64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]);
        let day = i64::from(i32::from_le_bytes([d0, d1, d2, d3])) - EPOCH_JULIAN_DAY;
        if nanos % 1000 != 0 && !cut {
            return Err(too_fine());
        }
        let micros = day.checked_mul(DAY_MICROS).and_then(|micros| micros.checked_add(nanos.div_euclid(1000)));
        micros.ok_or_else(|| out_of_range(REWRITE))
    };
    numbered(values.iter().map(|value| value.map(one).transpose()))
}

fn too_fine() -> String {
    "it has nanoseconds (ns), and a timestamp here has microseconds; declare it with `nanoseconds = \"cut\"` to cut them \
     off, or as int64 to have the nanoseconds since 1970"
        .to_owned()
}

const MILLIS: &str = "declare it as int64 to have the milliseconds since 1970";
const REWRITE: &str = "leave the column out of `columns`, or have it written otherwise";

fn out_of_range(way: &str) -> String {
    format!("a value is out of the range of timestamps, which end in the year 294246: {way}")
}

fn numbered(values: impl Iterator<Item = Result<Option<i64>, String>>) -> Result<Int64Chunked, Wrong> {
    values.enumerate().map(|(at, value)| value.map_err(|why| (at, why))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int96(nanos: i64, day: i32) -> Vec<u8> {
        [&nanos.to_le_bytes()[..], &day.to_le_bytes()[..]].concat()
    }

    #[test]
    fn twelve_bytes_are_an_instant() {
        let check = |nanos, day, cut, expected: Result<i64, &str>| {
            let bytes = int96(nanos, day);
            let found = of_bytes(&BinaryChunked::new("t".into(), [Some(&bytes[..])]), cut);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found.get(0), Some(expected)),
                (Err((at, why)), Err(expected)) => assert!(at == 0 && why.contains(expected), "{why}"),
                (found, _) => panic!("{found:?}"),
            }
        };
        check(0, 2_440_588, false, Ok(0));
        check(1_000, 2_440_587, false, Ok(-DAY_MICROS + 1));
        check(86_399_000_000_000, 5_373_484, false, Ok(253_402_300_799_000_000));
        check(0, 2_305_448, false, Ok(-11_676_096_000_000_000));
        check(1_999, 2_440_588, false, Err("nanoseconds"));
        check(1_999, 2_440_588, true, Ok(1));
        check(0, i32::MIN, false, Err("range"));
    }
}
