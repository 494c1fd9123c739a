//! The fixture: files are written, one item is run in this process, and its rows come back as text.

use spotmill_core::ids::Uri;
use spotmill_core::item::{InputFile, ItemFailure, ItemOutcome, ItemReport, ItemSpec, TableInput};
use spotmill_core::model::*;
use spotmill_core::types::{Column, ColumnType};
use spotmill_item::Functions;
use spotmill_item::polars::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub mod toml;

pub struct Bench {
    pub dir: TempDir,
    pub functions: Functions,
    pub spec: ItemSpec,
}

pub fn columns(list: &[&str]) -> Vec<Column> {
    let one = |text: &&str| {
        let (name, ty) = text.split_once(' ').expect("a name and a type");
        Column { name: name.into(), ty: ty.parse::<ColumnType>().expect("a type"), parse: None }
    };
    list.iter().map(one).collect()
}

pub fn csv_read(list: &[&str]) -> Read {
    Read { columns: columns(list), header: false, ..Read::of(Format::Csv) }
}

impl Bench {
    pub fn new(list: &[&str], sql: &str) -> Self {
        let dir = TempDir::new().expect("a directory");
        let functions = Functions::default();
        let spec = ItemSpec {
            v: 1,
            run: "p/2013-01-01".into(),
            step: "s".into(),
            generation: 1,
            item: 0,
            attempt: "a".into(),
            worker_version: functions.full_version(),
            alias: "input".into(),
            inputs: Vec::new(),
            read: csv_read(list),
            tables: BTreeMap::new(),
            value: None,
            params: BTreeMap::new(),
            transform: Transform::Sql { text: sql.into(), file: None },
            output: Output::single(Format::Parquet),
            rows: None,
            expect: Expect::default(),
            scratch: Uri::new(dir.path().join("out").to_string_lossy()),
            tmp: dir.path().join("tmp").to_string_lossy().into_owned(),
            threads: 2,
            memory_bytes: 1 << 30,
            network: false,
        };
        Self { dir, functions, spec }
    }

    /// Writes a file and makes it an input.
    pub fn file(&mut self, name: &str, bytes: impl AsRef<[u8]>) -> &mut Self {
        let input = self.put(name, bytes);
        self.spec.inputs.push(input);
        self
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> InputFile {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes.as_ref()).expect("written");
        InputFile {
            uri: Uri::new(path.to_string_lossy()),
            etag: "e".into(),
            bytes: bytes.as_ref().len() as u64,
            rows: None,
            bundled: None,
        }
    }

    pub fn table(&mut self, name: &str, list: &[&str], bytes: &str) -> &mut Self {
        let files = vec![self.put(&format!("{name}.csv"), bytes)];
        self.spec.tables.insert(name.into(), TableInput { files, read: csv_read(list) });
        self
    }

    pub fn rejecting(&mut self) -> &mut Self {
        self.spec.read.on_bad_rows = OnBadRows::Reject;
        self
    }

    pub fn layout(&mut self, layout: Layout) -> &mut Self {
        self.spec.output.layout = layout;
        self
    }

    pub fn outcome(&self) -> ItemOutcome {
        let _ = std::fs::remove_dir_all(self.out());
        spotmill_item::item::run(&self.spec, &self.functions)
    }

    pub fn report(&self) -> ItemReport {
        match self.outcome() {
            ItemOutcome::Done(report) => report,
            ItemOutcome::Failed(failure) => panic!("failed: {failure:?}"),
        }
    }

    pub fn failure(&self) -> ItemFailure {
        match self.outcome() {
            ItemOutcome::Failed(failure) => failure,
            ItemOutcome::Done(report) => panic!("done: {report:?}"),
        }
    }

    pub fn out(&self) -> PathBuf {
        PathBuf::from(self.spec.scratch.as_str())
    }

    /// Runs the item and reads what it wrote: a row a line, values between `|`, NULL as `-`.
    pub fn rows(&self) -> String {
        self.written().iter().map(text).collect()
    }

    /// The same, floats with all their digits.
    pub fn exact_rows(&self) -> String {
        self.written().iter().map(exact).collect()
    }

    fn written(&self) -> Vec<DataFrame> {
        let report = self.report();
        report.files.iter().map(|f| parquet(&self.out().join(&f.path))).collect()
    }

    pub fn rejects(&self) -> String {
        std::fs::read_to_string(self.out().join("rejects/rejects.ndjson")).unwrap_or_default()
    }
}

pub fn parquet(path: &Path) -> DataFrame {
    ParquetReader::new(std::fs::File::open(path).expect("opened")).finish().expect("read")
}

pub fn text(df: &DataFrame) -> String {
    lines(df, |value| value.to_string())
}

fn exact(df: &DataFrame) -> String {
    lines(df, |value| match value {
        AnyValue::Float32(v) => format!("{v:?}"),
        AnyValue::Float64(v) => format!("{v:?}"),
        other => other.to_string(),
    })
}

fn lines(df: &DataFrame, one: impl Fn(AnyValue<'_>) -> String) -> String {
    let cell = |value: AnyValue<'_>| match value {
        AnyValue::Null => "-".to_owned(),
        other => other.get_str().map(str::to_owned).unwrap_or_else(|| one(other)),
    };
    let row = |i: usize| df.columns().iter().map(|c| cell(c.get(i).expect("a value"))).collect::<Vec<_>>().join("|");
    (0..df.height()).map(|i| row(i) + "\n").collect()
}

/// The same file as plain Polars reads it, without any of our checks.
pub fn plain(path: &Path, list: &[&str]) -> LazyFrame {
    let schema: Schema = columns(list)
        .iter()
        .map(|c| {
            let ty = match c.ty {
                ColumnType::Int8 => DataType::Int8,
                ColumnType::Int16 => DataType::Int16,
                ColumnType::Int32 => DataType::Int32,
                ColumnType::Int64 => DataType::Int64,
                ColumnType::Uint8 => DataType::UInt8,
                ColumnType::Uint16 => DataType::UInt16,
                ColumnType::Uint32 => DataType::UInt32,
                ColumnType::Uint64 => DataType::UInt64,
                ColumnType::Float32 => DataType::Float32,
                ColumnType::Float64 => DataType::Float64,
                ColumnType::Bool => DataType::Boolean,
                ColumnType::Decimal { precision, scale } => DataType::Decimal(precision.into(), scale.into()),
                ColumnType::Date => DataType::Date,
                _ => DataType::String,
            };
            Field::new(c.name.as_str().into(), ty)
        })
        .collect();
    LazyCsvReader::new(PlRefPath::new(path.to_string_lossy().as_ref()))
        .with_has_header(false)
        .with_schema(Some(Arc::new(schema)))
        .finish()
        .expect("a scan")
}
