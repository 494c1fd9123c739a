//! `spotmill schema` prints what a run then reads.

use crate::common::{Bench, toml};
use spotmill_core::model::{Format, Read};
use spotmill_item::schema::{block, declared};

#[track_caller]
fn check(name: &str, format: Format, text: &str, printed: &str, rows: &str) {
    let dir = tempfile::TempDir::new().expect("a directory");
    let path = dir.path().join(name);
    std::fs::write(&path, text).expect("written");
    let found = block(&declared(&path, &Read::of(format)).expect("columns"));
    assert_eq!(found, printed);
    let mut bench = Bench::new(&["a int32"], "SELECT * FROM input");
    let word = if format == Format::Csv { "csv" } else { "ndjson" };
    bench.spec.read = toml::read(&format!("format = \"{word}\"\n{found}"));
    bench.file(name, text);
    assert_eq!(bench.exact_rows(), rows);
}

#[test]
fn what_is_printed_is_read() {
    check(
        "a.csv",
        Format::Csv,
        "id, Amount ,zip,long\n1,2.5,02134,12345678901234567890\n",
        "columns = [\n  \"id int64\", { name = \" Amount \", type = \"float64\" }, \"zip string\", \"long string\",\n]\n",
        "1|2.5|02134|12345678901234567890\n",
    );
    check(
        "a.ndjson",
        Format::Ndjson,
        "{\"id\":1001,\"user\":{\"id\":7},\"d\":9007199254740993.25,\"at\":\"2024-03-10\"}\n{\"id\":\"A\"}\n",
        "columns = [\n  { name = \"id\", type = \"string\", lenient = true }, \"user json\",\n  { name = \"d\", type = \"string\", lenient = true }, \"at date\",\n]\n",
        "1001|{\"id\":7}|9007199254740993.25|2024-03-10\nA|-|-|-\n",
    );
}
