//! The queues as an actor sees them over its line.

use crate::line::{Line, Turn};
use crate::watch;
use async_trait::async_trait;
use spotmill_platform::ports::{Message, Queue, QueueError};
use std::time::Duration;

#[derive(Clone)]
pub struct SimulatedQueue(pub Line);

fn transient(queue: &str) -> QueueError {
    QueueError::Transient { queue: queue.to_owned(), what: "no answer".to_owned(), source: "simulated".into() }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl SimulatedQueue {
    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        queue: &str,
        effect: impl FnOnce(&Line) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        match self.0.turn(operation, queue, true).await {
            Turn::Act => effect(&self.0),
            Turn::Refuse | Turn::Lose => Err(transient(queue)),
            Turn::ActAndLose => effect(&self.0).and(Err(transient(queue))),
            Turn::ActAndDie => {
                let _ = effect(&self.0);
                self.0.die().await
            }
            Turn::ActLater(ms) => {
                let line = self.0.clone();
                tokio::spawn(async move {
                    line.shared.pass(ms).await;
                    let _ = effect(&line);
                });
                Err(transient(queue))
            }
        }
    }
}

#[async_trait]
impl Queue for SimulatedQueue {
    async fn create(&self, queue: &str) -> Result<(), QueueError> {
        let name = queue.to_owned();
        let create = move |line: &Line| {
            line.shared.tell(&line.actor.name, &format!("creates queue {name}"));
            line.shared.queues.create(&name);
            Ok(())
        };
        self.call("queue.create", queue, create).await
    }

    async fn remove(&self, queue: &str) -> Result<(), QueueError> {
        let name = queue.to_owned();
        let remove = move |line: &Line| {
            line.shared.tell(&line.actor.name, &format!("removes queue {name}"));
            line.shared.queues.remove(&name);
            Ok(())
        };
        self.call("queue.remove", queue, remove).await
    }

    async fn send(&self, queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
        let (name, bodies) = (queue.to_owned(), bodies.to_vec());
        let send = move |line: &Line| {
            let shared = &line.shared;
            let is_refused = |bodies: &[String]| shared.faults(|f, c| f.are_on() && bodies.len() > 1 && c.permille(20));
            let refused = if is_refused(&bodies) { vec![bodies.len() - 1] } else { Vec::new() };
            for (_, body) in bodies.iter().enumerate().filter(|(index, _)| !refused.contains(index)) {
                let now_ms = shared.elapsed_ms();
                if !shared.faults(|f, c| shared.queues.send(&name, body, now_ms, (f, c))) {
                    return Err(QueueError::NoQueue(name.clone()));
                }
                shared.tell(&line.actor.name, &format!("sends to {name}: {body}"));
                watch::sent(shared, &line.actor, body);
            }
            Ok(refused)
        };
        self.call("queue.send", queue, send).await
    }

    async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        let shared = &self.0.shared;
        let end_ms = shared.elapsed_ms() + millis(wait);
        let turn = self.0.turn("queue.receive", queue, false).await;
        loop {
            let changed = shared.queues.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (now_ms, again_ms) = (shared.elapsed_ms(), shared.elapsed_ms() + millis(visibility));
            let taken = match turn {
                Turn::Act | Turn::ActAndDie | Turn::ActAndLose => {
                    shared.faults(|f, c| shared.queues.take(queue, most.clamp(1, 10), again_ms, now_ms, (f, c)))
                }
                _ => return Err(transient(queue)),
            };
            let (messages, next) = taken.ok_or_else(|| QueueError::NoQueue(queue.to_owned()))?;
            if !messages.is_empty() {
                shared.tell(&self.0.actor.name, &format!("receives {} of {queue}", messages.len()));
                match turn {
                    Turn::ActAndDie => self.0.die().await,
                    Turn::ActAndLose => return Err(transient(queue)),
                    _ => return Ok(messages),
                }
            }
            if now_ms >= end_ms {
                return Ok(Vec::new());
            }
            let until = next.map_or(end_ms, |at| at.min(end_ms)).saturating_sub(now_ms).max(1);
            tokio::select! {
                biased;
                () = changed => {}
                () = tokio::time::sleep(Duration::from_millis(until)) => {}
            }
            // Whoever died meanwhile takes nothing.
            shared.pass(1).await;
            if self.0.actor.is_dead() {
                self.0.die().await;
            }
        }
    }

    async fn extend(&self, queue: &str, receipt: &str, visibility: Duration) -> Result<(), QueueError> {
        let (name, receipt) = (queue.to_owned(), receipt.to_owned());
        let extend = move |line: &Line| {
            let at = line.shared.elapsed_ms() + millis(visibility);
            answered(&name, line.shared.queues.with(&name, &receipt, Some(at)))
        };
        self.call("queue.extend", queue, extend).await
    }

    async fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        let (name, receipt) = (queue.to_owned(), receipt.to_owned());
        let delete = move |line: &Line| answered(&name, line.shared.queues.with(&name, &receipt, None));
        self.call("queue.delete", queue, delete).await
    }
}

fn answered(queue: &str, found: Option<bool>) -> Result<(), QueueError> {
    match found {
        None => Err(QueueError::NoQueue(queue.to_owned())),
        Some(false) => Err(QueueError::Stale(queue.to_owned())),
        Some(true) => Ok(()),
    }
}
