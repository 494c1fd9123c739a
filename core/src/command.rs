//! Commands as they are printed to be pasted: in a shell each means the same project, stack and target as the command
//! that printed it, whatever spaces or quotes their names have. No other place puts a command together. In a sentence a
//! command stands between backticks; on a line of its own it stands as it is.

use crate::types::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Commands that work on AWS, whose target is `aws` unless another is named; the others are of this machine.
pub const ON_AWS: [&str; 7] = ["deploy", "destroy", "doctor", "smoke", "start", "status", "stop"];
/// Commands that neither ask nor start a worker. One that is not listed repeats the worker, which is never wrong.
const WITHOUT_WORKER: [&str; 16] = [
    "completions",
    "cost",
    "destroy",
    "doctor",
    "gc",
    "init",
    "lineage",
    "man",
    "report",
    "runs",
    "show",
    "smoke",
    "start",
    "status",
    "stop",
    "worker",
];

/// Commands that neither read nor write the runs of this machine; the others repeat where these are kept.
const WITHOUT_STATE: [&str; 15] = [
    "completions",
    "deploy",
    "destroy",
    "doctor",
    "functions",
    "init",
    "man",
    "schema",
    "smoke",
    "sql",
    "start",
    "status",
    "stop",
    "validate",
    "worker",
];

/// The stack that is meant where none is named.
pub const ORDINARY_STACK: &str = "spotmill";

/// Is a target of this name on AWS?
pub fn is_aws(target: &str) -> bool {
    target == "aws" || target.starts_with("aws-")
}

/// What a command means where no target is named.
pub fn default_target(name: &str) -> &'static str {
    if ON_AWS.contains(&name) { "aws" } else { "local" }
}

/// How `spotmill` was called: what a printed command has to repeat to mean the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub directory: Option<String>,
    pub target: String,
    /// Of a stack that was named on the command line, or is not the ordinary one.
    pub stack: Option<String>,
    /// Where the runs of this machine are kept, if that was named on the command line.
    pub state: Option<String>,
    /// The worker program that was named on the command line.
    pub worker: Option<String>,
    /// It may be pasted in any directory: a start names its pipeline.
    pub anywhere: bool,
}

impl Caller {
    pub fn new(target: &str) -> Self {
        Self { directory: None, target: target.to_owned(), stack: None, state: None, worker: None, anywhere: false }
    }

    /// `spotmill -C shop NAME`, with the options without which it would mean something else.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command("spotmill".to_owned());
        if let Some(directory) = &self.directory {
            // A word that begins with a hyphen would be an option.
            let hyphen = if directory.starts_with('-') { "./" } else { "" };
            command = command.option("-C", &format!("{hyphen}{directory}"));
        }
        if self.target != default_target(name) {
            command = command.option("--target", &self.target);
        }
        if let Some(stack) = &self.stack {
            command = command.option("--stack", stack);
        }
        if let Some(state) = self.state.as_ref().filter(|_| !WITHOUT_STATE.contains(&name) && !is_aws(&self.target)) {
            command = command.option("--state", state);
        }
        if let Some(worker) = self.worker.as_ref().filter(|_| !WITHOUT_WORKER.contains(&name)) {
            command = command.option("--worker", worker);
        }
        command.word(name)
    }

    /// The command that starts or resumes runs of this target.
    pub fn run(&self) -> Command {
        self.command(if is_aws(&self.target) { "start" } else { "run" })
    }

    /// The command that resumes one run: its key, as it was given.
    pub fn rerun(&self, pipeline: &str, key: &[String], params: &BTreeMap<String, Value>) -> Command {
        let run = self.run();
        let run = if self.anywhere && is_aws(&self.target) { run.option("--pipeline", pipeline) } else { run };
        key.iter().filter_map(|name| Some((name, params.get(name)?))).fold(run, |command, (name, value)| {
            match (name.as_str(), value) {
                ("date", Value::Date(date)) => command.option("--date", date),
                _ => command.param(name, &value.to_string()),
            }
        })
    }
}

/// A command line; what is added to it is quoted for a shell where it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(String);

impl Command {
    /// A word as it is to arrive.
    pub fn arg(self, text: &str) -> Self {
        self.word(&shell(text))
    }
    /// An option or a subcommand that is a plain word.
    pub fn word(mut self, word: &str) -> Self {
        self.0.push(' ');
        self.0.push_str(word);
        self
    }
    pub fn option(self, name: &str, value: &str) -> Self {
        self.word(name).arg(value)
    }
    pub fn param(self, name: &str, value: &str) -> Self {
        self.option("--param", &format!("{name}={value}"))
    }
    /// What the reader has to put in its place: `DIR`, `FIRST..LAST`.
    pub fn blank(self, what: &str) -> Self {
        self.word(what)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word as a shell takes it.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(directory: &str, target: &str) -> Caller {
        Caller { directory: Some(directory.to_owned()), ..Caller::new(target) }
    }

    #[test]
    fn a_command_names_where_it_works() {
        let plain = Caller::new("local");
        assert_eq!(plain.command("runs").to_string(), "spotmill runs");
        assert_eq!(plain.run().to_string(), "spotmill run");
        let shop = caller("my shop's", "staging");
        assert_eq!(
            shop.command("show").arg("a/b").to_string(),
            r"spotmill -C 'my shop'\''s' --target staging show a/b"
        );
        let stack = Caller { stack: Some("two".into()), ..Caller::new("aws") };
        assert_eq!(stack.run().to_string(), "spotmill --stack two start");
        assert_eq!(stack.command("runs").to_string(), "spotmill --target aws --stack two runs", "else of this machine");
        assert_eq!(caller("-x", "aws-eu").run().to_string(), "spotmill -C ./-x --target aws-eu start");
        let worker = Caller { worker: Some("a b".into()), ..Caller::new("local") };
        assert_eq!(worker.run().to_string(), "spotmill --worker 'a b' run");
        assert_eq!(worker.command("runs").to_string(), "spotmill runs");
        assert_eq!(worker.command("test").to_string(), "spotmill --worker 'a b' test");
        let shared = Caller { state: Some("s3://b/p".into()), ..Caller::new("local") };
        assert_eq!(shared.run().to_string(), "spotmill --state s3://b/p run");
        assert_eq!(shared.command("validate").to_string(), "spotmill validate", "it reads no runs");
        for reads in ["cost", "diff", "explain", "lineage", "report", "show", "test"] {
            assert_eq!(shared.command(reads).to_string(), format!("spotmill --state s3://b/p {reads}"));
        }
    }

    #[test]
    fn values_arrive_as_they_were() {
        let key = ["date".to_owned(), "name".to_owned(), "absent".to_owned()];
        let params = BTreeMap::from([
            ("date".to_owned(), Value::Date("2013-01-01".into())),
            ("name".to_owned(), Value::String("$(x) 'y'".into())),
            ("other".to_owned(), Value::Bool(true)),
        ]);
        let resumed = Caller::new("local").rerun("p", &key, &params).to_string();
        assert_eq!(resumed, r"spotmill run --date 2013-01-01 --param 'name=$(x) '\''y'\'''");
        let pasted = Caller { anywhere: true, ..Caller::new("aws") }.rerun("p", &key[..1], &params).to_string();
        assert_eq!(pasted, "spotmill start --pipeline p --date 2013-01-01");
    }
}
