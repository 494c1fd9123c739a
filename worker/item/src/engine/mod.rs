//! Running a query: its plan, made by `spotmill_sql` over the tables' schemas, becomes the engine's lazy frame, node by
//! node. Every field of every node is read or refused: what is skipped in silence would be a wrong answer.
//!
//! Columns have names of their own within a query, so that tables with like-named columns never meet.

mod aggregate;
mod branches;
mod call;
mod comparison;
mod component;
mod expression;
mod grouped;
mod join;
mod literal;
mod node;
mod residual;
mod subquery;
mod user;
mod window;

pub use user::UserFunction;

use crate::failure::first_lines;
use arrow::datatypes::SchemaRef as ArrowSchemaRef;
use datafusion_common::DataFusionError;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_expr::logical_plan::TableScan;
use datafusion_expr::{LogicalPlan, ScalarUDF};
use polars::prelude::*;
use spotmill_core::lineage::ColumnLineage;
use spotmill_sql::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// A planned query.
pub struct Query {
    plan: LogicalPlan,
}

/// Rows on their way: the frame, and the name in it of each column of the plan's schema.
#[derive(Clone)]
pub(crate) struct Rows {
    pub frame: LazyFrame,
    pub columns: Vec<PlSmallStr>,
}

pub(crate) struct Translator<'a> {
    tables: &'a BTreeMap<String, LazyFrame>,
    next: usize,
}

impl Query {
    /// The plan of `text` over tables of these columns.
    pub fn plan(text: &str, tables: &BTreeMap<String, Schema>, functions: &[Arc<ScalarUDF>]) -> Result<Self, Refusal> {
        let plan = spotmill_sql::plan(text, &arrow_schemas(tables)?, functions)?;
        Ok(Self { plan })
    }

    /// The place of the error that the translation of `text` reports.
    pub fn place(text: &str, tables: &BTreeMap<String, Schema>, functions: &[Arc<ScalarUDF>]) -> Option<Range<usize>> {
        let schemas = arrow_schemas(tables);
        let empty = |schema: &Schema| DataFrame::empty_with_schema(schema).lazy();
        let frames = tables.iter().map(|(name, schema)| (name.clone(), empty(schema))).collect();
        let message_of = |plan: &LogicalPlan| Self { plan: plan.clone() }.frame(&frames).err().map(|e| first_lines(&e));
        spotmill_sql::place(text, &schemas.ok()?, functions, &message_of)
    }

    /// The columns that are read of each table.
    pub fn reads(&self) -> BTreeMap<String, BTreeSet<PlSmallStr>> {
        let mut reads: BTreeMap<String, BTreeSet<PlSmallStr>> = BTreeMap::new();
        let _ = self.plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let names = scan.projected_schema.fields().iter().map(|f| PlSmallStr::from(f.name().as_str()));
                let of_table = reads.entry(scan.table_name.table().to_owned()).or_default();
                of_table.extend(names.chain(counted(scan)));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        reads
    }

    /// The rows of a table that satisfy what the query asks of each before anything else, of these columns alone.
    pub fn first_condition(&self, table: &str, columns: &BTreeSet<String>) -> Option<Self> {
        spotmill_sql::pruning::first_condition(&self.plan, table, columns).map(|plan| Self { plan })
    }

    /// What the query's last condition reads.
    pub fn conditioned(&self) -> BTreeSet<String> {
        let LogicalPlan::Filter(filter) = &self.plan else { return BTreeSet::new() };
        filter.predicate.column_refs().into_iter().map(|column| column.name.clone()).collect()
    }

    /// The columns of the query that hold a table's column unchanged, with that table and column.
    pub fn origins(&self) -> BTreeMap<String, (String, String)> {
        let found = spotmill_sql::lineage::origins(&self.plan);
        let named = self.plan.schema().fields().iter().zip(found);
        named.filter_map(|(field, origin)| origin.map(|o| (field.name().clone(), (o.table, o.column)))).collect()
    }

    /// Where the columns of `text` come from.
    pub fn lineage(
        text: &str,
        tables: &BTreeMap<String, Schema>,
        functions: &[Arc<ScalarUDF>],
    ) -> Result<ColumnLineage, Refusal> {
        spotmill_sql::column_lineage(text, &arrow_schemas(tables)?, functions)
    }

    /// The rows of the query, with the names and the order of its columns.
    pub fn frame(&self, tables: &BTreeMap<String, LazyFrame>) -> PolarsResult<LazyFrame> {
        let rows = Translator { tables, next: 0 }.node(&self.plan)?;
        let mut seen = BTreeSet::new();
        let named = self.plan.schema().fields().iter().zip(&rows.columns);
        let selected: PolarsResult<Vec<Expr>> = named
            .map(|(field, column)| {
                polars_ensure!(seen.insert(field.name()), Duplicate: "two columns are named '{}'", field.name());
                Ok(col(column.clone()).alias(field.name().as_str()))
            })
            .collect();
        Ok(rows.frame.select(selected?))
    }
}

impl Translator<'_> {
    pub fn fresh(&mut self) -> PlSmallStr {
        self.next += 1;
        format!("#{}", self.next).into()
    }
}

/// The column whose rows are counted, where a scan needs no column.
pub(crate) fn counted(scan: &TableScan) -> Option<PlSmallStr> {
    let none = scan.projected_schema.fields().is_empty();
    none.then(|| scan.source.schema().fields().first().map(|f| f.name().as_str().into())).flatten()
}

fn arrow_schemas(tables: &BTreeMap<String, Schema>) -> Result<BTreeMap<String, ArrowSchemaRef>, Refusal> {
    tables.iter().map(|(name, schema)| Ok((name.clone(), Arc::new(arrow_schema(name, schema)?)))).collect()
}

fn arrow_schema(table: &str, schema: &Schema) -> Result<arrow::datatypes::Schema, Refusal> {
    let field = |(name, dtype): (&PlSmallStr, &DataType)| match spotmill_bridge::arrow_type(dtype) {
        Some(ty) => Ok(arrow::datatypes::Field::new(name.as_str(), ty, true)),
        None => Err(Refusal::other(format!(
            "the column `{name}` of {table} is {dtype}, which SQL has not here: leave it out"
        ))),
    };
    Ok(arrow::datatypes::Schema::new(schema.iter().map(field).collect::<Result<Vec<_>, _>>()?))
}

/// What has no translation: a refusal, since validation translates too.
pub(crate) fn untranslated(what: impl std::fmt::Display) -> PolarsError {
    polars_err!(SQLInterface: "{what}")
}

/// DataFusion's and Arrow's errors as the engine's.
pub(crate) fn failed(error: DataFusionError) -> PolarsError {
    polars_err!(ComputeError: "{}", spotmill_sql::refusal::message(&error))
}

pub(crate) fn bridged<T>(result: Result<T, spotmill_bridge::BridgeError>) -> PolarsResult<T> {
    result.map_err(|e| polars_err!(ComputeError: "{e}"))
}

/// The engine's type of a planned type.
pub(crate) fn engine_type(ty: &arrow::datatypes::DataType) -> PolarsResult<DataType> {
    spotmill_bridge::polars_type(ty).ok_or_else(|| {
        untranslated(format!("no column is of the type {}: CAST it", spotmill_sql::functions::kinds::word(ty)))
    })
}
