//! `sql`: queries on standard input, one JSON object a line; a reply line for each on standard output, in order, sent
//! before the next query is read. A line that is no request is answered like any other. It ends with its input, or when
//! nobody reads its replies.

use spotmill_item::{Functions, item, query};
use spotmill_spec::query::QueryReply;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The translation to the engine recurses over the plan, and a query may be nested deeply.
const STACK_BYTES: usize = 256 << 20;
/// How long the engine may go on after one of its threads has panicked.
const AFTER_PANIC_SECS: u32 = 10;

pub fn answer_all(functions: &Functions) -> Result<ExitCode, String> {
    spotmill_item::watch_panics();
    let mut engine = Engine::start(functions)?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    loop {
        let mut line = Vec::new();
        let read = input.read_until(b'\n', &mut line).map_err(|e| format!("cannot read a request: {e}"))?;
        if read == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        let reply = match engine.ask(line) {
            Some(reply) => reply,
            None => {
                engine = Engine::start(functions)?;
                QueryReply::Panic("the engine does not return after a panic".to_owned())
            }
        };
        let mut json = serde_json::to_vec(&reply).map_err(|e| e.to_string())?;
        json.push(b'\n');
        match output.write_all(&json).and_then(|()| output.flush()) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            Err(e) => return Err(format!("cannot write a reply: {e}")),
        }
    }
}

/// A thread that answers, so that an engine which waits for itself after a panic can be left behind.
struct Engine {
    requests: Sender<Vec<u8>>,
    replies: Receiver<QueryReply>,
}

impl Engine {
    fn start(functions: &Functions) -> Result<Self, String> {
        let (requests, taken) = channel::<Vec<u8>>();
        let (given, replies) = channel();
        let functions = functions.clone();
        let answer = move || taken.iter().all(|line| given.send(query::answer(&line, &functions)).is_ok());
        let thread = std::thread::Builder::new().name("query".into()).stack_size(STACK_BYTES);
        thread.spawn(answer).map_err(|e| format!("cannot start a thread: {e}"))?;
        Ok(Self { requests, replies })
    }

    /// None when the engine does not return.
    fn ask(&self, line: Vec<u8>) -> Option<QueryReply> {
        self.requests.send(line).ok()?;
        let mut seconds = 0;
        while seconds <= AFTER_PANIC_SECS {
            match self.replies.recv_timeout(Duration::from_secs(1)) {
                Ok(reply) => return Some(reply),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => seconds += u32::from(item::has_panicked()),
            }
        }
        None
    }
}
