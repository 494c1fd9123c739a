//! The one fork server of a machine, or of all the supervisors of one process: started for the first child, again if it ended, and
//! given up for a program that cannot serve as one. Then each child is the program, started anew.

use super::{ForkServer, lock};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A fork server that ends so often is not tried again.
const MOST_STARTS: u32 = 5;

#[derive(Debug)]
pub struct ForkServers {
    program: PathBuf,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    server: Option<Arc<ForkServer>>,
    starts: u32,
    given_up: bool,
}

/// Why there is no fork server, said once.
#[derive(Debug, PartialEq, Eq)]
pub struct NoForkServer(pub Option<String>);

impl ForkServers {
    /// Of a program that is a worker.
    pub fn new(program: PathBuf) -> ForkServers {
        ForkServers { program, slot: Mutex::default() }
    }

    /// The fork server, ready to fork. Who asks while it is being started waits.
    pub fn get(&self) -> Result<Arc<ForkServer>, NoForkServer> {
        let mut slot = lock(&self.slot);
        if let Some(server) = slot.server.as_ref().filter(|server| !server.has_ended()) {
            return Ok(Arc::clone(server));
        }
        if slot.given_up {
            return Err(NoForkServer(None));
        }
        slot.starts += 1;
        let started = match slot.starts {
            ..=MOST_STARTS => ForkServer::start(&self.program).map_err(|e| e.to_string()),
            _ => Err(format!("it has ended {MOST_STARTS} times")),
        };
        match started {
            Ok(server) => Ok(Arc::clone(slot.server.insert(Arc::new(server)))),
            Err(why) => {
                (slot.given_up, slot.server) = (true, None);
                Err(NoForkServer(Some(why)))
            }
        }
    }
}
