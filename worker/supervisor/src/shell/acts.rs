//! What the shell does itself: receive, keep a lease, start a child, weigh the children.

use super::{News, Shell, send};
use crate::attempt::Job;
use crate::events::WorkerEvent;
use crate::state::{Input, TryId};
use crate::{children, memory, post_mortem, stage};
use spotmill_platform::ports::QueueError;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two `ChildMemory` events of one child.
const MEMORY_EVENT_INTERVAL: Duration = Duration::from_millis(500);

impl Shell {
    pub(super) fn job(&self, id: TryId) -> Option<Arc<Job>> {
        self.tries.get(&id)?.job.clone()
    }

    pub(super) fn receive(&mut self, most: u32) {
        let (context, post) = (Arc::clone(&self.context), self.post.clone());
        let task = self.tasks.spawn(async move {
            let times = &context.config.times;
            let (wait, visibility) = (Duration::from_millis(times.poll_ms), Duration::from_millis(times.visibility_ms));
            let received = context.ports.queue.receive(&context.config.queue, most as usize, wait, visibility).await;
            send(
                &post,
                match received {
                    Ok(messages) => News::Received(messages),
                    Err(e) => {
                        // No queue: the round has ended, or has not begun.
                        if !matches!(e, QueueError::NoQueue(_)) {
                            context.note(format!("no work received: {e}"));
                        }
                        News::Input(Input::ReceiveFailed)
                    }
                },
            );
        });
        self.receiving = Some(task);
    }

    /// A lost lease does not matter: whoever commits first wins.
    pub(super) fn extend(&mut self, id: TryId) {
        let Some(receipt) = self.tries.get(&id).map(|t| t.message.receipt.clone()) else { return };
        let context = Arc::clone(&self.context);
        self.tasks.spawn(async move {
            let visibility = Duration::from_millis(context.config.times.visibility_ms);
            match context.ports.queue.extend(&context.config.queue, &receipt, visibility).await {
                Ok(()) | Err(QueueError::NoQueue(_) | QueueError::Stale(_)) => {}
                Err(e) => context.note(format!("a lease was not extended: {e}")),
            }
        });
    }

    pub(super) fn start(&mut self, id: TryId) {
        let Some(job) = self.job(id) else { return };
        let (context, post) = (Arc::clone(&self.context), self.post.clone());
        let launch = children::launch(&context.config, &job);
        let started = {
            let job = Arc::clone(&job);
            move |pid| {
                let (id, worker) = (job.claim.id(), context.config.worker.clone());
                context.emit(WorkerEvent::ItemStarted { id, worker, pid });
            }
        };
        let ended = move |exit| {
            let outcome = post_mortem::outcome(&job.answer(), |text| stage::renamed(&job, text));
            send(&post, News::Input(Input::Exited(id, exit, outcome)));
        };
        if let Some(holding) = self.tries.get_mut(&id) {
            holding.child = Some(self.processes.spawn(launch, Box::new(started), Box::new(ended)));
        }
    }

    pub(super) fn sample(&mut self) {
        let groups: Vec<i32> = self.tries.values().filter_map(|t| t.child.as_ref()?.group()).collect();
        if groups.is_empty() {
            return;
        }
        self.sampling = true;
        let post = self.post.clone();
        tokio::task::spawn_blocking(move || send(&post, News::Sample(memory::of_groups(&groups))));
    }

    pub(super) fn weigh(&mut self, held: &HashMap<i32, u64>) {
        self.sampling = false;
        let mut weighed = Vec::new();
        for (id, holding) in &mut self.tries {
            let group = holding.child.as_ref().and_then(|child| child.group());
            let (Some(job), Some(&bytes)) = (&holding.job, group.and_then(|g| held.get(&g))) else { continue };
            weighed.push((*id, bytes));
            if holding.memory_event_at.is_none_or(|at| at.elapsed() >= MEMORY_EVENT_INTERVAL) {
                holding.memory_event_at = Some(Instant::now());
                let (id, limit_bytes) = (job.claim.id(), job.memory_bytes);
                self.context.emit(WorkerEvent::ChildMemory { id, bytes, limit_bytes });
            }
        }
        for (id, bytes) in weighed {
            self.feed(Input::Memory(id, bytes));
        }
    }
}
