//! What a person sees of tests: a line for each, below one that failed its reasons and the cells that differ, and at the
//! end what to type next.

use super::bench::Done;
use super::find::FOLDER;
use crate::args::Global;
use crate::event::Event;
use crate::project::Project;
use crate::result::{indent, result_table};
use crate::ui::format::{duration, plural};
use spotmill_cases::{Diff, DiffCell, Finding, Mark};
use spotmill_core::item::PreviewReply;
use spotmill_core::types::{Column, ColumnType};

pub fn event(done: &Done) -> Event {
    Event::Tested {
        name: done.case.name.clone(),
        step: done.case.step.clone(),
        file: done.case.file.clone(),
        line: done.case.line,
        passed: done.findings.is_empty(),
        findings: done.findings.clone(),
    }
}

pub fn all(global: &Global, outcome: &[Done], wall_ms: u64) {
    let (mut failed, mut differ) = (Vec::new(), false);
    for done in outcome {
        let (mark, case) = (if done.findings.is_empty() { '✓' } else { '✗' }, &done.case);
        say!("{mark} {} ({}, {}:{})", case.name, case.step, case.file, case.line);
        done.findings.iter().for_each(finding);
        if !done.findings.is_empty() {
            failed.push(case.name.as_str());
            differ |= done.findings.iter().any(|finding| finding.diff.is_some());
        }
    }
    let (count, took) = (plural(outcome.len() as u64, "test"), duration(wall_ms));
    if failed.is_empty() {
        say!("✓ {count} passed in {took}");
        return;
    }
    say!("✗ {} of {count} failed in {took}", failed.len());
    if differ {
        let command = global.command("test").arg(failed[0]).word("--update");
        say!("  If what the step makes now is right, write it into the test: {command}");
    }
}

fn finding(finding: &Finding) {
    say!("  {}", finding.message);
    let Some(diff) = &finding.diff else { return };
    say!("{}", table(diff));
    if diff.lines.len() < diff.differ {
        say!("  … and {} more", diff.differ - diff.lines.len());
    }
}

/// The rows that differ: what was expected, an arrow, and what was made.
fn table(diff: &Diff) -> String {
    let mark = |mark: Mark| match mark {
        Mark::Changed => "changed",
        Mark::Missing => "missing",
        Mark::Unexpected => "unexpected",
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "NULL".to_owned());
    let cell = |(cell, column): (&DiffCell, &Column)| match cell {
        DiffCell::Same { value: Some(value) } => Some(shown(value, column)),
        DiffCell::Same { value: None } => None,
        DiffCell::Changed { expected, made } => {
            let side = |side: &Option<String>| side.as_ref().map_or_else(|| text(side), |value| shown(value, column));
            Some(format!("{} → {}", side(expected), side(made)))
        }
        DiffCell::Open => Some(String::new()),
    };
    let first = Column { name: String::new(), ty: ColumnType::String, parse: None };
    let columns: Vec<Column> = std::iter::once(first).chain(diff.columns.iter().cloned()).collect();
    let rows = diff.lines.iter().map(|line| {
        let cells = line.cells.iter().zip(&diff.columns).map(cell);
        std::iter::once(Some(mark(line.mark).to_owned())).chain(cells).collect()
    });
    indent(&result_table(&PreviewReply { columns, rows: rows.collect(), total_rows: diff.differ as u64 }))
}

/// A text that could be taken for NULL, for nothing or for its neighbour stands in quotes.
fn shown(value: &str, column: &Column) -> String {
    let plain = !value.is_empty() && value != "NULL" && value.trim() == value && !value.contains('→');
    if column.ty != ColumnType::String || plain { value.to_owned() } else { format!("\"{value}\"") }
}

/// How to write the first test.
pub fn none(global: &Global, project: &Project) {
    if global.json {
        Event::TestsEnded { passed: 0, failed: 0, wall_ms: 0 }.print();
        return;
    }
    let step = project.pipeline().steps.first().map_or("STEP", |step| step.name.as_str());
    say!("there are no tests; {FOLDER}/{step}.toml could be the first:");
    say!("  [[test]]\n  name = \"what holds, in a few words\"\n  step = \"{step}\"");
    say!("  given.input = [ {{ COLUMN = VALUE }} ]     # columns that are not here are NULL");
    say!("  expect.rows = [ {{ COLUMN = VALUE }} ]");
    let from = global.command("test").word("--from").blank("RUN").blank("STEP").blank("ITEM");
    say!("From rows of a run: {from}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_differ_show_both_values() {
        let columns = vec![
            Column { name: "k".into(), ty: ColumnType::String, parse: None },
            Column { name: "n".into(), ty: ColumnType::Int64, parse: None },
        ];
        let some = |text: &str| Some(text.to_owned());
        let lines = vec![
            spotmill_cases::DiffLine {
                mark: Mark::Changed,
                cells: vec![
                    DiffCell::Changed { expected: None, made: some("") },
                    DiffCell::Changed { expected: some("1"), made: some("2") },
                ],
            },
            spotmill_cases::DiffLine {
                mark: Mark::Missing,
                cells: vec![DiffCell::Same { value: some("NULL") }, DiffCell::Open],
            },
        ];
        let diff = Diff { columns, lines, differ: 2, expected: 2, made: 1 };
        let shown = table(&diff);
        assert_eq!(shown, "           k              n\n  changed  NULL → \"\"  1 → 2\n  missing  \"NULL\"");
    }
}
