//! FROM: what each item of it has, and the condition and the columns of a join by name.

use super::by_name::{Keep, constraint, has_join_by_name};
use super::outputs::renamed;
use super::side::{Columns, Found, Side, is_named};
use super::walk::{Answer, Stop, Walk};
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, Spanned, TableAlias, TableFactor, TableWithJoins,
};
use sqlparser::tokenizer::Span;

impl Walk<'_> {
    /// One item of FROM beside those before it.
    pub(super) fn from(&mut self, item: &mut TableWithJoins, before: Side) -> Answer<Side> {
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
    pub(super) fn factor(&mut self, factor: &mut TableFactor, around: &Side) -> Answer<Side> {
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

    pub(super) fn table(&self, name: &str) -> Answer<Columns> {
        if let Some((_, columns)) = self.ctes.iter().rev().find(|(cte, _)| cte == name) {
            return Ok(columns.clone());
        }
        let Some(schema) = self.tables.get(name) else { return Err(Stop::Undeclared) };
        Ok(Some(schema.fields().iter().map(|field| Some(field.name().clone())).collect()))
    }

    /// A subquery without a name gets one where its columns must be qualified.
    pub(super) fn name(&mut self, alias: &mut Option<TableAlias>) {
        if let (None, Some(count)) = (&alias, &mut self.unnamed) {
            *count += 1;
            let number = if *count == 1 { String::new() } else { count.to_string() };
            let name = Ident::new(format!("unnamed_subquery{number}"));
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
    }

    pub(super) fn join(&mut self, left: Side, right: Side, join: &mut Join) -> Answer<Side> {
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
    pub(super) fn common(&self, left: &Side, right: &Side, place: Span) -> Answer<Vec<Ident>> {
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
    pub(super) fn merge(&self, left: &mut Side, right: &mut Side, key: &Ident, keep: Keep) -> Answer<Expr> {
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

    pub(super) fn key(&self, side: &Side, key: &Ident) -> Answer<usize> {
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
