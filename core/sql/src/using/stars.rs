//! `*` beside joins by name, as the list of columns.

use super::outputs::excluded;
use super::side::{Found, Item, Side, is_named, quoted};
use super::walk::{Answer, Walk};
use sqlparser::ast::{
    ExceptSelectItem, ObjectName, ReplaceSelectElement, ReplaceSelectItem, SelectItem, SelectItemQualifiedWildcardKind,
    WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Span;

impl Walk<'_> {
    pub(super) fn expand_stars(&self, projection: &mut Vec<SelectItem>, side: &Side) -> Answer<()> {
        let mut expanded = Vec::new();
        for item in projection.drain(..) {
            match item {
                SelectItem::Wildcard(options) => expanded.extend(self.star(side, &options)?),
                other => expanded.push(other),
            }
        }
        *projection = expanded;
        Ok(())
    }

    fn star(&self, side: &Side, options: &WildcardAdditionalOptions) -> Answer<Vec<SelectItem>> {
        let span = options.wildcard_token.0.span;
        self.need_columns(side, span)?;
        let Some(excluded) = excluded(options) else {
            return self.refuse(
                span,
                "beside USING and NATURAL, `*` takes EXCLUDE, EXCEPT and REPLACE of plain names: list the columns"
                    .to_owned(),
            );
        };
        let replaced = options.opt_replace.as_ref().map_or(&[][..], |replace| replace.items.as_slice());
        for name in excluded.iter().chain(replaced.iter().map(|item| &item.column_name)) {
            if let Found::Nothing = side.find(name) {
                return self.no_column(name, side);
            }
        }
        let is_excluded = |item: &&Item| !excluded.iter().any(|e| item.name.as_ref().is_some_and(|n| is_named(n, e)));
        let kept: Vec<&Item> = side.star.iter().filter(is_excluded).collect();
        let runs = kept.chunk_by(|a, b| a.relation == b.relation);
        Ok(runs.flat_map(|run| listed(run, side, replaced, span)).collect())
    }
}

/// Items of one relation. One with columns that have no name stays `t.*`, without what is dropped.
fn listed(run: &[&Item], side: &Side, replaced: &[Box<ReplaceSelectElement>], span: Span) -> Vec<SelectItem> {
    if run.iter().all(|item| item.name.is_some()) {
        return run.iter().map(|item| replacement(item, replaced).unwrap_or_else(|| item.select_item(span))).collect();
    }
    let relation = quoted(&run[0].relation, span);
    let names = side.relation(&relation).into_iter().flatten().flatten();
    let dropped = names.filter(|name| !run.iter().any(|item| item.name.as_ref() == Some(name)));
    let mut dropped = dropped.map(|name| quoted(&name, span));
    let except =
        dropped.next().map(|first_element| ExceptSelectItem { first_element, additional_elements: dropped.collect() });
    let items: Vec<_> = run.iter().filter_map(|item| changed(item, replaced, span)).collect();
    let options = WildcardAdditionalOptions {
        opt_except: except,
        opt_replace: (!items.is_empty()).then_some(ReplaceSelectItem { items }),
        ..Default::default()
    };
    let kind = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![relation]));
    vec![SelectItem::QualifiedWildcard(kind, options)]
}

/// What REPLACE gives for the column.
fn replacement(item: &Item, replaced: &[Box<ReplaceSelectElement>]) -> Option<SelectItem> {
    let name = item.name.as_ref()?;
    let found = replaced.iter().find(|element| is_named(name, &element.column_name))?;
    Some(SelectItem::ExprWithAlias { expr: found.expr.clone(), alias: found.column_name.clone() })
}

/// A column of `t.*` that is not the table's own.
fn changed(item: &Item, replaced: &[Box<ReplaceSelectElement>], span: Span) -> Option<Box<ReplaceSelectElement>> {
    let name = item.name.as_ref()?;
    let expr = match replacement(item, replaced) {
        Some(SelectItem::ExprWithAlias { expr, .. }) => expr,
        _ if item.value == [(item.relation.clone(), name.clone())] => return None,
        _ => item.expr(span),
    };
    Some(Box::new(ReplaceSelectElement { expr, column_name: quoted(name, span), as_keyword: true }))
}
