//! Streaming the result to files below the attempt's own prefix, and reading back what was written: an attempt
//! reports rows and bytes that it has seen on disk, never what it believes to have sent there.

use crate::as_text::{self, LoneNull};
use crate::counter::Counter;
use crate::failure::{Outcome, cannot_read, cannot_write, engine_failure, failure, root, transform};
use crate::footer;
use crate::loaded::scan_parquet;
use crate::partition::{bucket_of, check_keys, label};
use polars::prelude::*;
use polars_plan::dsl::file_provider::{FileProviderArgs, FileProviderReturn, FileProviderType};
use polars_plan::dsl::sink::{PartitionStrategy, SinkDestination, SinkTarget, UnifiedSinkArgs};
use polars_plan::dsl::{FileWriteFormat, SpecialEq};
use polars_plan::prelude::PlanCallback;
use spotmill_core::item::{FailureClass, OutputFile};
use spotmill_core::model::{Format, Layout, Output, OutputCompression, Read};
use spotmill_text::count::count;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What was written.
pub struct Written {
    pub files: Vec<OutputFile>,
    pub rows: u64,
    /// A CSV file of one column has a NULL in it.
    pub lone_null: bool,
}

pub fn write(frame: LazyFrame, schema: &Schema, output: &Output, scratch: &Path) -> Outcome<Written> {
    let counter = Counter::default();
    let frame = sorted(frame, output, schema)?;
    let frame = counter.count(frame);
    let lone = LoneNull::default();
    let frame = match output.format {
        Format::Parquet | Format::Arrow => frame,
        Format::Csv | Format::Ndjson => frame.select(as_text::columns(output, schema, &lone)),
    };
    let named: Arc<Mutex<Vec<(String, u32)>>> = Arc::default();
    let plain = Output { compression: OutputCompression::None, ..output.clone() }.ending();
    let destination = destination(output, schema, scratch, &named, &plain)?;
    let args = UnifiedSinkArgs { mkdir: true, maintain_order: true, ..Default::default() };
    let single = matches!(destination, SinkDestination::File { .. });
    let below = format!("writing below {}", scratch.display());
    std::fs::create_dir_all(scratch).map_err(|e| cannot_write(scratch, &e))?;
    frame
        .sink(destination, file_format(output, &keys(output, schema))?, args)
        .and_then(|f| f.collect_with_engine(Engine::Streaming))
        .map_err(|e| match root(&e) {
            PolarsError::IO { .. } => engine_failure(&e, &below),
            _ => engine_failure(&e, "the transform"),
        })?;
    let mut named = match named.lock() {
        Ok(mut named) => std::mem::take(&mut *named),
        Err(_) => return Err(failure(FailureClass::Crash, "the writer died while it named files")),
    };
    if single {
        named.push((String::new(), 0));
    }
    named.sort();
    let extension = output.ending();
    if extension != plain {
        for (label, part) in &named {
            let path = |extension: &str| scratch.join(file_path(label, *part, extension));
            pack(&path(&plain), &path(&extension), output.compression)?;
        }
    }
    let (files, rows) = read_back(named, &extension, output, schema, scratch, counter.get())?;
    Ok(Written { files, rows, lone_null: lone.seen() })
}

/// The columns of the layout.
fn keys(output: &Output, schema: &Schema) -> Schema {
    let by: &[String] = match &output.layout {
        Layout::Single => &[],
        Layout::Partition { by } | Layout::Bucket { by, .. } => by,
    };
    schema
        .iter()
        .filter(|(name, _)| by.iter().any(|key| key == name.as_str()))
        .map(|(n, t)| Field::new(n.clone(), t.clone()))
        .collect()
}

/// The rows in a Parquet file of their own, and a frame that reads them from there: text does not distinguish NULL from
/// an empty field, nor a row of one NULL from no row, so promises about the rows are checked on these.
pub fn aside(frame: LazyFrame, path: &Path) -> Outcome<LazyFrame> {
    let target = SinkTarget::Path(PlRefPath::new(path.to_string_lossy().as_ref()));
    let args = UnifiedSinkArgs { mkdir: true, maintain_order: true, ..Default::default() };
    frame
        .sink(SinkDestination::File { target }, FileWriteFormat::Parquet(Arc::default()), args)
        .and_then(|f| f.collect_with_engine(Engine::Streaming))
        .map_err(|e| engine_failure(&e, "the transform"))?;
    scan_parquet(&[path.to_owned()])
}

fn sorted(frame: LazyFrame, output: &Output, schema: &Schema) -> Outcome<LazyFrame> {
    if output.sort_by.is_empty() {
        return Ok(frame);
    }
    if let Some(key) = output.sort_by.iter().find(|k| !schema.contains(&k.column)) {
        return Err(transform(format!("`sort_by` names `{}`, which the step does not make", key.column)));
    }
    let by: Vec<PlSmallStr> = output.sort_by.iter().map(|k| k.column.as_str().into()).collect();
    let descending: Vec<bool> = output.sort_by.iter().map(|k| k.descending).collect();
    Ok(frame.sort(by, SortMultipleOptions::default().with_order_descending_multi(descending)))
}

fn destination(
    output: &Output,
    schema: &Schema,
    scratch: &Path,
    named: &Arc<Mutex<Vec<(String, u32)>>>,
    extension: &str,
) -> Outcome<SinkDestination> {
    let path = |p: &Path| PlRefPath::new(p.to_string_lossy().as_ref());
    let missing = |by: &[String]| by.iter().find(|name| !schema.contains(name)).cloned();
    let strategy = match &output.layout {
        Layout::Single if output.file_bytes.is_none() && output.file_rows.is_none() => {
            let target = SinkTarget::Path(path(&scratch.join(format!("00000.{extension}"))));
            return Ok(SinkDestination::File { target });
        }
        Layout::Single => PartitionStrategy::FileSize,
        Layout::Partition { by } | Layout::Bucket { by, .. } if missing(by).is_some() => {
            let name = missing(by).unwrap_or_default();
            return Err(transform(format!("the output is laid out by `{name}`, which the step does not make")));
        }
        Layout::Partition { by } => {
            check_keys(by, schema)?;
            let keys = by.iter().map(|name| col(name.as_str())).collect();
            PartitionStrategy::Keyed { keys, include_keys: true, keys_pre_grouped: false }
        }
        Layout::Bucket { by, buckets } => PartitionStrategy::Keyed {
            keys: vec![bucket_of(by, *buckets)],
            include_keys: false,
            keys_pre_grouped: false,
        },
    };
    let (named, extension) = (named.clone(), extension.to_owned());
    let name = move |args: FileProviderArgs| -> PolarsResult<FileProviderReturn> {
        let label = label(&args.partition_keys)?;
        let part = u32::try_from(args.index_in_partition).map_err(|_| polars_err!(ComputeError: "too many files"))?;
        let path = file_path(&label, part, &extension);
        named.lock().map_err(|_| polars_err!(ComputeError: "the writer died"))?.push((label, part));
        Ok(FileProviderReturn::Path(path))
    };
    Ok(SinkDestination::Partitioned {
        base_path: path(scratch),
        file_path_provider: Some(FileProviderType::Function(PlanCallback::Rust(SpecialEq::new(Arc::new(name))))),
        partition_strategy: strategy,
        max_rows_per_file: output.file_rows.map_or(IdxSize::MAX, |n| n.max(1) as IdxSize),
        approximate_bytes_per_file: output.file_bytes.unwrap_or(u64::MAX),
    })
}

/// Text is compressed once it is whole: the engine is built without compressed text.
fn pack(from: &Path, to: &Path, compression: OutputCompression) -> Outcome<()> {
    let mut source = File::open(from).map_err(|e| cannot_read(from, &e))?;
    let mut packed = || -> std::io::Result<()> {
        let out = BufWriter::new(File::create(to)?);
        if compression == OutputCompression::Gzip {
            let mut out = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            std::io::copy(&mut source, &mut out)?;
            out.finish()?.flush()
        } else {
            let mut out = zstd::stream::write::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            std::io::copy(&mut source, &mut out)?;
            out.finish()?.flush()
        }
    };
    packed().and_then(|()| std::fs::remove_file(from)).map_err(|e| cannot_write(to, &e))
}

fn file_path(label: &str, part: u32, extension: &str) -> String {
    if label.is_empty() { format!("{part:05}.{extension}") } else { format!("{label}/{part:05}.{extension}") }
}

fn file_format(output: &Output, schema: &Schema) -> Outcome<FileWriteFormat> {
    if matches!(output.format, Format::Csv | Format::Ndjson)
        && matches!(output.compression, OutputCompression::Snappy | OutputCompression::Lz4)
    {
        let message = format!("{:?} compresses Parquet only; text takes gzip, zstd or none", output.compression);
        return Err(transform(message));
    }
    Ok(match output.format {
        Format::Parquet => {
            let compression = match output.compression {
                OutputCompression::Zstd => ParquetCompression::Zstd(None),
                OutputCompression::Snappy => ParquetCompression::Snappy,
                OutputCompression::Lz4 => ParquetCompression::Lz4Raw,
                OutputCompression::Gzip => ParquetCompression::Gzip(None),
                OutputCompression::None => ParquetCompression::Uncompressed,
            };
            FileWriteFormat::Parquet(Arc::new(ParquetWriteOptions { compression, ..Default::default() }))
        }
        Format::Csv => {
            // Keys only: other columns are text already.
            let zoned = schema.iter_values().any(|t| matches!(t, DataType::Datetime(_, Some(_))));
            let zone = if zoned { "Z" } else { "" };
            FileWriteFormat::Csv(CsvWriterOptions {
                check_extension: false,
                include_header: output.header,
                batch_size: NonZeroUsize::new(1024).unwrap_or(NonZeroUsize::MIN),
                serialize_options: Arc::new(SerializeOptions {
                    separator: output.delimiter() as u8,
                    date_format: Some("%Y-%m-%d".into()),
                    datetime_format: Some(format!("%Y-%m-%dT%H:%M:%S%.f{zone}").into()),
                    ..Default::default()
                }),
                ..Default::default()
            })
        }
        Format::Arrow => return Err(transform("files are not written as Arrow: write Parquet, CSV or NDJSON")),
        Format::Ndjson => FileWriteFormat::NDJson(NDJsonWriterOptions { check_extension: false, ..Default::default() }),
    })
}

/// Rows and bytes of every file as it lies there; together they are the rows that streamed by.
fn read_back(
    named: Vec<(String, u32)>,
    extension: &str,
    output: &Output,
    schema: &Schema,
    scratch: &Path,
    streamed: u64,
) -> Outcome<(Vec<OutputFile>, u64)> {
    let as_written = Read { header: output.header, delimiter: output.delimiter(), ..Read::of(output.format) };
    let mut files = Vec::with_capacity(named.len());
    let mut rows = 0;
    for (partition, part) in named {
        let path = file_path(&partition, part, extension);
        let whole: PathBuf = scratch.join(&path);
        let bytes = std::fs::metadata(&whole).map_err(|e| cannot_read(&whole, &e))?.len();
        let in_file = match output.format {
            Format::Parquet | Format::Arrow => footer::rows(&whole)?,
            Format::Csv | Format::Ndjson => count(&whole, &as_written, schema.len())?,
        };
        rows += in_file;
        files.push(OutputFile { partition, part, path, rows: in_file, bytes, offset: None });
    }
    if rows != streamed {
        let message = format!("{streamed} rows were written below {}, but {rows} can be read there", scratch.display());
        return Err(failure(FailureClass::Infra, message));
    }
    Ok((files, rows))
}
