//! What a driver and an execution exchange: events in, commands out, and an answer to every event.
//! These are plain data; none of them acts.

use serde_json::Value;

/// Names one try of one task of one execution; a retry gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct TaskId(pub u64);

/// When a step happens, and the one draw (in 0..1) that jitter may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    pub now_ms: u64,
    pub chance: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Start {
        id: String,
        name: String,
        input: Value,
    },
    /// Time has passed; nothing else.
    Tick,
    /// The function returned this payload. Of a task that waits for its token it only means that the call was made.
    TaskSucceeded {
        task: TaskId,
        payload: Value,
    },
    /// The function, or the attempt to call it or to start a child, failed.
    TaskFailed {
        task: TaskId,
        error: String,
        cause: String,
    },
    ChildSucceeded {
        task: TaskId,
        execution: String,
        output: Value,
    },
    ChildFailed {
        task: TaskId,
        execution: String,
        end: ChildEnd,
        error: Option<String>,
        cause: Option<String>,
    },
    TokenSuccess {
        token: String,
        output: Value,
    },
    TokenFailure {
        token: String,
        error: Option<String>,
        cause: Option<String>,
    },
    TokenHeartbeat {
        token: String,
    },
    Abort {
        error: String,
        cause: String,
    },
}

/// How a child ended without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    Failed,
    TimedOut,
    Aborted,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Invoke {
        task: TaskId,
        function: String,
        payload: Value,
    },
    InvokeWithToken {
        task: TaskId,
        function: String,
        payload: Value,
        token: String,
    },
    StartExecution {
        task: TaskId,
        machine: String,
        input: Value,
    },
    /// The child of this task is no longer wanted.
    StopChild {
        task: TaskId,
    },
    Succeeded {
        output: Value,
    },
    Failed {
        error: String,
        cause: String,
    },
    TimedOut,
    Aborted {
        error: String,
        cause: String,
    },
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Taken,
    Refused(Refusal),
}

/// Why an event changed nothing. The first three bear the names that Step Functions gives to a task's reporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("TaskTimedOut: the token is of an earlier try, or its task has ended")]
    TaskTimedOut,
    #[error("TaskDoesNotExist: the token was never given out")]
    TaskDoesNotExist,
    #[error("InvalidToken: the token is not one of this execution")]
    InvalidToken,
    #[error("NotStarted: the execution has not started")]
    NotStarted,
    #[error("AlreadyStarted: the execution has started before")]
    AlreadyStarted,
    #[error("AlreadyEnded: the execution has ended")]
    AlreadyEnded,
    #[error("InvalidInput: the input is larger than a payload may be")]
    InvalidInput,
    #[error("StaleTask: the execution no longer waits for this task")]
    StaleTask,
    #[error("WrongKind: the task is not of the kind that ends this way")]
    WrongKind,
}
