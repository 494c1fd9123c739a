//! `show`: shows a run, a step or an item: its outcome, what failed and why, and the commands that resume it.

use super::plan::describe;
use super::runs::mark;
use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::result::{indent, relative, table};
use crate::stood::Stood;
use crate::ui::format::{bytes, count, duration, plural};
use comfy_table::Table;
use spotmill_core::bounds::SHOWN_MACHINES;
use spotmill_core::bundle;
use spotmill_core::command::Command;
use spotmill_core::format;
use spotmill_core::ids::{StepName, Uri};
use spotmill_core::item::{Bundled, FailureClass};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::{AfterCheck, FailureRecord, Lease, Receipt, RunReport, StepReport, StepState, WorkItem};
use spotmill_lambdas::{Ctx, inspect, report};

pub struct What<'a> {
    /// The latest where none is named.
    pub run: Option<&'a str>,
    pub step: Option<&'a str>,
    pub item: Option<u32>,
    pub log: bool,
}

pub async fn run(global: &Global, what: &What<'_>) -> Result<Code, Stop> {
    let inspector = Inspector::open(global).await?;
    let ctx = &inspector.ctx;
    let run = inspector.run(global, what.run).await?;
    let lease = inspector.lease(&run).await?;
    let lease = lease.ok_or_else(|| Stop::usage(format!("{run} is gone")))?;
    let report = report::summarize(ctx, &run).await.map_err(Stop::from)?;
    let Some(step) = what.step else {
        return Ok(show_run(ctx, global, &report, &inspector.state(&report).await?, what.log));
    };
    let step = find(&report, step)?;
    let keys = RunKeys::new(&ctx.root, &run).step(&StepName::new(step.step.as_str()), step.generation);
    match what.item {
        None => show_step(ctx, global, step, &keys, &lease).await,
        Some(item) => show_item(ctx, global, &keys, &lease, item, what.log).await,
    }
}

fn find<'a>(report: &'a RunReport, name: &str) -> Result<&'a StepReport, Stop> {
    report.steps.iter().find(|s| s.step.as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = report.steps.iter().map(|s| s.step.as_str()).collect();
        Stop::usage(format!("{} has no step `{name}`; {}", report.run, format::instead(name, "steps", &names)))
    })
}

fn show_run(ctx: &Ctx, global: &Global, report: &RunReport, stood: &Stood, log: bool) -> Code {
    let state = stood.state;
    if global.json {
        Event::Run { state: state.to_owned(), report: report.clone() }.print();
        return Code::Done;
    }
    say!("{} {} {state}", mark(state), report.run);
    let mut shown = table(
        &["step", "gen", "state", "items", "rows in", "rejected", "rows out", "peak", "took"],
        &[1, 3, 4, 5, 6, 7, 8],
    );
    for step in &report.steps {
        shown.add_row(step_row(step));
    }
    say!("{}", indent(&shown));
    if let Some(line) = awaited(report) {
        say!("  {line}");
    }
    for step in &report.steps {
        if step.generation > 1 {
            say!("  {} is generation {}: {}", step.step, step.generation, step.because);
        }
        step.warnings.iter().chain(&step.notes).for_each(|w| say!("  ! {}: {w}", step.step));
        if let Some(cost) = &step.cost {
            say!("  {}: {}", step.step, format::cost(cost));
        }
        if let Some(place) = &step.published {
            say!("  {} is published at {}", step.step, relative(place.as_str()));
        }
        // In a run that was stopped, items that were handed back have not failed.
        let failures = step.failures.iter().filter(|f| state == "failed" || f.class != FailureClass::Lost);
        failures.for_each(|f| failure(ctx, report, step, f, log));
    }
    let has_failure = |step: &StepReport| step.failures.iter().any(|f| f.class != FailureClass::Lost);
    if let Some(cause) = stood.cause.as_ref().filter(|_| !report.steps.iter().any(has_failure)) {
        say!("\n  Cause  {}", format::bare_cause(cause));
    }
    if !matches!(state, "succeeded" | "warned" | "running") {
        say!("\n  Again  {}", resume_command(ctx, report));
    }
    Code::Done
}

/// How the input stands that the run waits for, or waited for in vain.
pub fn awaited(report: &RunReport) -> Option<String> {
    let input = report.input.as_ref()?;
    let what = match input.next {
        AfterCheck::Go => return None,
        AfterCheck::Wait => "waiting for input",
        AfterCheck::Late => "input is late, nothing was launched",
        AfterCheck::Skip => "input was late, nothing was run or published",
    };
    let checked = format::took(report.reported_ms.saturating_sub(input.checked_ms));
    Some(format!("{what}: {} (checked {checked} ago)", input.text()))
}

/// The command that resumes the run: its key, as it was given.
pub fn resume_command(ctx: &Ctx, report: &RunReport) -> Command {
    let (pipeline, values) = (report.run.pipeline(), report.run.key());
    let key: Vec<String> = match values {
        values if values.contains('=') => {
            values.split(',').filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect()
        }
        _ => vec!["date".to_owned()],
    };
    ctx.settings.caller.rerun(pipeline, &key, &report.params)
}

pub fn step_row(step: &StepReport) -> [String; 9] {
    let state = match step.state {
        StepState::Done => "done",
        StepState::Failed => "incomplete",
        StepState::NotStarted => "not started",
    };
    [
        step.step.to_string(),
        step.generation.to_string(),
        state.to_owned(),
        format!("{}/{}", step.committed, step.items),
        count(step.rows.raw),
        count(step.rows.rejected),
        count(step.rows.written),
        bytes(step.peak_bytes),
        duration(step.took_ms),
    ]
}

fn failure(ctx: &Ctx, report: &RunReport, step: &StepReport, failure: &FailureRecord, log: bool) {
    say!("\n✗ {} item {}", step.step, failure.item);
    print_failure(failure, log);
    say!("  Here   {}", replay_command(ctx, report.run.as_str(), step.step.as_str(), failure.item));
}

/// Replays the item on these inputs, on this machine.
fn replay_command(ctx: &Ctx, run: &str, step: &str, item: u32) -> Command {
    ctx.settings.caller.command("item").arg(run).arg(step).arg(&item.to_string())
}

fn print_failure(failure: &FailureRecord, log: bool) {
    say!("  Cause  {}: {}", format::class(failure.class), failure.message);
    if let Some(file) = &failure.file {
        say!("  Input  {}", relative(file));
    }
    say!("  Ended  {}, peak {}", failure.ended, bytes(failure.usage.peak_bytes));
    say!("  Where  {}", failure.worker);
    if let Some(remedy) = &failure.remedy {
        say!("  Fix    {remedy}");
    }
    let tail = failure.log_tail.trim_end();
    if log && !tail.is_empty() {
        say!("  Log\n{}", tail.lines().map(|l| format!("    {l}")).collect::<Vec<_>>().join("\n"));
    } else if let Some(last) = tail.lines().last().filter(|last| is_news(last, failure)) {
        say!("  Log    … {last}   (more: --log)");
    }
}

/// Whether the line adds something to the failure's message and remedy.
fn is_news(line: &str, failure: &FailureRecord) -> bool {
    let contains_line = |text: &str| text.contains(line.trim());
    !contains_line(&failure.message) && !failure.remedy.as_deref().is_some_and(contains_line)
}

async fn show_step(
    ctx: &Ctx,
    global: &Global,
    step: &StepReport,
    keys: &StepKeys,
    lease: &Lease,
) -> Result<Code, Stop> {
    let items = inspect::items(ctx, keys).await.map_err(Stop::from)?;
    let mut shown =
        table(&["item", "state", "rows in", "rejected", "rows out", "peak", "took", "input"], &[0, 2, 3, 4, 5, 6]);
    for item in &items {
        let receipt = inspect::receipt(ctx, keys, item.item).await.map_err(Stop::from)?;
        if global.json {
            let failures = step.failures.iter().filter(|f| f.item == item.item).cloned().collect();
            Event::Item { work: item.clone(), receipt: Box::new(receipt), failures }.print();
        } else {
            shown.add_row(item_row(step, item, receipt.as_ref()));
        }
    }
    if !global.json {
        say!("{} generation {} ({})", step.step, step.generation, step.because);
        say!("{}", indent(&shown));
    }
    let machines = inspect::machines(ctx, keys, lease.epoch, SHOWN_MACHINES).await.map_err(Stop::from)?;
    if global.json {
        machines.into_iter().for_each(|machine| Event::Machine { machine }.print());
    } else if !machines.is_empty() {
        say!("\n{}", indent(&machine_table(&machines, ctx.clock.now_ms())));
    }
    Ok(Code::Done)
}

/// Machines by their own records; the machine that committed an item is shown with the item.
fn machine_table(machines: &[InstanceRecord], now_ms: u64) -> Table {
    let mut shown = table(&["machine", "type", "zone", "slots", "items", "first item", "lived", "end"], &[3, 4, 5, 6]);
    for machine in machines {
        shown.add_row([
            machine.id.clone(),
            machine.kind.clone(),
            machine.zone.clone(),
            machine.slots.to_string(),
            count(u64::from(machine.items)),
            machine.first_item_after_ms().map_or_else(|| "none".to_owned(), duration),
            duration(machine.lived_ms()),
            machine.describe(now_ms),
        ]);
    }
    shown
}

fn item_row(step: &StepReport, item: &WorkItem, receipt: Option<&Receipt>) -> [String; 8] {
    let empty = String::new;
    match receipt {
        Some(r) => [
            item.item.to_string(),
            "committed".into(),
            count(r.rows.raw),
            count(r.rows.rejected),
            count(r.rows.written),
            bytes(r.usage.peak_bytes),
            duration(r.usage.wall_ms),
            describe(item),
        ],
        None => {
            let failed = step.failures.iter().any(|f| f.item == item.item);
            let state = if failed { "failed" } else { "to do" };
            [item.item.to_string(), state.into(), empty(), empty(), empty(), empty(), empty(), describe(item)]
        }
    }
}

async fn show_item(
    ctx: &Ctx,
    global: &Global,
    keys: &StepKeys,
    lease: &Lease,
    item: u32,
    log: bool,
) -> Result<Code, Stop> {
    let items = inspect::items(ctx, keys).await.map_err(Stop::from)?;
    let Some(work) = items.iter().find(|i| i.item == item) else {
        return Err(Stop::usage(format!(
            "`{}` has {}, numbered from 0",
            keys.step,
            plural(items.len() as u64, "item")
        )));
    };
    let receipt = inspect::receipt(ctx, keys, item).await.map_err(Stop::from)?;
    let failures = inspect::failures(ctx, keys, lease.epoch, item).await.map_err(Stop::from)?;
    if global.json {
        Event::Item { work: work.clone(), receipt: Box::new(receipt), failures }.print();
        return Ok(Code::Done);
    }
    say!("{} item {item}: {}", keys.step, describe(work));
    for file in work.inputs.iter().take(20) {
        let place = place(&file.uri, file.bundled);
        say!("  reads  {} ({}{place})", relative(file.uri.as_str()), bytes(file.bytes));
    }
    match &receipt {
        Some(r) => committed(r),
        None => say!("  not committed"),
    }
    for failure in &failures {
        say!("\n✗ attempt {}", failure.attempt);
        print_failure(failure, log);
    }
    say!("\n  Here   {}", replay_command(ctx, keys.run.run.as_str(), keys.step.as_str(), item));
    Ok(Code::Done)
}

/// Where a file's bytes are, if it is no object.
fn place(uri: &Uri, bundled: Option<Bundled>) -> String {
    bundled.map_or(String::new(), |place| {
        format!(", from byte {} of {}", place.offset, relative(bundle::object(uri, bundled).as_str()))
    })
}

fn committed(receipt: &Receipt) {
    say!(
        "  committed by attempt {} on {}: {} → {}, {} rejected, peak {}, {}",
        receipt.attempt,
        receipt.worker,
        plural(receipt.rows.raw, "row"),
        count(receipt.rows.written),
        count(receipt.rows.rejected),
        bytes(receipt.usage.peak_bytes),
        duration(receipt.usage.wall_ms)
    );
    for file in receipt.files.iter().take(20) {
        let uri = receipt.scratch.join(&file.path);
        let place = place(&uri, Bundled::of(file));
        say!("  wrote  {} ({}{place})", relative(uri.as_str()), plural(file.rows, "row"));
    }
    if let Some(rejects) = &receipt.rejects {
        say!("  rejected rows: {}", relative(receipt.scratch.join(&rejects.path).as_str()));
    }
    receipt.notes.iter().for_each(|note| say!("  note   {note}"));
}
