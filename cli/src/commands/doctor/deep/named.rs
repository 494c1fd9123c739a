//! The places in S3 that pipelines name, against those that the stack's roles may read and write: a bucket that was not given to
//! the stack is found here and not by the first run.

use super::super::finding::{Finding, fine, problem};
use super::Deep;
use crate::aws::calls::Scene;
use spotmill_core::model::{Pipeline, Source};
use std::collections::BTreeSet;

const WHAT: &str = "data";

pub(super) fn check(of: &Deep<'_>, scene: &Scene) -> Vec<Finding> {
    let mut found = Vec::new();
    for pipeline in of.pipelines {
        let places = places(pipeline, of.global.target());
        for (parameter, places, given, own) in [
            ("InputBucketArns", &places.read, &scene.inputs, &["input/", "output/"][..]),
            ("OutputBucketArns", &places.written, &scene.outputs, &["output/"][..]),
        ] {
            let may = May { own: &scene.bucket, prefixes: own, given };
            let set = of.given(&format!("{parameter}=…"));
            found.extend(places.iter().filter_map(|place| judge(&pipeline.name, place, &may, parameter, &set)));
        }
    }
    if found.is_empty() && !of.pipelines.is_empty() {
        found.push(fine(WHAT, "what pipelines read and write lies where the stack's roles may"));
    }
    found
}

/// A bucket, and what follows it as far as it is certain.
type Place = (String, String);

#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    read: BTreeSet<Place>,
    written: BTreeSet<Place>,
}

/// Those in S3 whose bucket does not depend on what a start gives.
fn places(pipeline: &Pipeline, target: &str) -> Places {
    let mut found = Places::default();
    for step in &pipeline.steps {
        let sources = std::iter::once(&step.input.source).chain(step.tables.values().map(|t| &t.source));
        found.read.extend(sources.filter_map(|source| match source {
            Source::Path(path) => place(pipeline, target, path),
            Source::Step { .. } => None,
        }));
        found.written.extend(step.output.destination.iter().filter_map(|path| place(pipeline, target, path)));
    }
    found
}

fn place(pipeline: &Pipeline, target: &str, template: &str) -> Option<Place> {
    let mut text = template.to_owned();
    if let Some((name, rest)) = template.strip_prefix('{').and_then(|t| t.split_once('}')) {
        let own = pipeline.targets.get(target).and_then(|params| params.get(name));
        let value = own.or_else(|| pipeline.params.get(name)?.default.as_ref())?;
        text = spotmill_spec::text_of(value) + rest;
    }
    let (bucket, key) = text.strip_prefix("s3://")?.split_once('/')?;
    let certain = key.split(['{', '*', '?', '[']).next().unwrap_or_default();
    (!bucket.contains('{')).then(|| (bucket.to_owned(), certain.to_owned()))
}

struct May<'a> {
    own: &'a str,
    /// What of the stack's own bucket.
    prefixes: &'a [&'a str],
    /// ARNs of further buckets.
    given: &'a [String],
}

fn judge(pipeline: &str, (bucket, key): &Place, may: &May<'_>, parameter: &str, set: &str) -> Option<Finding> {
    let at = format!("{pipeline}: s3://{bucket}/{key}");
    if bucket == may.own {
        // What a start gives may begin within the prefix.
        let within = may.prefixes.iter().any(|prefix| key.starts_with(prefix) || prefix.starts_with(key.as_str()));
        let prefixes = may.prefixes.join(" and ");
        let remedy = format!("change the path in pipeline.toml: of the stack's own bucket {prefixes}");
        return (!within)
            .then(|| problem(WHAT, format!("{at} is outside of {prefixes} of the stack's bucket"), remedy));
    }
    let is_given = may.given.iter().any(|arn| arn.rsplit(':').next() == Some(bucket));
    (!is_given)
        .then(|| problem(WHAT, format!("{at} is not in {parameter}, so that no role of the stack may use it"), set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_spec::{Sources, parse};

    fn pipeline() -> Pipeline {
        let toml = r#"format = 1
[pipeline]
name = "p"
[params]
date = { type = "date" }
src = { type = "path", default = "data" }
[target.aws.params]
src = "s3://acme-raw/in"
[[step]]
name = "copy"
sql = "SELECT a FROM input"
[step.input]
path = "{src}/{date}/*.csv"
columns = ["a int32"]
[step.output]
destination = "s3://etl-data/output/p/{date}"
"#;
        let sources =
            Sources { path: "pipeline.toml".to_owned(), toml: toml.to_owned(), sql_files: Default::default() };
        parse(&sources).unwrap_or_else(|problems| panic!("{problems:?}")).pipeline
    }

    #[test]
    fn a_pipelines_places_are_those_of_its_target() {
        let of = |target: &str| places(&pipeline(), target);
        let place = |bucket: &str, key: &str| BTreeSet::from([(bucket.to_owned(), key.to_owned())]);
        assert_eq!(of("aws").read, place("acme-raw", "in/"));
        assert_eq!(of("aws").written, place("etl-data", "output/p/"));
        assert_eq!(of("local").read, BTreeSet::new(), "a directory");
    }

    #[test]
    fn a_place_is_within_what_the_stack_was_given() {
        let given = ["arn:aws:s3:::acme-raw".to_owned()];
        let may = May { own: "etl-data", prefixes: &["output/"], given: &given };
        let text = |bucket: &str, key: &str| {
            judge("p", &(bucket.to_owned(), key.to_owned()), &may, "OutputBucketArns", "deploy").map(|f| f.text)
        };
        assert_eq!(text("acme-raw", "x/"), None);
        assert_eq!((text("etl-data", "output/p/"), text("etl-data", "")), (None, None));
        assert!(text("etl-data", "other/").is_some_and(|t| t.contains("s3://etl-data/other/ is outside of output/")));
        assert!(text("acme", "x/").is_some_and(|t| t.contains("s3://acme/x/ is not in OutputBucketArns")));
    }
}
