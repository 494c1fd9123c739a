//! `explain` of a range of dates: a line a date, with how it stands and what a start would do of it, and what all of them
//! come to. A date that a start would refuse is a line of its own and ends nothing.

use super::{Met, Start, event, is_asked, print};
use crate::args::ExplainArgs;
use crate::commands::range::takes;
use crate::exit::{Code, Stop};
use crate::result::{indent, table};
use crate::standing::Standing;
use crate::ui::format::plural;
use spotmill_core::calls::RunInput;
use spotmill_lambdas::explain::Explained;
use std::collections::BTreeSet;

/// A date that a start would not refuse.
struct Day {
    input: RunInput,
    standing: Standing,
    met: Met,
}

pub async fn run(start: &Start<'_>, args: &ExplainArgs, inputs: &[RunInput], rate: Option<f64>) -> Result<Code, Stop> {
    if args.items || args.diff {
        return Err(Stop::usage("--items and --diff are of one date").remedy("name one: --date YYYY-MM-DD"));
    }
    let (mut days, mut refused) = (Vec::new(), Vec::new());
    for input in inputs {
        match start.of(input).await {
            Ok(met) => days.push(day(args, input, met)),
            Err(stop) => refused.push((input.date.clone().unwrap_or_default(), stop)),
        }
    }
    let states = states(&days, refused.len());
    days.retain(|day| takes(&args.pick, day.standing));
    if start.global.json {
        for day in &days {
            day.met.steps.iter().for_each(|step| event(&day.met.program.run_id(), step, args, &[]));
        }
        refused.iter().for_each(|(date, stop)| warn_of!("{date}: {stop}"));
    } else {
        print_days(&days, &refused);
        let steps: Vec<Explained> = days.iter().flat_map(|day| day.met.steps.iter().cloned()).collect();
        say!("{}: {states}; {}", plural(inputs.len() as u64, "date"), print::comes_to(&steps, rate));
    }
    Ok(refused.last().map_or(Code::Done, |(_, stop)| stop.code))
}

fn day(args: &ExplainArgs, input: &RunInput, mut met: Met) -> Day {
    met.steps.retain(|step| is_asked(args, step));
    let standing = Standing::of(met.lease.as_ref().map(|lease| lease.outcome), met.redoes);
    Day { input: input.clone(), standing, met }
}

/// `28 done, 2 missing, 1 refused`.
fn states(days: &[Day], refused: usize) -> String {
    let of = |standing: Standing| (days.iter().filter(|day| day.standing == standing).count(), standing.name());
    let counts = [Standing::Done, Standing::Stale, Standing::Failed, Standing::Missing].map(of);
    let counts = counts.into_iter().chain([(refused, "refused")]).filter(|(n, _)| *n > 0);
    counts.map(|(n, name)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
}

fn print_days(days: &[Day], refused: &[(String, Stop)]) {
    let mut shown = table(&["date", "state", "items", "reuse", "run", "time", "why"], &[2, 3, 4]);
    for day in days {
        shown.add_row(row(day));
    }
    for (date, stop) in refused {
        let none = String::new;
        shown.add_row([date.clone(), "refused".to_owned(), none(), none(), none(), none(), stop.message.clone()]);
    }
    say!("{}", indent(&shown));
}

fn row(day: &Day) -> [String; 7] {
    let date = day.input.date.clone().unwrap_or_default();
    let steps = &day.met.steps;
    let [all, reuse, run] = print::counts(steps);
    let codes: BTreeSet<String> = steps.iter().flat_map(|step| &step.reasons).map(|r| r.code.name()).collect();
    let why = codes.into_iter().collect::<Vec<_>>().join(", ");
    [date, day.standing.name().to_owned(), all, reuse, run, print::time(steps), why]
}
