//! What a query needs of a source of text, read off its optimized plan: the engine pushes no projection into a source
//! that is not its own. Where it cannot be told, everything is needed.

use polars::prelude::{LazyFrame, PlSmallStr, PolarsResult, Schema};
use polars_plan::prelude::{AExpr, Arena, ArenaLpIter, FunctionIR, IR, Node};
use polars_plan::utils::aexpr_to_leaf_names_iter;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Which columns are parsed: all, until a query that needs fewer has been looked at.
#[derive(Clone)]
pub struct Wanted {
    /// Of the source in plans.
    source: PlSmallStr,
    columns: Arc<OnceLock<BTreeSet<PlSmallStr>>>,
}

impl Wanted {
    /// `source` is another word for each source of an item.
    pub fn new(source: &str) -> Self {
        Self { source: format!("rows of {source}").into(), columns: Arc::default() }
    }

    pub fn source(&self) -> &PlSmallStr {
        &self.source
    }

    /// The places of what is parsed, in order.
    pub fn places(&self, schema: &Schema) -> Vec<usize> {
        let wanted = |name: &PlSmallStr| self.columns.get().is_none_or(|columns| columns.contains(name));
        schema.iter_names().enumerate().filter(|(_, name)| wanted(name)).map(|(i, _)| i).collect()
    }
}

/// Has each source parse only what `frame`, run as it is, needs of it.
pub fn narrow(frame: &LazyFrame, sources: &[Wanted]) -> PolarsResult<()> {
    if sources.is_empty() {
        return Ok(());
    }
    let plan = frame.clone().to_alp_optimized()?;
    let mut parents: BTreeMap<usize, Vec<Node>> = BTreeMap::new();
    let mut named: BTreeMap<PlSmallStr, Vec<Node>> = BTreeMap::new();
    for (node, ir) in plan.lp_arena.iter(plan.lp_top) {
        ir.inputs().for_each(|input| parents.entry(input.0).or_default().push(node));
        if let IR::MapFunction { function: FunctionIR::Opaque { fmt_str, .. }, .. } = ir {
            named.entry(fmt_str.clone()).or_default().push(node);
        }
    }
    let above = Above { plan: &plan.lp_arena, expressions: &plan.expr_arena, parents: &parents };
    for source in sources {
        let Some(nodes) = named.get(&source.source) else { continue };
        let needs: Option<Vec<_>> = nodes.iter().map(|node| above.needs(*node)).collect();
        if let Some(needs) = needs {
            // Set once: what runs later reads no column that the first query did not.
            let _ = source.columns.set(needs.into_iter().flatten().collect());
        }
    }
    Ok(())
}

/// What stands above a node of a plan.
struct Above<'a> {
    plan: &'a Arena<IR>,
    expressions: &'a Arena<AExpr>,
    parents: &'a BTreeMap<usize, Vec<Node>>,
}

impl Above<'_> {
    /// The columns of `node` that are used; none where it cannot be told that some are not.
    fn needs(&self, node: Node) -> Option<BTreeSet<PlSmallStr>> {
        let mut all = BTreeSet::new();
        for parent in self.parents.get(&node.0)? {
            match self.plan.get(*parent) {
                IR::Select { expr, .. } => expr.iter().for_each(|e| all.extend(self.names(e.node()))),
                IR::SimpleProjection { columns, .. } => all.extend(columns.iter_names().cloned()),
                IR::Filter { predicate, .. } => {
                    all.extend(self.names(predicate.node()));
                    all.extend(self.needs(*parent)?);
                }
                IR::Cache { .. } | IR::Slice { .. } => all.extend(self.needs(*parent)?),
                _ => return None,
            }
        }
        Some(all)
    }

    fn names(&self, expression: Node) -> Vec<PlSmallStr> {
        aexpr_to_leaf_names_iter(expression, self.expressions).cloned().collect()
    }
}
