//! A supervisor that was started, as its starter holds it.

use crate::config::{Ports, SupervisorConfig};
use crate::events::EventSink;
use crate::process::{Processes, System};
use crate::shell::{Control, Shell};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A running supervisor. Dropping it stops it as `stop_now` does, without waiting.
pub struct Supervisor {
    control: mpsc::UnboundedSender<Control>,
    task: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts taking work at once; must be called within a tokio runtime.
    pub fn start(config: SupervisorConfig, ports: Ports, events: EventSink) -> std::io::Result<Supervisor> {
        let processes = Arc::new(System(EventSink::clone(&events)));
        Self::start_with(config, ports, events, processes)
    }

    /// The same with other child processes.
    pub fn start_with(
        config: SupervisorConfig,
        ports: Ports,
        events: EventSink,
        processes: Arc<dyn Processes>,
    ) -> std::io::Result<Supervisor> {
        std::fs::create_dir_all(&config.tmp)?;
        let (control, controls) = mpsc::unbounded_channel();
        let task = tokio::spawn(Shell::new(config, ports, events, processes).run(controls));
        Ok(Supervisor { control, task: Some(task) })
    }

    /// The machine goes away at `deadline_ms` (milliseconds since 1970): take no more work, finish what can finish,
    /// hand the rest back shortly before.
    pub fn notice(&self, deadline_ms: u64) {
        let _ = self.control.send(Control::Notice(deadline_ms));
    }

    /// Kill the children and hand their items back, now.
    pub fn stop_now(&self) {
        let _ = self.control.send(Control::Stop);
    }

    /// Waits until it has ended: after `stop_now`, at most `Times::stop_ms` and a little.
    pub async fn join(mut self) {
        self.ended().await;
    }

    /// As `join`, for callers that keep the supervisor; the future may be dropped and called anew.
    pub async fn ended(&mut self) {
        if let Some(task) = &mut self.task {
            let _ = task.await;
            self.task = None;
        }
    }
}
