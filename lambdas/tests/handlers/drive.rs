//! Sequences the handlers as the two state machines do.

use crate::ports::{Sent, lock};
use crate::workers::Work;
use crate::world::World;
use spotmill_core::calls::*;
use spotmill_core::ids::ItemIndex;
use spotmill_lambdas::*;

/// Runs steps as the state machine does; returns the last verdict.
pub async fn run_step(
    world: &World,
    root: &str,
    step: &str,
    how: &impl Fn(ItemIndex, u32) -> Work,
) -> Result<VerdictReply, HandlerError> {
    let plan = world.plan(root, step).await?;
    let mut round = world.round(root, step, &plan, 0, 0);
    let mut verdict = None;
    if plan.todo == 0 {
        verdict = Some(world.verdict(&round, None).await?);
    }
    let mut last = loop {
        match verdict {
            Some(v) if v.next != Next::Round => break v,
            Some(v) => (round.round, round.rung) = (v.round, v.rung),
            None => {}
        }
        let failure = one_round(world, &round, how).await;
        kill_fleet::handle(&world.ctx, round.clone()).await?;
        verdict = Some(world.verdict(&round, failure.as_deref()).await?);
    };
    let mut cursor = None;
    while last.next == Next::Publish {
        let (generation, epoch) = (plan.generation, plan.epoch);
        let request =
            PublishRequest { run: world.run(), step: step.into(), root: root.into(), generation, epoch, cursor };
        let reply = publish::handle(&world.ctx, request).await?;
        cursor = Some(reply.cursor);
        if !reply.more {
            last.next = Next::Done;
        }
        if reply.after {
            let request =
                AfterPublishRequest { run: world.run(), step: step.into(), root: root.into(), generation, epoch };
            after_publish::handle(&world.ctx, request).await?;
        }
    }
    Ok(last)
}

/// What the round's states caught, if anything.
async fn one_round(world: &World, round: &RoundRequest, how: &impl Fn(ItemIndex, u32) -> Work) -> Option<String> {
    let token = format!("{}-{}-{}", round.step, round.epoch, round.round);
    if let Err(e) = launch_fleet::handle(&world.ctx, round.clone()).await {
        return Some(e.error.into());
    }
    if let Err(e) = world.dispatch(round, &token).await {
        return Some(e.error.into());
    }
    let rung = round.rung;
    if let Err(e) = world.work(round, &|item| how(item, rung)).await {
        return Some(e.error.into());
    }
    let sent = lock(&world.executions.sent);
    let failure = sent.iter().find_map(|s| match s {
        Sent::Failure(t, error) if *t == token => Some(error.clone()),
        _ => None,
    });
    let succeeded = sent.contains(&Sent::Success(token));
    failure.or((!succeeded).then(|| "States.HeartbeatTimeout".to_owned()))
}

/// Begin, both steps, report.
pub async fn run_all(
    world: &World,
    root: &str,
    how: &impl Fn(ItemIndex, u32) -> Work,
) -> Result<VerdictReply, HandlerError> {
    let begun = world.begin(root, |_| {}).await?;
    if begun.awaits {
        world.await_input(root).await?;
    }
    let mut last = None;
    for step in &begun.steps {
        let verdict = run_step(world, root, step.as_str(), how).await?;
        if verdict.next != Next::Done {
            return Ok(verdict);
        }
        last = Some(verdict);
    }
    report::handle(&world.ctx, ReportRequest { run: begun.run, root: root.into() }).await?;
    Ok(last.unwrap())
}
