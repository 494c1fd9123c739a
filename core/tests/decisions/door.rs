//! Small makers of the records that decisions are about.

use spotmill_core::calls::RoundRequest;
use spotmill_core::item::{FailureClass, InputFile, Usage};
use spotmill_core::model::{Pipeline, Step};
use spotmill_core::records::{FailureRecord, RECORD_VERSION};
use spotmill_spec as spec;

/// A file as `name:bytes`.
pub fn file(text: &str) -> InputFile {
    let (name, bytes) = text.split_once(':').unwrap_or((text, "1"));
    InputFile { uri: name.into(), etag: format!("e-{name}"), bytes: bytes.parse().unwrap(), rows: None, bundled: None }
}

pub fn pipeline(steps: &str) -> Pipeline {
    let head = "format = 1\n[pipeline]\nname = \"p\"\nkey = [\"date\"]\n[params]\ndate = { type = \"date\" }\n";
    let sources =
        spec::Sources { path: "pipeline.toml".into(), toml: format!("{head}{steps}"), sql_files: Default::default() };
    match spec::parse(&sources) {
        Ok(parsed) => parsed.pipeline,
        Err(all) => panic!("{}", all.iter().map(|p| spec::render(p, &sources, false)).collect::<String>()),
    }
}

/// The step of a pipeline that has only it: `input` and `rest` are lines of TOML.
pub fn step(input: &str, rest: &str) -> Step {
    let text = format!(
        "[[step]]\nname = \"s\"\nsql = \"SELECT k FROM input\"\n{rest}\n[step.input]\npath = \"/in/{{date}}/*.csv\"\n\
         columns = [\"k string\"]\n{input}\n[step.output]\ndestination = \"/out/{{date}}\"\n"
    );
    pipeline(&text).steps.remove(0)
}

pub fn round_request(epoch: u64, round: u32, rung: u32) -> RoundRequest {
    RoundRequest { run: "p/1".into(), step: "s".into(), root: "r".into(), generation: 1, epoch, round, rung }
}

pub fn failure(item: u32, class: FailureClass, round: u32, rung: u32) -> FailureRecord {
    FailureRecord {
        v: RECORD_VERSION,
        item,
        attempt: "a".into(),
        epoch: 1,
        round,
        rung,
        class,
        message: "it broke".into(),
        remedy: None,
        file: None,
        log_tail: String::new(),
        ended: String::new(),
        worker: String::new(),
        usage: Usage::default(),
        failed_ms: 0,
    }
}
