//! Exit codes, and the error that carries one to `main`. A `Stop` has been phrased for the person at the terminal.

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
    Interrupted = 130,
}

/// Why the command ends, in words, with the code it ends with.
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

/// Put a path and a verb before an I/O error: "cannot read x: No such file".
pub fn io(verb: &str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Stop {
    let what = format!("cannot {verb} {}", path.display());
    move |error| {
        let code = if error.kind() == std::io::ErrorKind::PermissionDenied { Code::Permission } else { Code::Usage };
        Stop::new(code, format!("{what}: {error}"))
    }
}
