//! Queues inside the process, as hinting and forgetful as the real ones: a received message is invisible for a
//! while and comes back unless it is deleted. Time is tokio's, so a test may pause it.

use crate::ports::{Message, Queue, QueueError};
use async_trait::async_trait;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// All queues of a process; clones are the same queues.
#[derive(Clone, Debug, Default)]
pub struct LocalQueues {
    queues: Arc<Mutex<HashMap<String, State>>>,
}

#[derive(Debug, Default)]
struct State {
    messages: HashMap<u64, Held>,
    visible: VecDeque<u64>,
    /// When each message in flight is visible again.
    hidden: BTreeSet<(Instant, u64)>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Held {
    body: String,
    receives: u32,
    /// While in flight.
    until: Option<Instant>,
}

const MOST: usize = 10;

/// Never starts again, so that a receipt of a removed queue means nothing to a new one of its name.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl LocalQueues {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many messages the queue holds, visible or not; none if there is no such queue. For people and tests.
    pub fn depth(&self, queue: &str) -> Option<usize> {
        self.lock().get(queue).map(|q| q.messages.len())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, queue: &str, act: impl FnOnce(&mut State) -> T) -> Result<T, QueueError> {
        self.lock().get_mut(queue).map(act).ok_or_else(|| QueueError::NoQueue(queue.to_owned()))
    }

    /// Acts on the message whose last receive `receipt` proves.
    fn with_receipt(&self, queue: &str, receipt: &str, act: impl FnOnce(&mut State, u64)) -> Result<(), QueueError> {
        self.with(queue, |q| {
            let now = Instant::now();
            q.wake(now);
            let id = q.proven(receipt).ok_or_else(|| QueueError::Stale(queue.to_owned()))?;
            act(q, id);
            Ok(())
        })?
    }
}

impl State {
    /// Messages whose time is up are visible again.
    fn wake(&mut self, now: Instant) {
        while let Some(&(until, id)) = self.hidden.first()
            && until <= now
        {
            self.hidden.pop_first();
            if let Some(held) = self.messages.get_mut(&id) {
                held.until = None;
                self.visible.push_back(id);
            }
        }
    }

    fn take(&mut self, most: usize, now: Instant, visibility: Duration) -> Vec<Message> {
        self.wake(now);
        let ids: Vec<u64> = self.visible.drain(..most.min(self.visible.len())).collect();
        let mut taken = Vec::new();
        for id in ids {
            let Some(held) = self.messages.get_mut(&id) else {
                continue;
            };
            held.receives += 1;
            taken.push(Message {
                body: held.body.clone(),
                receipt: receipt(id, held.receives),
                receives: held.receives,
            });
            self.hide(id, now, visibility);
        }
        taken
    }

    fn hide(&mut self, id: u64, now: Instant, visibility: Duration) {
        let Some(held) = self.messages.get_mut(&id) else {
            return;
        };
        if let Some(until) = held.until.take() {
            self.hidden.remove(&(until, id));
        }
        if visibility.is_zero() {
            self.visible.push_back(id);
        } else {
            held.until = Some(now + visibility);
            self.hidden.insert((now + visibility, id));
        }
        self.changed.notify_waiters();
    }

    /// The message in flight that `text` is the latest receipt of.
    fn proven(&self, text: &str) -> Option<u64> {
        let id = text.split_once('-')?.0.parse().ok()?;
        let held = self.messages.get(&id)?;
        (held.until.is_some() && receipt(id, held.receives) == text).then_some(id)
    }
}

fn receipt(id: u64, receives: u32) -> String {
    format!("{id}-{receives}")
}

#[async_trait]
impl Queue for LocalQueues {
    async fn create(&self, queue: &str) -> Result<(), QueueError> {
        self.lock().entry(queue.to_owned()).or_default();
        Ok(())
    }

    async fn remove(&self, queue: &str) -> Result<(), QueueError> {
        if let Some(gone) = self.lock().remove(queue) {
            gone.changed.notify_waiters();
        }
        Ok(())
    }

    async fn send(&self, queue: &str, bodies: &[String]) -> Result<Vec<usize>, QueueError> {
        self.with(queue, |q| {
            for body in bodies {
                let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
                q.messages.insert(id, Held { body: body.clone(), receives: 0, until: None });
                q.visible.push_back(id);
            }
            q.changed.notify_waiters();
        })?;
        Ok(Vec::new())
    }

    async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        let end = Instant::now() + wait;
        let most = most.clamp(1, MOST);
        loop {
            let changed = self.with(queue, |q| q.changed.clone())?;
            // Listening begins before the check, so that nothing falls between the two.
            let mut change = std::pin::pin!(changed.notified());
            change.as_mut().enable();
            let now = Instant::now();
            let (taken, next) =
                self.with(queue, |q| (q.take(most, now, visibility), q.hidden.first().map(|(at, _)| *at)))?;
            if !taken.is_empty() || now >= end {
                return Ok(taken);
            }
            let until = next.map_or(end, |at| at.min(end));
            let _ = tokio::time::timeout_at(until, change).await;
        }
    }

    async fn extend(&self, queue: &str, receipt: &str, visibility: Duration) -> Result<(), QueueError> {
        self.with_receipt(queue, receipt, |q, id| q.hide(id, Instant::now(), visibility))
    }

    async fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        self.with_receipt(queue, receipt, |q, id| {
            if let Some(until) = q.messages.remove(&id).and_then(|held| held.until) {
                q.hidden.remove(&(until, id));
            }
        })
    }
}
