//! From a query's syntax tree to a plan in which every name and type is resolved, no subquery is correlated
//! and every operator has one meaning.

use crate::options::options;
use crate::ordering::Places;
use crate::provider::Provider;
use crate::refusal::{Kind, Refusal};
use crate::rules;
use crate::rules::subqueries::Subqueries;
use arrow::datatypes::SchemaRef;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DataFusionError, Result};
use datafusion_expr::{LogicalPlan, ScalarUDF};
use datafusion_optimizer::analyzer::Analyzer;
use datafusion_optimizer::optimizer::{Optimizer, OptimizerContext};
use datafusion_optimizer::rewrite_set_comparison::RewriteSetComparison;
use datafusion_optimizer::{AnalyzerRule, OptimizerRule};
use datafusion_sql::planner::{NullOrdering, ParserOptions, SqlToRel};
use spotmill_core::lineage::ColumnLineage;
use spotmill_spec::sql::Lines;
use sqlparser::ast::Statement;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// Planning recurses over the query: its own stack holds any query that the parser accepts.
const STACK_BYTES: usize = 256 << 20;

/// The plan of one query over `tables`, or why there is none.
pub fn plan(
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    functions: &[Arc<ScalarUDF>],
) -> std::result::Result<LogicalPlan, Refusal> {
    on_own_stack(|| planned(text, tables, functions))
}

/// Where the columns of one query come from, as it is written.
pub fn column_lineage(
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    functions: &[Arc<ScalarUDF>],
) -> std::result::Result<ColumnLineage, Refusal> {
    on_own_stack(|| {
        let statement = crate::text::parsed(text)?;
        Ok(crate::columns::lineage(&resolved(&statement, text, tables, functions)?))
    })
}

fn on_own_stack<T: Send>(
    body: impl FnOnce() -> std::result::Result<T, Refusal> + Send,
) -> std::result::Result<T, Refusal> {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().name("planner".into()).stack_size(STACK_BYTES);
        let handle = worker.spawn_scoped(scope, body);
        let joined = handle.map(std::thread::ScopedJoinHandle::join);
        match joined {
            Ok(Ok(planned)) => planned,
            Ok(Err(payload)) => Err(Refusal::panicked(payload.as_ref())),
            Err(error) => Err(Refusal::other(format!("cannot start a thread to plan in: {error}"))),
        }
    })
}

/// The place of what `refusal` reports of a query's plan: nobody who reads plans knows the text.
pub fn place(
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    functions: &[Arc<ScalarUDF>],
    refusal: &(dyn Fn(&LogicalPlan) -> Option<String> + Sync),
) -> Option<Range<usize>> {
    let body = || {
        let statement = crate::text::parsed(text).ok()?;
        let message_of = |statement| refusal(&attempted(statement, text, tables, functions).ok()?);
        let message = message_of(statement.clone())?;
        found(text, &statement, |candidate| message_of(candidate).as_ref() == Some(&message))
    };
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().name("planner".into()).stack_size(STACK_BYTES);
        worker.spawn_scoped(scope, body).ok()?.join().ok()?
    })
}

/// The place of what is refused, else the query's first word.
fn found(text: &str, statement: &Statement, is_refused: impl Fn(Statement) -> bool) -> Option<Range<usize>> {
    let span = crate::place::of(statement, is_refused).and_then(|span| Lines::new(text).range(span));
    span.or_else(|| spotmill_spec::sql::first_word(text))
}

fn planned(
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    functions: &[Arc<ScalarUDF>],
) -> std::result::Result<LogicalPlan, Refusal> {
    let statement = crate::text::parsed(text)?;
    let attempt = |statement| attempted(statement, text, tables, functions);
    attempt(statement.clone()).map_err(|refusal| match refusal.kind {
        // Found by its name.
        Kind::DuplicateColumn { .. } | Kind::UnknownFunction { .. } => refusal,
        _ if refusal.span.is_some() => refusal,
        _ => {
            let is_refused =
                |candidate| attempt(candidate).is_err_and(|other: Refusal| other.message == refusal.message);
            Refusal { span: found(text, &statement, is_refused), ..refusal }
        }
    })
}

fn attempted(
    statement: Statement,
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    functions: &[Arc<ScalarUDF>],
) -> std::result::Result<LogicalPlan, Refusal> {
    let located = |e| Refusal::of(&e, text, functions);
    let plan = resolved(&statement, text, tables, functions)?;
    let plan = rules::unjoinable::marked(rules::lifted::lifted(plan).map_err(located)?).map_err(located)?;
    // Every name is resolved: what a rule does not find is too far away.
    let finished = settled(plan, |e| match located(e) {
        Refusal { kind: Kind::UnknownColumn { column, .. }, .. } => {
            // What is computed in the outer query has the planner's text for a name.
            let what = if column.contains([' ', '(']) { "a value".to_owned() } else { format!("`{column}`") };
            let message =
                format!("the subquery uses {what} of the outer query in a way that cannot be joined: write a JOIN");
            Refusal::other(message)
        }
        refusal => refusal,
    })?;
    let mut seen = BTreeSet::new();
    match finished.schema().fields().iter().find(|field| !seen.insert(field.name())) {
        Some(twice) => Err(Refusal::twice(twice.name())),
        None => Ok(finished),
    }
}

/// With subqueries as joins where those are right and can be had: what joins cannot do is done value by value.
fn settled<E>(plan: LogicalPlan, located: impl Fn(DataFusionError) -> E) -> std::result::Result<LogicalPlan, E> {
    if rules::unjoinable::found(&plan).map_err(&located)? {
        return finished(plan, Subqueries::Values).map_err(located);
    }
    match finished(plan.clone(), Subqueries::Joins) {
        Err(error) if has_subquery(&plan).map_err(&located)? => {
            finished(plan, Subqueries::Values).map_err(|_| located(error))
        }
        other => other.map_err(located),
    }
}

fn has_subquery(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node.contains_outer_reference();
        node.apply_expressions(|expr| {
            found |= expr.exists(|e| Ok(rules::lifted::subquery_of(e).is_some()))?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

fn finished(plan: LogicalPlan, subqueries: Subqueries) -> Result<LogicalPlan> {
    if subqueries == Subqueries::Joins {
        rules::same_names::checked(&plan)?;
        rules::same_names::outer_in_joins(&plan)?;
    }
    let plan = optimized(analyzed(plan, subqueries)?)?;
    rules::last::checked(&plan)?;
    Ok(plan)
}

/// The plan with every name resolved. A name inside an expression of ORDER BY that no column of FROM has is one of the
/// result.
fn resolved(
    parsed: &Statement,
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    functions: &[Arc<ScalarUDF>],
) -> std::result::Result<LogicalPlan, Refusal> {
    let provider = Provider::new(tables, functions);
    let options = ParserOptions::new()
        .with_parse_float_as_decimal(true)
        .with_enable_ident_normalization(false)
        .with_collect_spans(true)
        .with_default_null_ordering(NullOrdering::NullsLast);
    let mut of_result = Places::new();
    loop {
        let (statement, open) = crate::text::planned(parsed.clone(), text, tables, &of_result)?;
        let planner = SqlToRel::new_with_options(&provider, options);
        let refusal = match planner.sql_statement_to_plan(statement) {
            Ok(plan) => return Ok(plan),
            Err(error) => Refusal::of(&error, text, functions),
        };
        match of_open(&refusal, text, &open) {
            Some(place) => of_result.insert(place),
            None => return Err(refusal),
        };
    }
}

/// Which of the places names the column that is not there: the planner does not report it below a sign or NOT.
fn of_open(refusal: &Refusal, text: &str, open: &Places) -> Option<usize> {
    let Kind::UnknownColumn { column, .. } = &refusal.kind else { return None };
    let named = |at: &&usize| {
        let rest = text[**at..].trim_start_matches('"');
        let after =
            rest.get(column.len()..).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        after && rest[..column.len()].eq_ignore_ascii_case(column)
    };
    match &refusal.span {
        Some(span) => open.contains(&span.start).then_some(span.start),
        None => open.iter().find(named).copied(),
    }
}

fn analyzed(plan: LogicalPlan, subqueries: Subqueries) -> Result<LogicalPlan> {
    let config = config();
    let comparisons = RewriteSetComparison::new();
    let plan = rules::grouping::by_columns(rules::distinct_on::replaced(plan)?)?;
    let plan = plan.transform_up_with_subqueries(|node| comparisons.rewrite(node, &config))?.data;
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(rules::meaning::Meaning), Arc::new(subqueries)];
    rules.extend(Analyzer::new().rules);
    rules.push(Arc::new(rules::micros::Micros));
    rules.push(Arc::new(rules::members::Members));
    if subqueries == Subqueries::Values {
        rules.push(Arc::new(rules::unnest::Unnest));
    }
    Analyzer::with_rules(rules).execute_and_check(plan, &options(), |_, _| {})
}

/// Rules that remove subqueries, find the keys of joins and what is read of each table.
fn optimized(plan: LogicalPlan) -> Result<LogicalPlan> {
    use datafusion_optimizer::{
        decorrelate_lateral_join::DecorrelateLateralJoin, decorrelate_predicate_subquery::DecorrelatePredicateSubquery,
        optimize_projections::OptimizeProjections, replace_distinct_aggregate::ReplaceDistinctWithAggregate,
        scalar_subquery_to_join::ScalarSubqueryToJoin, simplify_expressions::SimplifyExpressions,
    };
    let rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ReplaceDistinctWithAggregate::new()),
        Arc::new(DecorrelatePredicateSubquery::new()),
        Arc::new(ScalarSubqueryToJoin::new()),
        Arc::new(DecorrelateLateralJoin::new()),
        Arc::new(rules::same_names::SameNames),
        Arc::new(rules::except::keys()),
        Arc::new(rules::except::crosses()),
        Arc::new(rules::except::filters()),
        Arc::new(OptimizeProjections::new()),
    ];
    Optimizer::with_rules(rules).optimize(plan, &config(), |_, _| {})
}

fn config() -> OptimizerContext {
    OptimizerContext::new_with_config_options(Arc::new(options())).without_query_execution_start_time()
}
