//! Type-checking steps without data: each is run, streaming engine and all, on frames of no rows. Only resolving a
//! plan would let comparisons of unlike types pass.

use crate::failure::Outcome;
use crate::functions::{Functions, TransformContext};
use crate::item::star_leaves_out;
use crate::loaded::{empty, local, unpinned, vocabulary};
use crate::problem::{problem_of, sql_problem};
use crate::{hive, panics, partition, sql, text, typed, types};
use polars::prelude::{Engine, LazyFrame, PolarsResult, Schema};
use spotmill_core::ids::Uri;
use spotmill_core::item::{
    CheckInput, CheckProblem, CheckReply, CheckRequest, CheckStep, CheckedStep, ITEM_VERSION, ItemFailure,
};
use spotmill_core::lineage::ColumnLineage;
use spotmill_core::model::{FieldRules, Format, Layout, Read, Transform};
use spotmill_core::types::Column;
use spotmill_spec::sql as core_sql;
use spotmill_text::field::Check;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Checked<T> = Result<T, CheckProblem>;

/// Every step, in order; the output of one is the input of those that name it.
pub fn check(request: &CheckRequest, functions: &Functions) -> CheckReply {
    let mut outputs: BTreeMap<&str, Vec<Column>> = BTreeMap::new();
    let mut steps = Vec::with_capacity(request.steps.len());
    for step in &request.steps {
        let checked = match inputs(step, &outputs) {
            None => CheckedStep::Skipped,
            Some(Err(problem)) => CheckedStep::Failed(problem),
            Some(Ok((input, tables))) => match whole(step, &input, &tables, functions) {
                Ok(Made { columns: output, origins, lineage }) => {
                    let tables = tables.into_iter().map(|(name, table)| (name, table.columns)).collect();
                    CheckedStep::Ok { input: input.columns, tables, output, origins, lineage }
                }
                Err(problem) => CheckedStep::Failed(problem),
            },
        };
        if let CheckedStep::Ok { output, .. } = &checked {
            outputs.insert(&step.name, output.clone());
        }
        steps.push(checked);
    }
    CheckReply { v: ITEM_VERSION, steps }
}

/// What was found of an input.
#[derive(Clone, Default)]
struct Table {
    columns: Vec<Column>,
    /// `name type` of columns that cannot be read.
    left_out: Vec<String>,
    /// Keys of the folders that a file lies in.
    in_path: Vec<String>,
}

type Inputs = (Table, BTreeMap<String, Table>);

/// What a step makes.
struct Made {
    columns: Vec<Column>,
    origins: BTreeMap<String, String>,
    lineage: Option<ColumnLineage>,
}

/// None when a step that this one reads did not pass.
fn inputs(step: &CheckStep, outputs: &BTreeMap<&str, Vec<Column>>) -> Option<Checked<Inputs>> {
    let one = |input: &CheckInput| match input {
        CheckInput::Columns(columns) => Some(known_types(columns)),
        CheckInput::Sample { uri, read } => Some(sample(uri, read)),
        CheckInput::Step(name) => {
            outputs.get(name.as_str()).map(|columns| Ok(Table { columns: columns.clone(), ..Table::default() }))
        }
    };
    let mut tables = BTreeMap::new();
    for (name, table) in &step.tables {
        match one(table)? {
            Ok(columns) => tables.insert(name.clone(), columns),
            Err(problem) => return Some(Err(problem)),
        };
    }
    Some(one(&step.input)?.map(|input| (input, tables)))
}

/// Patterns are checked as well: they are part of a type.
fn known_types(columns: &[Column]) -> Checked<Table> {
    for column in columns {
        if let Err(message) = Check::new(column, &FieldRules::default()) {
            return Err(CheckProblem::Other { subject: column.parse.clone(), message });
        }
        let times = columns.iter().filter(|c| c.name == column.name).count();
        if times > 1 {
            return Err(CheckProblem::DuplicateColumn { column: column.name.clone() });
        }
    }
    Ok(Table { columns: columns.to_vec(), ..Table::default() })
}

fn sample(uri: &Uri, read: &Read) -> Checked<Table> {
    let found = || -> Outcome<Table> {
        let path = local(&unpinned(uri.clone()))?;
        let in_path = hive::folders(&path).into_iter().map(|(key, _)| key).collect();
        let (columns, left_out) = match read.format {
            Format::Parquet | Format::Arrow => typed::columns(&path, &typed::stated(&path, read.format)?)?,
            Format::Csv | Format::Ndjson => (text::found(read, &[path])?.columns, Vec::new()),
        };
        // The columns of all files, if those were inspected.
        let columns = if read.columns.is_empty() { columns } else { read.columns.clone() };
        let columns = columns.into_iter().filter(|c| !read.hive.iter().any(|h| h.name == c.name));
        Ok(Table { columns: columns.chain(read.hive.clone()).collect(), left_out, in_path })
    };
    let describe = |failure: ItemFailure| match failure.remedy {
        Some(remedy) => format!("{}; {remedy}", failure.message),
        None => failure.message,
    };
    found().map_err(|failure| CheckProblem::BadSample { uri: uri.clone(), message: describe(failure) })
}

/// A problem of a column that is there, and not as SQL could read it.
fn explained(problem: CheckProblem, input: &Table) -> CheckProblem {
    let bare = problem.clone().anywhere();
    let CheckProblem::UnknownColumn { column, .. } = &bare else { return problem };
    let of_column = format!("`{column}` ");
    let message = if let Some(found) = input.left_out.iter().find(|found| found.starts_with(&of_column)) {
        let way = match found.ends_with("binary") {
            true => format!("; if it is text without its mark, declare it in `columns` as \"{column} string\""),
            false => String::new(),
        };
        format!("{found} is in the files, of a type that SQL has not here{way}")
    } else if input.in_path.contains(column) {
        format!("`{column}` stands in the path alone ({column}=…): declare `hive = [\"{column} string\"]` in the input")
    } else {
        return problem;
    };
    CheckProblem::Other { subject: Some(column.clone()), message }
}

/// The output of a step whose inputs are whole.
fn whole(step: &CheckStep, input: &Table, tables: &BTreeMap<String, Table>, functions: &Functions) -> Checked<Made> {
    if let Transform::Sql { text, .. } = &step.transform
        && core_sql::star(text).is_some()
        && let Some((name, table)) =
            [(&step.alias, input)].into_iter().chain(tables).find(|(_, table)| !table.left_out.is_empty())
    {
        let message = star_leaves_out(name, &table.left_out) + "; name the columns that you want";
        return Err(CheckProblem::Other { subject: Some("*".to_owned()), message });
    }
    let columns = tables.iter().map(|(name, table)| (name.clone(), table.columns.clone())).collect();
    output(step, &input.columns, &columns, functions)
        .map_err(|problem| tables.values().fold(explained(problem, input), explained))
}

fn output(
    step: &CheckStep,
    input: &[Column],
    tables: &BTreeMap<String, Vec<Column>>,
    functions: &Functions,
) -> Checked<Made> {
    let (mut origins, mut lineage) = (BTreeMap::new(), None);
    let mut available: Vec<String> = input.iter().map(|c| c.name.clone()).collect();
    available.extend(tables.values().flatten().map(|c| c.name.clone()));
    let mut tables: BTreeMap<String, LazyFrame> = tables.iter().map(|(n, c)| (n.clone(), empty(c))).collect();
    let frame = match &step.transform {
        Transform::Sql { text, .. } => {
            tables.insert(step.alias.clone(), empty(input));
            let prepared = caught(|| sql::prepare(text, &tables, functions))?
                .map_err(|e| sql_problem(text, e, &available, functions))?;
            let of_input = prepared.origins.into_iter().filter(|(_, (table, _))| *table == step.alias);
            origins.extend(of_input.map(|(name, (_, column))| (name, column)));
            lineage = sql::lineage(text, &tables, functions);
            prepared.frame
        }
        Transform::Function { name, with } => {
            let Some(function) = functions.transforms.get(name) else {
                let available = functions.transforms.keys().cloned().collect();
                return Err(CheckProblem::UnknownTransform { name: name.clone(), available });
            };
            let context =
                TransformContext { input: empty(input), tables, params: step.params.clone(), with: with.clone() };
            caught(|| function(context))?
                .map_err(|e| CheckProblem::Other { subject: Some(name.clone()), message: e.to_string() })?
        }
    };
    let schema = caught(|| ran(frame))?.map_err(|e| problem_of(&e, &available, functions))?;
    let (columns, _, left_out) = vocabulary(&schema);
    if let Some(name) = left_out.first() {
        let ty = schema.get(name).map(types::word).unwrap_or_default();
        let message = format!("the column `{name}` is {ty}, which cannot be written: CAST it");
        return Err(CheckProblem::TypeMismatch { subject: Some(name.clone()), message });
    }
    let ty = |c: Column| Column { ty: if step.published { types::published(c.ty) } else { c.ty }, ..c };
    let columns: Vec<Column> = columns.into_iter().map(ty).collect();
    if step.published {
        told_apart(&columns)?;
    }
    promises(step, &columns, functions)?;
    Ok(Made { columns, origins, lineage })
}

/// Columns that leave the pipeline have names that every reader tells apart: Athena, Hive and Spark do not by case.
fn told_apart(columns: &[Column]) -> Checked<()> {
    let problem = |subject: Option<String>, message: String| Err(CheckProblem::Other { subject, message });
    for (i, Column { name, .. }) in columns.iter().enumerate() {
        if name.trim().is_empty() {
            return problem(None, format!("column {} of what is published has no name: give it one with AS", i + 1));
        }
        if let Some(same) = columns[..i].iter().find(|before| before.name.eq_ignore_ascii_case(name)) {
            let readers = "Athena, Hive and Spark do not tell apart";
            let message = format!("it publishes `{}` and `{name}`, which {readers}: name one otherwise", same.name);
            return problem(Some(name.clone()), message);
        }
    }
    Ok(())
}

fn ran(frame: LazyFrame) -> PolarsResult<Schema> {
    let df = frame.collect_with_engine(Engine::Streaming)?.unwrap_single();
    Ok(df.schema().as_ref().clone())
}

fn caught<T>(body: impl FnOnce() -> T) -> Checked<T> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| CheckProblem::Other {
        subject: None,
        message: format!("panicked on no rows: {}", panics::text(&*payload)),
    })
}

/// Keys of the layout, `sort_by` and `expect` name columns that the step makes; conditions have a type.
fn promises(step: &CheckStep, columns: &[Column], functions: &Functions) -> Checked<()> {
    let available: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    let named = |key: &str, names: &[String]| match names.iter().find(|n| !available.contains(n)) {
        Some(column) => Err(CheckProblem::MissingOutputColumn {
            key: key.to_owned(),
            column: column.clone(),
            available: available.clone(),
        }),
        None => Ok(()),
    };
    match &step.layout {
        Layout::Single => {}
        Layout::Partition { by } => {
            named("partition_by", by)?;
            let schema = types::schema(columns);
            partition::check_keys(by, &schema)
                .map_err(|f| CheckProblem::TypeMismatch { subject: by.first().cloned(), message: f.message })?;
        }
        Layout::Bucket { by, .. } => named("bucket_by", by)?,
    }
    named("sort_by", &step.sort_by)?;
    named("expect.not_null", &step.expect.not_null)?;
    named("expect.unique", &step.expect.unique)?;
    for condition in &step.expect.check {
        let counted = caught(|| sql::condition_frame(condition, &empty(columns), functions).and_then(|f| Ok(ran(f)?)))?;
        let schema = counted.map_err(|e| match sql_problem(condition, e, &available, functions).anywhere() {
            CheckProblem::UnknownColumn { column, available } => {
                CheckProblem::MissingOutputColumn { key: "expect.check".into(), column, available }
            }
            CheckProblem::Other { message, .. } => CheckProblem::Other { subject: Some(condition.clone()), message },
            CheckProblem::TypeMismatch { message, .. } => {
                CheckProblem::TypeMismatch { subject: Some(condition.clone()), message }
            }
            other => other,
        })?;
        if let Some((_, ty)) = schema.get_at_index(0).filter(|(_, ty)| !ty.is_bool()) {
            let message = format!("`expect.check` wants a condition; `{condition}` is {}", types::word(ty));
            return Err(CheckProblem::TypeMismatch { subject: Some(condition.clone()), message });
        }
    }
    Ok(())
}
