//! Clauses that the parser knows from some engine and the planner does not read: dropped, they would change the answer
//! without a word. Every syntax tree is taken apart without `..`, so that a field that a new parser brings is decided on.

use sqlparser::ast::{
    Cte, GroupByExpr, Join, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SelectItem,
    Spanned, TableAlias, TableFactor, WildcardAdditionalOptions, With,
};
use sqlparser::tokenizer::Span;

/// A clause, where it stands or what it belongs to, and what to write instead.
pub struct Unplanned {
    pub span: Span,
    pub clause: &'static str,
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
            self.all.push(Unplanned { span, clause, instead });
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
    for cte in with.iter().flat_map(|With { with_token: _, recursive: _, cte_tables }| cte_tables) {
        let Cte { alias, query: _, from, materialized: _, closing_paren_token: _ } = cte;
        found.add(from.is_some(), alias.span(), "FROM of a WITH", LEAVE_OUT);
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
    if let Some(fetch) = fetch {
        found.add(true, fetch.span(), "FETCH", "write LIMIT n");
    }
    found.add(!locks.is_empty(), span, "FOR UPDATE or FOR SHARE", LEAVE_OUT);
    found.add(for_clause.is_some(), span, "FOR XML, JSON or BROWSE", LEAVE_OUT);
    found.add(settings.is_some(), span, "SETTINGS", LEAVE_OUT);
    found.add(format_clause.is_some(), span, "FORMAT", "set the format under [step.output]");
    found.all
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
        named_window: _,
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
    match flavor {
        SelectFlavor::Standard | SelectFlavor::FromFirst => {}
        SelectFlavor::FromFirstNoSelect => found.add(true, span, "FROM without SELECT", "write SELECT * FROM …"),
    }
    for item in projection {
        match item {
            SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => of_star(options, &mut found),
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } | SelectItem::ExprWithAliases { .. } => {}
        }
    }
    for Join { relation: _, global, join_operator: _ } in from.iter().flat_map(|table| &table.joins) {
        found.add(*global, span, "GLOBAL JOIN", LEAVE_OUT);
    }
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

pub fn of_factor(factor: &TableFactor) -> Vec<Unplanned> {
    let mut found = Found { all: Vec::new() };
    let span = factor.span();
    let (sample, alias) = match factor {
        TableFactor::Table {
            name: _,
            alias,
            // A function: refused as what reads something else.
            args: _,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } => {
            found.add(!with_hints.is_empty() || !index_hints.is_empty(), span, "a hint of a table", LEAVE_OUT);
            found.add(version.is_some(), span, "a version of a table", "pass a date as a param in the input's path");
            found.add(*with_ordinality, span, "WITH ORDINALITY", "number the rows with ROW_NUMBER()");
            found.add(!partitions.is_empty(), span, "PARTITION of a table", "write a condition in WHERE");
            found.add(json_path.is_some(), span, "a path into a table", "declare `columns` with paths");
            (sample, alias)
        }
        TableFactor::Derived { lateral: _, subquery: _, alias, sample } => (sample, alias),
        TableFactor::NestedJoin { table_with_joins: _, alias } => (&None, alias),
        // The rest is refused whole.
        _ => return found.all,
    };
    let instead = "take rows by a hash of their key, as in WHERE hash % 100 = 0: an item must give the same rows again";
    found.add(sample.is_some(), span, "TABLESAMPLE", instead);
    if let Some(TableAlias { explicit: _, name: _, columns: _, at }) = alias {
        found.add(at.is_some(), span, "AT after a table's name", LEAVE_OUT);
    }
    found.all
}
