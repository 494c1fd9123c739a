//! `report --items`: the attempts of a run, one a row, as a file that can be queried. The pipeline's worker writes it, as it
//! writes what `spotmill sql --output` asks for.

use crate::args::{Global, SqlArgs};
use crate::commands::sql;
use crate::exit::{Code, Stop, io};
use serde::Serialize;
use spotmill_core::ids::RunId;
use spotmill_report::{Attempt, Report};
use std::io::Write;
use std::path::Path;

/// The columns of the file; a test holds them to what a row has.
const COLUMNS: &str = "run string, step string, generation int64, item int64, label string, attempt string, status string, \
                       class string, worker string, carried bool, started_ms int64, ended_ms int64, run_ms int64, \
                       cpu_ms int64, peak_bytes int64, limit_bytes int64, rung int64, files_in int64, bytes_in int64, \
                       rows_raw int64, rows_read int64, rows_rejected int64, rows_written int64, files_out int64, \
                       bytes_out int64";

#[derive(Serialize)]
struct Row<'a> {
    run: &'a RunId,
    #[serde(flatten)]
    attempt: &'a Attempt,
}

pub async fn write(global: &Global, report: &Report, to: &Path) -> Result<Code, Stop> {
    if report.attempts.is_empty() {
        return Err(Stop::usage(format!("{} has no attempt on record: there is nothing to write", report.run)));
    }
    let folder = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
    let lines = folder.path().join("items.ndjson");
    std::fs::write(&lines, ndjson(report)?).map_err(io("write", &lines))?;
    let args = SqlArgs {
        query: Some("SELECT * FROM items".to_owned()),
        tables: vec![("items".to_owned(), lines.to_string_lossy().into_owned())],
        columns: vec![("items".to_owned(), COLUMNS.to_owned())],
        output: Some(to.to_path_buf()),
        force: true,
        ..SqlArgs::default()
    };
    sql::run(global, &args).await
}

fn ndjson(report: &Report) -> Result<Vec<u8>, Stop> {
    let mut lines = Vec::new();
    for attempt in &report.attempts {
        let row = Row { run: &report.run, attempt };
        serde_json::to_writer(&mut lines, &row).map_err(|e| Stop::failed(format!("an attempt is no JSON: {e}")))?;
        lines.write_all(b"\n").map_err(io("write", Path::new("items")))?;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_core::item::RowCounts;
    use spotmill_ledger::Class;

    #[test]
    fn every_column_is_declared_in_its_place() {
        let attempt = Attempt {
            step: "a".to_owned(),
            generation: 1,
            item: 0,
            label: String::new(),
            attempt: "x".to_owned(),
            status: "committed".to_owned(),
            class: Class::Useful,
            worker: String::new(),
            carried: false,
            started_ms: 0,
            ended_ms: 0,
            run_ms: 0,
            cpu_ms: 0,
            peak_bytes: 0,
            limit_bytes: 0,
            rung: 0,
            files_in: 0,
            bytes_in: 0,
            rows: RowCounts::default(),
            files_out: 0,
            bytes_out: 0,
        };
        let row = serde_json::to_value(Row { run: &"p/1".into(), attempt: &attempt }).expect("JSON");
        let keys: Vec<&str> = row.as_object().expect("an object").keys().map(String::as_str).collect();
        let declared: Vec<&str> = COLUMNS.split(',').filter_map(|column| column.split_whitespace().next()).collect();
        assert_eq!(keys, declared);
    }
}
