//! Runs in the local AWS: a pipeline deployed, an execution started as the console starts it, its end, and the states
//! it went through.

use super::{BUCKET, LAKE, LocalAws, STACK, stack};
use crate::{Project, Ran};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How an execution ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub arn: String,
    pub status: String,
    pub error: String,
    pub cause: String,
}

impl LocalAws {
    /// Starts the pipeline machine with this input.
    pub fn start_run(&self, input: &Value) -> String {
        let (machine, input) = (self.output("PipelineStateMachine"), input.to_string());
        let started =
            self.aws(&["stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", &input]);
        started["executionArn"].as_str().expect("an ARN").to_owned()
    }

    pub fn execution(&self, arn: &str) -> Ended {
        let seen = self.ask("DescribeExecution", &json!({"executionArn": arn}));
        let text = |name: &str| seen[name].as_str().unwrap_or_default().to_owned();
        Ended { arn: arn.to_owned(), status: text("status"), error: text("error"), cause: text("cause") }
    }

    /// Waits for the end of an execution.
    #[track_caller]
    pub fn wait(&self, arn: &str, within: Duration) -> Ended {
        let until = Instant::now() + within;
        let _spent = self.spent.on("runs");
        loop {
            let seen = self.execution(arn);
            if seen.status != "RUNNING" {
                return seen;
            }
            assert!(Instant::now() < until, "{arn} still runs after {within:?}: {}", self.diagnosis(arn));
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// An action of Step Functions; its reply.
    #[track_caller]
    fn ask(&self, action: &str, input: &Value) -> Value {
        self.post(&format!("AWSStepFunctions.{action}"), input)
    }

    /// An action of a service, without the command line, which answers one call after another; its reply.
    ///
    /// # Panics
    /// If it is refused; with what was answered.
    #[track_caller]
    pub(super) fn post(&self, action: &str, input: &Value) -> Value {
        let reply = self.emulator.post(action, &input.to_string());
        let reply = reply.unwrap_or_else(|e| panic!("{e}\nemulator: {}", self.log()));
        serde_json::from_str(&reply).expect("JSON")
    }

    /// All pages of a list: the elements of `part`.
    #[track_caller]
    fn ask_all(&self, action: &str, mut input: Value, part: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let mut page = self.ask(action, &input);
            all.append(page[part].as_array_mut().expect("a list"));
            match page["nextToken"].take() {
                Value::Null => return all,
                next => input["nextToken"] = next,
            }
        }
    }

    /// The states that an execution entered.
    pub fn states(&self, arn: &str) -> Vec<String> {
        let events = self.ask_all("GetExecutionHistory", json!({"executionArn": arn}), "events");
        events.iter().filter_map(|e| e["stateEnteredEventDetails"]["name"].as_str().map(str::to_owned)).collect()
    }

    /// Of every step's execution, in order, and then of the run's own.
    pub fn all_states(&self, root: &str) -> Vec<Vec<String>> {
        let mut all: Vec<_> = self.children(root).iter().map(|child| self.states(child)).collect();
        all.push(self.states(root));
        all
    }

    /// The step executions that `root` started, in order.
    pub fn children(&self, root: &str) -> Vec<String> {
        self.children_of(&[root.to_owned()])
    }

    pub fn children_of(&self, roots: &[String]) -> Vec<String> {
        let machine = self.output("StepStateMachineArn");
        let mut found: Vec<(String, String)> = Vec::new();
        for execution in self.ask_all("ListExecutions", json!({"stateMachineArn": machine}), "executions") {
            let arn = execution["executionArn"].as_str().unwrap_or_default();
            let described = self.ask("DescribeExecution", &json!({"executionArn": arn}));
            let input: Value = serde_json::from_str(described["input"].as_str().unwrap_or("{}")).unwrap_or_default();
            if roots.iter().any(|root| input["root"] == *root) {
                found.push((described["startDate"].to_string(), arn.to_owned()));
            }
        }
        found.sort();
        found.into_iter().map(|(_, arn)| arn).collect()
    }

    /// What a failed test shows.
    pub fn diagnosis(&self, arn: &str) -> String {
        let machines: Vec<String> = self
            .ec2
            .snapshot()
            .instances
            .iter()
            .map(|i| {
                let console = std::fs::read_to_string(i.dir.join("console.log")).unwrap_or_default();
                format!("{} {:?} {:?}:\n{}", i.id, i.state, i.reason, console)
            })
            .collect();
        format!(
            "{:#?}\nstates {:?}\n{}\n{}",
            self.execution(arn),
            self.all_states(arn),
            machines.join("\n"),
            self.log()
        )
    }

    /// A project's data into the user's bucket, and `spotmill deploy` of its pipeline and worker.
    pub fn deploy_project(&self, project: &Project, pipeline: &str) {
        self.copy(&project.path("data").to_string_lossy(), &format!("s3://{LAKE}/input/{pipeline}/"), true);
        self.try_deploy(project).code(0);
    }

    /// Another stack in the same account and region, with this project; its outputs.
    pub fn deploy_neighbour(&self, stack: &str, project: &Project) -> BTreeMap<String, String> {
        let _spent = self.spent.on("deploys");
        stack::deploy(self, stack, project, &[]).code(0);
        let outputs = stack::outputs(self, stack);
        stack::hand_over(self, &outputs);
        outputs
    }

    /// A deploy of the project with another parameter: new versions of the functions.
    pub fn upgrade(&self, project: &Project, parameter: &str) -> Ran {
        let _spent = self.spent.on("deploys");
        stack::deploy(self, STACK, project, &[parameter])
    }

    /// `spotmill deploy`, which may be refused.
    pub fn try_deploy(&self, project: &Project) -> Ran {
        let _spent = self.spent.on("deploys");
        stack::deploy(self, STACK, project, &[])
    }

    /// Receipts of a pipeline's runs: their keys and ETags.
    pub fn receipts(&self, pipeline: &str) -> BTreeSet<(String, String)> {
        let prefix = format!("runs/{pipeline}/");
        self.objects(&prefix).into_iter().filter(|(key, _)| key.contains("/receipts/")).collect()
    }

    /// What the stack's bucket holds under a prefix: keys and ETags.
    pub fn objects(&self, prefix: &str) -> BTreeSet<(String, String)> {
        let listed = self.aws(&["s3api", "list-objects-v2", "--bucket", BUCKET, "--prefix", prefix]);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let objects = listed["Contents"].as_array().cloned().unwrap_or_default();
        objects.iter().map(|o| (text(&o["Key"]), text(&o["ETag"]))).collect()
    }

    /// The newest tally of a pipeline's runs, if there is one.
    pub fn tally(&self, pipeline: &str) -> Option<Value> {
        let keys = self.objects(&format!("runs/{pipeline}/")).into_iter().map(|(key, _)| key);
        let tallies = keys.filter(|key| key.ends_with("/tally.json")).filter_map(|key| self.record(&key));
        tallies.max_by_key(|tally| tally["epoch"].as_u64())
    }

    /// A JSON record of the stack's bucket, if it is there.
    pub fn record(&self, key: &str) -> Option<Value> {
        serde_json::from_str(&self.text(key)?).ok()
    }

    /// An object of the stack's bucket, as text.
    pub fn text(&self, key: &str) -> Option<String> {
        let there = tempfile::NamedTempFile::new().expect("a file");
        let path = there.path().to_string_lossy().into_owned();
        self.try_aws(&["s3api", "get-object", "--bucket", BUCKET, "--key", key, &path]).ok()?;
        std::fs::read_to_string(&path).ok()
    }

    pub fn copy(&self, from: &str, to: &str, recursive: bool) {
        let mut args = vec!["s3", "cp", "--only-show-errors", from, to];
        if recursive {
            args.push("--recursive");
        }
        self.aws(&args);
    }

    /// What a person types into the console.
    pub fn input(&self, pipeline: &str, date: &str) -> Value {
        json!({"pipeline": pipeline, "date": date})
    }
}
