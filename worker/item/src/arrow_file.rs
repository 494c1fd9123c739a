//! Arrow files, in the file format of IPC and as a stream. The engine reads them by a copy: the columns that are read, a
//! batch at a time, as Parquet. It promises that the values are those of the file, or that the file is refused by name;
//! it never lets a length that stands in a file be believed before the file was found to hold it.

use crate::failure::{Outcome, Remedy, bad_data, cannot_read, cannot_write, engine_failure, failure};
use crate::footer::Footer;
use crate::{ipc, panics};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType as ArrowType, Date64Type};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchReader};
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    Column as PlColumn, DataFrame, DataType, Field, IntoColumn, ParquetCompression, ParquetWriter, Schema,
    StatisticsOptions, UnknownKind,
};
use spotmill_bridge::{BridgeError, polars_type, to_series};
use spotmill_core::item::{FailureClass, ItemFailure};
use spotmill_core::types::Column;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// Rows of a row group of the copy, the most that are converted at once.
const GROUP_ROWS: usize = 1 << 17;
const DAY_MILLIS: i64 = 86_400_000;
/// A column of a copy of which no other is read: it holds how many rows there are.
const ROWS: &str = "rows";

/// What the file states of its columns.
pub fn schema(path: &Path) -> Outcome<Footer> {
    let batches = caught(path, || ipc::open(path, None))?;
    let mut schema = Schema::default();
    for field in batches.schema().fields() {
        if schema.insert(field.name().as_str().into(), engine_type(field.data_type())).is_some() {
            let (name, column) = (path.display().to_string(), field.name());
            let message = format!("{name} has more than one column `{column}`");
            return Err(bad_data(&name, message).remedy("have the file rewritten"));
        }
    }
    let (int96, days, foreign) = Default::default();
    Ok(Footer { schema, int96, days, foreign, rows: None })
}

/// Writes `copy`, with those of `columns` that the file has, and counts the rows.
pub fn as_parquet(path: &Path, footer: &Footer, columns: &[Column], copy: &Path) -> Outcome<u64> {
    let is_read = |name: &str| columns.iter().any(|column| column.name == name);
    let names = footer.schema.iter_names().enumerate();
    let read: Vec<usize> = names.filter(|(_, name)| is_read(name)).map(|(i, _)| i).collect();
    let schema: Schema = match read.is_empty() {
        true => [Field::new(ROWS.into(), DataType::Boolean)].into_iter().collect(),
        false => read
            .iter()
            .filter_map(|i| footer.schema.get_at_index(*i))
            .map(|(n, t)| Field::new(n.clone(), t.clone()))
            .collect(),
    };
    let file = File::create(copy).map_err(|e| cannot_write(copy, &e))?;
    let writer = ParquetWriter::new(file)
        .with_compression(ParquetCompression::Lz4Raw)
        .with_statistics(StatisticsOptions::empty())
        .batched(&schema)
        .map_err(|e| engine_failure(&e, "copying an Arrow file"))?;
    let mut out = Copy { path, writer, waiting: Vec::new(), rows: 0 };
    let mut batches = caught(path, || ipc::open(path, Some(read)))?;
    while let Some(batch) = caught(path, || batches.next().transpose())? {
        out.push(&batch)?;
    }
    out.flush()?;
    out.writer.finish().map_err(|e| engine_failure(&e, "copying an Arrow file"))?;
    Ok(out.rows)
}

/// What a library makes of bytes that another has written: damage is an error of the file, also where it panics.
fn caught<T>(path: &Path, body: impl FnOnce() -> Result<T, ArrowError>) -> Outcome<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ArrowError::IoError(_, e))) if e.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(cannot_read(path, &e))
        }
        Ok(Err(e)) => Err(damaged(path, &e.to_string())),
        Err(payload) => {
            let _ = panics::take();
            Err(damaged(path, &panics::text(&*payload)))
        }
    }
}

fn damaged(path: &Path, why: &str) -> ItemFailure {
    let name = path.display().to_string();
    bad_data(&name, format!("{name} is no Arrow file, is damaged or is cut short: {why}"))
        .remedy("deliver the file again; nothing of it was used")
}

struct Copy<'a> {
    path: &'a Path,
    writer: BatchedWriter<File>,
    /// Batches of fewer rows together than a row group has.
    waiting: Vec<RecordBatch>,
    rows: u64,
}

impl Copy<'_> {
    fn push(&mut self, batch: &RecordBatch) -> Outcome<()> {
        let mut from = 0;
        while from < batch.num_rows() {
            let waiting: usize = self.waiting.iter().map(RecordBatch::num_rows).sum();
            let some = (GROUP_ROWS - waiting).min(batch.num_rows() - from);
            self.waiting.push(batch.slice(from, some));
            from += some;
            if waiting + some == GROUP_ROWS {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Outcome<()> {
        let Some(first) = self.waiting.first() else { return Ok(()) };
        let group = caught(self.path, || concat_batches(&first.schema(), &self.waiting))?;
        self.waiting.clear();
        self.rows += group.num_rows() as u64;
        let written = frame(self.path, &group)?;
        self.writer.write_batch(&written).map_err(|e| engine_failure(&e, "copying an Arrow file"))
    }
}

fn frame(path: &Path, group: &RecordBatch) -> Outcome<DataFrame> {
    let rows = group.num_rows();
    let schema = group.schema();
    let columns = schema.fields().iter().zip(group.columns());
    let crossed: Outcome<Vec<PlColumn>> = columns
        .map(|(field, array)| {
            Ok(crossed(field.name(), array).map_err(|e| unfit(path, field.name(), &e))?.into_column())
        })
        .collect();
    let mut crossed = crossed?;
    if crossed.is_empty() {
        crossed.push(PlColumn::full_null(ROWS.into(), rows, &DataType::Boolean));
    }
    DataFrame::new(rows, crossed).map_err(|e| engine_failure(&e, "copying an Arrow file"))
}

fn unfit(path: &Path, column: &str, error: &BridgeError) -> ItemFailure {
    let name = path.display().to_string();
    match error {
        BridgeError::Mismatch { .. } | BridgeError::Polars(_) => {
            failure(FailureClass::Transform, format!("{name}: column `{column}`: {error}"))
        }
        _ => bad_data(&name, format!("{name}: column `{column}`: {error}")),
    }
}

fn crossed(name: &str, array: &ArrayRef) -> Result<polars::prelude::Series, BridgeError> {
    let Some(ty) = crossing(array.data_type()) else {
        return Err(BridgeError::Unsupported(array.data_type().to_string()));
    };
    if ty == *array.data_type() {
        return to_series(name, array);
    }
    if *array.data_type() == ArrowType::Date64 {
        let days = array.as_primitive::<Date64Type>();
        if let Some(odd) = days.iter().flatten().find(|millis| millis % DAY_MILLIS != 0) {
            let message = format!("{odd} milliseconds since 1970 are no date: date64 holds whole days");
            return Err(BridgeError::Arrow(ArrowError::InvalidArgumentError(message)));
        }
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    to_series(name, &cast_with_options(array, &ty, &strict)?)
}

/// The form in which an array is handed to the bridge: a dictionary as its values, days as days. None where the engine
/// has no such type.
fn crossing(ty: &ArrowType) -> Option<ArrowType> {
    let form = match ty {
        ArrowType::Dictionary(_, values) => return crossing(values),
        ArrowType::Date64 => ArrowType::Date32,
        ArrowType::FixedSizeBinary(_) => ArrowType::LargeBinary,
        other => other.clone(),
    };
    polars_type(&form).is_some().then_some(form)
}

/// The type of the copy; of what cannot be copied, a name for messages.
fn engine_type(ty: &ArrowType) -> DataType {
    if let Some(found) = crossing(ty).and_then(|form| polars_type(&form)) {
        return found;
    }
    let field =
        |field: &Arc<arrow::datatypes::Field>| Field::new(field.name().as_str().into(), engine_type(field.data_type()));
    match ty {
        ArrowType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        ArrowType::List(item)
        | ArrowType::LargeList(item)
        | ArrowType::Map(item, _)
        | ArrowType::FixedSizeList(item, _) => DataType::List(Box::new(engine_type(item.data_type()))),
        ArrowType::Time32(_) | ArrowType::Time64(_) => DataType::Time,
        ArrowType::Float16 => DataType::Float16,
        _ => DataType::Unknown(UnknownKind::Any),
    }
}
