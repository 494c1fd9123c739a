//! The functions of the state machines, called in this process. Their replies are reported to the user and pass through
//! unchanged.

use super::driver::Functions;
use crate::event::Event;
use crate::ui::Ui;
use async_trait::async_trait;
use serde_json::Value;
use spotmill_core::calls::{
    AfterPublishReply, AwaitInputReply, AwaitInputRequest, BeginReply, Next, PlanWorkReply, PlanWorkRequest,
    ReportReply, VerdictReply, VerdictRequest,
};
use spotmill_core::keys::RunKeys;
use spotmill_core::records::{Lease, Plan, Seal};
use spotmill_lambdas::{Ctx, invoke};
use spotmill_platform::records;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use tokio::sync::watch;

pub struct LocalFunctions {
    pub ctx: Arc<Ctx>,
    pub ui: Arc<Ui>,
    pub slots: u32,
    /// The step that failed last, so that it is reported once.
    pub failed: Mutex<Option<String>>,
    /// Whether the run is to stop.
    pub stop: watch::Receiver<bool>,
}

#[async_trait]
impl Functions for LocalFunctions {
    async fn call(&self, function: &str, payload: Value) -> Result<Value, (String, String)> {
        let reply = invoke(&self.ctx, function, payload.clone()).await.map_err(|e| {
            self.failed_step(&payload, &e.cause);
            (e.error.to_owned(), e.cause)
        })?;
        self.report(function, payload, reply.clone()).await;
        Ok(reply)
    }
}

impl LocalFunctions {
    async fn report(&self, function: &str, request: Value, reply: Value) {
        match function {
            "begin" => {
                if let Ok(BeginReply { run, steps, .. }) = serde_json::from_value(reply) {
                    let steps = steps.into_iter().map(|s| s.0).collect();
                    self.ui.emit(&Event::RunStarted { run: run.0, slots: self.slots, steps });
                }
            }
            "await_input" => {
                if let (Ok(AwaitInputRequest { run, .. }), Ok(reply)) =
                    (serde_json::from_value(request), serde_json::from_value::<AwaitInputReply>(reply))
                    && !reply.text.is_empty()
                {
                    let AwaitInputReply { next, pause_secs, text: message } = reply;
                    self.ui.emit(&Event::InputAwaited { run: run.0, next, message, pause_secs });
                }
            }
            "plan_work" => {
                if let (Ok(request), Ok(reply)) = (serde_json::from_value(request), serde_json::from_value(reply)) {
                    self.planned(request, reply).await;
                }
            }
            "verdict" => {
                if let (Ok(request), Ok(reply)) = (serde_json::from_value(request), serde_json::from_value(reply)) {
                    self.judged(request, reply).await;
                }
            }
            "after_publish" => {
                if let Ok(AfterPublishReply { notes }) = serde_json::from_value(reply) {
                    notes.into_iter().for_each(|note| self.ui.note(note));
                }
            }
            "report" => {
                if let Ok(ReportReply { note: Some(note), .. }) = serde_json::from_value(reply) {
                    self.ui.note(note);
                }
            }
            _ => {}
        }
    }

    async fn planned(&self, request: PlanWorkRequest, reply: PlanWorkReply) {
        let keys = RunKeys::new(&self.ctx.root, &request.run).step(&request.step, reply.generation);
        let plan = records::load::<Plan>(&*self.ctx.store, &keys.plan()).await;
        let items = plan.ok().flatten().map_or(reply.todo, |(plan, _)| plan.items);
        let lease = records::load::<Lease>(&*self.ctx.store, &keys.run.lease()).await.ok().flatten();
        let because =
            lease.and_then(|(lease, _)| lease.generations.get(request.step.as_str()).map(|g| g.because.clone()));
        self.ui.emit(&Event::StepPlanned {
            run: request.run.0,
            step: request.step.0,
            generation: reply.generation,
            items,
            todo: reply.todo,
            because: because.filter(|_| reply.generation > 1 && reply.todo > 0),
        });
    }

    async fn judged(&self, request: VerdictRequest, reply: VerdictReply) {
        let round = request.round;
        match reply.next {
            Next::Round => self.ui.note(format!(
                "  {}: round {} at {} times the memory",
                round.step,
                reply.round,
                1_u64 << reply.rung.min(20)
            )),
            Next::Failed => {
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(round.step.0.clone());
                self.ui.emit(&Event::StepFailed { step: round.step.0, error: reply.cause });
            }
            Next::Publish | Next::Done => {
                let keys = RunKeys::new(&self.ctx.root, &round.run).step(&round.step, round.generation);
                let seal = records::load::<Seal>(&*self.ctx.store, &keys.seal()).await.ok().flatten();
                if let Some((seal, _)) = seal {
                    self.ui.emit(&Event::StepSealed { step: round.step.0, rows: seal.rows, wall_ms: seal.took_ms });
                }
            }
        }
    }

    /// An error of a function that works for a step ends the step. What ends because the run is stopped has not failed.
    fn failed_step(&self, payload: &Value, cause: &str) {
        if *self.stop.borrow() {
            return;
        }
        let Some(step) = payload["step"].as_str() else { return };
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.as_deref() != Some(step) {
            *failed = Some(step.to_owned());
            self.ui.emit(&Event::StepFailed { step: step.to_owned(), error: cause.to_owned() });
        }
    }
}
