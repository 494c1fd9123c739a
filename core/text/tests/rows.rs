//! Which rows of a file are accepted, and where the engine then finds them: in the file itself wherever that can be, as
//! chunks of bytes that hold just those rows.

use spotmill_core::model::{Compression, Format, OnBadRows, Read};
use spotmill_core::types::Column;
use spotmill_text::csv::{CsvRows, FileColumns};
use spotmill_text::header::layout;
use spotmill_text::infer::Sample;
use spotmill_text::rule::Rule;
use spotmill_text::source::Source;
use spotmill_text::{Sink, grammar};
use std::path::PathBuf;
use tempfile::TempDir;

fn columns(list: &[&str]) -> Vec<Column> {
    let one = |text: &&str| {
        let (name, ty) = text.split_once(' ').expect("a name and a type");
        Column { name: name.into(), ty: ty.parse().expect("a type"), parse: None }
    };
    list.iter().map(one).collect()
}

fn csv(list: &[&str]) -> Read {
    Read { columns: columns(list), on_bad_rows: OnBadRows::Reject, ..Read::of(Format::Csv) }
}

struct Found {
    /// The bytes of the chunks.
    rows: String,
    chunks: usize,
    count: u64,
    /// The engine reads the file as it lies there.
    in_place: bool,
    /// `line kind` of each of the first rejected rows.
    rejected: Vec<String>,
}

fn read(read: &Read, text: impl AsRef<[u8]>) -> Result<Found, String> {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("a.csv");
    std::fs::write(&path, text).expect("written");
    let rules = |header| {
        let layout = layout(&path, read, &read.columns, header)?;
        let rule = |name: &String| match read.columns.iter().find(|c| c.name == *name) {
            Some(column) => Rule::new(read, column).expect("a rule"),
            None => Rule::passed(read),
        };
        let rules = layout.names.iter().map(rule).collect();
        Ok(FileColumns { layout, rules })
    };
    let mut sink = Sink::new(false, dir.path().join("rejects"));
    let reading = grammar(read).expect("a grammar");
    let translates = read.escape.is_some();
    let rows = CsvRows { reading, header: read.header, columns: &rules, translates };
    let copy: PathBuf = dir.path().join("copy");
    let mut source = Source::open(&path, read).map_err(|e| e.message)?;
    let (checked, _) = rows.check(&path, &mut source, copy, &mut sink).map_err(|e| e.message)?;
    let file = std::fs::read(&checked.read).expect("read");
    let rows: Vec<&[u8]> = checked.chunks.iter().map(|c| &file[c.from..c.to]).collect();
    assert_eq!(checked.chunks.iter().map(|c| c.rows as u64).sum::<u64>(), checked.rows);
    Ok(Found {
        rows: String::from_utf8(rows.concat()).expect("UTF-8"),
        chunks: rows.len(),
        count: checked.rows,
        in_place: checked.read == path,
        rejected: sink.first.iter().map(|row| format!("{} {:?}", row.line, row.kind)).collect(),
    })
}

#[test]
fn what_is_no_row_is_a_gap_and_no_reason_for_a_copy() {
    let how = Read { comment: Some("#".into()), skip_rows: 1, skip_footer: 1, ..csv(&["a int32", "b string"]) };
    let text = "\u{feff}Report\na,b\n1,x\n\n2,y\n#\nz,z\n3,w\n4,v\nTotal,\n";
    let found = read(&how, text).expect("read");
    assert_eq!((found.rows.as_str(), found.chunks, found.in_place), ("1,x\n2,y\n3,w\n4,v\n", 3, true));
    assert_eq!(found.rejected, ["7 BadValue"]);
}

#[test]
fn where_gaps_cost_more_than_a_copy_the_rows_are_copied() {
    let rows = |n: usize| -> String { (0..n).map(|i| format!("{i}\n\n")).collect() };
    let how = Read { header: false, ..csv(&["a int32"]) };
    let text = rows(10_000);
    let found = read(&how, &text).expect("read");
    assert!(!found.in_place && found.chunks < 100, "{}", found.chunks);
    assert_eq!((found.rows, found.count), (text.replace("\n\n", "\n"), 10_000));
}

#[test]
fn rows_that_the_engine_would_read_otherwise_are_copied_after_gaps() {
    let how = Read { header: false, ..csv(&["a string", "b string"]) };
    let found = read(&how, "1,x\n\n2,5\" pipe\n3,y\n").expect("read");
    assert_eq!((found.rows.as_str(), found.in_place), ("1,x\n2,\"5\"\" pipe\"\n3,y\n", false));
}

#[test]
fn a_repeated_header_is_reported_whatever_its_first_column_is_called() {
    let how = csv(&["a string", "b string"]);
    let found = read(&how, ",a,b\n0,x,y\n,a,b\n1,x,y\n\"\",a,b\n").expect("read");
    assert_eq!(
        (found.count, found.rejected.as_slice()),
        (2, &["3 RepeatedHeader", "5 RepeatedHeader"].map(String::from)[..])
    );
    let how = Read { escape: Some('\\'), ..csv(&[",x string", "b string"]) };
    let found = read(&how, "\\,x,b\n1,2\n\\,x,b\n").expect("read");
    assert_eq!((found.count, found.rejected.as_slice()), (1, &["3 RepeatedHeader".to_owned()][..]));
}

#[test]
fn lines_that_end_in_cr_are_reported_though_lines_are_passed_over() {
    let how = Read { skip_rows: 1, ..csv(&["a string", "b string"]) };
    let message = read(&how, "Report\ra,b\r1,2\r3,4\r").err().expect("refused");
    assert!(message.contains("its lines end in CR"), "{message}");
    assert_eq!(read(&how, "Report\r\na,b\r\n1,2\r\n").expect("read").count, 1);
}

#[test]
fn what_is_escaped_is_never_null() {
    let nulls = vec!["\\N".to_owned(), "NA".to_owned()];
    let how = Read { header: false, escape: Some('\\'), null_values: nulls, ..csv(&["a string", "b string"]) };
    let found = read(&how, "\\N,NA\n\\\\N,x\n").expect("read");
    assert_eq!(found.rows, ",\n\\N,x\n");
    // A return that ends no line ends no field.
    assert_eq!(read(&how, "x,\\N\ry\nx,\\N\r\n").expect("read").rejected, ["1 BadEscape"]);
}

#[test]
fn files_of_nothing_have_no_rows() {
    for text in ["", "\n", "\u{feff}", "\u{feff}\n\r\n", "a,b", "a,b\n", "\u{feff}a,b\r\n\r\n"] {
        let found = read(&csv(&["a int32", "b string"]), text).expect(text);
        assert_eq!((found.count, found.chunks, found.rejected.len()), (0, 0, 0), "{text:?}");
    }
}

/// The last row of a sample is cut: its value is ignored.
#[test]
fn a_sample_ends_before_the_row_that_is_cut() {
    let types = |text: &str, whole: bool, how: &Read| -> Vec<String> {
        let mut sample = Sample::new(how);
        let path = std::path::Path::new("a.csv");
        let mut source = Source::beginning(path, text.into(), whole, how).expect("opened");
        sample.see(path, &mut source).expect("seen");
        sample.read().expect("columns").columns.iter().map(|c| c.ty.to_string()).collect()
    };
    let how = Read { compression: Compression::None, ..Read::of(Format::Csv) };
    let cut = "day,at\n2024-03-10,2024-03-10T10:00:00\n2024-03-11,2024-03";
    assert_eq!(types(cut, false, &how), ["date", "timestamp"]);
    assert_eq!(types(cut, true, &how), ["date", "string"]);
    // The totals may begin in what was read.
    let how = Read { skip_footer: 1, ..how };
    assert_eq!(types("n\n1\n2\nTotal\n", false, &how), ["int64"]);
}
