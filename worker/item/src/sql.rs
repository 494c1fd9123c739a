//! Running a step's SQL. The text arrives with params bound and sums widened; it is parsed here once more, because
//! the engine would read any file a table function names: one query, over declared tables only.

use crate::functions::Functions;
use polars::prelude::{LazyFrame, PolarsResult, polars_bail, polars_ensure};
use polars::sql::SQLContext;
use sqlparser::ast::{ObjectName, Query, Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// The result of `text` over `tables`.
pub fn run(text: &str, tables: &BTreeMap<String, LazyFrame>, functions: &Functions) -> PolarsResult<LazyFrame> {
    guard(text, tables)?;
    let mut context = SQLContext::new().with_function_registry(functions.registry());
    for (name, frame) in tables {
        context.register(name, frame.clone());
    }
    context.execute(text)
}

fn guard(text: &str, tables: &BTreeMap<String, LazyFrame>) -> PolarsResult<()> {
    let statements = match Parser::parse_sql(&GenericDialect, text) {
        Ok(statements) => statements,
        Err(e) => polars_bail!(SQLSyntax: "{e}"),
    };
    let [Statement::Query(_)] = statements.as_slice() else {
        polars_bail!(SQLInterface: "a step's SQL is one SELECT");
    };
    let mut names = Names { known: tables.keys().cloned().collect(), refused: None };
    let _ = statements.visit(&mut CteNames(&mut names.known));
    let _ = statements.visit(&mut names);
    match names.refused {
        Some(refused) => polars_bail!(SQLInterface: "{refused}"),
        None => Ok(()),
    }
}

struct CteNames<'a>(&'a mut BTreeSet<String>);

impl Visitor for CteNames<'_> {
    type Break = ();
    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|w| &w.cte_tables);
        self.0.extend(tables.map(|t| t.alias.name.value.clone()));
        ControlFlow::Continue(())
    }
}

struct Names {
    known: BTreeSet<String>,
    refused: Option<String>,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        let function = match table {
            TableFactor::Table { name, args: Some(_), .. } => name.to_string(),
            TableFactor::Function { name, .. } => name.to_string(),
            TableFactor::TableFunction { expr, .. } => expr.to_string(),
            _ => return ControlFlow::Continue(()),
        };
        self.refused = Some(format!("the table function {function} reads what the step does not declare"));
        ControlFlow::Break(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        let plain = match name.0.as_slice() {
            [part] => part.as_ident().map(|i| i.value.clone()),
            _ => None,
        };
        if plain.is_some_and(|n| self.known.contains(&n)) {
            return ControlFlow::Continue(());
        }
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        self.refused = Some(format!("relation '{name}' was not found; declared: {}", known.join(", ")));
        ControlFlow::Break(())
    }
}

/// One expression, and nothing after it.
fn condition(text: &str) -> PolarsResult<()> {
    let parsed = Parser::new(&GenericDialect).try_with_sql(text).and_then(|mut parser| {
        parser.parse_expr()?;
        parser.expect_token(&sqlparser::tokenizer::Token::EOF)
    });
    match parsed {
        Ok(_) => Ok(()),
        Err(e) => polars_bail!(SQLSyntax: "{e}"),
    }
}

/// The type of a condition over the output's columns, for checking that it is one.
pub fn condition_frame(text: &str, frame: &LazyFrame, functions: &Functions) -> PolarsResult<LazyFrame> {
    condition(text)?;
    run(&format!("SELECT ({text}\n) AS condition FROM output"), &output(frame), functions)
}

/// Rows of `frame` for which each condition is false, as one query's columns, in order.
pub fn false_counts(conditions: &[String], frame: &LazyFrame, functions: &Functions) -> PolarsResult<LazyFrame> {
    polars_ensure!(!conditions.is_empty(), ComputeError: "no conditions");
    conditions.iter().try_for_each(|c| condition(c))?;
    let sums: Vec<String> = conditions
        .iter()
        .enumerate()
        .map(|(i, c)| format!("SUM(CASE WHEN NOT ({c}\n) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS c{i}"))
        .collect();
    run(&format!("SELECT {} FROM output", sums.join(", ")), &output(frame), functions)
}

/// The first row for which a condition is false.
pub fn first_false(condition: &str, frame: &LazyFrame, functions: &Functions) -> PolarsResult<LazyFrame> {
    run(&format!("SELECT * FROM output WHERE NOT ({condition}\n) LIMIT 1"), &output(frame), functions)
}

fn output(frame: &LazyFrame) -> BTreeMap<String, LazyFrame> {
    BTreeMap::from([("output".to_owned(), frame.clone())])
}

/// The names of the columns a query makes, where each item names its own.
pub fn output_names(text: &str) -> Option<Vec<String>> {
    use sqlparser::ast::{Expr, SelectItem, SetExpr};
    let statements = Parser::parse_sql(&GenericDialect, text).ok()?;
    let [Statement::Query(query)] = statements.as_slice() else { return None };
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Some(ident.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(|p| p.value.clone()),
        _ => None,
    };
    Some(select.projection.iter().filter_map(name).collect())
}
