//! Obeys the state: receives, prepares, starts, signals, commits, settles; and brings back what happened. It decides
//! nothing about items; when it is stopped it ends in time, whatever still hangs.

mod acts;
mod obey;

use crate::attempt::{Claim, Context, Job};
use crate::cache::Cache;
use crate::config::{Ports, SupervisorConfig};
use crate::events::EventSink;
use crate::life::Life;
use crate::process::{Process, Processes};
use crate::refusal::Refusal;
use crate::state::{self, Input, Limits, Rules, State, TryId};
use spotmill_core::bounds::LONE_RECEIVES;
use spotmill_core::item::ItemReport;
use spotmill_platform::ports::Message;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

pub enum Control {
    Notice(u64),
    Stop,
}

/// What tasks and threads bring back.
enum News {
    Input(Input),
    Received(Vec<Message>),
    Prepared(TryId, Box<Job>),
    Refused(TryId, Box<Refusal>),
    Uploaded(TryId, Box<ItemReport>),
    /// Nothing is left to do for it, and its receipt stands.
    Committed(TryId),
    /// Memory by process group.
    Sample(HashMap<i32, u64>),
}

/// What the shell keeps of a try and the state does not need.
struct Holding {
    message: Message,
    /// Unless the message cannot be understood.
    claim: Option<Arc<Claim>>,
    job: Option<Arc<Job>>,
    child: Option<Box<dyn Process>>,
    refusal: Option<Box<Refusal>>,
    report: Option<Arc<ItemReport>>,
    /// What is under way for it; a new task ends the one before.
    task: Option<AbortHandle>,
    memory_event_at: Option<Instant>,
}

impl Holding {
    fn new(message: Message) -> Holding {
        let (claim, job, child, refusal) = (None, None, None, None);
        Holding { message, claim, job, child, refusal, report: None, task: None, memory_event_at: None }
    }
}

pub struct Shell {
    context: Arc<Context>,
    processes: Arc<dyn Processes>,
    life: Option<Life>,
    state: State,
    tries: HashMap<TryId, Holding>,
    next_id: TryId,
    tasks: JoinSet<()>,
    receiving: Option<AbortHandle>,
    sampling: bool,
    /// When this supervisor started: in wall-clock time, and on a monotonic clock that sleeps with the machine.
    origin: (u64, Instant),
    post: mpsc::UnboundedSender<News>,
    posted: mpsc::UnboundedReceiver<News>,
}

impl Shell {
    pub fn new(config: SupervisorConfig, ports: Ports, events: EventSink, processes: Arc<dyn Processes>) -> Shell {
        let times = config.times;
        let rules = Rules {
            slots: config.share.slots(config.machine),
            lone_receives: LONE_RECEIVES,
            extend_ms: times.extend_ms,
            alive_ms: times.alive_ms,
            ahead_ms: times.ahead_ms,
            term_wait_ms: times.term_wait_ms,
            notice_wait_ms: times.notice_wait_ms,
            notice_margin_ms: times.notice_margin_ms,
            stop_grace_ms: times.stop_grace_ms,
            last_word_ms: times.last_word_ms,
            pause_ms: times.infra_ms,
        };
        let (post, posted) = mpsc::unbounded_channel();
        let origin = (ports.clock.now_ms(), Instant::now());
        Shell {
            context: Arc::new(Context { config, ports, events, cache: Cache::default() }),
            processes,
            life: None,
            state: State::new(rules),
            tries: HashMap::new(),
            next_id: 0,
            tasks: JoinSet::new(),
            receiving: None,
            sampling: false,
            origin,
            post,
            posted,
        }
    }

    pub async fn run(mut self, mut controls: mpsc::UnboundedReceiver<Control>) {
        let mut stop_by: Option<Instant> = None;
        let mut sample = tokio::time::interval(Duration::from_millis(self.context.config.times.sample_ms.max(1)));
        sample.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut pulse = tokio::time::interval(Duration::from_millis(self.context.config.times.life_ms.max(1)));
        self.life = Life::begin(&self.context);
        self.feed(Input::Tick);
        while !(self.state.has_ended() && self.tasks.is_empty()) {
            let due = state::next_deadline(&self.state).map(|at| at.saturating_sub(self.now_ms()));
            tokio::select! {
                biased;
                control = controls.recv(), if stop_by.is_none() => match control {
                    Some(Control::Notice(wall_ms)) => {
                        let deadline_ms = self.on_our_clock(wall_ms);
                        self.of_life(Life::noticed);
                        self.feed(Input::Notice { deadline_ms });
                    }
                    Some(Control::Stop) | None => {
                        stop_by = Some(Instant::now() + Duration::from_millis(self.context.config.times.stop_ms));
                        if let Some(receiving) = self.receiving.take() {
                            receiving.abort();
                        }
                        self.feed(Input::Stop);
                    }
                },
                () = until(stop_by), if stop_by.is_some() => break,
                Some(news) = self.posted.recv() => self.hear(news),
                Some(_) = self.tasks.join_next() => {}
                _ = pulse.tick(), if self.life.is_some() => self.of_life(Life::pulse),
                _ = sample.tick(), if !self.sampling && self.tries.values().any(|t| t.child.is_some()) => self.sample(),
                () = tokio::time::sleep(Duration::from_millis(due.unwrap_or(0))), if due.is_some() => self.feed(Input::Tick),
            }
        }
        if !self.tasks.is_empty() || !self.tries.is_empty() {
            self.context.note("stopped before everything was handed back; it comes back by itself");
        }
        self.tasks.shutdown().await;
        self.tries.clear();
        if let Some(life) = self.life.take() {
            life.end("asked to stop").await;
        }
        let _ = tokio::fs::remove_dir_all(&self.context.config.tmp).await;
    }

    fn of_life(&self, update: impl Fn(&Life)) {
        if let Some(life) = &self.life {
            update(life);
        }
    }

    fn now_ms(&self) -> u64 {
        self.origin.0 + u64::try_from(self.origin.1.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A moment on the wall as a moment of ours.
    fn on_our_clock(&self, wall_ms: u64) -> u64 {
        (self.now_ms() + wall_ms).saturating_sub(self.context.ports.clock.now_ms())
    }

    fn feed(&mut self, input: Input) {
        if let Input::Over(id) = &input
            && let Some(holding) = self.tries.remove(id)
            && let Some(claim) = holding.claim
        {
            self.tasks.spawn(async move {
                let _ = tokio::fs::remove_dir_all(&claim.directory).await;
            });
        }
        let (state, commands) = state::step(std::mem::take(&mut self.state), input, self.now_ms());
        self.state = state;
        for command in commands {
            self.obey(command);
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Input(input) => self.feed(input),
            News::Received(messages) => {
                self.receiving = None;
                if !messages.is_empty() {
                    self.of_life(Life::received);
                }
                let mut received = Vec::new();
                for message in messages {
                    let id = self.next_id;
                    self.next_id += 1;
                    received.push((id, message.receives));
                    self.tries.insert(id, Holding::new(message));
                }
                self.feed(Input::Received(received));
            }
            News::Prepared(id, job) => {
                let limits = Limits { timeout_ms: job.timeout_ms, memory_bytes: job.memory_bytes };
                let isolated = job.isolated;
                if let Some(holding) = self.tries.get_mut(&id) {
                    holding.job = Some(Arc::from(job));
                }
                self.feed(Input::Ready { id, limits, isolated });
            }
            News::Refused(id, refusal) => {
                if let Some(holding) = self.tries.get_mut(&id) {
                    holding.refusal = Some(refusal);
                }
                self.feed(Input::Refused(id));
            }
            News::Uploaded(id, report) => {
                if let Some(holding) = self.tries.get_mut(&id) {
                    holding.report = Some(Arc::from(report));
                }
                self.feed(Input::Uploaded(id));
            }
            News::Committed(id) => {
                self.of_life(Life::item_done);
                self.feed(Input::Over(id));
            }
            News::Sample(held) => self.weigh(&held),
        }
    }
}

fn send(post: &mpsc::UnboundedSender<News>, news: News) {
    // The receiver is dropped: the supervisor has ended.
    let _ = post.send(news);
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
