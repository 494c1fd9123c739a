//! CSV: what was written comes back field by field, and of any bytes at all the fields are those of another parser, wherever
//! that one knows the same rules.

use proptest::prelude::*;
use spotmill_core::model::{Format, Read};
use spotmill_text::failure::Outcome;
use spotmill_text::grammar;
use spotmill_text::reader::{self, Reading, Row, Visitor, What};
use spotmill_text::source::Source;
use spotmill_text::split::value;

type Rows = Vec<Vec<Vec<u8>>>;

/// What a file holds: its rows, and the lines of which it holds that they are none.
#[derive(Debug, Default, PartialEq)]
struct Found {
    rows: Rows,
    broken: usize,
}

struct Collect<'a> {
    how: Reading<'a>,
    found: Found,
}

impl Visitor for Collect<'_> {
    fn row(&mut self, row: Row<'_>) -> Outcome<bool> {
        match row.what {
            What::Row => {
                let of = |field| value(row.data, field, self.how.grammar).into_owned();
                self.found.rows.push(row.fields.iter().copied().map(of).collect());
            }
            What::Broken(_) => self.found.broken += 1,
            What::Blank | What::Comment => {}
        }
        Ok(true)
    }
}

/// Nothing where the file is refused whole.
fn ours(read: &Read, text: &[u8]) -> Option<Found> {
    let dir = tempfile::TempDir::new().expect("a directory");
    let path = dir.path().join("a.csv");
    std::fs::write(&path, text).expect("written");
    let how = grammar(read).expect("a grammar");
    let mut source = Source::open(&path, read).ok()?;
    let mut collect = Collect { how, found: Found::default() };
    reader::read(&path, &mut source, how, &mut collect).ok()?;
    Some(collect.found)
}

/// What the crate `csv` finds.
fn theirs(delimiter: u8, text: &[u8]) -> Rows {
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(delimiter);
    let all = reader.from_reader(text).into_byte_records().map(|row| row.expect("bytes are rows"));
    all.map(|row| row.iter().map(<[u8]>::to_vec).collect()).collect()
}

fn read(delimiter: char) -> Read {
    Read { delimiter, header: false, ..Read::of(Format::Csv) }
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z0-9 .-]{0,6}",
        2 => "[a-c,;|\t\"\r\n ]{0,8}",
        1 => "\\PC{0,5}",
        // As long as a block of the search, and one more or less.
        1 => "[a-c\",\n]{60,68}",
    ]
}

/// A field as a program writes it: in quotes where that is needed, else as `quoted` says.
fn written(field: &str, delimiter: char, quoted: bool) -> String {
    let needed = field.contains([delimiter, '"', '\r', '\n']) || field.is_empty();
    match needed || quoted {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

proptest! {
    #[test]
    fn what_was_written_comes_back(
        grid in (1..5usize).prop_flat_map(|width| prop::collection::vec(prop::collection::vec((field(), any::<bool>()), width), 1..12)),
        delimiter in prop::sample::select(vec![',', ';', '|', '\t']),
        windows in any::<bool>(),
        last_end in any::<bool>(),
        before in prop::option::of((1usize << 20) - 80..(1 << 20) + 80),
    ) {
        let end = if windows { "\r\n" } else { "\n" };
        let line = |row: &Vec<(String, bool)>| row.iter().map(|(f, q)| written(f, delimiter, *q)).collect::<Vec<_>>().join(&delimiter.to_string());
        let mut text = grid.iter().map(line).collect::<Vec<_>>().join(end);
        let mut expected: Rows = grid.iter().map(|row| row.iter().map(|(f, _)| f.clone().into_bytes()).collect()).collect();
        // A row before them that ends about where the first buffer does.
        if let Some(bytes) = before {
            text = format!("{}{end}{text}", "x".repeat(bytes));
            expected.insert(0, vec![vec![b'x'; bytes]]);
        }
        if last_end {
            text.push_str(end);
        }
        let found = ours(&read(delimiter), text.as_bytes()).expect("a file that was written by the rules");
        prop_assert_eq!(&found, &Found { rows: expected, broken: 0 });
        prop_assert_eq!(found.rows, theirs(delimiter as u8, text.as_bytes()));
    }

    #[test]
    fn any_bytes_are_the_rows_of_another_parser(text in prop::collection::vec(prop::sample::select(b"ab,\"\n\n \xc3".to_vec()), 0..200)) {
        let Some(found) = ours(&read(','), &text) else { return Ok(()) };
        // Text after a closing quote, and a quote that never closes: one refuses it, the other makes a value of it.
        if found.broken == 0 {
            prop_assert_eq!(found.rows, theirs(b',', &text));
        }
    }

    #[test]
    fn no_bytes_end_the_process(
        text in super::mutated(b"\xef\xbb\xbfid,\"a \"\"b\"\"\"\r\n1,\\N\n\"x\ny\",2\n".to_vec(), prop::collection::vec(any::<u8>(), 0..6)),
        escape in prop::option::of(Just('\\')),
        comment in prop::option::of(Just("#".to_owned())),
        skip_rows in 0..3u32,
        skip_footer in 0..3u32,
        encoding in prop::option::of(prop::sample::select(vec!["utf-16le", "windows-1252", "shift_jis", "gbk"])),
    ) {
        let encoding = encoding.map(str::to_owned);
        let read = Read { escape, comment, skip_rows, skip_footer, encoding, ..read(',') };
        let _ = ours(&read, &text);
    }
}
