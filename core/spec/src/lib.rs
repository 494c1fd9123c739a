//! From the user's TOML to `model::Pipeline`, with every problem found on the way and where it stands. Parsing is
//! pure: the caller reads the SQL files that `sql_files` names and hands all texts over. The order of checks is
//! shape (keys and types), meaning (units, names, references), then SQL; what needs the engine's types comes back
//! through `check_problems`.

mod catalogs;
pub mod cron;
pub mod dataset;
pub mod dates;
mod document;
mod engine;
mod file;
mod foreseen;
mod freeze;
mod links;
mod locate;
mod lower;
mod names;
mod order;
mod outputs;
mod params;
mod problem;
pub mod query;
mod schema;
mod shape;
pub mod sql;
mod sqlrules;
pub mod template;
pub mod tree;
mod typed;
pub mod units;

pub use catalogs::key_type;
pub use document::document;
pub use engine::{check_functions, check_problems};
pub use file::Any;
pub use foreseen::foreseen;
pub use freeze::{digest, freeze, thaw};
pub use locate::{Parsed, Sources};
pub use names::is_name;
pub use params::{ParamProblem, resolve, run_id, sample, text_of};
pub use problem::{Place, Problem, Severity, arrange, render};
pub use schema::{json_schema, schema_of};
pub use template::expand;

use serde::Deserialize;

/// The SQL files, relative to the pipeline file, that must be read before `parse`.
pub fn sql_files(toml: &str) -> Vec<String> {
    let (root, _) = tree::parse(toml);
    let steps = root.find("step").map(tree::Node::items).unwrap_or_default();
    let texts = steps.iter().filter_map(|s| s.get("sql")?.node.text());
    let mut files: Vec<String> = texts.filter(|t| is_sql_file(t)).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    files
}

/// The directory of the user's worker crate, of a pipeline file that may be wrong everywhere else.
pub fn worker_crate(toml: &str) -> Option<String> {
    let (root, _) = tree::parse(toml);
    root.find("worker.crate").and_then(tree::Node::text).map(str::to_owned)
}

/// `sql = "…"` is a file when it ends in `.sql` and is one word.
fn is_sql_file(text: &str) -> bool {
    text.ends_with(".sql") && !text.contains(char::is_whitespace)
}

/// The pipeline, or everything that is wrong with it.
pub fn parse(sources: &Sources) -> Result<Parsed, Vec<Problem>> {
    read(sources, lower::reserved)
}

/// The same of a pipeline that the program makes for itself: it may have a name that is reserved.
pub fn parse_own(sources: &Sources) -> Result<Parsed, Vec<Problem>> {
    read(sources, |_, _| ())
}

/// `named`: what else holds of the pipeline's name.
fn read(sources: &Sources, named: impl Fn(&mut lower::Ctx<'_>, &str)) -> Result<Parsed, Vec<Problem>> {
    let (root, failures) = tree::parse(&sources.toml);
    if !failures.is_empty() {
        return Err(problem::arrange(failures.into_iter().map(|f| not_toml(sources, f)).collect(), sources));
    }
    let schema = json_schema();
    let mut shape = shape::Shape::new(&sources.path, "a pipeline", &schema);
    let clean = shape.clean(&root);
    let mut problems = std::mem::take(&mut shape.problems);
    match file::File::deserialize(clean) {
        Ok(file) => finish(sources, root, file, problems, named),
        Err(error) => {
            if problems.is_empty() {
                problems.push(Problem::error("bad-value", error.message().to_owned()));
            }
            Err(problem::arrange(problems, sources))
        }
    }
}

fn finish(
    sources: &Sources,
    root: tree::Node,
    file: file::File,
    found: Vec<Problem>,
    named: impl Fn(&mut lower::Ctx<'_>, &str),
) -> Result<Parsed, Vec<Problem>> {
    let mut ctx = lower::Ctx::new(sources, &root);
    ctx.problems = found;
    let mut pipeline = lower::pipeline(&mut ctx, &file);
    named(&mut ctx, &pipeline.name);
    let order = order::order(&mut ctx, &pipeline);
    links::check(&mut ctx, &pipeline);
    outputs::check(&mut ctx, &pipeline);
    catalogs::check(&mut ctx, &pipeline);
    sqlrules::check(&mut ctx, &pipeline);
    let problems = problem::arrange(ctx.problems, sources);
    if problems.iter().any(|p| p.severity == Severity::Error) {
        return Err(problems);
    }
    pipeline.steps = order.iter().map(|i| pipeline.steps[*i].clone()).collect();
    Ok(Parsed::new(pipeline, problems, sources.clone(), root, order))
}

pub(crate) fn not_toml(sources: &Sources, (message, span): (String, std::ops::Range<usize>)) -> Problem {
    let place = Place { file: sources.path.clone(), span };
    Problem::error("bad-toml", "this is not TOML").at(place, message)
}

#[cfg(test)]
mod tests;
