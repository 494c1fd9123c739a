//! `show --why`: what the last start of a run reused and did again, from the records that PlanWork kept as it decided.

use super::decisions;
use crate::answers;
use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::result::{indent, table};
use spotmill_core::format::instead;
use spotmill_core::ids::{RunId, StepName};
use spotmill_core::keys::{RunKeys, StepKeys};
use spotmill_core::reason::{Code as Why, Reason};
use spotmill_core::records::{Decisions, Lease, StepGeneration};
use spotmill_lambdas::Ctx;
use spotmill_lambdas::explain::{Counts, Explained, is_hit};
use spotmill_platform::records;

pub async fn kept(global: &Global, run: Option<&str>, step: Option<&str>) -> Result<Code, Stop> {
    let inspector = Inspector::open(global).await?;
    let ctx = &inspector.ctx;
    let run = inspector.run(global, run).await?;
    let lease = inspector.lease(&run).await?;
    let lease = lease.ok_or_else(|| Stop::usage(format!("{run} is gone")))?;
    if let Some(step) = step.filter(|step| !lease.generations.contains_key(*step)) {
        let steps: Vec<&str> = lease.generations.keys().map(String::as_str).collect();
        return Err(Stop::usage(format!("{run} has no step `{step}`; {}", instead(step, "steps", &steps))));
    }
    let mut all = Vec::new();
    for name in ordered(ctx, &run, &lease).await? {
        if step.is_none_or(|step| step == name) {
            all.push(of_step(ctx, &run, &lease, &name, &lease.generations[&name]).await?);
        }
    }
    if global.json {
        for of in &all {
            Event::Explained { run: run.clone(), step: Box::new(of.clone()), changes: Vec::new() }.print();
            if step.is_some() {
                decisions(&run, of);
            }
        }
        return Ok(Code::Done);
    }
    print(&run, &all);
    if step.is_some() {
        all.iter().for_each(super::print::items);
    }
    Ok(Code::Done)
}

/// The run's steps in the order of its pipeline; of one whose pipeline is gone, by name.
async fn ordered(ctx: &Ctx, run: &RunId, lease: &Lease) -> Result<Vec<String>, Stop> {
    let program = super::frozen_program(ctx, run, lease).await?;
    let named: Vec<String> = match program {
        Some(program) => program.pipeline.steps.into_iter().map(|step| step.name).collect(),
        None => lease.generations.keys().cloned().collect(),
    };
    Ok(named.into_iter().filter(|name| lease.generations.contains_key(name)).collect())
}

async fn of_step(
    ctx: &Ctx,
    run: &RunId,
    lease: &Lease,
    name: &str,
    generation: &StepGeneration,
) -> Result<Explained, Stop> {
    let keys = RunKeys::new(&ctx.root, run).step(&StepName::new(name), generation.generation);
    let found = latest(ctx, &keys, lease.epoch).await?;
    let mut of = Explained {
        step: name.to_owned(),
        generation: generation.generation,
        anew: false,
        reasons: generation.reasons.clone(),
        because: generation.because.clone(),
        items: None,
        waits: Vec::new(),
        slot_ms: None,
        vcpus: 0,
        assumed: false,
        notes: Vec::new(),
        decisions: Vec::new(),
    };
    let Some(found) = found else {
        of.notes.push("what was decided of its items is not known: it was not planned, or by an older program".into());
        return Ok(of);
    };
    let count = |wanted: &dyn Fn(Why) -> bool| -> usize {
        found.by_code.iter().filter(|(code, _)| wanted(**code)).map(|(_, items)| items.0.len() as usize).sum()
    };
    let (carried, todo) = (count(&|code| code == Why::CarriedOver), count(&|code| !is_hit(code)));
    let all = found.items as usize;
    of.items = Some(Counts { all, committed: all - carried - todo, carried, todo });
    of.notes.extend(
        found.carried_from.map(|from| format!("{carried} of its items were taken over from generation {from}")),
    );
    of.decisions =
        found.by_code.iter().flat_map(|(code, items)| items.0.iter().map(|item| (item, Reason::of(*code)))).collect();
    of.decisions.sort_by_key(|(item, _)| *item);
    Ok(of)
}

/// Of the latest start that planned or resumed the generation.
async fn latest(ctx: &Ctx, keys: &StepKeys, newest: u64) -> Result<Option<Decisions>, Stop> {
    for epoch in (1..=newest).rev() {
        let found = records::load::<Decisions>(&*ctx.store, &keys.decisions(epoch)).await;
        if let Some((found, _)) = found.map_err(answers::of_record)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn print(run: &RunId, all: &[Explained]) {
    say!("{run}: what its last start decided");
    let mut shown = table(&["step", "gen", "items", "reused", "done", "the generation began because"], &[1, 2, 3, 4]);
    for step in all {
        let counts = step.items.map_or(["?".to_owned(), "?".to_owned(), "?".to_owned()], |c| {
            [c.all.to_string(), (c.committed + c.carried).to_string(), c.todo.to_string()]
        });
        let [items, reused, done] = counts;
        let codes: Vec<String> = step.reasons.iter().map(|reason| reason.code.name()).collect();
        let codes = if codes.is_empty() { String::new() } else { format!("{}: ", codes.join(", ")) };
        let why = format!("{codes}{}", step.because);
        shown.add_row([step.step.clone(), step.generation.to_string(), items, reused, done, why]);
    }
    say!("{}", indent(&shown));
    for step in all {
        for reason in step.reasons.iter().filter(|r| !r.details.is_empty()) {
            say!("  {}: {reason}", step.step);
        }
        step.notes.iter().for_each(|note| say!("  {}: {note}", step.step));
    }
}
