//! From the text of a query to the syntax tree that is planned. What users of other engines write is brought to what the
//! planner reads: names in any case, columns named like reserved words, other names of functions, `AT TIME ZONE`.

use crate::functions::cast::Written;
use crate::ordering::Places;
use crate::refusal::{Kind, Refusal};
use crate::spelling;
use crate::syntax::{call, cast};
use crate::using::constraint;
use arrow::datatypes::SchemaRef;
use spotmill_spec::sql;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, Expr, Fetch, FunctionArguments, Ident, Join, JoinConstraint,
    JoinOperator, LimitClause, ObjectName, Query, Select, SelectItem, SetExpr, SetOperator, Statement, TableAlias,
    TableFactor, UnaryOperator, Value, Visit, VisitMut, Visitor, VisitorMut,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// The one query in `text`.
pub fn parsed(text: &str) -> Result<Statement, Refusal> {
    let select = sql::parse(text).map_err(|complaints| Refusal::complaint(&complaints))?;
    select.into_statement().ok_or_else(|| Refusal::other("the SQL is empty: write a SELECT".to_owned()))
}

/// The query as it is planned.
pub fn planned(
    mut statement: Statement,
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    of_result: &Places,
) -> Result<(Statement, Places), Refusal> {
    let mut names = Names::new(tables);
    let _ = VisitMut::visit(&mut statement, &mut names);
    names.replaced(&statement, text)?;
    let _ = VisitMut::visit(&mut statement, &mut Rewrite { names: &names });
    crate::clauses::settle(&mut statement, text)?;
    let _ = VisitMut::visit(&mut statement, &mut Outputs);
    let _ = VisitMut::visit(&mut statement, &mut crate::rows::Rows::default());
    let open = crate::ordering::explicit(&mut statement, text, of_result)?;
    crate::using::explicit(&mut statement, text, tables)?;
    let _ = VisitMut::visit(&mut statement, &mut Casts);
    Ok((statement, open))
}

/// Every name that the query or its tables give.
struct Names {
    names: BTreeSet<String>,
    columns: BTreeSet<String>,
}

impl Names {
    fn new(tables: &BTreeMap<String, SchemaRef>) -> Self {
        let fields = tables.values().flat_map(|schema| schema.fields().iter().map(|f| f.name().clone()));
        let columns: BTreeSet<String> = fields.collect();
        let names = tables.keys().cloned().chain(columns.iter().cloned()).collect();
        Self { names, columns }
    }

    fn alias(&mut self, alias: &TableAlias) {
        self.names.insert(alias.name.value.clone());
        self.names.extend(alias.columns.iter().map(|c| c.name.value.clone()));
    }

    /// The spelling of the one name that differs only by case.
    fn spelled(&self, ident: &mut Ident) {
        if ident.quote_style.is_some() || self.names.contains(&ident.value) {
            return;
        }
        let mut alike = self.names.iter().filter(|name| name.eq_ignore_ascii_case(&ident.value));
        if let (Some(one), None) = (alike.next(), alike.next()) {
            ident.value.clone_from(one);
        }
    }

    /// The planner drops what REPLACE states for a column that is not there.
    fn replaced(&self, statement: &Statement, text: &str) -> Result<(), Refusal> {
        struct Replaced<'a>(&'a Names);
        impl Visitor for Replaced<'_> {
            type Break = Ident;
            fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Ident> {
                let options = select.projection.iter().filter_map(|item| match item {
                    SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => Some(options),
                    _ => None,
                });
                let elements = options.filter_map(|o| o.opt_replace.as_ref()).flat_map(|replace| &replace.items);
                let exists = |ident: &Ident| self.0.names.iter().any(|name| name.eq_ignore_ascii_case(&ident.value));
                match elements.map(|element| &element.column_name).find(|ident| !exists(ident)) {
                    Some(unknown) => ControlFlow::Break(unknown.clone()),
                    None => ControlFlow::Continue(()),
                }
            }
        }
        let ControlFlow::Break(ident) = statement.visit(&mut Replaced(self)) else { return Ok(()) };
        let available = self.columns.iter().cloned().collect();
        let kind = Kind::UnknownColumn { column: ident.value.clone(), available };
        let message = format!("REPLACE names `{}`, which no table has: leave it out", ident.value);
        let span = sql::Lines::new(text).range(ident.span);
        Err(Refusal { kind, span, subject: Some(ident.value), ..Refusal::other(message) })
    }

    fn column(&self, ident: &Ident) -> bool {
        self.columns.iter().any(|name| name.eq_ignore_ascii_case(&ident.value))
    }
}

impl VisitorMut for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|w| &w.cte_tables) {
            self.alias(&cte.alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.names.insert(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let alias = match factor {
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::NestedJoin { alias, .. } => alias.as_ref(),
            _ => None,
        };
        if let Some(alias) = alias {
            self.alias(alias);
        }
        ControlFlow::Continue(())
    }
}

struct Rewrite<'a> {
    names: &'a Names,
}

impl Rewrite<'_> {
    /// `JOIN … USING (Id)`; `SEMI JOIN` under the planner's name.
    fn join(&mut self, join: &mut Join) {
        if let Some((_, JoinConstraint::Using(names))) = constraint(&mut join.join_operator) {
            for name in names {
                let _ = self.pre_visit_relation(name);
            }
        }
        match &join.join_operator {
            JoinOperator::Semi(c) => join.join_operator = JoinOperator::LeftSemi(c.clone()),
            JoinOperator::Anti(c) => join.join_operator = JoinOperator::LeftAnti(c.clone()),
            _ => {}
        }
    }
}

impl VisitorMut for Rewrite<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        for part in &mut relation.0 {
            if let sqlparser::ast::ObjectNamePart::Identifier(ident) = part {
                self.names.spelled(ident);
            }
        }
        ControlFlow::Continue(())
    }

    /// FETCH is LIMIT, and MINUS is EXCEPT.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(Fetch { quantity, .. }) = query.fetch.take() {
            let one = || Expr::Value(Value::Number("1".to_owned(), false).into());
            let limit = Some(quantity.unwrap_or_else(one));
            let offset = match query.limit_clause.take() {
                Some(LimitClause::LimitOffset { offset, .. }) => offset,
                _ => None,
            };
            query.limit_clause = Some(LimitClause::LimitOffset { limit, offset, limit_by: Vec::new() });
        }
        except(&mut query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        select.from.iter_mut().flat_map(|t| &mut t.joins).for_each(|join| self.join(join));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
            table_with_joins.joins.iter_mut().for_each(|join| self.join(join));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.names.spelled(ident),
            Expr::CompoundIdentifier(parts) => parts.iter_mut().for_each(|part| self.names.spelled(part)),
            Expr::Function(function) => {
                if let (FunctionArguments::None, [part], None) =
                    (&function.args, function.name.0.as_slice(), &function.over)
                    && let Some(ident) = part.as_ident().filter(|i| self.names.column(i))
                {
                    // A column that is named like a function without parentheses: `user`.
                    let mut ident = ident.clone();
                    self.names.spelled(&mut ident);
                    *expr = Expr::Identifier(ident);
                } else if let Some(other) = spelling::function(function) {
                    *expr = other;
                }
            }
            Expr::Value(value) => match &mut value.value {
                Value::Number(number, _) if number.contains(['e', 'E']) => *expr = double(number),
                Value::UnicodeStringLiteral(text) => value.value = Value::SingleQuotedString(std::mem::take(text)),
                _ => {}
            },
            // A regular expression for the whole text, as in DuckDB.
            Expr::SimilarTo { negated, expr: text, pattern, escape_char: None } => {
                let matches = call("regexp_full_match", vec![(**text).clone(), (**pattern).clone()]);
                *expr = match negated {
                    true => Expr::Nested(Box::new(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(matches) })),
                    false => matches,
                };
            }
            Expr::BinaryOp { left, op, right } if like(op).is_some() => {
                let (negated, any_case) = like(op).unwrap_or_default();
                let (expr_of, pattern) = (left.clone(), right.clone());
                *expr = Expr::Nested(Box::new(match any_case {
                    true => Expr::ILike { negated, any: false, expr: expr_of, pattern, escape_char: None },
                    false => Expr::Like { negated, any: false, expr: expr_of, pattern, escape_char: None },
                }));
            }
            Expr::Interval(interval) => {
                if let Some(number) = number(&interval.value) {
                    *interval.value = Expr::Value(Value::SingleQuotedString(number).into());
                }
            }
            Expr::Extract { field: DateTimeField::Custom(ident), .. } => ident.quote_style = None,
            Expr::BinaryOp { left, op: BinaryOperator::PGStartsWith, right } => {
                *expr = call("starts_with", vec![(**left).clone(), (**right).clone()]);
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                let args = vec![(**timestamp).clone(), (**time_zone).clone()];
                *expr = call(crate::functions::time_zone::NAME, args);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Conversions of anything but literals, as calls that have a name.
struct Casts;

impl VisitorMut for Casts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { kind, expr: inner, data_type, array: false, format: None } = expr
            && !matches!(inner.as_ref(), Expr::Value(_))
        {
            let name = match kind {
                CastKind::Cast | CastKind::DoubleColon => Written::CAST,
                CastKind::TryCast | CastKind::SafeCast => Written::TRY_CAST,
            };
            // Nobody writes it: a type that stands as a column somewhere would be taken for that column.
            let ty = cast(Expr::Value(Value::SingleQuotedString("#type".to_owned()).into()), data_type.clone());
            *expr = call(name, vec![inner.as_ref().clone(), ty]);
        }
        ControlFlow::Continue(())
    }
}

fn except(body: &mut SetExpr) {
    if let SetExpr::SetOperation { op, left, right, .. } = body {
        if *op == SetOperator::Minus {
            *op = SetOperator::Except;
        }
        except(left);
        except(right);
    }
}

/// Whether `~~` and its like do not match, and whether in any case.
fn like(op: &BinaryOperator) -> Option<(bool, bool)> {
    Some(match op {
        BinaryOperator::PGLikeMatch => (false, false),
        BinaryOperator::PGNotLikeMatch => (true, false),
        BinaryOperator::PGILikeMatch => (false, true),
        BinaryOperator::PGNotILikeMatch => (true, true),
        _ => return None,
    })
}

/// The digits of a number, in parentheses or not.
fn number(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => number(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// A number with an exponent is a float64.
fn double(number: &str) -> Expr {
    let text = Value::SingleQuotedString(number.to_owned()).into();
    cast(Expr::Value(text), DataType::Double(sqlparser::ast::ExactNumberInfo::None))
}

/// A column that no query names is called by its text: whoever reads the result of a subquery, and its ORDER BY, find it.
struct Outputs;

impl VisitorMut for Outputs {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        name_outputs(&mut query.body);
        ControlFlow::Continue(())
    }
}

fn name_outputs(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            for item in &mut select.projection {
                let SelectItem::UnnamedExpr(expr) = item else { continue };
                if !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                    let alias = Ident::with_quote('"', expr.to_string());
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
        }
        SetExpr::SetOperation { left, .. } => name_outputs(left),
        SetExpr::Query(query) => name_outputs(&mut query.body),
        _ => {}
    }
}
