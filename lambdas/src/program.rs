//! The pipeline of a run with its params in place: the one file that turns templates, SQL and paths into what is read
//! and written. Paths are whole locations when they leave here.

use crate::{HandlerError, Settings};
use spotmill_core::calls::RunInput;
use spotmill_core::command::Command;
use spotmill_core::format::instead;
use spotmill_core::generations;
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::location::{normal, relative};
use spotmill_core::model::{Pipeline, Source, Step, Transform};
use spotmill_core::signature::{self, Shape, Signature, Upstream};
use spotmill_core::types::Value;
use spotmill_spec as spec;
use spotmill_spec::sql;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Program {
    pub pipeline: Pipeline,
    /// Names the frozen pipeline.
    pub digest: String,
    pub params: BTreeMap<String, Value>,
    base: Option<Uri>,
}

impl Program {
    /// Makes the program of a deployed pipeline and the input that starts a run of it.
    pub fn new(text: &[u8], input: &RunInput, settings: &Settings) -> Result<Self, HandlerError> {
        let mut program = Self::thaw(text, BTreeMap::new(), settings.base.clone())?;
        let schedule = program.pipeline.schedule.as_ref();
        let of = input.date.as_deref().map(|text| spec::dates::logical(schedule, text)).transpose();
        let of = of.map_err(|e| HandlerError::invalid(format!("`date`: {e}")))?;
        let mut given = input.params.clone();
        if let Some(hour) = of.as_ref().and_then(|of| of.hour) {
            given.entry("hour".to_owned()).or_insert_with(|| hour.into());
        }
        let date = of.map(|of| of.date);
        let target = input.target.as_deref().unwrap_or(&settings.target);
        program.params = spec::resolve(&program.pipeline, target, &given, date.as_deref()).map_err(|all| {
            let messages: Vec<String> = all.iter().map(ToString::to_string).collect();
            HandlerError::invalid(messages.join("; "))
        })?;
        Ok(program)
    }

    /// Makes the program of a frozen pipeline and its run's params.
    pub fn thaw(text: &[u8], params: BTreeMap<String, Value>, base: Option<Uri>) -> Result<Self, HandlerError> {
        let text = std::str::from_utf8(text).map_err(|_| HandlerError::invalid("the pipeline is not UTF-8"))?;
        let pipeline = spec::thaw(text).map_err(|e| HandlerError::invalid(e.to_string()))?;
        Ok(Self { pipeline, digest: spec::digest(text), params, base })
    }

    pub fn run_id(&self) -> RunId {
        spec::run_id(&self.pipeline, &self.params)
    }

    pub fn step(&self, name: &str) -> Result<&Step, HandlerError> {
        self.pipeline.step(name).ok_or_else(|| {
            let names: Vec<&str> = self.pipeline.steps.iter().map(|s| s.name.as_str()).collect();
            HandlerError::invalid(format!("there is no step `{name}`; {}", instead(name, "steps", &names)))
        })
    }

    /// Returns whether another step reads it.
    pub fn is_read(&self, step: &str) -> bool {
        self.pipeline.steps.iter().any(|s| s.upstream().any(|u| u == step))
    }

    /// The step with its SQL bound and its paths whole; the destination stays a template.
    pub fn bind(&self, step: &Step) -> Result<Step, HandlerError> {
        let mut bound = step.clone();
        let named = |e: String| HandlerError::invalid(format!("step `{}`: {e}", step.name));
        let bind = |text: &str| sql::bind_text(text, &self.params).map_err(|e| named(e.to_string()));
        if let Transform::Sql { text, .. } = &mut bound.transform {
            *text = bind(text)?;
        }
        for check in &mut bound.expect.check {
            *check = bind(check)?;
        }
        for source in bound.sources_mut() {
            if let Source::Path(path) = source {
                *path = self.locate(path)?.0;
            }
        }
        if let Some(marker) = bound.input.wait_for.as_mut().and_then(|wait| wait.exists.as_mut()) {
            *marker = self.locate(marker)?.0;
        }
        Ok(bound)
    }

    pub fn bind_all(&self) -> Result<BTreeMap<String, Step>, HandlerError> {
        self.pipeline.steps.iter().map(|s| Ok((s.name.clone(), self.bind(s)?))).collect()
    }

    /// Where the step is published, if anywhere.
    pub fn destination(&self, step: &Step) -> Result<Option<Uri>, HandlerError> {
        step.output.destination.as_deref().map(|template| self.locate(template)).transpose()
    }

    /// The namespace and the name of the files of a path or a destination, the same for every run.
    pub fn dataset(&self, template: &str) -> Result<(String, String), HandlerError> {
        let named = |e: String| HandlerError::invalid(format!("`{template}`: {e}"));
        let name = spec::dataset::dataset(template, &self.params, &self.pipeline.key);
        Ok(spec::dataset::located(self.whole(&name.map_err(|e| named(e.to_string()))?).map_err(named)?.as_str()))
    }

    /// A template's location: params filled in, and made whole.
    fn locate(&self, template: &str) -> Result<Uri, HandlerError> {
        let named = |e: String| HandlerError::invalid(format!("`{template}`: {e}"));
        let path = spec::expand(template, &self.params).map_err(|e| named(e.to_string()))?;
        self.whole(&path).map_err(named)
    }

    fn whole(&self, path: &str) -> Result<Uri, String> {
        if path.starts_with("s3://") || path.starts_with('/') {
            return Ok(Uri(normal(path)));
        }
        match &self.base {
            Some(base) => Ok(Uri(normal(base.join(path).as_str()))),
            None => Err(format!("`{path}` is neither s3:// nor absolute")),
        }
    }

    /// The destinations, with the names of their steps.
    pub fn destinations(&self) -> Result<Vec<(&Step, Uri)>, HandlerError> {
        let of = |step| Ok(self.destination(step)?.map(|destination| (step, destination)));
        self.pipeline.steps.iter().filter_map(|step| of(step).transpose()).collect()
    }

    /// The paths that are read, with the names of their steps.
    pub fn patterns(&self) -> Result<Vec<(&Step, Uri)>, HandlerError> {
        let mut all = Vec::new();
        for step in &self.pipeline.steps {
            for source in step.sources() {
                if let Source::Path(path) = source {
                    all.push((step, self.locate(path)?));
                }
            }
        }
        Ok(all)
    }

    /// The folder from which a path was written: the project's, or one above it that it climbs to; the bucket; or the
    /// root.
    pub fn above(&self, template: &str) -> Result<Uri, HandlerError> {
        let path =
            spec::expand(template, &self.params).map_err(|e| HandlerError::invalid(format!("`{template}`: {e}")))?;
        if let Some(rest) = path.strip_prefix("s3://") {
            return Ok(Uri::new(format!("s3://{}", rest.split('/').next().unwrap_or_default())));
        }
        if path.starts_with('/') {
            return Ok(Uri::new(""));
        }
        let path = normal(&path);
        let climbs: Vec<&str> = path.split('/').take_while(|name| *name == "..").collect();
        self.folder(&climbs.join("/"))
    }

    /// The folder that a template's beginning names; the base for an empty one.
    pub fn folder(&self, beginning: &str) -> Result<Uri, HandlerError> {
        self.locate(if beginning.is_empty() { "." } else { beginning })
    }

    /// A bound step with paths relative to the project: it means the same where the project is moved.
    fn relative(&self, step: &Step) -> Step {
        let mut step = step.clone();
        let base = self.base.as_ref().map(Uri::as_str);
        for source in step.sources_mut() {
            if let Source::Path(path) = source {
                *path = relative(path, base).to_owned();
            }
        }
        step
    }

    /// The signature of a bound step.
    pub fn sign(
        &self,
        bound: &BTreeMap<String, Step>,
        name: &str,
        upstream: &BTreeMap<String, Upstream>,
        worker_version: &str,
    ) -> Signature {
        let step = &self.relative(&bound[name]);
        signature::of(&Shape { step, params: &self.params, upstream, worker_version })
    }

    /// The steps as the decision on generations needs them.
    pub fn shapes(&self) -> Vec<generations::StepShape<'_>> {
        self.pipeline
            .steps
            .iter()
            .map(|s| generations::StepShape { name: &s.name, upstream: s.upstream().collect() })
            .collect()
    }

    /// The command that resumes the run.
    pub fn rerun(&self, settings: &Settings) -> Command {
        settings.caller.rerun(&self.pipeline.name, &self.pipeline.key, &self.params)
    }
}
