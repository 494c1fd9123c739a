//! The names of what a query gives.

use super::side::{Columns, Side, is_named};
use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, SelectItem, SelectItemQualifiedWildcardKind, TableAlias, Values,
    WildcardAdditionalOptions,
};

/// The columns under the names in `AS t (a, b)`.
pub(super) fn renamed(columns: Columns, alias: &TableAlias) -> Columns {
    let names = alias.columns.iter().map(|column| Some(column.name.value.clone()));
    match columns {
        Some(columns) => Some(names.chain(columns.into_iter().skip(alias.columns.len())).collect()),
        None => (!alias.columns.is_empty()).then(|| names.collect()),
    }
}

/// What the planner calls the columns of VALUES.
pub(super) fn numbered(values: &Values) -> Vec<Option<String>> {
    let width = values.rows.first().map_or(0, |row| row.len());
    (1..=width).map(|i| Some(format!("column{i}"))).collect()
}

/// The names that a select list gives.
pub(super) fn outputs(projection: &[SelectItem], side: &Side) -> Columns {
    let mut columns = Vec::new();
    for item in projection {
        match item {
            SelectItem::UnnamedExpr(expr) => columns.push(name_of(expr)),
            SelectItem::ExprWithAlias { alias, .. } => columns.push(Some(alias.value.clone())),
            SelectItem::Wildcard(options) => columns.extend(without(side.columns()?, options)?),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                let columns_of = side.relation(name.0.last()?.as_ident()?)?;
                columns.extend(without(columns_of, options)?);
            }
            SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => return None,
        }
    }
    Some(columns)
}

pub(super) fn name_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()),
        Expr::Nested(inner) => name_of(inner),
        _ => None,
    }
}

fn without(columns: Vec<Option<String>>, options: &WildcardAdditionalOptions) -> Columns {
    let excluded = excluded(options)?;
    let is_excluded = |name: &Option<String>| excluded.iter().any(|e| name.as_ref().is_some_and(|n| is_named(n, e)));
    Some(columns.into_iter().filter(|name| !is_excluded(name)).collect())
}

/// The names in EXCLUDE and EXCEPT; None where one has several parts.
pub(super) fn excluded(options: &WildcardAdditionalOptions) -> Option<Vec<Ident>> {
    let names = match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => std::slice::from_ref(name),
        Some(ExcludeSelectItem::Multiple(names)) => names.as_slice(),
        None => &[],
    };
    let single = |name: &ObjectName| match name.0.as_slice() {
        [part] => part.as_ident().cloned(),
        _ => None,
    };
    let mut excluded = names.iter().map(single).collect::<Option<Vec<_>>>()?;
    if let Some(except) = &options.opt_except {
        excluded.push(except.first_element.clone());
        excluded.extend(except.additional_elements.iter().cloned());
    }
    Some(excluded)
}
