//! What SQL a step may be: one query of SELECTs over declared tables. Statements, functions that read files and
//! anything that names data not declared in the pipeline are refused here, before an engine could act on them.

use super::Complaint;
use super::tokens::{DIALECT, Lines, Tok, tokenize};
use super::unplanned::{self, Unplanned};
use sqlparser::ast::{
    BinaryOperator, Expr, ObjectName, Query, SetExpr, SetOperator, SetQuantifier, Spanned, Statement, TableFactor,
    UnaryOperator, Value, ValueWithSpan, Visit, Visitor,
};
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Span, Token};
use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

const ONE_SELECT: &str = "SQL is one SELECT over declared tables";

/// A query that passed; what it reads and the params it names, each with where.
#[derive(Clone, Debug)]
pub struct Select {
    text: String,
    /// The query itself; none of a condition.
    query: Option<Statement>,
    pub tables: Vec<(String, Range<usize>)>,
    pub functions: Vec<(String, Range<usize>)>,
    pub params: Vec<(String, Range<usize>)>,
}

impl Select {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The syntax tree of the query; none of a condition.
    pub fn into_statement(self) -> Option<Statement> {
        self.query
    }
}

/// One SELECT (CTEs, subqueries, joins and set operations included).
pub fn parse(text: &str) -> Result<Select, Vec<Complaint>> {
    let tokens = readable(text)?;
    let text = &without_hints(text, &tokens);
    let mut statements =
        parser(text).and_then(|mut p| p.parse_statements()).map_err(|e| vec![syntax(text, &tokens, &e)])?;
    super::precedence::restore(&mut statements);
    let [Statement::Query(query)] = statements.as_slice() else {
        return Err(vec![one_select(&statements, &tokens)]);
    };
    let mut rules = Rules::new(text);
    let _ = query.visit(&mut rules);
    let params = rules.params(&tokens);
    if !rules.complaints.is_empty() {
        return Err(rules.complaints);
    }
    let tables = std::mem::take(&mut rules.tables);
    let tables = tables.into_iter().filter(|(name, _)| !rules.ctes.contains(name)).collect();
    Ok(Select { text: text.to_owned(), query: statements.pop(), tables, functions: rules.functions, params })
}

/// One condition, as in `expect.check`: an expression without subqueries.
pub fn parse_condition(text: &str) -> Result<Select, Vec<Complaint>> {
    let tokens = readable(text)?;
    let mut p = parser(text).map_err(|e| vec![syntax(text, &tokens, &e)])?;
    let mut expr = p.parse_expr().map_err(|e| vec![syntax(text, &tokens, &e)])?;
    super::precedence::restore(&mut expr);
    if p.peek_token().token != Token::EOF {
        let rest = tokens.len().checked_sub(1).map_or(0..0, |i| tokens[i].span.clone());
        return Err(vec![Complaint::new("bad-sql", "a check is one condition", rest, "this does not belong to it")]);
    }
    let mut rules = Rules { condition: true, ..Rules::new(text) };
    let _ = expr.visit(&mut rules);
    let params = rules.params(&tokens);
    if !rules.complaints.is_empty() {
        return Err(rules.complaints);
    }
    Ok(Select { text: text.to_owned(), query: None, tables: Vec::new(), functions: rules.functions, params })
}

/// The text with blanks in place of `[NOT] MATERIALIZED` after a CTE's AS: whether it is computed once is not its
/// meaning. Everything else stays where it is.
fn without_hints(text: &str, tokens: &[Tok]) -> String {
    let mut out = text.to_owned();
    let mut blank = |span: &Range<usize>| out.replace_range(span.clone(), &" ".repeat(span.len()));
    for (i, token) in tokens.iter().enumerate() {
        let before = |n: usize| i.checked_sub(n).map(|at| &tokens[at]);
        let opens = tokens.get(i + 1).is_some_and(|t| t.token == Token::LParen);
        if !token.is_word("materialized") || !opens {
            continue;
        }
        if before(1).is_some_and(|t| t.is_word("as")) {
            blank(&token.span);
        } else if let (Some(not), Some(word)) = (before(1), before(2))
            && not.is_word("not")
            && word.is_word("as")
        {
            blank(&not.span);
            blank(&token.span);
        }
    }
    out
}

fn parser(text: &str) -> Result<Parser<'_>, ParserError> {
    let options = ParserOptions { trailing_commas: true, ..Default::default() };
    Parser::new(&DIALECT).with_options(options).try_with_sql(text)
}

/// Tokens, unless the text is empty, is no SQL at all or holds `{…}`.
fn readable(text: &str) -> Result<Vec<Tok>, Vec<Complaint>> {
    let tokens = tokenize(text).map_err(|(message, at)| {
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        vec![Complaint::new("bad-sql", "this is not SQL", at..end, message)]
    })?;
    if tokens.is_empty() {
        return Err(vec![Complaint::new("bad-sql", "the SQL is empty", 0..0, "write a SELECT")]);
    }
    let braces = braces(text, &tokens);
    if braces.is_empty() { Ok(tokens) } else { Err(braces) }
}

/// `{date}` inside a literal or bare: templates belong to paths.
fn braces(text: &str, tokens: &[Tok]) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (i, tok) in tokens.iter().enumerate() {
        let (name, span) = match &tok.token {
            Token::SingleQuotedString(s) => (braced(s), tok.span.clone()),
            Token::LBrace => {
                let close = tokens[i..].iter().find(|t| t.token == Token::RBrace);
                let span = tok.span.start..close.map_or(tok.span.end, |c| c.span.end);
                (braced(&text[span.clone()]), span)
            }
            _ => continue,
        };
        let Some(name) = name else { continue };
        let title = format!("`{{{name}}}` works in paths; SQL takes typed parameters");
        found.push(Complaint::new("braces-in-sql", title, span, format!("write ${name}")));
    }
    found
}

/// The name in `{name}` or `{name:…}`, if the text holds one.
fn braced(text: &str) -> Option<String> {
    let inner = text.split_once('{')?.1.split_once('}')?.0;
    let name = inner.split_once(':').map_or(inner, |(n, _)| n);
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    is_name.then(|| name.to_owned())
}

fn one_select(statements: &[Statement], tokens: &[Tok]) -> Complaint {
    let whole = tokens[0].span.start..tokens[tokens.len() - 1].span.end;
    let (span, label) = match statements {
        [] => (whole, "write a SELECT"),
        [Statement::Query(_), ..] => {
            let second = tokens.iter().position(|t| t.token == Token::SemiColon).map_or(0, |i| i + 1);
            let span = tokens.get(second).map_or(whole, |t| t.span.clone());
            (span, "a second statement: make it a step of its own")
        }
        _ => (tokens[0].span.clone(), "a step is one SELECT; it changes nothing"),
    };
    Complaint::new("undeclared-read", ONE_SELECT, span, label)
}

/// sqlparser reports `Expected: …, found: x at Line: 1, Column: 8`.
fn syntax(text: &str, tokens: &[Tok], error: &ParserError) -> Complaint {
    let message = match error {
        ParserError::TokenizerError(m) | ParserError::ParserError(m) => m.clone(),
        ParserError::RecursionLimitExceeded => "nested too deeply".to_owned(),
    };
    let (message, at) = match message.rsplit_once(" at Line: ") {
        Some((m, place)) => (m.to_owned(), location(text, place)),
        None => (message, None),
    };
    let at = at.unwrap_or_else(|| tokens.last().map_or(0, |t| t.span.start));
    let span = tokens.iter().find(|t| t.span.start >= at).map_or(at..at, |t| t.span.clone());
    let label = match super::hints::of(text, tokens, at) {
        Some(instead) => instead.to_owned(),
        // The parser's own names of tokens follow.
        None if message.starts_with("No infix parser") => "this is no operator here: use a function".to_owned(),
        None => {
            let label =
                message.strip_prefix("sql parser error: ").unwrap_or(&message).replace("Expected: ", "expected ");
            label.replace(", found: ", ", found ").replace("found EOF", "found the end")
        }
    };
    Complaint::new("bad-sql", "this SQL does not parse", span, label)
}

fn location(text: &str, place: &str) -> Option<usize> {
    let (line, column) = place.split_once(", Column: ")?;
    let at = sqlparser::tokenizer::Location { line: line.parse().ok()?, column: column.trim().parse().ok()? };
    Some(Lines::new(text).byte(at))
}

struct Rules<'a> {
    text: &'a str,
    lines: Lines<'a>,
    /// The last place that the parser reported: not every part of a query has one of its own.
    near: Span,
    /// Where a row, `(a, b)`, is compared with rows.
    rows: BTreeSet<*const Expr>,
    condition: bool,
    ctes: BTreeSet<String>,
    tables: Vec<(String, Range<usize>)>,
    functions: Vec<(String, Range<usize>)>,
    complaints: Vec<Complaint>,
    too_long: bool,
}

impl<'a> Rules<'a> {
    fn new(text: &'a str) -> Self {
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

    fn params(&mut self, tokens: &[Tok]) -> Vec<(String, Range<usize>)> {
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

/// Planning takes time with the third power of the operators that stand in each other.
const MOST_OPERATIONS: usize = 100;

/// How many operators stand in each other, from the left; AND and OR do not count, they are taken apart.
fn operations(expr: &Expr) -> usize {
    let (mut count, mut at) = (0, expr);
    loop {
        at = match at {
            Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. } => return count,
            Expr::BinaryOp { left, .. } => left,
            Expr::Nested(inner) => {
                at = inner;
                continue;
            }
            _ => return count,
        };
        count += 1;
    }
}

/// Whether an expression binds more tightly than a comparison.
fn is_operand(expr: &Expr) -> bool {
    use BinaryOperator::{
        BitwiseAnd, BitwiseOr, Divide, DuckIntegerDivide, Minus, Modulo, Multiply, MyIntegerDivide, Plus, StringConcat,
    };
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            Plus | Minus
                | Multiply
                | Divide
                | DuckIntegerDivide
                | MyIntegerDivide
                | Modulo
                | StringConcat
                | BitwiseAnd
                | BitwiseOr
        ),
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Nested(_)
        | Expr::Function(_)
        | Expr::Cast { .. }
        | Expr::Case { .. }
        | Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, .. }
        | Expr::Extract { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Overlay { .. }
        | Expr::AtTimeZone { .. }
        | Expr::Interval(_)
        | Expr::Tuple(_)
        | Expr::Exists { .. }
        | Expr::Subquery(_) => true,
        _ => false,
    }
}

fn is_located(span: Span) -> bool {
    span.start.line > 0
}

/// `'a.csv'` in place of a name.
fn is_text(name: &ObjectName) -> bool {
    name.0.iter().filter_map(|part| part.as_ident()).any(|ident| ident.quote_style == Some('\''))
}

/// The rows that stand in a comparison which reads them value by value.
fn compared_rows(expr: &Expr) -> Vec<&Expr> {
    let operands: Vec<&Expr> = match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right }
        | Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right) => vec![left, right],
        Expr::InList { expr, list, negated: _ } => std::iter::once(expr.as_ref()).chain(list).collect(),
        Expr::InSubquery { expr, .. } => vec![expr],
        _ => Vec::new(),
    };
    match operands.iter().all(|operand| matches!(operand, Expr::Tuple(_))) {
        true => operands,
        false => Vec::new(),
    }
}

fn is_file_function(name: &str) -> bool {
    const FILES: &[&str] =
        &["csv", "parquet", "ipc", "json", "ndjson", "json_auto", "csv_auto", "text", "blob", "delta"];
    let name = name.to_ascii_lowercase();
    ["read_", "scan_"].iter().any(|p| name.strip_prefix(p).is_some_and(|rest| FILES.contains(&rest)))
}
