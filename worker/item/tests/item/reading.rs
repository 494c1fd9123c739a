//! What arrives in shops, file by file: read as it was meant, or refused with its place.

use crate::common::{Bench, toml};
use spotmill_core::item::FailureClass;
use spotmill_core::model::{OnBadRows, RowCheck};

fn bench(keys: &str, name: &str, bytes: impl AsRef<[u8]>) -> Bench {
    let mut bench = Bench::new(&["a int32"], "SELECT * FROM input");
    bench.spec.read = toml::read(keys);
    bench.file(name, bytes);
    bench
}

/// The rows of a CSV file.
#[track_caller]
fn csv(keys: &str, text: impl AsRef<[u8]>, expected: &str) {
    let bench = bench(&format!("format = \"csv\"\n{keys}"), "a.csv", &text);
    assert_eq!(bench.exact_rows(), expected, "{keys}: {:?}", String::from_utf8_lossy(text.as_ref()));
}

#[track_caller]
fn refused(bench: &Bench, parts: &[&str]) {
    let failure = bench.failure();
    assert_eq!(failure.class, FailureClass::BadData, "{failure:?}");
    let text = format!("{} {}", failure.message, failure.remedy.unwrap_or_default());
    parts.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in {text}"));
}

#[track_caller]
fn csv_refused(keys: &str, text: impl AsRef<[u8]>, parts: &[&str]) {
    refused(&bench(&format!("format = \"csv\"\n{keys}"), "a.csv", text), parts);
}

#[track_caller]
fn json(columns: &str, text: impl AsRef<[u8]>, expected: &str) {
    let bench = bench(&format!("format = \"ndjson\"\ncolumns = [{columns}]"), "a.ndjson", &text);
    assert_eq!(bench.exact_rows(), expected, "{:?}", String::from_utf8_lossy(text.as_ref()));
}

#[track_caller]
fn json_refused(columns: &str, text: impl AsRef<[u8]>, parts: &[&str]) {
    refused(&bench(&format!("format = \"ndjson\"\ncolumns = [{columns}]"), "a.ndjson", text), parts);
}

const AB: &str = "columns = [\"a string\", \"b string\"]\n";

#[test]
fn escapes() {
    let keys = format!("{AB}header = false\nescape = \"\\\\\"");
    csv(&keys, "\"say \\\"hi\\\"\",x\n", "say \"hi\"|x\n");
    csv(&keys, "a\\,b,x\\\\y\n", "a,b|x\\y\n");
    csv(&keys, "\\N,\"\\\\N\"\n", "-|\\N\n");
    csv(&keys, "\"two\\\nlines\",x\nthree\\\r\nfour,y\n", "two\nlines|x\nthree\r\nfour|y\n");
    csv(&keys, "\"doubled \"\" too\",\n", "doubled \" too|-\n");
    csv_refused(&keys, "ok,x\nC:\\temp,y\n", &["line 2", "`\\t` is no escape", "a quote, a delimiter"]);
    csv_refused(&keys, "\\Nope,y\n", &["line 1", "`\\N` is no escape"]);
    csv_refused(&keys, "a,b\\", &["line 1", "ends after the escape `\\`"]);
    csv(&format!("{AB}header = false\nescape = \"'\""), "a',b,'N\n", "a,b|-\n");
}

#[test]
fn nulls_of_single_columns() {
    let keys = "header = false\nnull_values = [\"NA\"]\ncolumns = [\"a string\", { name = \"b\", type = \"string\", null_values = [\"-\"] }]";
    csv(keys, "NA,NA\n-,-\n\"NA\",\"-\"\n\"\",x\n", "-|NA\n-|-\n-|-\n|x\n");
    let bench = bench(&format!("format = \"csv\"\n{keys}"), "a.csv", "-,x\nNA,-\n");
    assert_eq!(bench.exact_rows(), "-|x\n-|-\n");
}

#[test]
fn lines_that_are_no_rows() {
    let keys = |more: &str| format!("{AB}{more}");
    csv(&keys("skip_rows = 2"), "Report\n\na,b\n1,2\n", "1|2\n");
    csv(&keys("skip_footer = 1"), "a,b\n1,2\nTotal:,2\n\n", "1|2\n");
    csv(&keys("skip_footer = 2"), "a,b\n1,2\nTotal:,2\nEnd", "1|2\n");
    csv(&keys("comment = \"#\""), "# made\na,b\n#x\n1,#2\n# y", "1|#2\n");
    csv(&keys("skip_rows = 1\nheader = false"), "b,a\n1,2\n", "1|2\n");
    csv_refused(&keys("skip_rows = 1"), "Report\na,b\n1\n", &["a.csv line 3", "1 field, not 2"]);
    csv_refused(&keys(""), "Report\na,b\n1,2\n", &["missing column `a`", "`Report`", "skip_rows"]);
    csv_refused(&keys("skip_rows = 4"), "a,b\n1,2\n", &["a.csv has 2 lines", "`skip_rows`"]);
    csv_refused(&keys("skip_footer = 2"), "a,b\nTotal\n", &["a.csv", "`skip_footer`"]);
}

#[test]
fn places_are_those_of_the_file() {
    let keys = format!("format = \"csv\"\n{AB}skip_rows = 2\non_bad_rows = \"reject\"");
    let bench = bench(&keys, "a.csv", "x\ny\na,b\n\n1,2\n3\n4,5\n");
    assert_eq!(bench.exact_rows(), "1|2\n4|5\n");
    assert!(bench.rejects().contains("\"line\":6,\"byte\":13,"), "{}", bench.rejects());
}

#[test]
fn encodings() {
    let keys = |encoding: &str| format!("{AB}encoding = \"{encoding}\"");
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    csv(&keys("latin1"), b"a,b\nK\xf6ln,\x80\n", "Köln|€\n");
    csv(&keys("utf-16le"), utf16("\u{feff}a,b\nä,\"x\ny\"\n"), "ä|x\ny\n");
    csv(&keys("utf-8"), "\u{feff}a,b\n1,2\n", "1|2\n");
    csv_refused(&keys("euc-kr"), b"a,b\nx,\xff\n", &["a.csv line 2", "no EUC-KR"]);
    csv_refused(AB, b"a,b\nK\xf6ln,1\n", &["a.csv line 2", "column `a`", "not UTF-8", "`encoding`"]);
    csv_refused("", b"k\xf6,b\n1,2\n", &["a.csv line 1", "the header is not UTF-8", "`encoding`"]);
    csv_refused(AB, utf16("\u{feff}a,b\n1,2\n"), &["byte order mark of UTF-16", "encoding = \"utf-16le\""]);
}

#[test]
fn decimal_commas() {
    let keys = "delimiter = \";\"\nheader = false\ndecimal_comma = true\ncolumns = [\"a decimal(12,2)\", \"b float64\", \"c int32\", \"d string\"]";
    csv(keys, "1.234,50;0,1;1.000;1,5\n;-2;7;\n", "1234.50|0.1|1000|1,5\n-|-2.0|7|-\n");
    csv_refused(keys, "1.5;1;1;x\n", &["line 1", "column `a`", "decimal comma"]);
}

#[test]
fn a_repeated_header_is_no_row() {
    csv_refused(AB, "a,b\n1,2\na,b\n3,4\n", &["a.csv line 3", "header again"]);
    csv_refused(AB, "a,b\n1,2\nb,a\n3,4\n", &["a.csv line 3", "header again"]);
    csv_refused(&format!("{AB}header = false"), "a,b\n1,2\n", &["a.csv line 1", "header again"]);
    csv_refused(AB, "a,b\n1,2\n\u{feff}a,b\n3,4\n", &["a.csv line 3", "header again"]);
    csv(AB, "a,b\na,x\nb,b\n", "a|x\nb|b\n");
    // Of one column it may be a word like others, but not where the next of two packed files begins.
    let word = "columns = [\"word string\"]";
    csv(word, "word\nbird\nword\n", "bird\nword\n");
    let packed = |text: &str| packed_bytes(text.as_bytes());
    let two = [packed("word\nbird\nword\n"), packed("word\nfish\n")].concat();
    let keys = format!("format = \"csv\"\n{word}");
    refused(&bench(&keys, "a.csv.gz", &two), &["a.csv.gz line 4", "header again"]);
    let framed = |text: &str| zstd::encode_all(text.as_bytes(), 1).expect("packed");
    let two = [framed("word\nbird\nword\n"), framed("word\nfish\n")].concat();
    refused(&bench(&keys, "a.csv.zst", &two), &["a.csv.zst line 4", "header again"]);
    refused(&bench(&keys, "a.csv.zst", [&framed("word\n")[..], b"tail"].concat()), &["a.csv.zst", "no zstd: `tail`"]);
    let cut = [packed("word\nbi"), packed("rd\nfish\n")].concat();
    assert_eq!(bench(&keys, "a.csv.gz", [&cut[..], &[0; 512]].concat()).rows(), "bird\nfish\n", "zeros fill a block");
    refused(&bench(&keys, "a.csv.gz", [&cut[..], b"\0\0tail"].concat()), &["a.csv.gz", "no gzip: `tail`", "cut off"]);
    refused(&bench(&keys, "a.csv.gz", packed_bytes(&cut)), &["a.csv.gz is compressed twice", "gzip", "unpack it once"]);
    let marked: Vec<u8> = "\u{feff}word\nbird\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused(&bench(&keys, "a.csv.gz", packed_bytes(&marked)), &["a.csv.gz", "byte order mark of UTF-16", "`encoding"]);
    assert_eq!(bench(&keys, "a.csv.gz", &cut).rows(), "bird\nfish\n");
}

/// A byte order mark where a further part of a compressed file begins is no part of a value.
#[test]
fn marks_of_packed_parts_are_no_text() {
    let packed = |text: &str| packed_bytes(text.as_bytes());
    let keys = "format = \"csv\"\nheader = false\ncolumns = [\"a string\", \"b int32\"]";
    let two = [packed("\u{feff}x,1\n"), packed("\u{feff}y,2\n")].concat();
    assert_eq!(bench(keys, "a.csv.gz", &two).rows(), "x|1\ny|2\n");
    let framed = |text: &str| zstd::encode_all(text.as_bytes(), 1).expect("packed");
    let two = [framed("x,1\n"), framed("\u{feff}"), framed("\u{feff}y,2\n")].concat();
    assert_eq!(bench(keys, "a.csv.zst", &two).rows(), "x|1\ny|2\n");
    let cut = [packed("x,1\ny"), packed("\u{feff}z,2\n")].concat();
    refused(
        &bench(keys, "a.csv.gz", &cut),
        &["a.csv.gz", "part 2", "from byte 5 of", "byte order mark", "its last line"],
    );
    let inside = [packed("x,1\n"), packed("y\u{feff}z,2\n")].concat();
    assert_eq!(bench(keys, "a.csv.gz", &inside).rows(), "x|1\ny\u{feff}z|2\n");
    let wide = |text: &str| packed_bytes(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    let two = [wide("\u{feff}x,1\n"), wide("\u{feff}y,2\n")].concat();
    assert_eq!(bench(&format!("{keys}\nencoding = \"utf-16le\""), "a.csv.gz", &two).rows(), "x|1\ny|2\n");
    let strange = [packed("x,1\n"), packed("\u{feff}y,2\n")].concat();
    let western = format!("{keys}\nencoding = \"windows-1252\"");
    refused(&bench(&western, "a.csv.gz", &strange), &["a.csv.gz", "part 2", "byte order mark"]);
    let keys = "format = \"ndjson\"\ncolumns = [\"a int32\"]";
    let two = [packed("\u{feff}{\"a\":1}\n"), packed("\u{feff}{\"a\":2}\n")].concat();
    assert_eq!(bench(keys, "a.ndjson.gz", &two).rows(), "1\n2\n");
}

#[test]
fn numbers_and_times_that_are_refused_say_what_takes_them() {
    csv("columns = [\"a decimal(10,2)\"]", "a\n.5\n5.\n-.5\n+5.\n", "0.50\n5.00\n-0.50\n5.00\n");
    csv_refused("columns = [\"a decimal(10,2)\"]", "a\n.\n", &["line 2", "column `a`"]);
    csv_refused("columns = [\"a decimal(10,2)\"]", "a\n1e2\n", &["line 2", "has an exponent", "float64"]);
    csv_refused("columns = [\"a timestamp\"]", "a\n2024-01-01T10:00:00+01:00\n", &["line 2", "`timestamp_utc`"]);
    json_refused("\"a timestamp\"", "{\"a\":\"2024-01-01T10:00:00+01:00\"}\n", &["line 1", "`timestamp_utc`"]);
}

#[test]
fn what_is_no_json_has_one_place() {
    let one = |text: &str, part: &str| {
        let failure = bench("format = \"ndjson\"\ncolumns = [\"a float64\"]", "a.ndjson", text).failure();
        assert!(failure.message.contains(part), "{}", failure.message);
        assert_eq!(failure.message.matches("line 2").count(), 1, "{}", failure.message);
        assert!(!failure.message.contains("line 1"), "{}", failure.message);
    };
    one("{\"a\":1}\n{\n \"a\": 1\n}\n", "it does not end on its line: an object a line is read (`jq -c .`");
    one("{\"a\":1}\n{\"a\":NaN}\n", "NaN is no JSON: write null, or the text \"NaN\"");
    one("{\"a\":1}\n{\"a\":-Infinity}\n", "-Infinity is no JSON");
    one("{\"a\":1}\n{\"a\":1,}\n", "not a JSON object: key must be a string, at its byte 8");
    one("{\"a\":1}\n{\"a\":\"x\\qy\"}\n", "invalid escape, at its byte 9");
}

fn packed_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut out, bytes).expect("packed");
    out.finish().expect("packed")
}

#[test]
fn headers_that_are_none_are_reported_by_what_they_look_like() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for keys in [AB.to_owned(), format!("{AB}missing = \"null\"")] {
        for text in ["a,b\n1,2\n", "a,b\r\n1,2\r\n"] {
            csv_refused(&keys, utf16(text), &["missing column `a`", "UTF-16", "`encoding"]);
        }
        csv_refused(&keys, "a,b\r\r\n1,2\r\r\n", &["missing column `b`", "`b\\r`", "line", "LF"]);
        csv_refused(&keys, "a,c\r\r\n1,2\r\r\n", &["missing column `b`", "`c\\r`", "line ends to LF"]);
        csv_refused(&keys, "A,c\r\r\n1,2\r\r\n", &["missing column `a`", "`A`", "as it stands there"]);
        csv_refused(&keys, "sep=;\na;b\n1;2\n", &["missing column `a`", "`sep=;`", "skip_rows = 1", "`delimiter`"]);
        csv_refused(&keys, "PAR1\u{15}\u{0}é", &["a.csv is Parquet", "format = \"parquet\""]);
    }
}

#[test]
fn line_ends_of_old_macs_are_reported() {
    csv_refused(AB, "a,b\r1,2\r3,4\r", &["a.csv", "CR", "LF"]);
    csv(&format!("{AB}header = false"), "x\r,\"y\rz\"", "x\r|y\rz\n");
}

#[test]
fn rows_of_any_length() {
    let long = "x".repeat(17 << 20);
    let text = format!("a,b\n1,\"{long}\n{long}\"\n2,y\n");
    let keys = format!("format = \"csv\"\n{AB}on_bad_rows = \"reject\"");
    let mut bench = bench(&keys, "a.csv", text);
    bench.spec.transform =
        spotmill_core::model::Transform::Sql { text: "SELECT a, LENGTH(b) AS n FROM input".into(), file: None };
    assert_eq!(bench.exact_rows(), format!("1|{}\n2|1\n", 2 * long.len() + 1));
    let endless = "y".repeat(65 << 20);
    refused(&self::bench(&keys, "a.csv", format!("a,b\n1,{endless}")), &["a.csv line 2", "64 MiB"]);
}

#[test]
fn files_that_are_not_what_their_names_say() {
    let keys = format!("format = \"csv\"\n{AB}");
    refused(&bench(&keys, "a.csv.gz", "a,b\n1,2\n"), &["a.csv.gz is not gzip", "`a,b 1,2 `", "compression = \"none\""]);
    refused(&bench(&keys, "a.csv.zst", "a,b\n1,2\n"), &["a.csv.zst is not zstd"]);
    refused(&bench(&keys, "a.csv", b"PK\x03\x04\x14\0"), &["a.csv is a ZIP archive"]);
    let named = bench(&format!("{keys}compression = \"none\""), "a.csv.gz", "a,b\n1,2\n");
    assert_eq!(named.rows(), "1|2\n");
}

#[test]
fn numbers_that_a_type_does_not_hold() {
    csv_refused("header = false\ncolumns = [\"a float64\", \"b int32\"]", "1e999,1\n", &["column `a`", "1e999"]);
    csv_refused("header = false\ncolumns = [\"a float32\", \"b int32\"]", "3.5e38,1\n", &["column `a`"]);
    csv("header = false\ncolumns = [\"a float32\", \"b float64\"]", "inf,-inf\nNaN,1e308\n", "inf|-inf\nNaN|1e308\n");
    csv_refused(
        "header = false\ncolumns = [\"a timestamp\", \"b int32\"]",
        "2024-01-01T00:00:00.0000001,1\n",
        &["6 digits"],
    );
}

#[test]
fn what_is_found_in_a_sample_is_held_to_it() {
    let sampled = |text: &str| {
        let mut bench = bench("format = \"csv\"", "a.csv", text);
        bench.spec.read.columns = crate::common::columns(&["id int64", "zip int64"]);
        bench.spec.read.inferred = true;
        bench
    };
    assert_eq!(sampled("id,zip\n1,94110\n").rows(), "1|94110\n");
    refused(&sampled("id,zip\n1,94110\n2,02134\n"), &["a.csv line 3", "column `zip`", "`02134`", "declare `columns`"]);
    refused(&sampled("id,zip,extra\n1,2,3\n"), &["`extra`", "declare `columns`"]);
}

#[test]
fn files_that_lack_or_add_columns() {
    let keys = |more: &str| format!("{AB}{more}");
    csv(&keys("missing = \"null\""), "b\n2\n", "-|2\n");
    csv(&keys("missing = \"null\""), "c\n2\n3\n4\n", "-|-\n-|-\n-|-\n");
    csv_refused(&keys(""), "b,c\n2,3\n", &["missing column `a`", "missing = \"null\""]);
    csv_refused(&keys("extra = \"fail\""), "a,b,c\n1,2,3\n", &["not declared", "`c`"]);
    csv(&keys("missing = \"null\""), "b,\"two\r\nlines\"\n2,3\n", "-|2\n");
    csv_refused(&keys("missing = \"null\""), "A ,b\n1,2\n", &["`A `", "as it stands there"]);
    let both = "columns = [\"n int32\", \"N int32\"]\nmissing = \"null\"";
    csv(both, "N\n1\n", "-|1\n");
    let noted = bench(&format!("format = \"csv\"\n{}", keys("missing = \"null\"")), "a.csv", "b,c\n2,3\n").report();
    assert!(noted.notes.iter().any(|n| n.contains("`a`")) && noted.notes.iter().any(|n| n.contains("`c`")));
}

#[test]
fn json_numbers_keep_their_digits() {
    let columns = "\"d decimal(38,10)\", \"f float64\", \"i int64\"";
    json(
        columns,
        r#"{"d":9007199254740993.2500000001,"f":31.245270191439438,"i":9223372036854775807}"#,
        "9007199254740993.2500000001|31.245270191439438|9223372036854775807\n",
    );
    json(columns, r#"{"d":1.5e-3,"f":1E2,"i":-0}"#, "0.0015000000|100.0|0\n");
    json_refused(columns, r#"{"d":1e-11}"#, &["a.ndjson line 1", "column `d`"]);
    json_refused(columns, r#"{"f":1e400}"#, &["column `f`"]);
    json_refused(columns, r#"{"i":2.0}"#, &["column `i`"]);
    json_refused(columns, "{\"i\":1}\n{\"i\":1,\"i\":2}", &["line 2", "the key `i` stands twice"]);
}

#[test]
fn json_records_and_marks() {
    let columns = "\"a int32\", \"b string\"";
    json(columns, "\u{feff}{\"a\":1,\"b\":\"x\"}\r\n{\"a\":2}", "1|x\n2|-\n");
    json(columns, "{\"a\":1}{\"a\":2} {\"a\":3,\"b\":\"}{\"}", "1|-\n2|-\n3|}{\n");
    json("\"a string\"", "{}\n{\"a\":\"\"}\n{\"a\":null}", "-\n\n-\n");
    json_refused(columns, "{\"a\":1}\n{\"a\":2}garbage", &["line 2", "not a JSON object"]);
    json_refused(columns, "[{\"a\":1}]", &["line 1", "an array is no record", "jq"]);
    let keys = format!("format = \"ndjson\"\ncolumns = [{columns}]\nextra = \"fail\"");
    refused(&bench(&keys, "a.ndjson", "{\"a\":1,\"c\":2}"), &["a.ndjson line 1", "the key `c` is not declared"]);
    let keys = format!("format = \"ndjson\"\ncolumns = [{columns}]\non_bad_rows = \"reject\"");
    let bench = bench(&keys, "a.ndjson", "{\"a\":1}{\"a\":\"x\"}{\"a\":3}\n[1]\n{\"a\":4");
    assert_eq!(bench.exact_rows(), "1|-\n3|-\n");
    assert_eq!(bench.rejects().lines().count(), 3);
    assert!(bench.rejects().contains("\"byte\":7,"), "{}", bench.rejects());
}

#[test]
fn json_paths_objects_and_lenient_scalars() {
    let columns = r#"{ name = "id", type = "int32", path = "$.user.id" }, { name = "tag", type = "string", path = "$.user.tags[1]" }, { name = "user", type = "json" }"#;
    json(columns, r#"{"user":{"id":7,"tags":["a","b"]}}"#, "7|b|{\"id\":7,\"tags\":[\"a\",\"b\"]}\n");
    json(columns, "{\"user\":null}\n{}\n{\"user\":{\"tags\":[]}}", "-|-|-\n-|-|-\n-|-|{\"tags\":[]}\n");
    json_refused(columns, r#"{"user":3}"#, &["column `id`", "no object"]);
    json_refused("\"a string\"", r#"{"a":{"id":7}}"#, &["an object", "`json`", "$.user.id"]);
    let lenient =
        r#"{ name = "id", type = "string", lenient = true }, { name = "qty", type = "int32", lenient = true }"#;
    json(
        lenient,
        "{\"id\":1001,\"qty\":2}\n{\"id\":\"A\",\"qty\":2.0}\n{\"id\":true,\"qty\":\"3\"}\n{\"qty\":1e1}",
        "1001|2\nA|2\ntrue|3\n-|10\n",
    );
    json_refused(lenient, r#"{"qty":2.5}"#, &["column `qty`", "2.5"]);
}

/// What the query does not use may be wrong; everything else is one and the same.
#[test]
fn used_separates_rows_as_all_does() {
    let texts = [
        "a,b\n1,5\" pipe\n2,6\" pipe\n3,plain\n",
        "a,b\n\n1,x\n\r\n2,y\n",
        "a,b\n1,\"x\ny\"\n2,\"z\"\"\"\n",
        "b,a\nx,1\ny\r,2",
        "a,b\n1,x,3\n",
        "a,b\n1\n",
        "a,b\n1,\"x\n2,y\n",
        "a,b\n 1,x\n",
        "a,b\n1.005,x\n",
    ];
    for text in texts {
        for sql in ["SELECT a FROM input", "SELECT COUNT(*) AS n FROM input", "SELECT b FROM input"] {
            for rejects in [OnBadRows::Fail, OnBadRows::Reject] {
                let outcome = |row_check| {
                    let keys = "format = \"csv\"\ncolumns = [\"a decimal(10,2)\", \"b string\"]";
                    let mut bench = bench(keys, "a.csv", text);
                    bench.spec.transform = spotmill_core::model::Transform::Sql { text: sql.into(), file: None };
                    bench.spec.read.row_check = row_check;
                    bench.spec.read.on_bad_rows = rejects;
                    match bench.outcome() {
                        spotmill_core::item::ItemOutcome::Done(report) => (report.rows.read, bench.exact_rows()),
                        spotmill_core::item::ItemOutcome::Failed(failure) => {
                            (u64::MAX, failure.message.split("a.csv").last().unwrap_or_default().to_owned())
                        }
                    }
                };
                let (all, used) = (outcome(RowCheck::All), outcome(RowCheck::Used));
                // A value that only `all` checks.
                let unused = text.contains("1.005") && !sql.contains("SELECT a");
                assert!(all == used || unused, "{text:?} {sql} {rejects:?}: {all:?} {used:?}");
            }
        }
    }
}
