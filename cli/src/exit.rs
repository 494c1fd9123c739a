//! Exit codes, and the error that carries one to `main`. A `Stop` is phrased for the user at the terminal.

use spotmill_core::calls::errors;
use spotmill_lambdas::HandlerError;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Done = 0,
    ItemsFailed = 1,
    Usage = 2,
    Invalid = 3,
    Expectation = 4,
    Permission = 5,
    Held = 6,
    NoCapacity = 7,
    /// The input is not there yet, or came too late: nothing was launched, and nothing failed.
    InputNotThere = 8,
    /// Published, and a catalog or a command did not take it.
    NotAnnounced = 9,
    Interrupted = 130,
}

/// Why the command ends, as text, with its exit code.
#[derive(Debug)]
pub struct Stop {
    pub code: Code,
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Stop {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: None }
    }
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::ItemsFailed, message)
    }
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "\n  {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Stop {}

impl From<HandlerError> for Stop {
    fn from(e: HandlerError) -> Self {
        Stop::new(code_of(e.error), e.cause)
    }
}

/// The exit code for an error name of the functions.
pub fn code_of(error: &str) -> Code {
    match error {
        errors::EXPECTATION_FAILED | errors::DESTINATION_REFUSED => Code::Expectation,
        errors::NOT_ANNOUNCED => Code::NotAnnounced,
        errors::INVALID_INPUT => Code::Usage,
        errors::REFUSED | errors::WORKERS_SILENT => Code::Permission,
        errors::HELD => Code::Held,
        errors::INPUT_LATE | errors::INPUT_NOT_THERE => Code::InputNotThere,
        errors::NO_CAPACITY | errors::AT_CAPACITY => Code::NoCapacity,
        _ => Code::ItemsFailed,
    }
}

/// Puts a path and a verb before an I/O error: "cannot read x: No such file".
pub fn io(verb: &str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Stop {
    let what = format!("cannot {verb} {}", path.display());
    move |error| {
        let code = if error.kind() == std::io::ErrorKind::PermissionDenied { Code::Permission } else { Code::Usage };
        Stop::new(code, format!("{what}: {error}"))
    }
}
