//! `destroy`: removes the stack and keeps the data. Nothing that runs is stopped silently, and no machine outlives the
//! stack: fleets end before the roles and templates that could end them are gone.

use super::run::confirm;
use super::stop;
use crate::args::Global;
use crate::aws::{World, connect, names, stack_name, upgrade};
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::ui::Ui;
use crate::ui::format::plural;
use spotmill_platform::aws::stacks::{Phase, StackNow, Started};

pub async fn run(global: &Global, force: bool, yes: bool) -> Result<Code, Stop> {
    let ui = Ui::new(global.json, global.quiet);
    let aws = connect().await?;
    let stack = stack_name(global);
    let stacks = aws.stacks();
    let Some(now) = stacks.find(&stack).await? else {
        print_outcome(global, &stack, None);
        return Ok(Code::Done);
    };
    let bucket = now.outputs.get("Bucket").cloned();
    let kept = bucket.as_deref().map_or_else(String::new, |b| format!("; bucket {b} stays with all data"));
    confirm(global, yes, &format!("this removes stack {stack}{kept}"))?;
    // A creation that failed has nothing that could run.
    if now.phase() != Phase::Dead && !now.outputs.is_empty() {
        let world = World::of(global, aws.clone(), stack.clone(), now.clone())?;
        quiet(global, &world, force, &ui).await?;
    }
    stacks.delete(&now.id).await?;
    let ended = stacks.follow(&now.id, upgrade::since(), |e| upgrade::report_event(&ui, e)).await?;
    match ended {
        None => {
            print_outcome(global, &stack, bucket.as_deref());
            Ok(Code::Done)
        }
        Some(left) => Err(not_gone(global, &left)),
    }
}

fn not_gone(global: &Global, left: &StackNow) -> Stop {
    Stop::failed(format!("the stack is {}: {}", left.status, left.reason))
        .remedy(format!("remove what stands in the way, then: {}", global.command("destroy")))
}

/// Nothing runs, and no machine is left; with `force` what runs is stopped.
async fn quiet(global: &Global, world: &World, force: bool, ui: &Ui) -> Result<(), Stop> {
    let mut running: Vec<Started> = world.runs.running(&world.pipeline_machine).await?;
    running.extend(world.runs.running(&world.step_machine).await?);
    if !running.is_empty() && !force {
        let named: Vec<&str> = running.iter().take(5).map(|r| r.name.as_str()).collect();
        let what = format!("{} not ended: {}", plural(running.len() as u64, "execution"), named.join(", "));
        return Err(Stop::new(Code::Held, what).remedy(format!(
            "let them end, stop them ({}), or: {}",
            global.command("stop").blank("RUN"),
            global.command("destroy").word("--force")
        )));
    }
    for run in &running {
        ui.note(format!("stopping {}", names::short(run.execution.as_str())));
        stop::stop(world, &run.execution, "spotmill destroy --force").await?;
    }
    let reaped = stop::end_machines(world, None).await?;
    if reaped.ended > 0 {
        ui.note(format!("ended {}", plural(reaped.ended as u64, "fleet")));
    }
    if reaped.living > 0 {
        let left = plural(reaped.living as u64, "fleet");
        return Err(Stop::failed(format!(
            "it is not certain yet that {left} ended; machines must not outlive the stack"
        ))
        .remedy("run the same command again in five minutes"));
    }
    Ok(())
}

fn print_outcome(global: &Global, stack: &str, bucket: Option<&str>) {
    if global.json {
        let (stack, bucket) = (stack.to_owned(), bucket.map(str::to_owned));
        return Event::Destroyed { stack, bucket }.print();
    }
    say!("✓ there is no stack {stack} any more");
    if let Some(bucket) = bucket {
        say!("  bucket {bucket} stays with all data; the next deploy of {stack} takes it up again");
        say!("  Delete the data too: aws s3 rb --force s3://{bucket}");
    }
    say!("  The bucket spotmill-code-… stays as well: other stacks of this account are deployed from it");
}
