//! Children as the shell sees them: started, signalled, ended. `System` has real ones; a simulation brings its own.

use crate::child::{Child, Launch};
use crate::events::{EventSink, WorkerEvent};
use crate::state::{Exit, Signal};

/// Receives the process id, once.
pub type Started = Box<dyn FnOnce(u32) + Send>;
/// Receives how it ended, once, also if it could not be started.
pub type Ended = Box<dyn Fn(Exit) + Send + Sync>;

pub trait Processes: Send + Sync {
    /// Returns at once; the two are called from wherever the child is watched.
    fn spawn(&self, launch: Launch, started: Started, ended: Ended) -> Box<dyn Process>;
}

/// Killed when dropped.
pub trait Process: Send {
    /// The process group, while there is one whose memory can be read.
    fn group(&self) -> Option<i32>;
    fn signal(&self, signal: Signal);
}

/// Processes of this machine; takes what somebody should know of them.
pub struct System(pub EventSink);

impl Processes for System {
    fn spawn(&self, launch: Launch, started: Started, ended: Ended) -> Box<dyn Process> {
        let events = EventSink::clone(&self.0);
        let note = move |message| events(WorkerEvent::Note { message });
        Box::new(Child::spawn(launch, note, started, ended))
    }
}

impl Process for Child {
    fn group(&self) -> Option<i32> {
        Child::group(self)
    }
    fn signal(&self, signal: Signal) {
        Child::signal(self, signal);
    }
}
