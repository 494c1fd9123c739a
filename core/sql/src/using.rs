//! `JOIN … USING (k)` and `NATURAL JOIN` with the standard's meaning, spelled out before a query is planned: every such
//! join gets an ON condition, `k` becomes the key that survives the join (left, right or the first that is not NULL)
//! and `*` becomes the list of columns. A query without such a join is never touched, and no such join is left behind.

use crate::refusal::{Kind, Refusal};
use crate::syntax::call;
use arrow::datatypes::SchemaRef;
use spotmill_spec::sql::Lines;
use sqlparser::ast::{
    BinaryOperator, ExceptSelectItem, ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    OrderBy, Query, ReplaceSelectElement, ReplaceSelectItem, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, Spanned, Statement, TableAlias, TableFactor, TableWithJoins, Values, Visit, VisitMut, Visitor, VisitorMut,
    WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Span;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Replaces every USING and NATURAL of the query.
pub fn explicit(statement: &mut Statement, text: &str, tables: &BTreeMap<String, SchemaRef>) -> Result<(), Refusal> {
    if !joins_by_name(statement) {
        return Ok(());
    }
    let Statement::Query(query) = statement else { return Ok(()) };
    let mut walk = Walk { lines: Lines::new(text), tables, ctes: Vec::new(), scopes: Vec::new(), unnamed: None };
    match walk.query(query) {
        Ok(_) if joins_by_name(statement) => {
            Err(Refusal::other("a JOIN with USING or NATURAL cannot stand here: write ON".to_owned()))
        }
        Ok(_) | Err(Stop::Undeclared) => Ok(()),
        Err(Stop::Refused(refusal)) => Err(*refusal),
    }
}

/// Why the walk ends early.
enum Stop {
    Refused(Box<Refusal>),
    /// A table that nobody declared: the planner refuses the query and lists which tables there are.
    Undeclared,
}

type Answer<T> = Result<T, Stop>;

/// Names of columns in order; a column without a name is an expression that the query does not name. None where even
/// their number is not determined.
type Columns = Option<Vec<Option<String>>>;

/// Where a value comes from: the first of these columns (relation, column) that is not NULL.
type Value = Vec<(String, String)>;

/// One column of `*`.
#[derive(Clone)]
struct Item {
    /// The relation at whose place it stands.
    relation: String,
    name: Option<String>,
    value: Value,
    merged: bool,
}

/// A part of FROM: its columns as `*` lists them, which are also the names that need no qualifier.
#[derive(Clone, Default)]
struct Side {
    star: Vec<Item>,
    relations: Vec<(String, Columns)>,
    /// Names that the select list gives; they hide the columns of outer queries.
    aliases: Vec<Ident>,
}

enum Found {
    Nothing,
    One(usize),
    Several,
}

impl Side {
    fn of(relation: String, columns: Columns) -> Self {
        let item = |name: &Option<String>| Item {
            relation: relation.clone(),
            name: name.clone(),
            value: name.iter().map(|name| (relation.clone(), name.clone())).collect(),
            merged: false,
        };
        let star = columns.iter().flatten().map(item).collect();
        Self { star, relations: vec![(relation, columns)], aliases: Vec::new() }
    }

    fn and(mut self, other: Self) -> Self {
        self.star.extend(other.star);
        self.relations.extend(other.relations);
        self
    }

    fn is_declared(&self) -> bool {
        self.relations.iter().all(|(_, columns)| columns.is_some())
    }

    fn columns(&self) -> Columns {
        self.is_declared().then(|| self.star.iter().map(|item| item.name.clone()).collect())
    }

    fn names(&self) -> Vec<String> {
        self.star.iter().filter_map(|item| item.name.clone()).collect()
    }

    fn relation(&self, ident: &Ident) -> Columns {
        let (_, columns) = self.relations.iter().find(|(name, _)| is_named(name, ident))?;
        columns.clone()
    }

    /// A merged key goes before columns of the same name that no join by name has touched.
    fn find(&self, ident: &Ident) -> Found {
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

    fn is(&self, item: usize, named: impl Fn(&str) -> bool) -> bool {
        self.star[item].name.as_deref().is_some_and(named)
    }
}

impl Item {
    fn expr(&self, span: Span) -> Expr {
        let mut columns: Vec<Expr> = self.value.iter().map(|(relation, name)| column(relation, name, span)).collect();
        match columns.len() {
            1 => columns.remove(0),
            _ => call("coalesce", columns),
        }
    }

    /// The value is a column of this very name.
    fn is_column(&self) -> bool {
        matches!(self.value.as_slice(), [(_, name)] if Some(name) == self.name.as_ref())
    }

    fn select_item(&self, span: Span) -> SelectItem {
        let expr = self.expr(span);
        match &self.name {
            Some(name) if !self.is_column() => SelectItem::ExprWithAlias { expr, alias: quoted(name, span) },
            _ => SelectItem::UnnamedExpr(expr),
        }
    }
}

fn column(relation: &str, name: &str, span: Span) -> Expr {
    Expr::CompoundIdentifier(vec![quoted(relation, span), quoted(name, span)])
}

fn quoted(name: &str, span: Span) -> Ident {
    Ident { value: name.to_owned(), quote_style: Some('"'), span }
}

fn is_named(name: &str, ident: &Ident) -> bool {
    name == ident.value || (ident.quote_style.is_none() && name.eq_ignore_ascii_case(&ident.value))
}

struct Walk<'a> {
    lines: Lines<'a>,
    tables: &'a BTreeMap<String, SchemaRef>,
    ctes: Vec<(String, Columns)>,
    /// FROM of the selects around, the innermost last.
    scopes: Vec<Side>,
    /// How many subqueries without a name were given one; None in a select that joins nothing by name.
    unnamed: Option<usize>,
}

impl Walk<'_> {
    fn refusal(&self, span: Span, message: String) -> Refusal {
        Refusal { span: self.lines.range(span), ..Refusal::other(message) }
    }

    fn refuse<T>(&self, span: Span, message: String) -> Answer<T> {
        Err(Stop::Refused(Box::new(self.refusal(span, message))))
    }

    fn no_column<T>(&self, ident: &Ident, side: &Side) -> Answer<T> {
        let column = ident.value.clone();
        let of: Vec<&str> = side.relations.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("there is no column `{column}` in `{}`", of.join("`, `"));
        let kind = Kind::UnknownColumn { column: column.clone(), available: side.names() };
        let refusal = Refusal { kind, subject: Some(column), ..self.refusal(ident.span, message) };
        Err(Stop::Refused(Box::new(refusal)))
    }

    fn query(&mut self, query: &mut Query) -> Answer<Columns> {
        let (outer, unnamed) = (self.ctes.len(), self.unnamed.take());
        let columns = self.in_query(query);
        self.ctes.truncate(outer);
        self.unnamed = unnamed;
        columns
    }

    fn in_query(&mut self, query: &mut Query) -> Answer<Columns> {
        if let Some(with) = &mut query.with {
            for cte in &mut with.cte_tables {
                let name = cte.alias.name.value.clone();
                if with.recursive {
                    self.ctes.push((name.clone(), renamed(None, &cte.alias)));
                }
                let columns = self.query(&mut cte.query)?;
                self.ctes.push((name, renamed(columns, &cte.alias)));
            }
        }
        let columns = self.body(&mut query.body, query.order_by.as_mut())?;
        self.rewrite(&mut query.limit_clause, &[])?;
        Ok(columns)
    }

    fn body(&mut self, body: &mut SetExpr, order_by: Option<&mut OrderBy>) -> Answer<Columns> {
        match body {
            SetExpr::Select(select) => self.select(select, order_by),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let columns = self.body(left, None)?;
                self.body(right, None)?;
                Ok(columns)
            }
            SetExpr::Values(values) => {
                self.rewrite(values, &[])?;
                Ok(Some(numbered(values)))
            }
            _ => Ok(None),
        }
    }

    fn select(&mut self, select: &mut Select, order_by: Option<&mut OrderBy>) -> Answer<Columns> {
        let by_name = select.from.iter().any(has_join_by_name);
        let unnamed = std::mem::replace(&mut self.unnamed, by_name.then_some(0));
        let mut side = Side::default();
        for item in &mut select.from {
            side = self.from(item, side)?;
        }
        self.unnamed = unnamed;
        if by_name {
            self.expand_stars(&mut select.projection, &side)?;
        }
        let aliases = select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
            _ => None,
        });
        side.aliases = aliases.collect();
        self.scopes.push(side);
        let columns = self.clauses(select, order_by);
        self.scopes.pop();
        columns
    }

    /// Everything of a select but FROM.
    fn clauses(&mut self, select: &mut Select, order_by: Option<&mut OrderBy>) -> Answer<Columns> {
        for item in &mut select.projection {
            self.projected(item)?;
        }
        self.rewrite(&mut select.distinct, &[])?;
        self.rewrite(&mut select.selection, &[])?;
        self.rewrite(&mut select.group_by, &[])?;
        self.rewrite(&mut select.having, &[])?;
        self.rewrite(&mut select.named_window, &[])?;
        self.rewrite(&mut select.qualify, &[])?;
        let columns = self.scopes.last().and_then(|side| outputs(&select.projection, side));
        if let Some(order_by) = order_by {
            let outputs: Vec<String> = columns.iter().flatten().flatten().cloned().collect();
            self.rewrite(order_by, &outputs)?;
        }
        Ok(columns)
    }

    /// What is written without a name keeps the name that it had.
    fn projected(&mut self, item: &mut SelectItem) -> Answer<()> {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                if let Some(found) = self.merged(ident) {
                    *item = found.select_item(ident.span);
                }
            }
            SelectItem::UnnamedExpr(expr) => {
                let name = name_of(expr).unwrap_or_else(|| expr.to_string());
                if self.rewrite(expr, &[])? && !matches!(expr, Expr::CompoundIdentifier(_)) {
                    let alias = Ident::with_quote('"', name);
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
            other => {
                self.rewrite(other, &[])?;
            }
        }
        Ok(())
    }

    /// Replaces keys in `node`, but for the names in `outputs`, and walks its subqueries; whether a key was replaced.
    fn rewrite(&mut self, node: &mut impl VisitMut, outputs: &[String]) -> Answer<bool> {
        let mut keys = Keys { walk: self, outputs, depth: 0, replaced: false };
        match node.visit(&mut keys) {
            ControlFlow::Continue(()) => Ok(keys.replaced),
            ControlFlow::Break(stop) => Err(stop),
        }
    }

    /// The merged key that a name without a qualifier means, if it means one.
    fn merged(&self, ident: &Ident) -> Option<&Item> {
        for scope in self.scopes.iter().rev() {
            match scope.find(ident) {
                Found::One(at) => return Some(&scope.star[at]).filter(|item| item.merged),
                Found::Several => return None,
                Found::Nothing if !scope.is_declared() => return None,
                Found::Nothing if scope.aliases.iter().any(|alias| is_named(&alias.value, ident)) => return None,
                Found::Nothing => {}
            }
        }
        None
    }
}

/// Replaces names by keys, outside of subqueries: those are walked with their own FROM.
struct Keys<'w, 'a, 'o> {
    walk: &'w mut Walk<'a>,
    outputs: &'o [String],
    depth: usize,
    replaced: bool,
}

impl VisitorMut for Keys<'_, '_, '_> {
    type Break = Stop;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Stop> {
        if self.depth == 0
            && let Err(stop) = self.walk.query(query)
        {
            return ControlFlow::Break(stop);
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Stop> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Stop> {
        if let Expr::Identifier(ident) = expr
            && self.depth == 0
            && !self.outputs.iter().any(|name| is_named(name, ident))
            && let Some(item) = self.walk.merged(ident)
        {
            *expr = item.expr(ident.span);
            self.replaced = true;
        }
        ControlFlow::Continue(())
    }
}

/// FROM.
impl Walk<'_> {
    /// One item of FROM beside those before it.
    fn from(&mut self, item: &mut TableWithJoins, before: Side) -> Answer<Side> {
        let mut left = self.factor(&mut item.relation, &before)?;
        for join in &mut item.joins {
            let around = match is_lateral(&join.relation) {
                true => before.clone().and(left.clone()),
                false => Side::default(),
            };
            let right = self.factor(&mut join.relation, &around)?;
            left = self.join(left, right, join)?;
        }
        Ok(before.and(left))
    }

    /// `around` is what a LATERAL subquery sees.
    fn factor(&mut self, factor: &mut TableFactor, around: &Side) -> Answer<Side> {
        let lateral = is_lateral(factor);
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let named = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone());
                let Some(name) = named else { return Ok(unknown(alias.as_ref())) };
                let columns = self.table(&name)?;
                Ok(aliased(Some(name), columns, alias.as_ref()))
            }
            TableFactor::Derived { subquery, alias, .. } => {
                self.scopes.extend(lateral.then(|| around.clone()));
                let columns = self.query(subquery);
                self.scopes.truncate(self.scopes.len() - usize::from(lateral));
                let columns = columns?;
                self.name(alias);
                Ok(aliased(None, columns, alias.as_ref()))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let by_name = has_join_by_name(table_with_joins);
                let side = self.from(table_with_joins, Side::default())?;
                match alias {
                    Some(alias) if by_name => {
                        let name = &alias.name.value;
                        let message = format!("a join in parentheses has no name: write (SELECT … ) AS {name}");
                        self.refuse(alias.name.span, message)
                    }
                    Some(alias) => Ok(aliased(None, side.columns(), Some(alias))),
                    None => Ok(side),
                }
            }
            other => Ok(unknown(alias_of(other))),
        }
    }

    fn table(&self, name: &str) -> Answer<Columns> {
        if let Some((_, columns)) = self.ctes.iter().rev().find(|(cte, _)| cte == name) {
            return Ok(columns.clone());
        }
        let Some(schema) = self.tables.get(name) else { return Err(Stop::Undeclared) };
        Ok(Some(schema.fields().iter().map(|field| Some(field.name().clone())).collect()))
    }

    /// A subquery without a name gets one where its columns must be qualified.
    fn name(&mut self, alias: &mut Option<TableAlias>) {
        if let (None, Some(count)) = (&alias, &mut self.unnamed) {
            *count += 1;
            let number = if *count == 1 { String::new() } else { count.to_string() };
            let name = Ident::new(format!("unnamed_subquery{number}"));
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
    }

    fn join(&mut self, left: Side, right: Side, join: &mut Join) -> Answer<Side> {
        let place = join.relation.span();
        let Some((keep, constraint)) = constraint(&mut join.join_operator) else { return Ok(left.and(right)) };
        let keys = match constraint {
            JoinConstraint::Using(names) => {
                names.iter().filter_map(|name| name.0.last()?.as_ident().cloned()).collect()
            }
            JoinConstraint::Natural => self.common(&left, &right, place)?,
            JoinConstraint::On(condition) => {
                self.scopes.push(left.clone().and(right.clone()));
                let done = self.rewrite(condition, &[]);
                self.scopes.pop();
                return done.map(|_| keep.of(left, right));
            }
            JoinConstraint::None => return Ok(keep.of(left, right)),
        };
        let (mut left, mut right) = (left, right);
        let mut conditions = Vec::new();
        for key in &keys {
            conditions.push(self.merge(&mut left, &mut right, key, keep)?);
        }
        let both = |a, b| Expr::BinaryOp { left: Box::new(a), op: BinaryOperator::And, right: Box::new(b) };
        if let Some(condition) = conditions.into_iter().reduce(both) {
            *constraint = JoinConstraint::On(condition);
        }
        Ok(keep.of(left, right))
    }

    /// The names that both sides have.
    fn common(&self, left: &Side, right: &Side, place: Span) -> Answer<Vec<Ident>> {
        self.need_columns(left, place)?;
        self.need_columns(right, place)?;
        let others = right.names();
        let is_common = |name: &String| others.iter().any(|other| other.eq_ignore_ascii_case(name));
        let mut keys: Vec<Ident> = Vec::new();
        for name in left.names().into_iter().filter(is_common) {
            if !keys.iter().any(|key| is_named(&name, key)) {
                keys.push(Ident { value: name, quote_style: None, span: place });
            }
        }
        match keys.is_empty() {
            true => self.refuse(place, "NATURAL JOIN finds no column that both sides have: write ON".to_owned()),
            false => Ok(keys),
        }
    }

    /// Makes one column of the two that are named `key`; the condition under which their rows meet.
    fn merge(&self, left: &mut Side, right: &mut Side, key: &Ident, keep: Keep) -> Answer<Expr> {
        let (at, to) = (self.key(left, key)?, self.key(right, key)?);
        let condition = Expr::BinaryOp {
            left: Box::new(left.star[at].expr(key.span)),
            op: BinaryOperator::Eq,
            right: Box::new(right.star[to].expr(key.span)),
        };
        if keep == Keep::RightRows {
            right.star[to].merged = true;
            return Ok(condition);
        }
        let other = right.star.remove(to);
        let item = &mut left.star[at];
        item.merged = true;
        match keep {
            Keep::Right => item.value = other.value,
            Keep::Either => item.value.extend(other.value),
            Keep::Left | Keep::LeftRows | Keep::RightRows => {}
        }
        Ok(condition)
    }

    fn key(&self, side: &Side, key: &Ident) -> Answer<usize> {
        self.need_columns(side, key.span)?;
        match side.find(key) {
            Found::One(at) => Ok(at),
            Found::Nothing => self.no_column(key, side),
            Found::Several => {
                let message = format!("`{key}` is a column of more than one table here: write ON and table.{key}");
                self.refuse(key.span, message)
            }
        }
    }

    fn need_columns(&self, side: &Side, span: Span) -> Answer<()> {
        match side.relations.iter().find(|(_, columns)| columns.is_none()) {
            None => Ok(()),
            Some((name, _)) => {
                let message =
                    format!("the columns of `{name}` cannot be known here: write ON a.k = b.k and name the columns");
                self.refuse(span, message)
            }
        }
    }
}

/// The value of a merged key, and the rows that a join keeps.
#[derive(Clone, Copy, PartialEq)]
pub enum Keep {
    Left,
    Right,
    Either,
    LeftRows,
    RightRows,
}

impl Keep {
    fn of(self, left: Side, right: Side) -> Side {
        match self {
            Keep::LeftRows => left,
            Keep::RightRows => right,
            Keep::Left | Keep::Right | Keep::Either => left.and(right),
        }
    }
}

/// None for the joins that cannot be joined by name.
pub fn constraint(operator: &mut JoinOperator) -> Option<(Keep, &mut JoinConstraint)> {
    Some(match operator {
        JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => {
            (Keep::Left, c)
        }
        JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (Keep::Right, c),
        JoinOperator::FullOuter(c) => (Keep::Either, c),
        JoinOperator::Semi(c) | JoinOperator::LeftSemi(c) | JoinOperator::Anti(c) | JoinOperator::LeftAnti(c) => {
            (Keep::LeftRows, c)
        }
        JoinOperator::RightSemi(c) | JoinOperator::RightAnti(c) => (Keep::RightRows, c),
        _ => return None,
    })
}

fn is_lateral(factor: &TableFactor) -> bool {
    matches!(factor, TableFactor::Derived { lateral: true, .. })
}

fn alias_of(factor: &TableFactor) -> Option<&TableAlias> {
    match factor {
        TableFactor::Table { alias, .. } | TableFactor::UNNEST { alias, .. } | TableFactor::Function { alias, .. } => {
            alias.as_ref()
        }
        _ => None,
    }
}

fn unknown(alias: Option<&TableAlias>) -> Side {
    aliased(None, None, alias)
}

fn aliased(name: Option<String>, columns: Columns, alias: Option<&TableAlias>) -> Side {
    match alias {
        Some(alias) => Side::of(alias.name.value.clone(), renamed(columns, alias)),
        None => Side::of(name.unwrap_or_default(), columns),
    }
}

/// The columns under the names in `AS t (a, b)`.
fn renamed(columns: Columns, alias: &TableAlias) -> Columns {
    let names = alias.columns.iter().map(|column| Some(column.name.value.clone()));
    match columns {
        Some(columns) => Some(names.chain(columns.into_iter().skip(alias.columns.len())).collect()),
        None => (!alias.columns.is_empty()).then(|| names.collect()),
    }
}

/// What the planner calls the columns of VALUES.
fn numbered(values: &Values) -> Vec<Option<String>> {
    let width = values.rows.first().map_or(0, |row| row.len());
    (1..=width).map(|i| Some(format!("column{i}"))).collect()
}

/// The names that a select list gives.
fn outputs(projection: &[SelectItem], side: &Side) -> Columns {
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

fn name_of(expr: &Expr) -> Option<String> {
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
fn excluded(options: &WildcardAdditionalOptions) -> Option<Vec<Ident>> {
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

/// `*`.
impl Walk<'_> {
    fn expand_stars(&self, projection: &mut Vec<SelectItem>, side: &Side) -> Answer<()> {
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

/// Whether a select joins by name, outside of its subqueries.
fn has_join_by_name(item: &TableWithJoins) -> bool {
    let nested = |factor: &TableFactor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => has_join_by_name(table_with_joins),
        _ => false,
    };
    nested(&item.relation) || item.joins.iter().any(|join| is_by_name(join) || nested(&join.relation))
}

fn is_by_name(join: &Join) -> bool {
    let mut operator = join.join_operator.clone();
    matches!(constraint(&mut operator), Some((_, JoinConstraint::Using(_) | JoinConstraint::Natural)))
}

/// Whether anything in the statement joins by name.
fn joins_by_name(statement: &Statement) -> bool {
    struct Any;
    impl Visitor for Any {
        type Break = ();
        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            match select.from.iter().any(has_join_by_name) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    statement.visit(&mut Any).is_break()
}
