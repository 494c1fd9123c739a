//! From a command to a task. An item has one task at a time: what ends it, or hands it back, ends the one before.

use super::{News, Shell, send};
use crate::attempt::{Claim, Context, Job};
use crate::delivery::{try_call_back, while_held};
use crate::history::announce_isolated;
use crate::life::Life;
use crate::prepare::{prepare, understood};
use crate::settle::{finish, let_go, refuse, settle};
use crate::stage;
use crate::state::{Command, Ending, Input, TryId};
use crate::{post_mortem, refusal::Refusal};
use spotmill_core::item::ItemReport;
use spotmill_core::records::CallbackKind;
use std::sync::Arc;

impl Shell {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Receive { most } => self.receive(most),
            Command::GiveBack(id) => {
                let Some(holding) = self.tries.remove(&id) else { return };
                let context = Arc::clone(&self.context);
                self.tasks.spawn(async move { let_go(&context, &holding.message).await });
            }
            Command::Prepare(id) => self.prepare(id),
            Command::Refuse(id) => self.refuse(id),
            Command::Announce(id) => self.announce(id),
            Command::Start(id) => {
                self.of_life(Life::item_begun);
                self.start(id);
            }
            Command::Signal(id, signal) => {
                if let Some(child) = self.tries.get(&id).and_then(|t| t.child.as_ref()) {
                    child.signal(signal);
                }
            }
            Command::Extend(id) => self.extend(id),
            Command::Alive(id) => self.alive(id),
            Command::Upload(id, report) => self.upload(id, *report),
            Command::Commit(id) => self.commit(id),
            Command::Settle(id, ending) => self.settle(id, ending),
            Command::LetGo(id) => {
                let Some(message) = self.tries.get(&id).map(|t| t.message.clone()) else { return };
                self.task(id, async move |context| {
                    let_go(&context, &message).await;
                    News::Input(Input::Over(id))
                });
            }
        }
    }

    /// Starts a task for the item in place of its current one, and posts its result.
    fn task<F>(&mut self, id: TryId, act: impl FnOnce(Arc<Context>) -> F)
    where
        F: Future<Output = News> + Send + 'static,
    {
        let (acting, post) = (act(Arc::clone(&self.context)), self.post.clone());
        let task = self.tasks.spawn(async move { send(&post, acting.await) });
        let before = self.tries.get_mut(&id).and_then(|t| t.task.replace(task));
        if let Some(before) = before {
            before.abort();
        }
    }

    fn claim(&self, id: TryId) -> Option<Arc<Claim>> {
        self.tries.get(&id)?.claim.clone()
    }

    fn prepare(&mut self, id: TryId) {
        let Some(holding) = self.tries.get_mut(&id) else { return };
        let claim = match understood(&self.context, &holding.message) {
            Ok(claim) => Arc::new(claim),
            Err(refusal) => return send(&self.post, News::Refused(id, Box::new(refusal))),
        };
        holding.claim = Some(Arc::clone(&claim));
        self.task(id, async move |context| match while_held(&context, &claim, prepare(&context, &claim)).await {
            Ok(job) => News::Prepared(id, Box::new(job)),
            Err(refusal) => News::Refused(id, Box::new(refusal)),
        });
    }

    fn refuse(&mut self, id: TryId) {
        let Some(holding) = self.tries.get_mut(&id) else { return };
        let (message, refusal) = (holding.message.clone(), holding.refusal.take());
        self.task(id, async move |context| {
            let refusal = refusal.map_or_else(|| Refusal::Drop("it was refused without a word".to_owned()), |r| *r);
            refuse(&context, &message, refusal).await;
            News::Input(Input::Over(id))
        });
    }

    fn announce(&mut self, id: TryId) {
        let Some(claim) = self.claim(id) else { return };
        self.task(id, async move |context| {
            announce_isolated(&context, &claim).await;
            News::Input(Input::Announced(id))
        });
    }

    fn alive(&mut self, id: TryId) {
        let (Some(claim), context) = (self.claim(id), Arc::clone(&self.context)) else { return };
        self.tasks.spawn(async move {
            // Only a heartbeat: the next one will do.
            let _ = try_call_back(&context, &claim, CallbackKind::Alive, &claim.attempt).await;
        });
    }

    fn upload(&mut self, id: TryId, report: ItemReport) {
        let Some(job) = self.job(id) else { return };
        self.task(id, async move |context| {
            match while_held(&context, &job.claim, stage::upload(&context, &job, report)).await {
                Ok(report) => News::Uploaded(id, Box::new(report)),
                Err(ending) => News::Input(Input::NotUploaded(id, ending)),
            }
        });
    }

    fn commit(&mut self, id: TryId) {
        let Some(holding) = self.tries.get(&id) else { return };
        let (Some(job), Some(report)) = (holding.job.clone(), holding.report.clone()) else { return };
        self.task(id, async move |context| {
            match while_held(&context, &job.claim, finish(&context, &job, &report, log_tail(&job))).await {
                true => News::Committed(id),
                false => News::Input(Input::Over(id)),
            }
        });
    }

    fn settle(&mut self, id: TryId, ending: Ending) {
        let (Some(claim), job) = (self.claim(id), self.job(id)) else { return };
        self.task(id, async move |context| {
            let tail = job.as_ref().map(|job| log_tail(job)).unwrap_or_default();
            settle(&context, job.as_ref().map_or(&claim, |job| &job.claim), ending, tail).await;
            News::Input(Input::Over(id))
        });
    }
}

/// The last lines of the child's output.
fn log_tail(job: &Job) -> String {
    stage::renamed(job, &post_mortem::log_tail(&job.log()))
}
