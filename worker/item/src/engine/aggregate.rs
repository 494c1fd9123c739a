//! Aggregates. Keys and arguments become columns first, then groups are made of columns only, then each result is made
//! of what was aggregated (`component`). Grouping sets are one aggregation each over the same rows.

use super::component::{Component, Finish, Prepared};
use super::expression::Expressions;
use super::{Rows, Translator, engine_type, untranslated};
use datafusion_expr::logical_plan::Aggregate;
use datafusion_expr::{Expr as Plan, GroupingSet};
use polars::prelude::*;
use std::collections::BTreeMap;

impl Translator<'_> {
    pub fn aggregate(&mut self, aggregate: &Aggregate) -> PolarsResult<Rows> {
        let Aggregate { input, group_expr, aggr_expr, schema, .. } = aggregate;
        let rows = self.node(input)?;
        let all: Vec<Plan> = group_expr.iter().chain(aggr_expr).cloned().collect();
        let (rows, subqueries) = self.with_subqueries(rows, &all)?;
        let (keys, sets) = grouping(group_expr)?;
        let mut prepared = Prepared::default();
        let mut key_columns = Vec::new();
        {
            let expressions = Expressions::with(input.schema(), &rows.columns, &subqueries);
            for key in &keys {
                let column = self.fresh();
                prepared.columns.push(expressions.of(key)?.alias(column.clone()));
                key_columns.push(column);
            }
            for call in aggr_expr {
                Component { translator: self, expressions: &expressions, schema: input.schema() }
                    .prepare(call, &mut prepared)?;
            }
        }
        // At least one column, so that the rows can be counted.
        if prepared.columns.is_empty() {
            prepared.columns.push(lit(true).alias(self.fresh()));
        }
        let read = self.select_named(rows.frame, std::mem::take(&mut prepared.columns));
        match sets {
            None => {
                let grouped = self.grouped_by(read, &key_columns, &prepared);
                self.finished(grouped, key_columns, &prepared)
            }
            Some(sets) => self.sets(read, &key_columns, &sets, &prepared, schema),
        }
    }

    /// The frame of these named expressions, constants too for every row.
    fn select_named(&mut self, frame: LazyFrame, exprs: Vec<Expr>) -> LazyFrame {
        let constant = exprs.iter().any(|e| !super::literal::has_column(e));
        if !constant {
            return frame.select(exprs);
        }
        let named: Vec<Expr> = exprs
            .iter()
            .filter_map(|e| match e {
                Expr::Alias(_, name) => Some(col(name.clone())),
                _ => None,
            })
            .collect();
        frame.with_columns(exprs).select(named)
    }

    fn grouped_by(&mut self, frame: LazyFrame, keys: &[PlSmallStr], prepared: &Prepared) -> LazyFrame {
        let mut aggregated = prepared.aggregated.clone();
        if aggregated.is_empty() {
            aggregated.push(len().alias(self.fresh()));
        }
        match keys.is_empty() {
            true => frame.select(aggregated),
            false => frame.group_by(super::join::names(keys)).agg(aggregated),
        }
    }

    fn finished(&mut self, mut frame: LazyFrame, keys: Vec<PlSmallStr>, prepared: &Prepared) -> PolarsResult<Rows> {
        let mut columns = keys.clone();
        let mut selected = super::join::names(&keys);
        for finish in &prepared.finish {
            let column = self.fresh();
            match finish {
                Finish::Expression(expr) => selected.push(expr.clone().alias(column.clone())),
                Finish::Grouped(call) => {
                    frame = call.added(frame, &column)?;
                    selected.push(col(column.clone()));
                }
            }
            columns.push(column);
        }
        Ok(Rows { frame: frame.select(selected), columns })
    }

    fn sets(
        &mut self,
        read: LazyFrame,
        keys: &[PlSmallStr],
        sets: &[Vec<usize>],
        prepared: &Prepared,
        schema: &datafusion_common::DFSchema,
    ) -> PolarsResult<Rows> {
        let read = read.cache();
        let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
        let mut parts = Vec::new();
        for set in sets {
            let set_keys: Vec<PlSmallStr> = set.iter().map(|i| keys[*i].clone()).collect();
            let grouped = self.grouped_by(read.clone(), &set_keys, prepared);
            let rows = self.finished(grouped, set_keys, prepared)?;
            let mask = (0..keys.len()).filter(|i| !set.contains(i)).fold(0u64, |m, i| m | 1 << (keys.len() - 1 - i));
            let repeat = seen.entry(mask).or_default();
            let id = mask | (*repeat << keys.len());
            *repeat += 1;
            let mut made = Vec::new();
            for (i, _) in keys.iter().enumerate() {
                made.push(match set.iter().position(|k| *k == i) {
                    Some(at) => col(rows.columns[at].clone()),
                    None => super::literal::null(engine_type(schema.field(i).data_type())?),
                });
            }
            made.push(lit(id).cast(engine_type(schema.field(keys.len()).data_type())?));
            made.extend(rows.columns[set.len()..].iter().map(|c| col(c.clone())));
            // A set without keys and results still has a row, which the id must not lose.
            parts.push(self.select(rows.frame, made));
        }
        self.union(parts, schema)
    }
}

/// Which keys each grouping set has.
type Sets = Vec<Vec<usize>>;

/// The keys, and the grouping sets if there are any.
fn grouping(exprs: &[Plan]) -> PolarsResult<(Vec<Plan>, Option<Sets>)> {
    let [Plan::GroupingSet(set)] = exprs else { return Ok((exprs.to_vec(), None)) };
    let sets: Vec<Vec<Plan>> = match set {
        GroupingSet::GroupingSets(sets) => sets.clone(),
        GroupingSet::Rollup(keys) => (0..=keys.len()).rev().map(|n| keys[..n].to_vec()).collect(),
        GroupingSet::Cube(keys) => {
            if keys.len() > 12 {
                return Err(untranslated("CUBE of more than 12 columns: name the GROUPING SETS"));
            }
            let all = 0..1usize << keys.len();
            all.rev()
                .map(|mask| {
                    keys.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, k)| k.clone()).collect()
                })
                .collect()
        }
    };
    let mut keys: Vec<Plan> = Vec::new();
    let mut indices = Vec::new();
    for set in &sets {
        let mut of = Vec::new();
        for key in set {
            let at = keys.iter().position(|k| k == key).unwrap_or_else(|| {
                keys.push(key.clone());
                keys.len() - 1
            });
            if !of.contains(&at) {
                of.push(at);
            }
        }
        indices.push(of);
    }
    Ok((keys, Some(indices)))
}
