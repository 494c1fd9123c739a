//! What the engine reports of types and names, put where the user can see it. The engine gives no positions: the name
//! or expression of its report is searched for in the SQL.

use super::locate::Parsed;
use super::problem::{Place, Problem, arrange};
use crate::sql;
use spotmill_core::item::{CheckProblem, CheckReply, CheckedStep, FunctionInfo, Spot};
use spotmill_core::model::{Source, Step, Transform};
use spotmill_core::types::{Column, ColumnType};
use std::ops::Range;

/// Columns named before a label states only how many there are.
const SHOWN_COLUMNS: usize = 8;

/// Problems of a reply to `check`, whose steps are those of `parsed.pipeline.steps`, in order.
pub fn check_problems(parsed: &Parsed, reply: &CheckReply) -> Vec<Problem> {
    let mut out = Vec::new();
    for (step, checked) in parsed.pipeline.steps.iter().zip(&reply.steps) {
        if let CheckedStep::Failed(problem) = checked {
            out.push(Found { parsed, reply, step, at: None }.problem(problem));
        }
    }
    if out.is_empty() {
        out.extend(super::typed::problems(parsed, reply));
        out.extend(super::catalogs::typed(parsed, reply));
    }
    arrange(out, &parsed.sources)
}

/// Functions that neither the engine nor this worker has.
pub fn check_functions(parsed: &Parsed, registered: &[FunctionInfo]) -> Vec<Problem> {
    let names: Vec<String> = registered.iter().map(|f| f.name.clone()).collect();
    let exists = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let mut out = Vec::new();
    for step in &parsed.pipeline.steps {
        for (n, check) in step.expect.check.iter().enumerate() {
            for (name, _) in conditions(check).into_iter().filter(|(name, _)| !exists(name)) {
                let place = parsed.locate(&step.name, &format!("expect.check.{n}"));
                out.extend(place.map(|p| unknown_function(check, &name, p, &names)));
            }
        }
        let Transform::Sql { text, .. } = &step.transform else { continue };
        let Ok(select) = sql::parse(text) else { continue };
        for (name, span) in select.functions.into_iter().filter(|(name, _)| !exists(name)) {
            let place = parsed.sql_place(&step.name, span);
            out.extend(place.map(|p| unknown_function(text, &name, p, &names)));
        }
    }
    arrange(out, &parsed.sources)
}

fn conditions(check: &str) -> Vec<(String, Range<usize>)> {
    sql::parse_condition(check).map(|c| c.functions).unwrap_or_default()
}

fn unknown_function(text: &str, name: &str, place: Place, candidates: &[String]) -> Problem {
    let label =
        format!("{}; all: `spotmill functions`", sql::hint(name, sql::first_column(text, name).as_deref(), candidates));
    Problem::error("unknown-function", format!("there is no function `{name}`")).at(place, label)
}

struct Found<'a> {
    parsed: &'a Parsed,
    reply: &'a CheckReply,
    step: &'a Step,
    /// Where the planner points in the step's SQL.
    at: Option<usize>,
}

impl Found<'_> {
    fn problem(&self, problem: &CheckProblem) -> Problem {
        let step = &self.step.name;
        match problem {
            CheckProblem::UnknownColumn { column, available } => self.unknown_column(column, available),
            CheckProblem::UnknownFunction { function, similar } => self.unknown_function(function, similar.as_deref()),
            CheckProblem::TypeMismatch { subject, message } => self.spoken_of("type-mismatch", subject, message),
            CheckProblem::DuplicateColumn { column } => self.duplicate(column),
            CheckProblem::UnknownTransform { name, available } => {
                let label = match spotmill_core::nearest::nearest(name, available.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if available.is_empty() => "this worker has none".to_owned(),
                    None => format!("this worker has {}", available.join(", ")),
                };
                let place = self.parsed.locate(step, "transform");
                self.placed("unknown-transform", format!("there is no transform `{name}`"), place, label)
            }
            CheckProblem::MissingOutputColumn { key, column, available } => self.missing_output(key, column, available),
            CheckProblem::BadSample { uri, message } => {
                let title = format!("cannot read the columns of `{uri}`");
                self.placed("bad-sample", title, self.parsed.locate(step, "input.path"), message.clone())
            }
            CheckProblem::Other { subject, message } => self.spoken_of("bad-sql", subject, message),
            CheckProblem::Placed { at: Spot { sql, line, column }, problem } => {
                let token = self.sql().and_then(|text| crate::query::place(text, sql, *line, *column));
                Found { at: token.map(|token| token.start), ..*self }.problem(problem)
            }
        }
    }

    /// The engine's first line is what happened; plans and traces follow it.
    fn spoken_of(&self, name: &'static str, subject: &Option<String>, message: &str) -> Problem {
        let title = message.lines().find(|l| !l.trim().is_empty()).unwrap_or(message).trim().to_owned();
        let Some(subject) = subject else { return self.placed(name, title, None, String::new()) };
        let found = |text: &str| {
            let at = self.at?;
            sql::expression_at(text, subject, at).or_else(|| sql::word_at(text, at))
        };
        let span = self.sql().and_then(|text| found(text).or_else(|| sql::expression(text, subject)));
        let label = span.clone().map(|s| self.types_in(s)).unwrap_or_default();
        let in_sql = span.and_then(|s| self.parsed.sql_place(&self.step.name, s));
        self.placed(name, title, in_sql.or_else(|| self.in_checks(|check| sql::expression(check, subject))), label)
    }

    /// The place of what `found` returns, in the first of the step's checks that has it.
    fn in_checks(&self, found: impl Fn(&str) -> Option<Range<usize>>) -> Option<Place> {
        let mut checks = self.step.expect.check.iter().enumerate();
        let (n, span) = checks.find_map(|(n, check)| Some((n, found(check)?)))?;
        self.parsed.locate_inside(&self.step.name, &format!("expect.check.{n}"), span)
    }

    /// Falls back to the step's transform, so that a problem always has a place.
    fn placed(&self, name: &'static str, title: String, place: Option<Place>, label: String) -> Problem {
        let step = &self.step.name;
        let whole = || self.parsed.locate(step, if self.sql().is_some() { "sql" } else { "transform" });
        match place.or_else(whole) {
            Some(place) => Problem::error(name, title).at(place, label),
            None => Problem::error(name, title).help(label),
        }
    }

    fn sql(&self) -> Option<&str> {
        match &self.step.transform {
            Transform::Sql { text, .. } => Some(text),
            Transform::Function { .. } => None,
        }
    }

    fn unknown_column(&self, column: &str, available: &[String]) -> Problem {
        let step = &self.step.name;
        if available.iter().any(|a| a == column) {
            return self.lost_column(column);
        }
        let (maker, verb) = match &self.step.input.source {
            Source::Step { step, .. } if self.step.tables.is_empty() => {
                (format!("`{step}` does not make"), format!("{step} makes"))
            }
            _ if self.step.tables.is_empty() => ("its input does not have".to_owned(), "input has".to_owned()),
            _ => ("none of its tables has".to_owned(), "they have".to_owned()),
        };
        let named = self.sql().map(|text| sql::identifiers(text, column)).unwrap_or_default();
        let span = named.iter().find(|span| self.at.is_some_and(|at| span.contains(&at))).or(named.first());
        let place = span.and_then(|s| self.parsed.sql_place(step, s.clone()));
        let label = match spotmill_core::nearest::nearest(column, available.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? {verb}: {}", shortened(available)),
            None => format!("{verb}: {}", shortened(available)),
        };
        self.placed("unknown-column", format!("`{step}` reads `{column}`, which {maker}"), place, label)
    }

    /// The column is in the tables, but not where it is used: after GROUP BY, mostly in ORDER BY.
    fn lost_column(&self, column: &str) -> Problem {
        let span = self.sql().and_then(|text| sql::identifiers(text, column).pop());
        let place = span.and_then(|s| self.parsed.sql_place(&self.step.name, s));
        let title = format!("`{column}` is not known here, after GROUP BY");
        self.placed("unknown-column", title, place, "name the aggregate with AS, and use that name".to_owned())
    }

    fn unknown_function(&self, function: &str, similar: Option<&str>) -> Problem {
        let text = self.sql().unwrap_or_default();
        let candidates: Vec<String> = similar.map(str::to_owned).into_iter().collect();
        let same = |(name, _): &(String, Range<usize>)| name.eq_ignore_ascii_case(function);
        let span = sql::functions(text).into_iter().find(same).map(|(_, s)| s);
        match span.and_then(|s| self.parsed.sql_place(&self.step.name, s)) {
            Some(place) => unknown_function(text, function, place, &candidates),
            None => self.placed("unknown-function", format!("there is no function `{function}`"), None, String::new()),
        }
    }

    fn duplicate(&self, column: &str) -> Problem {
        let text = self.sql().unwrap_or_default();
        let star = sql::star(text);
        let twice = sql::identifiers(text, column).into_iter().last();
        let (title, label) = if star.is_some() {
            let table = self.step.tables.keys().next().map_or("t", String::as_str);
            let second = format!("{column}:{}", sql::alias_of(text, table).unwrap_or_else(|| table.to_owned()));
            (
                format!("`*` yields `{column}` twice"),
                format!("list the columns; Polars would name the second `{second}`"),
            )
        } else {
            (format!("the step makes `{column}` twice"), "give one of them another name with AS".to_owned())
        };
        let place = star.or(twice).and_then(|s| self.parsed.sql_place(&self.step.name, s));
        self.placed("duplicate-column", title, place, label)
    }

    fn missing_output(&self, key: &str, column: &str, available: &[String]) -> Problem {
        let step = &self.step.name;
        let key = ["output.", "expect.", "input."].iter().find(|p| key.starts_with(**p)).map_or_else(
            || {
                if key.starts_with("sort") || key.ends_with("_by") {
                    format!("output.{key}")
                } else {
                    format!("expect.{key}")
                }
            },
            |_| key.to_owned(),
        );
        let label = match spotmill_core::nearest::nearest(column, available.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("{step} makes: {}", shortened(available)),
        };
        let short = key.rsplit('.').next().unwrap_or(&key);
        let title = format!("`{short}` names `{column}`, which `{step}` does not make");
        let checked = || self.in_checks(|check| sql::identifiers(check, column).into_iter().next());
        let place = if short == "check" { checked() } else { None };
        self.placed("unknown-column", title, place.or_else(|| self.parsed.locate_element(step, &key, column)), label)
    }

    /// `carrier: string (pipeline.toml:38); $late_after: int16` for what stands in the range.
    fn types_in(&self, span: Range<usize>) -> String {
        let Some(part) = self.sql().and_then(|t| t.get(span)) else { return String::new() };
        let mut types: Vec<String> = Vec::new();
        for name in sql::names_in(part) {
            let text = match name.strip_prefix('$') {
                Some(param) => {
                    self.parsed.pipeline.params.get(param).map(|p| format!("{name}: {}", p.ty.column_type()))
                }
                None => self.column_type(&name),
            };
            types.extend(text.filter(|t| !types.contains(t)));
        }
        types.join("; ")
    }

    fn column_type(&self, name: &str) -> Option<String> {
        if let Some(column) = self.step.input.read.columns.iter().find(|c| c.name == name) {
            let place = self.parsed.locate(&self.step.name, &format!("input.columns.{name}"))?;
            return Some(format!("{name}: {} ({}:{})", column.ty, place.file, self.parsed.line(&place)));
        }
        let (maker, ty) = self.upstream_type(name)?;
        Some(format!("{name}: {ty} (made by {maker})"))
    }

    fn upstream_type(&self, name: &str) -> Option<(String, ColumnType)> {
        self.step.upstream().find_map(|upstream| {
            let at = self.parsed.pipeline.steps.iter().position(|s| s.name == upstream)?;
            let CheckedStep::Ok { output, .. } = self.reply.steps.get(at)? else { return None };
            output.iter().find(|c: &&Column| c.name == name).map(|c| (upstream.to_owned(), c.ty))
        })
    }
}

fn shortened(columns: &[String]) -> String {
    if columns.len() <= SHOWN_COLUMNS {
        return columns.join(", ");
    }
    let half = SHOWN_COLUMNS / 2;
    let (head, tail) = (columns[..half].join(", "), columns[columns.len() - half..].join(", "));
    format!("{head}, …, {tail}")
}
