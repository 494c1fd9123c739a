//! The rules a query is held to, part by part: what it reads is declared, it changes nothing, and nothing stands in it that
//! the planner would pass over.

use super::Complaint;
use super::shapes::{compared_rows, is_file_function, is_located, is_operand, is_text, operations};
use super::tokens::{Lines, Tok};
use super::unplanned::{self, Unplanned};
use sqlparser::ast::{
    Expr, ObjectName, Query, SetExpr, SetOperator, SetQuantifier, Spanned, TableFactor, Value, ValueWithSpan, Visitor,
};
use sqlparser::tokenizer::Span;
use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

pub(super) const ONE_SELECT: &str = "SQL is one SELECT over declared tables";

/// Planning takes time with the third power of the operators that stand in each other.
const MOST_OPERATIONS: usize = 100;

/// What a visit has found.
pub(super) struct Rules<'a> {
    text: &'a str,
    lines: Lines<'a>,
    /// The last place that the parser reported: not every part of a query has one of its own.
    near: Span,
    /// Where a row, `(a, b)`, is compared with rows.
    rows: BTreeSet<*const Expr>,
    condition: bool,
    pub(super) ctes: BTreeSet<String>,
    pub(super) tables: Vec<(String, Range<usize>)>,
    pub(super) functions: Vec<(String, Range<usize>)>,
    pub(super) complaints: Vec<Complaint>,
    too_long: bool,
}

impl<'a> Rules<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            lines: Lines::new(text),
            near: Span::empty(),
            rows: BTreeSet::new(),
            condition: false,
            ctes: BTreeSet::new(),
            tables: Vec::new(),
            functions: Vec::new(),
            complaints: Vec::new(),
            too_long: false,
        }
    }

    pub(super) fn of_condition(text: &'a str) -> Self {
        Self { condition: true, ..Self::new(text) }
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        self.lines.range(span).or_else(|| self.lines.range(self.near)).unwrap_or(0..0)
    }

    fn refuse(&mut self, span: Span, title: &str, label: impl Into<String>) {
        self.refuse_as("undeclared-read", span, title, label);
    }

    fn refuse_as(&mut self, name: &'static str, span: Span, title: &str, label: impl Into<String>) {
        let span = self.bytes(span);
        self.complaints.push(Complaint::new(name, title, span, label));
    }

    fn unplanned(&mut self, clauses: Vec<Unplanned>) {
        for Unplanned { span, clause, instead } in clauses {
            self.refuse_as("bad-sql", span, &format!("{clause} is not supported"), instead);
        }
    }

    pub(super) fn params(&mut self, tokens: &[Tok]) -> Vec<(String, Range<usize>)> {
        let named = tokens.iter().filter_map(|t| Some((t.placeholder()?.to_owned(), t.span.clone())));
        named.filter(|(name, _)| !name.is_empty()).collect()
    }

    /// A name of several parts would be read by its first.
    fn single_name(&mut self, name: &ObjectName) -> Option<(String, Range<usize>)> {
        let [part] = name.0.as_slice() else {
            let label = "names have one part; there are no schemas";
            self.refuse(name.span(), ONE_SELECT, label);
            return None;
        };
        let ident = part.as_ident()?;
        Some((ident.value.clone(), self.bytes(ident.span)))
    }

    fn table(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { name, args: None, .. } if is_text(name) => {
                let label = "a text is no table: add [step.tables.…] with that path, or --table NAME=FILE";
                let span = super::expression(self.text, &name.to_string()).unwrap_or_else(|| self.bytes(name.span()));
                self.complaints.push(Complaint::new("undeclared-read", ONE_SELECT, span, label));
            }
            TableFactor::Table { name, args: None, .. } => {
                if let Some(table) = self.single_name(name) {
                    self.tables.push(table);
                }
            }
            TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => self.file_function(name),
            TableFactor::TableFunction { expr, .. } => {
                self.refuse(expr.span(), ONE_SELECT, "this reads something else: a table comes from [step.tables.…]");
            }
            // A part of the query, or refused as what nobody plans.
            _ => {}
        }
    }

    fn file_function(&mut self, name: &ObjectName) {
        let text = name.to_string().to_ascii_lowercase();
        let reads = text.starts_with("read_") || text.starts_with("scan_");
        let label = if reads { "add [step.tables.…] with that path" } else { "a table comes from [step.tables.…]" };
        self.refuse(name.span(), ONE_SELECT, label);
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::SetOperation { op, set_quantifier, left, right } => {
                if matches!(op, SetOperator::Except | SetOperator::Intersect | SetOperator::Minus)
                    && !matches!(set_quantifier, SetQuantifier::None | SetQuantifier::Distinct | SetQuantifier::All)
                {
                    let title = format!("{op} {set_quantifier} is not supported");
                    let label = "list the columns in one order on both sides";
                    self.refuse_as("bad-sql", body.span(), &title, label);
                }
                self.body(left);
                self.body(right);
            }
            SetExpr::Select(select) => {
                if let Some(into) = &select.into {
                    let title = ONE_SELECT;
                    self.refuse(into.name.span(), title, "the step's output is where rows go");
                }
            }
            SetExpr::Query(_) | SetExpr::Values(_) => {}
            other => self.refuse(other.span(), ONE_SELECT, "a step changes nothing"),
        }
    }
}

impl Visitor for Rules<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.condition {
            self.refuse(query.span(), "a check is a condition on one row", "no subqueries here");
        }
        for cte in query.with.iter().flat_map(|w| &w.cte_tables) {
            self.ctes.insert(cte.alias.name.value.clone());
        }
        self.unplanned(unplanned::of_query(query));
        self.body(&query.body);
        if !query.pipe_operators.is_empty() {
            self.refuse(query.span(), ONE_SELECT, "`|>` is not supported");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if is_located(factor.span()) {
            self.near = factor.span();
        }
        self.table(factor);
        self.unplanned(unplanned::of_factor(factor));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &sqlparser::ast::Select) -> ControlFlow<()> {
        self.unplanned(unplanned::of_select(select));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if is_located(expr.span()) {
            self.near = expr.span();
        }
        self.rows.extend(compared_rows(expr).into_iter().map(std::ptr::from_ref));
        self.unplanned(unplanned::of_expr(expr, self.rows.contains(&std::ptr::from_ref(expr))).into_iter().collect());
        // The parser takes everything to the right for the operand.
        if let Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) = expr
            && !is_operand(right)
        {
            let label = "put it into parentheses: (a IS DISTINCT FROM b)";
            self.refuse_as("bad-sql", expr.span(), "where IS DISTINCT FROM ends is not clear", label);
        }
        if !self.too_long && operations(expr) > MOST_OPERATIONS {
            self.too_long = true;
            let label = format!("more than {MOST_OPERATIONS} operators in a row: give parts of it names in a subquery");
            self.refuse_as("bad-sql", expr.span(), "this expression is too long", &label);
        }
        if let Expr::Function(function) = expr
            && let Some((name, span)) = self.single_name(&function.name)
        {
            if is_file_function(&name) {
                self.file_function(&function.name);
            }
            self.functions.push((name, span));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Value::Placeholder(p) = &value.value
            && (!p.starts_with('$') || p.len() == 1)
        {
            let span = self.bytes(value.span);
            let name = p.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
            let label = if name.is_empty() { "write $name".to_owned() } else { format!("write ${name}") };
            self.complaints.push(Complaint::new("bad-sql", "a param in SQL is written $name", span, label));
        }
        ControlFlow::Continue(())
    }
}
