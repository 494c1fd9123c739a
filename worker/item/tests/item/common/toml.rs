//! The reading options of a pipeline's text.

use spotmill_core::model::Read;
use spotmill_spec::{self as spec, Sources};

/// The keys of an input, as a pipeline has them.
pub fn read(keys: &str) -> Read {
    parsed(keys).unwrap_or_else(|problems| panic!("{keys}\n{problems}"))
}

/// The keys, or what is wrong with them.
pub fn parsed(keys: &str) -> Result<Read, String> {
    let toml = format!(
        "format = 1\n[pipeline]\nname = \"p\"\n[params]\ndate = \"date\"\n[[step]]\nname = \"s\"\nsql = \"SELECT 1 AS a FROM input\"\n\
         [step.input]\npath = \"data/{{date}}/*\"\n{keys}\n[step.output]\ndestination = \"out/{{date}}\"\n"
    );
    let sources = Sources { path: "pipeline.toml".into(), toml, sql_files: Default::default() };
    match spec::parse(&sources) {
        Ok(parsed) => Ok(parsed.pipeline.steps[0].input.read.clone()),
        Err(problems) => Err(problems.iter().map(|p| format!("{p:?}\n")).collect()),
    }
}
