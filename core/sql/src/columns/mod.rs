//! Where the columns of a query come from, by the plan of what was written: names are resolved, and no rule has made joins
//! of subqueries yet. Each node says of each of its columns what it depends on, and of its rows. A node that is not listed
//! here counts as one whose every column may hold every value that it reads: nothing is left out because it is not traced.

mod deps;
mod exprs;

use datafusion_common::{Column, DFSchemaRef};
use datafusion_expr::logical_plan::{Aggregate, Distinct, DistinctOn, Join, JoinType, TableScan, Union, Values};
use datafusion_expr::utils::grouping_set_to_exprlist;
use datafusion_expr::{Expr, LogicalPlan};
use deps::Deps;
use spotmill_core::lineage::{ColumnLineage, Dependence};

/// Of each column of the plan, by its name, and of its rows.
pub fn lineage(plan: &LogicalPlan) -> ColumnLineage {
    let traced = Tracer { outer: Vec::new() }.node(plan);
    let names = plan.schema().fields().iter().map(|field| field.name().clone());
    let columns = names.zip(traced.columns.into_iter().map(Deps::into_columns)).collect();
    ColumnLineage { columns, rows: traced.rows.into_columns() }
}

/// What the columns of a node depend on, in their order, and what decides which rows it has.
#[derive(Clone, Debug, Default)]
struct Traced {
    columns: Vec<Deps>,
    rows: Deps,
}

/// Where a column's name is looked up.
#[derive(Clone, Debug)]
struct Scope(Vec<(DFSchemaRef, Vec<Deps>)>);

impl Scope {
    fn of(plan: &LogicalPlan, columns: &[Deps]) -> Self {
        Self(vec![(plan.schema().clone(), columns.to_vec())])
    }

    fn column(&self, column: &Column) -> Option<Deps> {
        let found = |(schema, columns): &(DFSchemaRef, Vec<Deps>)| {
            schema.index_of_column(column).ok().and_then(|at| columns.get(at).cloned())
        };
        self.0.iter().find_map(found)
    }

    fn everything(&self) -> Deps {
        Deps::all(self.0.iter().flat_map(|(_, columns)| columns)).untraced()
    }
}

struct Tracer {
    /// Of the queries around a subquery, the nearest last.
    outer: Vec<Scope>,
}

impl Tracer {
    fn node(&mut self, plan: &LogicalPlan) -> Traced {
        let traced = match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(node) => {
                let (input, scope) = self.input(&node.input);
                Traced { columns: node.expr.iter().map(|e| self.expr(e, &scope)).collect(), rows: input.rows }
            }
            LogicalPlan::Filter(node) => {
                let (mut input, scope) = self.input(&node.input);
                input.rows.add(&self.expr(&node.predicate, &scope).only(Dependence::Filter));
                input
            }
            LogicalPlan::Sort(node) => {
                let (mut input, scope) = self.input(&node.input);
                input.rows.add(&self.sorted(&node.expr, &scope, Dependence::Sort));
                input
            }
            LogicalPlan::Window(node) => {
                let (mut input, scope) = self.input(&node.input);
                input.columns.extend(node.window_expr.iter().map(|e| self.expr(e, &scope)).collect::<Vec<_>>());
                input
            }
            LogicalPlan::Aggregate(node) => self.groups(node),
            LogicalPlan::Distinct(Distinct::All(node)) => {
                let mut input = self.node(node);
                input.rows.add(&Deps::all(&input.columns).only(Dependence::GroupBy));
                input
            }
            LogicalPlan::Distinct(Distinct::On(node)) => self.distinct_on(node),
            LogicalPlan::Join(node) => self.join(node),
            LogicalPlan::Union(node) => self.union(node),
            LogicalPlan::Values(node) => self.values(node),
            LogicalPlan::EmptyRelation(node) => {
                Traced { columns: vec![Deps::default(); node.schema.fields().len()], ..Traced::default() }
            }
            LogicalPlan::Limit(node) => self.node(&node.input),
            LogicalPlan::Repartition(node) => self.node(&node.input),
            LogicalPlan::Subquery(node) => self.node(&node.subquery),
            LogicalPlan::SubqueryAlias(node) => self.node(&node.input),
            other => return self.untraced(other),
        };
        match traced.columns.len() == plan.schema().fields().len() {
            true => traced,
            false => self.untraced(plan),
        }
    }

    fn input(&mut self, plan: &LogicalPlan) -> (Traced, Scope) {
        let traced = self.node(plan);
        let scope = Scope::of(plan, &traced.columns);
        (traced, scope)
    }

    /// What `body` traces may name what is in `scope` from within.
    fn within<T>(&mut self, scope: Scope, body: impl FnOnce(&mut Self) -> T) -> T {
        self.outer.push(scope);
        let traced = body(self);
        self.outer.pop();
        traced
    }

    fn untraced(&mut self, plan: &LogicalPlan) -> Traced {
        let inputs: Vec<Traced> = plan.inputs().into_iter().map(|input| self.node(input)).collect();
        let values = Deps::all(inputs.iter().flat_map(|input| &input.columns)).untraced();
        let mut rows = Deps::all(inputs.iter().map(|input| &input.rows));
        rows.add(&values);
        Traced { columns: vec![values; plan.schema().fields().len()], rows }
    }

    fn scan(&mut self, scan: &TableScan) -> Traced {
        let table = scan.table_name.table();
        let column = |name: &str| Deps::column(table, name);
        let columns = scan.projected_schema.fields().iter().map(|field| column(field.name())).collect();
        // Conditions that a rule has moved here name columns that may not be read any further.
        let conditions = scan.filters.iter().flat_map(Expr::column_refs).map(|c| column(&c.name));
        let rows = Deps::all(&conditions.collect::<Vec<_>>()).only(Dependence::Filter);
        Traced { columns, rows }
    }

    fn groups(&mut self, node: &Aggregate) -> Traced {
        let (input, scope) = self.input(&node.input);
        let mut rows = input.rows;
        let Ok(keys) = grouping_set_to_exprlist(&node.group_expr) else { return Traced::default() };
        let mut columns: Vec<Deps> = keys.into_iter().map(|e| self.expr(e, &scope)).collect();
        let by = Deps::all(&columns).only(Dependence::GroupBy);
        if matches!(node.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
            // Which set a row is of.
            columns.push(by.clone());
        }
        columns.extend(node.aggr_expr.iter().map(|e| self.expr(e, &scope)).collect::<Vec<_>>());
        rows.add(&by);
        Traced { columns, rows }
    }

    fn distinct_on(&mut self, node: &DistinctOn) -> Traced {
        let (input, scope) = self.input(&node.input);
        let mut rows = input.rows;
        rows.add(&self.exprs(&node.on_expr, &scope).only(Dependence::GroupBy));
        if let Some(keys) = &node.sort_expr {
            rows.add(&self.sorted(keys, &scope, Dependence::Sort));
        }
        Traced { columns: node.select_expr.iter().map(|e| self.expr(e, &scope)).collect(), rows }
    }

    /// The right side may be a subquery that names columns of the left one.
    fn join(&mut self, node: &Join) -> Traced {
        let (left, left_scope) = self.input(&node.left);
        let right = self.within(left_scope.clone(), |tracer| tracer.node(&node.right));
        let mut scope = left_scope;
        scope.0.push((node.right.schema().clone(), right.columns.clone()));
        let keys = node.on.iter().flat_map(|(left, right)| [left, right]).chain(&node.filter);
        let keys = self.exprs(keys, &scope).only(Dependence::Join);
        let rows = Deps::all([&left.rows, &right.rows, &keys]);
        // Whether the other side has a row.
        let mark = |other: &Traced| Deps::all([&keys, &other.rows]);
        let (l, r) = (left.columns.clone(), right.columns.clone());
        let columns = match node.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => [l, r].concat(),
            JoinType::LeftSemi | JoinType::LeftAnti => l,
            JoinType::RightSemi | JoinType::RightAnti => r,
            JoinType::LeftMark => [l, vec![mark(&right)]].concat(),
            JoinType::RightMark => [r, vec![mark(&left)]].concat(),
        };
        Traced { columns, rows }
    }

    fn union(&mut self, node: &Union) -> Traced {
        let mut all = Traced { columns: vec![Deps::default(); node.schema.fields().len()], ..Traced::default() };
        for input in &node.inputs {
            let input = self.node(input);
            if input.columns.len() != all.columns.len() {
                return Traced::default();
            }
            all.columns.iter_mut().zip(&input.columns).for_each(|(column, more)| column.add(more));
            all.rows.add(&input.rows);
        }
        all
    }

    fn values(&mut self, node: &Values) -> Traced {
        let mut columns = vec![Deps::default(); node.schema.fields().len()];
        let nothing = Scope(Vec::new());
        for row in &node.values {
            columns.iter_mut().zip(row).for_each(|(column, value)| column.add(&self.expr(value, &nothing)));
        }
        Traced { columns, rows: Deps::default() }
    }
}
