//! A part of FROM: which columns it has, where the value of each comes from, and what a name in it means.

use crate::syntax::call;
use sqlparser::ast::{Expr, Ident, SelectItem};
use sqlparser::tokenizer::Span;

/// Names of columns in order; a column without a name is an expression that the query does not name. None where even
/// their number is not determined.
pub(super) type Columns = Option<Vec<Option<String>>>;

/// Where a value comes from: the first of these columns (relation, column) that is not NULL.
pub(super) type Value = Vec<(String, String)>;

/// One column of `*`.
#[derive(Clone)]
pub(super) struct Item {
    /// The relation at whose place it stands.
    pub(super) relation: String,
    pub(super) name: Option<String>,
    pub(super) value: Value,
    pub(super) merged: bool,
}

/// A part of FROM: its columns as `*` lists them, which are also the names that need no qualifier.
#[derive(Clone, Default)]
pub(super) struct Side {
    pub(super) star: Vec<Item>,
    pub(super) relations: Vec<(String, Columns)>,
    /// Names that the select list gives; they hide the columns of outer queries.
    pub(super) aliases: Vec<Ident>,
}

pub(super) enum Found {
    Nothing,
    One(usize),
    Several,
}

impl Side {
    pub(super) fn of(relation: String, columns: Columns) -> Self {
        let item = |name: &Option<String>| Item {
            relation: relation.clone(),
            name: name.clone(),
            value: name.iter().map(|name| (relation.clone(), name.clone())).collect(),
            merged: false,
        };
        let star = columns.iter().flatten().map(item).collect();
        Self { star, relations: vec![(relation, columns)], aliases: Vec::new() }
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.star.extend(other.star);
        self.relations.extend(other.relations);
        self
    }

    pub(super) fn is_declared(&self) -> bool {
        self.relations.iter().all(|(_, columns)| columns.is_some())
    }

    pub(super) fn columns(&self) -> Columns {
        self.is_declared().then(|| self.star.iter().map(|item| item.name.clone()).collect())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.star.iter().filter_map(|item| item.name.clone()).collect()
    }

    pub(super) fn relation(&self, ident: &Ident) -> Columns {
        let (_, columns) = self.relations.iter().find(|(name, _)| is_named(name, ident))?;
        columns.clone()
    }

    /// A merged key goes before columns of the same name that no join by name has touched.
    pub(super) fn find(&self, ident: &Ident) -> Found {
        let all: Vec<usize> = (0..self.star.len()).filter(|i| self.is(*i, |name| name == ident.value)).collect();
        let all = match all.is_empty() {
            true => (0..self.star.len()).filter(|i| self.is(*i, |name| is_named(name, ident))).collect(),
            false => all,
        };
        let merged: Vec<usize> = all.iter().copied().filter(|i| self.star[*i].merged).collect();
        match (all.as_slice(), merged.as_slice()) {
            ([], _) => Found::Nothing,
            ([one], _) | (_, [one]) => Found::One(*one),
            _ => Found::Several,
        }
    }

    pub(super) fn is(&self, item: usize, named: impl Fn(&str) -> bool) -> bool {
        self.star[item].name.as_deref().is_some_and(named)
    }
}

impl Item {
    pub(super) fn expr(&self, span: Span) -> Expr {
        let mut columns: Vec<Expr> = self.value.iter().map(|(relation, name)| column(relation, name, span)).collect();
        match columns.len() {
            1 => columns.remove(0),
            _ => call("coalesce", columns),
        }
    }

    /// The value is a column of this very name.
    pub(super) fn is_column(&self) -> bool {
        matches!(self.value.as_slice(), [(_, name)] if Some(name) == self.name.as_ref())
    }

    pub(super) fn select_item(&self, span: Span) -> SelectItem {
        let expr = self.expr(span);
        match &self.name {
            Some(name) if !self.is_column() => SelectItem::ExprWithAlias { expr, alias: quoted(name, span) },
            _ => SelectItem::UnnamedExpr(expr),
        }
    }
}

pub(super) fn column(relation: &str, name: &str, span: Span) -> Expr {
    Expr::CompoundIdentifier(vec![quoted(relation, span), quoted(name, span)])
}

pub(super) fn quoted(name: &str, span: Span) -> Ident {
    Ident { value: name.to_owned(), quote_style: Some('"'), span }
}

pub(super) fn is_named(name: &str, ident: &Ident) -> bool {
    name == ident.value || (ident.quote_style.is_none() && name.eq_ignore_ascii_case(&ident.value))
}
