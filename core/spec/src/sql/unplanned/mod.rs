//! Clauses that the parser knows from some engine and the planner does not read: dropped, they would change the answer
//! silently. Every syntax tree is taken apart without `..`, so that a field that a new parser brings is decided on.

mod expressions;
mod operators;
mod relations;

pub use expressions::of_expr;
pub use relations::of_factor;

use sqlparser::ast::{
    Cte, Fetch, GroupByExpr, Ident, LimitClause, NamedWindowDefinition, NamedWindowExpr, ObjectName, OrderBy,
    OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SelectItem, Spanned, WildcardAdditionalOptions, With,
    visit_relations,
};
use sqlparser::tokenizer::Span;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// A clause, where it stands or what it belongs to, and what to write instead.
pub struct Unplanned {
    pub span: Span,
    pub clause: Cow<'static, str>,
    pub instead: &'static str,
}

const LEAVE_OUT: &str = "leave it out";

/// The clauses of one node.
struct Found {
    all: Vec<Unplanned>,
}

impl Found {
    fn add(&mut self, is_there: bool, span: Span, clause: &'static str, instead: &'static str) {
        if is_there {
            self.all.push(Unplanned { span, clause: clause.into(), instead });
        }
    }
}

pub fn of_query(query: &Query) -> Vec<Unplanned> {
    let Query {
        with,
        body: _,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators: _,
    } = query;
    let mut found = Found { all: Vec::new() };
    let span = query.span();
    let mut names: Vec<&Ident> = Vec::new();
    if let Some(With { with_token: _, recursive, cte_tables }) = with {
        for cte in cte_tables {
            let Cte { alias, query, from, materialized: _, closing_paren_token: _ } = cte;
            found.add(from.is_some(), alias.span(), "FROM of a WITH", LEAVE_OUT);
            let twice = names.iter().any(|name| name.value.eq_ignore_ascii_case(&alias.name.value));
            found.add(twice, alias.name.span, "one name for two queries of WITH", "give each its own name");
            let instead = "write the levels as joins of the table with itself, or as steps";
            found.add(*recursive && reads(query, &alias.name), alias.name.span, "WITH RECURSIVE", instead);
            names.push(&alias.name);
        }
    }
    if let Some(OrderBy { kind, interpolate }) = order_by {
        found.add(interpolate.is_some(), span, "INTERPOLATE", LEAVE_OUT);
        if let OrderByKind::Expressions(keys) = kind {
            for OrderByExpr { expr, options: _, with_fill } in keys {
                found.add(with_fill.is_some(), expr.span(), "WITH FILL", "join a table of the values");
            }
        }
    }
    if let Some(LimitClause::LimitOffset { limit: _, offset: _, limit_by }) = limit_clause {
        let instead = "number the rows with ROW_NUMBER() OVER (PARTITION BY …) and QUALIFY";
        found.add(!limit_by.is_empty(), span, "LIMIT BY", instead);
    }
    if let Some(Fetch { with_ties, percent, quantity: _ }) = fetch {
        found.add(*percent, span, "FETCH … PERCENT", "write LIMIT n");
        let instead = "write QUALIFY RANK() OVER (ORDER BY …) <= n";
        found.add(*with_ties, span, "FETCH … WITH TIES", instead);
        let limited = matches!(limit_clause, Some(LimitClause::LimitOffset { limit: Some(_), .. }));
        found.add(limited, span, "FETCH beside LIMIT", "write one of them");
    }
    found.add(!locks.is_empty(), span, "FOR UPDATE or FOR SHARE", LEAVE_OUT);
    found.add(for_clause.is_some(), span, "FOR XML, JSON or BROWSE", LEAVE_OUT);
    found.add(settings.is_some(), span, "SETTINGS", LEAVE_OUT);
    found.add(format_clause.is_some(), span, "FORMAT", "set the format under [step.output]");
    found.all
}

/// Whether a query reads a relation of this name.
fn reads(query: &Query, name: &Ident) -> bool {
    let is_it = |relation: &ObjectName| relation.to_string().eq_ignore_ascii_case(&name.value);
    let found = visit_relations(query, |relation| match is_it(relation) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    found.is_break()
}

pub fn of_select(select: &Select) -> Vec<Unplanned> {
    let Select {
        select_token: _,
        // A comment.
        optimizer_hints: _,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection,
        exclude,
        into: _,
        from,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window,
        qualify: _,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    let mut found = Found { all: Vec::new() };
    let span = select.span();
    found.add(select_modifiers.is_some(), span, "a modifier after SELECT", LEAVE_OUT);
    found.add(top.is_some(), span, "TOP", "write LIMIT n");
    found.add(exclude.is_some(), span, "EXCLUDE after the list", "write * EXCLUDE (…)");
    found.add(!lateral_views.is_empty(), span, "LATERAL VIEW", "join a table of the values");
    if let Some(condition) = prewhere {
        found.add(true, condition.span(), "PREWHERE", "write it in WHERE");
    }
    found.add(!connect_by.is_empty(), span, "CONNECT BY", "write the levels as steps");
    let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = group_by;
    let instead = "write GROUP BY ROLLUP (…), CUBE (…) or GROUPING SETS (…)";
    found.add(!modifiers.is_empty(), group_by.span(), "WITH ROLLUP, CUBE or TOTALS", instead);
    found.add(!cluster_by.is_empty(), span, "CLUSTER BY", "write ORDER BY");
    found.add(!distribute_by.is_empty(), span, "DISTRIBUTE BY", "set `bucket_by` under [step.output]");
    found.add(!sort_by.is_empty(), span, "SORT BY", "write ORDER BY");
    found.add(value_table_mode.is_some(), span, "SELECT AS STRUCT or VALUE", "list the columns");
    for NamedWindowDefinition(name, window) in named_window {
        let of_another = match window {
            NamedWindowExpr::NamedWindow(_) => true,
            NamedWindowExpr::WindowSpec(spec) => spec.window_name.is_some(),
        };
        found.add(of_another, name.span, "a window made of another", expressions::MADE_OF_ANOTHER);
    }
    match flavor {
        SelectFlavor::Standard | SelectFlavor::FromFirst => {
            found.add(projection.is_empty(), span, "SELECT without columns", "write SELECT * or name them");
        }
        SelectFlavor::FromFirstNoSelect => found.add(true, span, "FROM without SELECT", "write SELECT * FROM …"),
    }
    for item in projection {
        match item {
            SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => of_star(options, &mut found),
            SelectItem::ExprWithAliases { expr, aliases: _ } => {
                found.add(true, expr.span(), "several names for one expression", "give each column an expression");
            }
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => {}
        }
    }
    from.iter().flat_map(|table| &table.joins).for_each(|join| relations::of_join(join, &mut found));
    found.all
}

fn of_star(options: &WildcardAdditionalOptions, found: &mut Found) {
    let WildcardAdditionalOptions {
        wildcard_token,
        opt_ilike,
        opt_exclude: _,
        opt_except: _,
        opt_replace: _,
        opt_rename,
        opt_alias,
    } = options;
    let span = wildcard_token.0.span;
    found.add(opt_ilike.is_some(), span, "* ILIKE", "list the columns");
    found.add(opt_rename.is_some(), span, "* RENAME", "list the columns");
    found.add(opt_alias.is_some(), span, "* AS", "list the columns");
}
