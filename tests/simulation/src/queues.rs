//! Queues in memory, as forgetful as SQS: messages come in any order, now and then twice or late, and come back unless
//! they are deleted. What came back a hundred times goes to the dead letters.

use crate::chance::Chance;
use crate::faults::{Fault, Faults};
use crate::lock::lock;
use spotmill_platform::ports::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Where messages end that nobody takes.
pub const DEAD: &str = "dead-letters";
/// As the stack's redrive policy has it.
const MOST_RECEIVES: u32 = 100;

#[derive(Default)]
pub struct Queues {
    state: Mutex<State>,
    pub changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<String, BTreeMap<u64, Held>>,
    removed: BTreeSet<String>,
    next_id: u64,
}

struct Held {
    body: String,
    receives: u32,
    visible_ms: u64,
    /// Of the last receive.
    in_flight: bool,
}

impl Queues {
    pub fn create(&self, queue: &str) {
        lock(&self.state).queues.entry(queue.to_owned()).or_default();
    }

    pub fn remove(&self, queue: &str) {
        let mut state = lock(&self.state);
        state.queues.remove(queue);
        state.removed.insert(queue.to_owned());
        drop(state);
        self.changed.notify_waiters();
    }

    /// Whether it was removed before, also if somebody has made it again since.
    pub fn was_removed(&self, queue: &str) -> bool {
        lock(&self.state).removed.contains(queue)
    }

    pub fn names(&self) -> Vec<String> {
        lock(&self.state).queues.keys().cloned().collect()
    }

    /// False if there is no such queue.
    pub fn send(&self, queue: &str, body: &str, now_ms: u64, (faults, chance): (&mut Faults, &mut Chance)) -> bool {
        let mut state = lock(&self.state);
        let copies = if faults.strikes(Fault::Duplicate, chance) { 2 } else { 1 };
        for _ in 0..copies {
            let late = if faults.strikes(Fault::LateMessage, chance) { chance.between(60_000, 1_800_000) } else { 0 };
            let id = state.next_id;
            state.next_id += 1;
            let Some(held) = state.queues.get_mut(queue) else { return false };
            let visible_ms = now_ms + late;
            held.insert(id, Held { body: body.to_owned(), receives: 0, visible_ms, in_flight: false });
        }
        self.changed.notify_waiters();
        true
    }

    /// Visible messages in any order, or none and when the next will be visible; None if there is no such queue.
    pub fn take(
        &self,
        queue: &str,
        most: usize,
        visible_again_ms: u64,
        now_ms: u64,
        (faults, chance): (&mut Faults, &mut Chance),
    ) -> Option<(Vec<Message>, Option<u64>)> {
        let mut state = lock(&self.state);
        let (mut taken, mut dead) = (Vec::new(), Vec::new());
        let held = state.queues.get_mut(queue)?;
        while taken.len() < most {
            let visible: Vec<u64> = held.iter().filter(|(_, h)| h.visible_ms <= now_ms).map(|(id, _)| *id).collect();
            if visible.is_empty() {
                break;
            }
            let id = *chance.pick(&visible);
            let Some(one) = held.get_mut(&id) else { break };
            one.receives += 1;
            if one.receives > MOST_RECEIVES {
                dead.extend(held.remove(&id).map(|one| one.body));
                continue;
            }
            // Delivered twice: it stays visible.
            if !faults.strikes(Fault::Duplicate, chance) {
                one.visible_ms = visible_again_ms;
            }
            one.in_flight = true;
            taken.push(Message {
                body: one.body.clone(),
                receipt: format!("{id}-{}", one.receives),
                receives: one.receives,
            });
            if one.visible_ms <= now_ms {
                break;
            }
        }
        let next = held.values().map(|h| h.visible_ms).filter(|at| *at > now_ms).min();
        for body in dead {
            let id = state.next_id;
            state.next_id += 1;
            let letters = state.queues.entry(DEAD.to_owned()).or_default();
            letters.insert(id, Held { body, receives: 0, visible_ms: now_ms, in_flight: false });
        }
        Some((taken, next))
    }

    /// Acts on the message whose last receive the receipt proves. None: no queue; false: a receipt of another receive.
    pub fn with(&self, queue: &str, receipt: &str, visible_ms: Option<u64>) -> Option<bool> {
        let mut state = lock(&self.state);
        let held = state.queues.get_mut(queue)?;
        let proven =
            receipt.split_once('-').and_then(|(id, receives)| Some((id.parse().ok()?, receives.parse().ok()?)));
        let Some((id, receives)) = proven else { return Some(false) };
        let id: u64 = id;
        let receives: u32 = receives;
        let Some(one) = held.get_mut(&id).filter(|one| one.receives == receives && one.in_flight) else {
            return Some(false);
        };
        match visible_ms {
            Some(at) => one.visible_ms = at,
            None => drop(held.remove(&id)),
        }
        self.changed.notify_waiters();
        Some(true)
    }
}
