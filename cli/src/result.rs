//! The outcome of a run: the table of its steps, the result itself and where its files are, or what failed and the
//! command that resumes it. Results go to stdout.

use crate::args::{Asked, Global};
use crate::event::{Published, RunEnded, StepSummary};
use crate::exit::{Code, Stop};
use crate::local::near;
use crate::ui::fit;
use crate::ui::format::{bytes, count, duration, plural};
use crate::worker::Worker;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use spotmill_core::calls::errors;
use spotmill_core::command::{Caller, Command};
use spotmill_core::format::bare_cause;
use spotmill_core::ids::{ExecutionId, RunId, StepName};
use spotmill_core::item::PreviewReply;
use spotmill_core::keys::RunKeys;
use spotmill_core::records::{RunOutcome, RunReport, StepReport, StepState};
use spotmill_lambdas::{Ctx, inspect, report};
use spotmill_platform::ports::Store;
use std::sync::Arc;

/// Below this a table would break names, which are there to be pasted.
const NARROWEST: usize = 80;
/// Characters before a table's lines.
const INDENT: usize = 2;
/// Rows of a result that are shown.
const SHOWN: usize = 10;
/// Characters of a value that a table shows.
const SHOWN_CHARS: usize = 200;

/// How an execution ended.
pub struct End<'a> {
    pub id: &'a ExecutionId,
    pub outcome: &'a str,
    pub wall_ms: u64,
    pub error: Option<String>,
    pub cause: Option<String>,
}

/// Gathers a run's end from its records.
pub async fn ended(ctx: &Ctx, run: &RunId, end: End<'_>) -> RunEnded {
    let found = report::summarize(ctx, run).await.ok();
    // An execution that fails holds the run; one that never held it was refused, and the run's records are another's.
    let holds = found.as_ref().is_some_and(|report| report.root == *end.id);
    let refused = end.outcome == "failed" && !holds;
    let found = found.filter(|_| !refused);
    let warned =
        found.as_ref().is_some_and(|r| r.steps.iter().any(|s| !s.warnings.is_empty() || !s.missing.is_empty()));
    let skipped = found.as_ref().is_some_and(|r| r.outcome == RunOutcome::Skipped);
    let outcome = match end.outcome {
        "succeeded" if skipped => "skipped",
        "succeeded" if warned => "warned",
        other => other,
    };
    let mut published = Vec::new();
    for step in found.iter().flat_map(|r| &r.steps) {
        published.extend(manifest(ctx, run, step).await);
    }
    RunEnded {
        run: run.to_string(),
        outcome: outcome.to_owned(),
        nothing_to_do: found.as_ref().is_some_and(|r| r.nothing_to_do) && end.outcome == "succeeded",
        refused,
        wall_ms: end.wall_ms,
        steps: found.map(steps).unwrap_or_default(),
        published,
        error: end.error,
        cause: end.cause,
    }
}

fn steps(report: RunReport) -> Vec<StepSummary> {
    let started = report.steps.into_iter().filter(|s| s.state != StepState::NotStarted);
    started
        .map(|s| StepSummary {
            step: s.step.0,
            generation: s.generation,
            items: s.items,
            committed: s.committed,
            rows: s.rows,
            peak_bytes: s.peak_bytes,
            warnings: s.warnings,
            notes: s.notes,
        })
        .collect()
}

async fn manifest(ctx: &Ctx, run: &RunId, step: &StepReport) -> Option<Published> {
    let keys = RunKeys::new(&ctx.root, run).step(&StepName::new(step.step.as_str()), step.generation);
    let manifest = inspect::published(ctx, &keys).await.ok()??;
    Some(Published {
        step: step.step.0.clone(),
        files: manifest.files.iter().map(|f| manifest.destination.join(&f.path).0).collect(),
        destination: manifest.destination.0,
        rows: manifest.rows,
        bytes: manifest.files.iter().map(|f| f.bytes).sum(),
    })
}

/// The end of one key.
pub fn print(ended: &RunEnded, code: Code, caller: &Caller, resume: &Command) {
    say!("{}", headline(ended, code));
    if code != Code::Interrupted {
        if !ended.steps.is_empty() {
            say!("{}", indent(&step_table(&ended.steps)));
        }
        for step in &ended.steps {
            step.warnings.iter().chain(&step.notes).for_each(|w| say!("  ! {}: {w}", step.step));
            if step.rows.rejected > 0 {
                let rows = plural(step.rows.rejected, "row");
                let show = caller.command("show").arg(&ended.run).arg(&step.step).blank("ITEM");
                say!("  {} rejected {rows}; where and why: {show}", step.step);
            }
        }
        if code != Code::Done {
            let cause = ended.cause.as_deref().or(ended.error.as_deref()).unwrap_or("unknown");
            // Its commands follow on lines of their own.
            say!("  Cause  {}", bare_cause(cause));
        }
    }
    for (what, command) in ways(ended, code, caller, resume) {
        say!("  {what:5}  {command}");
    }
}

fn headline(ended: &RunEnded, code: Code) -> String {
    let (run, took) = (&ended.run, duration(ended.wall_ms));
    match code {
        Code::Done if ended.outcome == "warned" && ended.nothing_to_do => {
            format!("! {run}: nothing to do; it succeeded with warnings")
        }
        Code::Done if ended.outcome == "warned" => format!("! {run} succeeded with warnings in {took}"),
        Code::Done if ended.outcome == "skipped" => {
            format!("○ {run} is skipped: its input was late; nothing was run or published")
        }
        Code::Done if ended.nothing_to_do => format!("✓ {run}: nothing to do"),
        Code::Done => format!("✓ {run} succeeded in {took}"),
        Code::Interrupted => format!("‖ {run} stopped after {took}; what was committed is kept"),
        Code::InputNotThere if ended.outcome == "waiting" => {
            format!("○ {run} waits for its input; nothing was launched")
        }
        Code::InputNotThere => format!("○ {run} is late: its input was not there in time; nothing was launched"),
        Code::NotAnnounced => format!("✗ {run}: what it published stands, and was not announced ({took})"),
        _ if ended.refused => format!("✗ {run} was not started"),
        _ => format!("✗ {run} failed after {took}"),
    }
}

/// The commands that lead on from here, and no others.
fn ways(ended: &RunEnded, code: Code, caller: &Caller, resume: &Command) -> Vec<(&'static str, Command)> {
    let error = ended.error.as_deref().unwrap_or_default();
    let show = ("Look", caller.command("show").arg(&ended.run));
    let mut ways = Vec::new();
    match code {
        Code::Done => {}
        Code::Interrupted => ways.push(("Again", resume.clone())),
        Code::InputNotThere => ways.push(("Again", resume.clone())),
        _ if error == errors::DESTINATION_REFUSED => {
            let cause = ended.cause.as_deref().unwrap_or_default();
            ways.extend((!ended.refused).then_some(show));
            // The cause names which of the two apply.
            for (what, flag) in [("Adopt", "--adopt"), ("Leave", "--leave")] {
                ways.extend(cause.contains(flag).then(|| (what, resume.clone().word(flag))));
            }
        }
        // The same command would be refused again, until its cause is fixed.
        _ if ended.refused => ways.extend((error == errors::TRANSIENT).then(|| ("Again", resume.clone()))),
        _ => ways.extend([show, ("Again", resume.clone())]),
    }
    ways
}

/// The result of the last step that published, of all keys together, and what to do next.
pub async fn closing(
    worker: &Worker,
    store: &Arc<dyn Store>,
    ended: &[RunEnded],
    keys: usize,
    global: &Global,
    asked: &Asked,
    code: Code,
) -> Result<(), Stop> {
    if keys > 1 {
        backfill(global, ended, keys);
    }
    let succeeded = |run: &&RunEnded| matches!(run.outcome.as_str(), "succeeded" | "warned");
    let ended: Vec<&RunEnded> = ended.iter().filter(succeeded).collect();
    let last = ended.iter().rev().find_map(|run| run.published.last()).map(|p| p.step.clone());
    if let Some(step) = last {
        let published: Vec<&Published> =
            ended.iter().flat_map(|run| &run.published).filter(|p| p.step == step).collect();
        // What was published is published, whether or not it can be shown.
        if let Err(stop) = show_result(worker, store, &published).await {
            say!("  ! the result cannot be shown: {}", stop.message);
        }
    }
    if code == Code::Done && !global.quiet && asked.date.as_ref().is_some_and(|d| !d.contains("..")) {
        let (show, run) = (global.command("show").arg(&ended[0].run), global.command("run"));
        say!("Next: {show} · {}", run.word("--date").blank("FIRST..LAST"));
    }
    Ok(())
}

/// How many of a range are done. Why others failed was reported as each ended.
pub fn backfill(global: &Global, ended: &[RunEnded], asked: usize) {
    let done = ended.iter().filter(|run| matches!(run.outcome.as_str(), "succeeded" | "warned")).count();
    say!("{done} of {} done", plural(asked as u64, "run"));
    for run in ended.iter().filter(|run| run.outcome == "failed") {
        say!("  ✗ {}   {}", run.run, global.command("show").arg(&run.run));
    }
    for run in ended.iter().filter(|run| matches!(run.outcome.as_str(), "waiting" | "late" | "skipped")) {
        say!("  ○ {} is {}", run.run, run.outcome);
    }
}

async fn show_result(worker: &Worker, store: &Arc<dyn Store>, published: &[&Published]) -> Result<(), Stop> {
    if published.iter().all(|p| p.files.is_empty()) {
        return Ok(());
    }
    let copies = near::files(store, published).await?;
    let preview = worker.preview(&copies.paths, SHOWN)?;
    say!("\n{}", indent(&result_table(&preview)));
    if preview.total_rows > preview.rows.len() as u64 {
        say!("  … {} in all", plural(preview.total_rows, "row"));
    }
    for place in published.iter().take(3) {
        say!("  {} ({})", relative(&place.destination), plural(place.files.len() as u64, "file"));
    }
    if published.len() > 3 {
        say!("  … and {} more", published.len() - 3);
    }
    Ok(())
}

/// The path as the user would type it.
pub fn relative(path: &str) -> String {
    let directory = std::env::current_dir().map(|d| format!("{}/", d.display())).unwrap_or_default();
    path.strip_prefix(&directory).unwrap_or(path).to_owned()
}

pub fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn step_table(steps: &[StepSummary]) -> Table {
    let mut table = table(&["step", "items", "rows in", "rejected", "rows out", "peak"], &[1, 2, 3, 4, 5]);
    for step in steps {
        table.add_row([
            step.step.clone(),
            if step.committed == step.items {
                count(u64::from(step.items))
            } else {
                format!("{}/{}", step.committed, step.items)
            },
            count(step.rows.raw),
            count(step.rows.rejected),
            count(step.rows.written),
            bytes(step.peak_bytes),
        ]);
    }
    table
}

pub fn result_table(preview: &PreviewReply) -> Table {
    let names: Vec<String> = preview.columns.iter().map(|c| c.name.clone()).collect();
    let cell = |cell: &Option<String>| cell.as_deref().map_or_else(|| "NULL".to_owned(), shown);
    let rows = preview.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let shown = fit::fit(names, rows, fit::width().map(|width| width.saturating_sub(INDENT)));
    let numeric = |i: usize| !matches!(preview.columns[i].ty, spotmill_core::types::ColumnType::String);
    let right: Vec<usize> = (0..shown.names.len()).filter(|i| shown.from[*i].is_some_and(numeric)).collect();
    let mut table = table(&shown.names.iter().map(String::as_str).collect::<Vec<_>>(), &right);
    table.add_rows(shown.rows);
    table
}

/// On one line, without what a terminal would obey.
fn shown(cell: &str) -> String {
    let mut out = String::new();
    for (i, c) in cell.chars().enumerate() {
        match c {
            _ if i == SHOWN_CHARS => {
                out.push('…');
                break;
            }
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// A table below a headline, within the width of the terminal.
pub fn indent(table: &Table) -> String {
    let mut table = table.clone();
    if let Some(width) = fit::width().and_then(|width| u16::try_from(width.max(NARROWEST) - INDENT).ok()) {
        // Columns end in a gap of two, the last one's is cut off below.
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.saturating_add(2));
    }
    table.lines().map(|line| format!("  {}\n", line.trim_end())).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_core::types::{Column, ColumnType};

    fn ended(outcome: &str, error: &str, cause: &str) -> RunEnded {
        RunEnded {
            run: "p/d".into(),
            outcome: outcome.into(),
            nothing_to_do: false,
            refused: false,
            wall_ms: 1_000,
            steps: Vec::new(),
            published: Vec::new(),
            error: Some(error.into()),
            cause: Some(cause.into()),
        }
    }

    #[track_caller]
    fn check(ended: &RunEnded, code: Code, expected: &[&str]) {
        let caller = Caller::new("local");
        let ways = ways(ended, code, &caller, &caller.command("run").option("--date", "d"));
        let named: Vec<String> = ways.into_iter().map(|(what, command)| format!("{what} {command}")).collect();
        assert_eq!(named, expected);
    }

    #[test]
    fn only_commands_that_lead_on_are_named() {
        let failed = ended("failed", errors::ITEMS_FAILED, "one failed");
        check(&failed, Code::ItemsFailed, &["Look spotmill show p/d", "Again spotmill run --date d"]);
        let both = "strange files; or start with --adopt, or with --leave";
        let refused = RunEnded { refused: true, ..ended("failed", errors::DESTINATION_REFUSED, both) };
        check(
            &refused,
            Code::Expectation,
            &["Adopt spotmill run --date d --adopt", "Leave spotmill run --date d --leave"],
        );
        let one = RunEnded { cause: Some("or start with --leave".into()), ..refused.clone() };
        check(&one, Code::Expectation, &["Leave spotmill run --date d --leave"]);
        let missing = RunEnded { refused: true, ..ended("failed", errors::NO_INPUT, "nothing matches in/d.csv") };
        check(&missing, Code::ItemsFailed, &[]);
        check(&ended("interrupted", "", ""), Code::Interrupted, &["Again spotmill run --date d"]);
    }

    #[test]
    fn a_start_that_did_nothing_reports_it() {
        let done = RunEnded { nothing_to_do: true, ..ended("succeeded", "", "") };
        assert_eq!(headline(&done, Code::Done), "✓ p/d: nothing to do");
        let worked = RunEnded { nothing_to_do: false, ..done };
        assert_eq!(headline(&worked, Code::Done), "✓ p/d succeeded in 1.0 s");
        let refused = RunEnded { refused: true, ..worked };
        assert_eq!(headline(&refused, Code::Expectation), "✗ p/d was not started");
    }

    #[test]
    fn a_value_is_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[31mb\tc"), "a\\u{1b}[31mb\\tc");
        assert_eq!(shown(&"é".repeat(300)).chars().count(), SHOWN_CHARS + 1);
    }

    #[test]
    fn a_table_holds_nothing_that_a_terminal_would_obey() {
        let columns = vec![Column { name: "a".into(), ty: ColumnType::String, parse: None }];
        let rows = vec![vec![Some("a\u{1b}[31m\nb".to_owned())]];
        let table = result_table(&PreviewReply { columns, rows, total_rows: 1 });
        assert_eq!(indent(&table), "  a\n  a\\u{1b}[31m\\nb");
    }
}
