//! The places in S3 that pipelines name, against those that the stack's roles may read and write: a bucket that was not given to
//! the stack is found here and not by the first run. A place whose bucket only a start decides is not checked, and so reported.

use super::super::finding::{Finding, fine, problem, unchecked};
use super::Deep;
use crate::aws::calls::Scene;
use spotmill_core::model::{Pipeline, Source};
use spotmill_core::types::Value;
use spotmill_spec::template::{Piece, expand, pieces};
use spotmill_spec::{resolve, sample};
use std::collections::{BTreeMap, BTreeSet};

const WHAT: &str = "data";
const S3: &str = "s3://";

pub(super) fn check(of: &Deep<'_>, scene: &Scene) -> Vec<Finding> {
    let mut found = Vec::new();
    let target = of.global.target();
    for pipeline in of.pipelines {
        let places = places(pipeline, target);
        found.extend(places.undecided.iter().map(|template| undecided(&pipeline.name, template, target)));
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
    /// Templates whose bucket depends on what a start gives.
    undecided: BTreeSet<String>,
}

/// Where a template leads.
enum Lies {
    In(Place),
    /// On no S3.
    Elsewhere,
    Undecided,
}

/// All that a run reads, its markers too, and all that it writes.
fn places(pipeline: &Pipeline, target: &str) -> Places {
    let (values, mut found) = (decided(pipeline, target), Places::default());
    for step in &pipeline.steps {
        let sources = std::iter::once(&step.input.source).chain(step.tables.values().map(|t| &t.source));
        let paths = sources.filter_map(|source| match source {
            Source::Path(path) => Some(path),
            Source::Step { .. } => None,
        });
        let marker = step.input.wait_for.as_ref().and_then(|wait| wait.exists.as_ref());
        let of_step = [
            (&mut found.read, paths.chain(marker).collect::<Vec<_>>()),
            (&mut found.written, step.output.destination.iter().collect()),
        ];
        for (places, templates) in of_step {
            for template in templates {
                match lies(&values, template) {
                    Lies::In(place) => places.extend([place]),
                    Lies::Undecided => found.undecided.extend([template.clone()]),
                    Lies::Elsewhere => {}
                }
            }
        }
    }
    found
}

/// The params that have a value without any start: by the target, or by default.
fn decided(pipeline: &Pipeline, target: &str) -> BTreeMap<String, Value> {
    let own = pipeline.targets.get(target);
    let is_open = |name: &String| own.is_none_or(|own| !own.contains_key(name));
    let open = pipeline.params.iter().filter(|(name, param)| param.default.is_none() && is_open(name));
    // Values of all are checked together, so that those without one borrow a sample, and give it back.
    let borrowed = open.map(|(name, param)| (name.clone(), sample(param))).collect();
    let mut values = resolve(pipeline, target, &borrowed, None).unwrap_or_default();
    values.retain(|name, _| !borrowed.contains_key(name));
    values
}

/// Up to the first param that only a start decides.
fn lies(values: &BTreeMap<String, Value>, template: &str) -> Lies {
    let (mut text, mut is_whole) = (String::new(), true);
    let Ok(pieces) = pieces(template) else { return Lies::Undecided };
    for piece in pieces {
        let next = match piece {
            Piece::Text(text) => Ok(text),
            Piece::Param { span, .. } => expand(&template[span], values),
        };
        match next {
            Ok(next) => text.push_str(&next),
            Err(_) => {
                is_whole = false;
                break;
            }
        }
    }
    let Some(path) = text.strip_prefix(S3) else {
        return if !is_whole && S3.starts_with(&text) { Lies::Undecided } else { Lies::Elsewhere };
    };
    match path.split_once('/') {
        Some((bucket, key)) => {
            let certain = key.split(['*', '?', '[']).next().unwrap_or_default();
            Lies::In((bucket.to_owned(), certain.to_owned()))
        }
        None if is_whole => Lies::In((path.to_owned(), String::new())),
        None => Lies::Undecided,
    }
}

fn undecided(pipeline: &str, template: &str, target: &str) -> Finding {
    let why = format!("{pipeline}: the bucket of {template} depends on what a start gives");
    unchecked(WHAT, why, format!("give its params values in pipeline.toml: [target.{target}.params]"))
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
    use super::super::super::finding::Grade;
    use super::super::parsed;
    use super::*;

    fn pipeline(input: &str) -> Pipeline {
        let toml = format!(
            r#"format = 1
[pipeline]
name = "p"
[params]
date = {{ type = "date" }}
src = {{ type = "path", default = "data" }}
bucket = {{ type = "string", default = "acme-lake" }}
open = {{ type = "path" }}
[target.aws.params]
src = "s3://acme-raw/in/"
[[step]]
name = "copy"
sql = "SELECT a FROM input"
[step.input]
{input}
columns = ["a int32"]
[step.output]
destination = "s3://etl-data/output/p/{{date}}"
"#
        );
        parsed(toml)
    }

    fn place(bucket: &str, key: &str) -> BTreeSet<Place> {
        BTreeSet::from([(bucket.to_owned(), key.to_owned())])
    }

    #[test]
    fn a_pipelines_places_are_those_of_its_target() {
        let of = |target: &str| places(&pipeline(r#"path = "{src}/{date}/*.csv""#), target);
        assert_eq!(of("aws").read, place("acme-raw", "in/"));
        assert_eq!(of("aws").written, place("etl-data", "output/p/"));
        assert_eq!(of("local").read, BTreeSet::new(), "a directory");
        assert_eq!((of("aws").undecided, of("local").undecided), (BTreeSet::new(), BTreeSet::new()));
    }

    #[test]
    fn a_bucket_is_certain_decided_or_depends_on_a_start() {
        let nowhere = BTreeSet::new;
        for (template, read, is_undecided) in [
            ("s3://{bucket}/{date}/*.csv", place("acme-lake", ""), false),
            ("s3://{bucket}/in/{bucket}/{date:%Y}/*.csv", place("acme-lake", "in/acme-lake/"), false),
            ("{open}/{date}/*.csv", nowhere(), true),
            ("s3://raw-{date:%Y}/{date}.csv", nowhere(), true),
            ("data/{date}.csv", nowhere(), false),
        ] {
            let found = places(&pipeline(&format!("path = \"{template}\"")), "aws");
            assert_eq!(found.read, read, "{template}");
            assert_eq!(found.undecided.contains(template), is_undecided, "{template}");
        }
        let found = undecided("p", "{open}/{date}/*.csv", "aws");
        assert_eq!(found.grade, Grade::Unchecked);
        assert!(found.text.contains("p: the bucket of {open}/{date}/*.csv depends on"), "{}", found.text);
    }

    #[test]
    fn what_a_step_waits_for_is_read_too() {
        let waits = pipeline(
            "path = \"{src}/{date}/*.csv\"\nwait_for = { exists = \"s3://acme-done/{date}/_SUCCESS\", up_to = \"1h\" }",
        );
        let both = place("acme-raw", "in/").into_iter().chain(place("acme-done", "")).collect::<BTreeSet<_>>();
        assert_eq!(places(&waits, "aws").read, both);
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
