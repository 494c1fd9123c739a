//! From a query's syntax tree to a plan in which every name is resolved, every type is known, no subquery is correlated
//! and every operator has one meaning.

use crate::functions::registry::built_in;
use crate::ordering::Places;
use crate::provider::Provider;
use crate::refusal::{Kind, Refusal};
use crate::rules;
use arrow::datatypes::SchemaRef;
use datafusion_common::Result;
use datafusion_common::alias::AliasGenerator;
use datafusion_common::config::ConfigOptions;
use datafusion_expr::registry::{FunctionRegistry, MemoryFunctionRegistry};
use datafusion_expr::{LogicalPlan, ScalarUDF};
use datafusion_optimizer::analyzer::Analyzer;
use datafusion_optimizer::optimizer::{Optimizer, OptimizerContext};
use datafusion_optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};
use datafusion_sql::planner::{NullOrdering, ParserOptions, SqlToRel};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Planning recurses over the query: its own stack holds any query that the parser accepts.
const STACK_BYTES: usize = 256 << 20;

/// Options of every plan: nothing that depends on a machine or on time.
pub fn options() -> ConfigOptions {
    let mut options = ConfigOptions::default();
    options.execution.time_zone = Some("UTC".to_owned());
    options.execution.target_partitions = 1;
    options.optimizer.max_passes = 8;
    options.optimizer.skip_failed_rules = false;
    options
}

/// The plan of one query over `tables`, or why there is none.
pub fn plan(
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    functions: &[Arc<ScalarUDF>],
) -> std::result::Result<LogicalPlan, Refusal> {
    std::thread::scope(|scope| {
        let body = || planned(text, tables, functions);
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

fn planned(
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    functions: &[Arc<ScalarUDF>],
) -> std::result::Result<LogicalPlan, Refusal> {
    let located = |e| Refusal::of(&e, text, functions);
    let plan = resolved(text, tables, functions)?;
    let plan = analyzed(plan).map_err(located)?;
    let plan = optimized(plan).map_err(located)?;
    rules::last::checked(&plan).map_err(located)?;
    Ok(plan)
}

/// The plan with every name resolved. A name inside an expression of ORDER BY that no column of FROM has is one of the
/// result.
fn resolved(
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
        let (statement, open) = crate::text::statement(text, tables, &of_result)?;
        let planner = SqlToRel::new_with_options(&provider, options.clone());
        let refusal = match planner.sql_statement_to_plan(statement) {
            Ok(plan) => return Ok(plan),
            Err(error) => Refusal::of(&error, text, functions),
        };
        let place = refusal.span.as_ref().map(|span| span.start).filter(|at| open.contains(at));
        match (&refusal.kind, place) {
            (Kind::UnknownColumn { .. }, Some(place)) => of_result.insert(place),
            _ => return Err(refusal),
        };
    }
}

fn analyzed(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(rules::meaning::Meaning), Arc::new(rules::subqueries::Subqueries)];
    rules.extend(Analyzer::new().rules);
    Analyzer::with_rules(rules).execute_and_check(plan, &options(), |_, _| {})
}

/// Rules that remove subqueries, find the keys of joins and what is read of each table.
fn optimized(plan: LogicalPlan) -> Result<LogicalPlan> {
    use datafusion_optimizer::{
        decorrelate_lateral_join::DecorrelateLateralJoin, decorrelate_predicate_subquery::DecorrelatePredicateSubquery,
        extract_equijoin_predicate::ExtractEquijoinPredicate, optimize_projections::OptimizeProjections,
        replace_distinct_aggregate::ReplaceDistinctWithAggregate, rewrite_set_comparison::RewriteSetComparison,
        scalar_subquery_to_join::ScalarSubqueryToJoin, simplify_expressions::SimplifyExpressions,
    };
    let rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = vec![
        Arc::new(RewriteSetComparison::new()),
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ReplaceDistinctWithAggregate::new()),
        Arc::new(DecorrelatePredicateSubquery::new()),
        Arc::new(ScalarSubqueryToJoin::new()),
        Arc::new(DecorrelateLateralJoin::new()),
        Arc::new(rules::same_names::SameNames),
        Arc::new(ExtractEquijoinPredicate::new()),
        Arc::new(rules::except::crosses()),
        Arc::new(rules::except::filters()),
        Arc::new(OptimizeProjections::new()),
    ];
    Optimizer::with_rules(rules).optimize(plan, &Config::new()?, |_, _| {})
}

/// What rules may ask for: DISTINCT ON becomes an aggregate by name.
struct Config {
    context: OptimizerContext,
    functions: MemoryFunctionRegistry,
}

impl Config {
    fn new() -> Result<Self> {
        let context = OptimizerContext::new_with_config_options(Arc::new(options()));
        let mut functions = MemoryFunctionRegistry::new();
        if let Some(first) = built_in().aggregates.get("first_value") {
            functions.register_udaf(first.clone())?;
        }
        Ok(Self { context: context.without_query_execution_start_time(), functions })
    }
}

impl OptimizerConfig for Config {
    fn query_execution_start_time(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        self.context.query_execution_start_time()
    }

    fn alias_generator(&self) -> &Arc<AliasGenerator> {
        self.context.alias_generator()
    }

    fn options(&self) -> Arc<ConfigOptions> {
        self.context.options()
    }

    fn function_registry(&self) -> Option<&dyn FunctionRegistry> {
        Some(&self.functions)
    }
}
