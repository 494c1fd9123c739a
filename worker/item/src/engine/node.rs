//! One node of the plan each: scans, projections, filters, sorts, limits, unions, values. Joins, aggregates and windows
//! have files of their own.

use super::expression::Expressions;
use super::literal::has_column;
use super::{Rows, Translator, engine_type, failed, literal, untranslated};
use crate::elementwise::elementwise;
use datafusion_common::{DFSchema, ScalarValue};
use datafusion_expr::logical_plan::{
    Distinct, EmptyRelation, Filter, Limit, Projection, Sort, SubqueryAlias, TableScan, Union, Values,
};
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{Expr as Plan, LogicalPlan, SortExpr};
use polars::prelude::*;
use std::collections::BTreeSet;

impl Translator<'_> {
    pub fn node(&mut self, plan: &LogicalPlan) -> PolarsResult<Rows> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(Projection { expr, input, schema: _, .. }) => self.projection(expr, input),
            LogicalPlan::Filter(Filter { predicate, input, .. }) => self.filter(predicate, input),
            LogicalPlan::Sort(Sort { expr, input, fetch }) => self.sort(expr, input, *fetch),
            LogicalPlan::Limit(Limit { skip, fetch, input }) => self.limit(skip.as_deref(), fetch.as_deref(), input),
            LogicalPlan::Union(Union { inputs, schema }) => {
                let inputs: Vec<Rows> = inputs.iter().map(|i| self.node(i)).collect::<PolarsResult<_>>()?;
                self.union(inputs, schema)
            }
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias: _, schema: _, .. }) => self.node(input),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let rows = self.node(input)?;
                let subset = rows.columns.iter().map(|c| col(c.clone())).collect::<Vec<_>>();
                let frame = rows.frame.select(&subset).unique(None, UniqueKeepStrategy::Any);
                Ok(Rows { frame, ..rows })
            }
            LogicalPlan::Distinct(Distinct::On(_)) => Err(untranslated("DISTINCT ON cannot stand here")),
            LogicalPlan::Values(Values { schema, values }) => self.values(schema, values),
            LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row, schema }) => {
                self.empty(*produce_one_row, schema)
            }
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Subquery(subquery) => self.node(&subquery.subquery),
            other => Err(untranslated(format!("{} is not supported: leave it out", other.display()))),
        }
    }

    fn scan(&mut self, scan: &TableScan) -> PolarsResult<Rows> {
        let TableScan {
            table_name,
            source: _,
            projection: _,
            projected_schema,
            filters,
            fetch,
            statistics_requests: _,
            ..
        } = scan;
        let name = table_name.table();
        let Some(frame) = self.tables.get(name) else { return Err(untranslated(format!("there is no table {name}"))) };
        let names: Vec<String> = projected_schema.fields().iter().map(|f| f.name().clone()).collect();
        let mut columns = Vec::new();
        // The number of rows may be all that is needed: of one column.
        let mut selected: Vec<Expr> =
            super::counted(scan).into_iter().map(|name| col(name).alias(self.fresh())).collect();
        for name in &names {
            let fresh = self.fresh();
            selected.push(col(name.as_str()).alias(fresh.clone()));
            columns.push(fresh);
        }
        let rows = Rows { frame: frame.clone().select(selected), columns };
        self.filtered(rows, projected_schema, filters, *fetch)
    }

    fn filtered(
        &mut self,
        mut rows: Rows,
        schema: &DFSchema,
        filters: &[Plan],
        fetch: Option<usize>,
    ) -> PolarsResult<Rows> {
        for filter in filters {
            let predicate = Expressions::new(schema, &rows).of(filter)?;
            rows.frame = rows.frame.filter(predicate);
        }
        if let Some(fetch) = fetch {
            rows.frame = rows.frame.slice(0, index(fetch)?);
        }
        Ok(rows)
    }

    fn projection(&mut self, exprs: &[Plan], input: &LogicalPlan) -> PolarsResult<Rows> {
        let rows = self.node(input)?;
        let (rows, subqueries) = self.with_subqueries(rows, exprs)?;
        let made = {
            let expressions = Expressions::with(input.schema(), &rows.columns, &subqueries);
            exprs.iter().map(|e| expressions.of(e)).collect::<PolarsResult<Vec<_>>>()?
        };
        Ok(self.select(rows.frame, made))
    }

    /// The frame of these expressions; one without a column is for every row.
    pub fn select(&mut self, frame: LazyFrame, made: Vec<Expr>) -> Rows {
        let (mut columns, mut selected) = (Vec::new(), Vec::new());
        let mut seen: BTreeSet<PlSmallStr> = BTreeSet::new();
        let mut constants = Vec::new();
        for expr in made {
            let column = match &expr {
                Expr::Column(name) if seen.insert(name.clone()) => name.clone(),
                _ => self.fresh(),
            };
            match has_column(&expr) {
                true => selected.push(expr.alias(column.clone())),
                false => constants.push(expr.alias(column.clone())),
            }
            columns.push(column);
        }
        if constants.is_empty() && !selected.is_empty() {
            return Rows { frame: frame.select(selected), columns };
        }
        // The frame keeps its rows while constants are added.
        let kept = columns.iter().map(|c| col(c.clone())).collect::<Vec<_>>();
        let frame = frame.with_columns(selected.into_iter().chain(constants).collect::<Vec<_>>());
        let frame = if kept.is_empty() { frame } else { frame.select(kept) };
        Rows { frame, columns }
    }

    fn filter(&mut self, predicate: &Plan, input: &LogicalPlan) -> PolarsResult<Rows> {
        let rows = self.node(input)?;
        let (with, subqueries) = self.with_subqueries(rows.clone(), std::slice::from_ref(predicate))?;
        let expressions = Expressions::with(input.schema(), &with.columns, &subqueries);
        let mut frame = with.frame;
        let mut others = Vec::new();
        for part in split_conjunction(predicate) {
            // The engine would move it below an aggregate, which has a row of nothing too; an end of rows stays.
            if let Plan::Literal(value, _) = part {
                if value != &ScalarValue::Boolean(Some(true)) {
                    frame = frame.slice(0, 0);
                }
                continue;
            }
            let condition = expressions.of(part)?;
            if has_column(&condition) {
                others.push(part.clone());
                continue;
            }
            let column = self.fresh();
            frame = frame.with_columns([condition.alias(column.clone())]).filter(col(column));
        }
        if let Some(predicate) = conjunction(others) {
            frame = frame.filter(expressions.of(&predicate)?);
        }
        Ok(Rows { frame, columns: rows.columns })
    }

    fn sort(&mut self, keys: &[SortExpr], input: &LogicalPlan, fetch: Option<usize>) -> PolarsResult<Rows> {
        let rows = self.node(input)?;
        let (mut by, mut descending, mut nulls_last) = (Vec::new(), Vec::new(), Vec::new());
        let mut with = Vec::new();
        for SortExpr { expr, asc, nulls_first } in keys {
            let key = Expressions::new(input.schema(), &rows).of(expr)?;
            if !has_column(&key) {
                continue;
            }
            let column = self.fresh();
            with.push(spread_out(key).alias(column.clone()));
            by.push(col(column));
            descending.push(!asc);
            nulls_last.push(!nulls_first);
        }
        let mut frame = rows.frame;
        if !by.is_empty() {
            let options =
                SortMultipleOptions { descending, nulls_last, multithreaded: true, maintain_order: true, limit: None };
            frame = frame.with_columns(with).sort_by_exprs(by, options);
            if !rows.columns.is_empty() {
                frame = frame.select(rows.columns.iter().map(|c| col(c.clone())).collect::<Vec<_>>());
            }
        }
        if let Some(fetch) = fetch {
            frame = frame.slice(0, index(fetch)?);
        }
        Ok(Rows { frame, columns: rows.columns })
    }

    fn limit(&mut self, skip: Option<&Plan>, fetch: Option<&Plan>, input: &LogicalPlan) -> PolarsResult<Rows> {
        let rows = self.node(input)?;
        let skip = skip.map(number).transpose()?.unwrap_or(0);
        let fetch = fetch.map(number).transpose()?.unwrap_or(u32::MAX.into());
        let skip = i64::try_from(skip).map_err(|_| untranslated("OFFSET is too large: no file has as many rows"))?;
        Ok(Rows { frame: rows.frame.slice(skip, fetch as IdxSize), ..rows })
    }

    /// Rows of all inputs; their columns agree in number and type.
    pub fn union(&mut self, inputs: Vec<Rows>, schema: &DFSchema) -> PolarsResult<Rows> {
        let columns: Vec<PlSmallStr> = schema.fields().iter().map(|_| self.fresh()).collect();
        if columns.is_empty() {
            return self.union_of_rows(inputs);
        }
        let types = schema.fields().iter().map(|f| engine_type(f.data_type())).collect::<PolarsResult<Vec<_>>>()?;
        let mut frames = Vec::with_capacity(inputs.len());
        for input in inputs {
            polars_ensure!(input.columns.len() == columns.len(), SQLInterface: "the sides of UNION have other numbers of columns");
            let named = input.columns.iter().zip(columns.iter().zip(&types));
            let selected = named.map(|(from, (to, ty))| col(from.clone()).strict_cast(ty.clone()).alias(to.clone()));
            frames.push(input.frame.select(selected.collect::<Vec<_>>()));
        }
        Ok(Rows { frame: stacked(frames)?, columns })
    }

    /// Of inputs whose columns nobody reads.
    fn union_of_rows(&mut self, inputs: Vec<Rows>) -> PolarsResult<Rows> {
        let one = self.fresh();
        let counted = |rows: Rows| rows.frame.with_columns([lit(true).alias(one.clone())]).select([col(one.clone())]);
        Ok(Rows { frame: stacked(inputs.into_iter().map(counted).collect())?, columns: Vec::new() })
    }

    fn values(&mut self, schema: &DFSchema, values: &[Vec<Plan>]) -> PolarsResult<Rows> {
        let none = Rows { frame: one_row(self.fresh())?.lazy(), columns: Vec::new() };
        let nothing = DFSchema::empty();
        let mut rows = Vec::with_capacity(values.len());
        for row in values {
            let made = row.iter().map(|e| Expressions::new(&nothing, &none).of(e)).collect::<PolarsResult<Vec<_>>>()?;
            rows.push(self.select(none.frame.clone(), made));
        }
        self.union(rows, schema)
    }

    fn empty(&mut self, one: bool, schema: &DFSchema) -> PolarsResult<Rows> {
        let mut columns = Vec::new();
        let mut nulls = Vec::new();
        for field in schema.fields() {
            let column = self.fresh();
            nulls.push(literal::null(engine_type(field.data_type())?).alias(column.clone()));
            columns.push(column);
        }
        let frame = one_row(self.fresh())?.lazy().with_columns(nulls);
        let frame = if one { frame } else { frame.slice(0, 0) };
        Ok(Rows { frame, columns })
    }
}

/// The key with a value for each row. By one key, what LIMIT will not take is dropped before it is sorted; of a key that is
/// one value for a whole batch the engine fails where the batch is empty, and takes the whole number for a decimal
/// (polars-stream 0.55.2, nodes/top_k.rs).
fn spread_out(key: Expr) -> Expr {
    let run = |columns: &mut [Column]| Ok(columns[0].as_materialized_series().clone().into_column());
    elementwise("key", run, |_: &Schema, fields: &[Field]| Ok(fields[0].clone())).call(vec![key])
}

/// All rows of frames of one schema, in any order.
pub fn stacked(frames: Vec<LazyFrame>) -> PolarsResult<LazyFrame> {
    concat(frames, UnionArgs { strict: true, maintain_order: false, ..Default::default() })
}

/// A frame without columns has no rows either; this one has a column of a name that no other has, for frames are joined.
fn one_row(column: PlSmallStr) -> PolarsResult<DataFrame> {
    DataFrame::new(1, vec![Series::new(column, [0i32]).into_column()])
}

fn number(plan: &Plan) -> PolarsResult<u64> {
    let Plan::Literal(value, _) = plan else {
        return Err(untranslated("LIMIT and OFFSET take a whole number: pass a param"));
    };
    let value = value.cast_to(&arrow::datatypes::DataType::Int64).map_err(failed)?;
    match value {
        datafusion_common::ScalarValue::Int64(Some(v)) => {
            u64::try_from(v).map_err(|_| untranslated("LIMIT and OFFSET take no negative number: write one from 0 on"))
        }
        _ => Ok(u64::from(u32::MAX)),
    }
}

fn index(fetch: usize) -> PolarsResult<IdxSize> {
    IdxSize::try_from(fetch).map_err(|_| untranslated("LIMIT is too large: leave it out"))
}
