//! From the text of a query to the syntax tree that is planned. What users of other engines write is brought to what the
//! planner reads: names in any case, columns named like reserved words, other names of functions, `AT TIME ZONE`.

use crate::functions::cast::Written;
use crate::ordering::Places;
use crate::refusal::Refusal;
use crate::spelling;
use crate::syntax::{call, cast};
use arrow::datatypes::SchemaRef;
use spotmill_core::sql;
use sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArguments, Ident, ObjectName, Query, Select, SelectItem, SetExpr, Statement,
    TableAlias, TableFactor, Value, VisitMut, VisitorMut,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// The one query in `text`.
pub fn statement(
    text: &str,
    tables: &BTreeMap<String, SchemaRef>,
    of_result: &Places,
) -> Result<(Statement, Places), Refusal> {
    let select = sql::parse(text).map_err(|complaints| Refusal::complaint(&complaints))?;
    let Some(mut statement) = select.into_statement() else {
        return Err(Refusal::other("the SQL is empty".to_owned()));
    };
    let mut names = Names::new(tables);
    let _ = statement.visit(&mut names);
    let _ = statement.visit(&mut Rewrite { names: &names });
    crate::clauses::settle(&mut statement, text)?;
    if let Statement::Query(query) = &mut statement {
        name_outputs(&mut query.body);
    }
    let _ = statement.visit(&mut crate::rows::Rows::default());
    let open = crate::ordering::explicit(&mut statement, text, of_result)?;
    crate::using::explicit(&mut statement, text, tables)?;
    let _ = statement.visit(&mut Casts);
    Ok((statement, open))
}

/// Every name that the query or its tables give.
struct Names {
    known: BTreeSet<String>,
    columns: BTreeSet<String>,
}

impl Names {
    fn new(tables: &BTreeMap<String, SchemaRef>) -> Self {
        let fields = tables.values().flat_map(|schema| schema.fields().iter().map(|f| f.name().clone()));
        let columns: BTreeSet<String> = fields.collect();
        let known = tables.keys().cloned().chain(columns.iter().cloned()).collect();
        Self { known, columns }
    }

    fn alias(&mut self, alias: &TableAlias) {
        self.known.insert(alias.name.value.clone());
        self.known.extend(alias.columns.iter().map(|c| c.name.value.clone()));
    }

    /// The spelling of the one name that differs by case alone.
    fn spelled(&self, ident: &mut Ident) {
        if ident.quote_style.is_some() || self.known.contains(&ident.value) {
            return;
        }
        let mut alike = self.known.iter().filter(|name| name.eq_ignore_ascii_case(&ident.value));
        if let (Some(one), None) = (alike.next(), alike.next()) {
            ident.value.clone_from(one);
        }
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
                self.known.insert(alias.value.clone());
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

    /// `JOIN … USING (Id)`.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for join in select.from.iter_mut().flat_map(|t| &mut t.joins) {
            if let Some(names) = using(&mut join.join_operator) {
                for name in names {
                    let _ = self.pre_visit_relation(name);
                }
            }
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
            Expr::Value(value) => {
                if let Value::Number(number, _) = &value.value
                    && number.contains(['e', 'E'])
                {
                    *expr = double(number);
                }
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
            let null = cast(Expr::Value(Value::Null.into()), data_type.clone());
            *expr = call(name, vec![inner.as_ref().clone(), null]);
        }
        ControlFlow::Continue(())
    }
}

fn using(operator: &mut sqlparser::ast::JoinOperator) -> Option<&mut Vec<ObjectName>> {
    use sqlparser::ast::{JoinConstraint, JoinOperator};
    let constraint = match operator {
        JoinOperator::Join(c)
        | JoinOperator::Inner(c)
        | JoinOperator::Left(c)
        | JoinOperator::LeftOuter(c)
        | JoinOperator::Right(c)
        | JoinOperator::RightOuter(c)
        | JoinOperator::FullOuter(c)
        | JoinOperator::Semi(c)
        | JoinOperator::LeftSemi(c)
        | JoinOperator::Anti(c)
        | JoinOperator::LeftAnti(c) => c,
        _ => return None,
    };
    match constraint {
        JoinConstraint::Using(names) => Some(names),
        _ => None,
    }
}

/// A number with an exponent is a float64.
fn double(number: &str) -> Expr {
    let text = Value::SingleQuotedString(number.to_owned()).into();
    cast(Expr::Value(text), DataType::Double(sqlparser::ast::ExactNumberInfo::None))
}

/// A column that the query does not name is called by its text.
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
