//! A source of rows for the engine: chunks of CSV files, each parsed by the engine's own parser as it streams by. The
//! engine's source finds line ends a byte at a time where it is built by stable Rust, which takes as long as parsing;
//! in this source the row check has already cut the chunks. The parser and its options are those of the engine's
//! source, and a chunk that holds another number of rows than lines is an error.

use crate::elementwise::elementwise;
use crate::mapped::Mapped;
use crate::wanted::Wanted;
use polars::prelude::_csv_read_internal::{NullValuesCompiled, read_chunk, validate_utf8};
use polars::prelude::*;
use polars_plan::dsl::DslBuilder;
use polars_plan::prelude::UdfSchema;
use spotmill_text::chunks::Chunk;
use std::path::PathBuf;
use std::sync::Arc;

const PART: &str = "part";

/// Files of one layout.
pub struct Files {
    /// With their chunks, in order.
    pub files: Vec<(PathBuf, Mapped, Vec<Chunk>)>,
    /// What the parser reads.
    pub schema: SchemaRef,
    pub separator: u8,
    pub nulls: Vec<PlSmallStr>,
}

/// The rows of the files, in order.
pub fn scan(files: Files, wanted: &Wanted) -> PolarsResult<LazyFrame> {
    let Files { files, schema, separator, nulls } = files;
    let nulls = (!nulls.is_empty()).then_some(NullValues::AllColumns(nulls));
    let options = CsvParseOptions { separator, null_values: nulls.clone(), ..Default::default() };
    let nulls = nulls.map(|n| n.compile(&schema)).transpose()?;
    let strings = schema.iter_values().any(|ty| ty.is_string());
    let parts = files.iter().enumerate().flat_map(|(file, (_, _, chunks))| chunks.iter().map(move |c| (file, *c)));
    let parts: Vec<(usize, Chunk)> = parts.collect();
    let ids = numbers(parts.len())?;
    let files = files.into_iter().map(|(path, mapped, _)| (path, mapped)).collect();
    let reader = Reader { files, parts, schema: schema.clone(), options, nulls, strings, wanted: wanted.clone() };
    let made: Arc<dyn UdfSchema> = Arc::new(move |_: &Schema| Ok(schema.clone()));
    let read = move |ids: DataFrame| reader.read(&ids);
    let plan = DslBuilder::from(ids.logical_plan).map(read, OptFlags::STREAMING, Some(made), wanted.source().clone());
    Ok(plan.build().into())
}

/// A frame of the numbers below `count` that streams one at a time: a row group each. Its buffer is its own, because
/// plans distinguish sources of one name by its address.
fn numbers(count: usize) -> PolarsResult<LazyFrame> {
    let numbers: Vec<u32> = (0..count).map(|n| n as u32).collect();
    let mut frame = DataFrame::new(count, vec![Series::new(PART.into(), numbers).into_column()])?;
    let mut buffer = Vec::new();
    ParquetWriter::new(&mut buffer)
        .with_compression(ParquetCompression::Uncompressed)
        .with_statistics(StatisticsOptions::empty())
        .with_row_group_size(Some(1))
        .finish(&mut frame)?;
    let args = ScanArgsParquet { hive_options: HiveOptions::new_disabled(), ..Default::default() };
    LazyFrame::scan_parquet_sources(ScanSources::Buffers([buffer.into()].into()), args)
}

struct Reader {
    files: Vec<(PathBuf, Mapped)>,
    /// Chunks, with the numbers of their files.
    parts: Vec<(usize, Chunk)>,
    schema: SchemaRef,
    options: CsvParseOptions,
    nulls: Option<NullValuesCompiled>,
    strings: bool,
    wanted: Wanted,
}

impl Reader {
    fn read(&self, ids: &DataFrame) -> PolarsResult<DataFrame> {
        let columns = self.wanted.places(&self.schema);
        let mut rows: Option<DataFrame> = None;
        for id in ids.column(PART)?.u32()?.into_no_null_iter() {
            let (file, Chunk { from, to, rows: lines }) = self.parts[id as usize];
            let (path, mapped) = &self.files[file];
            let with_place = |e: PolarsError| e.context(format!("bytes {from} to {to} of {}", path.display()).into());
            let more = self.parse(&mapped.bytes()[from..to], lines, &columns).map_err(with_place)?;
            match &mut rows {
                Some(rows) => drop(rows.vstack_mut_owned(more)?),
                None => rows = Some(more),
            }
        }
        let none = || self.parse(&[], 0, &columns);
        rows.map_or_else(none, Ok)
    }

    fn parse(&self, bytes: &[u8], lines: usize, columns: &[usize]) -> PolarsResult<DataFrame> {
        if self.strings && !validate_utf8(bytes) {
            polars_bail!(ComputeError: "invalid utf-8 sequence");
        }
        if columns.is_empty() {
            return self.with_unparsed(DataFrame::empty_with_height(lines));
        }
        let nulls = self.nulls.as_ref();
        let (options, end) = (&self.options, bytes.len());
        let rows = read_chunk(bytes, options, &self.schema, false, columns, 0, lines, nulls, usize::MAX, end, Some(0))?;
        if rows.height() != lines {
            let rows = rows.height();
            polars_bail!(ComputeError: "{rows} rows were read where {lines} were checked");
        }
        self.with_unparsed(rows)
    }

    /// Plans refer to columns by their places: what was not parsed keeps its own, as a column without a type.
    fn with_unparsed(&self, rows: DataFrame) -> PolarsResult<DataFrame> {
        let height = rows.height();
        let mut parsed = rows.into_columns().into_iter().peekable();
        let column = |name: &PlSmallStr| match parsed.next_if(|c| c.name() == name) {
            Some(column) => column,
            None => Column::full_null(name.clone(), height, &DataType::Null),
        };
        let columns = self.schema.iter_names().map(column).collect();
        DataFrame::new(height, columns)
    }
}

/// `column` of such a source. Every read checks that it was parsed: a mistake of `wanted` is an error
/// and never a column of NULLs.
pub fn parsed(column: &str) -> Expr {
    let run = |columns: &mut [Column]| {
        let column = columns[0].clone();
        if column.dtype().is_null() {
            polars_bail!(ComputeError: "the column `{}` was not parsed, but is used", column.name());
        }
        Ok(column)
    };
    let fields = |_: &Schema, fields: &[Field]| Ok(fields[0].clone());
    elementwise("parsed", run, fields).call(vec![col(column)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn numbers_come_one_at_a_time_and_in_order() {
        let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
        let heights = seen.clone();
        let observe = move |numbers: DataFrame| {
            heights.lock().expect("not poisoned").push(numbers.height());
            Ok(numbers)
        };
        let frame = numbers(300).expect("a frame").map(observe, OptFlags::STREAMING, None, None);
        let found = frame.collect_with_engine(Engine::Streaming).expect("collected").unwrap_single();
        let values: Vec<u32> = found.column(PART).expect("it").u32().expect("u32").into_no_null_iter().collect();
        assert_eq!(values, (0..300).collect::<Vec<_>>());
        assert!(seen.lock().expect("not poisoned").iter().all(|height| *height <= 1), "a chunk is what a core caches");
    }
}
