//! Whether the cells of a test are values of their columns, by the row check's own rule. The columns are those of the step's
//! real input and output, as its check on zero rows found them.

use crate::cell::{Cell, Row};
use crate::read::{Case, Given, Input};
use spotmill_core::model::FieldRules;
use spotmill_core::nearest::nearest;
use spotmill_core::types::{Column, ColumnType};
use spotmill_spec::{Place, Problem, Sources, arrange};
use spotmill_text::field::Check;
use std::collections::BTreeMap;
use std::ops::Range;

#[derive(Clone, Debug, Default)]
pub struct Columns {
    pub input: Vec<Column>,
    pub tables: BTreeMap<String, Vec<Column>>,
    pub output: Vec<Column>,
}

/// What is wrong with the cells of a case.
pub fn fits(case: &Case, columns: &Columns, sources: &Sources) -> Vec<Problem> {
    let mut checking = Checking { file: &sources.path, problems: Vec::new() };
    if let Input::Rows(Given::Rows(rows)) = &case.input {
        checking.rows(rows, &columns.input, &format!("the input of `{}`", case.step));
    }
    for (name, given) in &case.tables {
        if let (Given::Rows(rows), Some(columns)) = (given, columns.tables.get(name)) {
            checking.rows(rows, columns, &format!("the side table `{name}`"));
        }
    }
    if let Some(wanted) = &case.expect.rows {
        let owner = format!("what `{}` makes", case.step);
        checking.rows(&wanted.rows, &columns.output, &owner);
        let named = wanted.columns.iter().flatten();
        for (name, place) in named {
            let _ = checking.column(name, place, &columns.output, &owner);
        }
    }
    arrange(checking.problems, sources)
}

struct Checking<'a> {
    file: &'a str,
    problems: Vec<Problem>,
}

impl Checking<'_> {
    fn error(&mut self, name: &'static str, title: String, span: &Range<usize>, label: String) {
        let place = Place { file: self.file.to_owned(), span: span.clone() };
        self.problems.push(Problem::error(name, title).at(place, label));
    }

    fn rows(&mut self, rows: &[Row], columns: &[Column], owner: &str) {
        for cell in rows.iter().flat_map(|row| &row.cells) {
            let Some(ty) = self.column(&cell.column, &cell.key, columns, owner) else { continue };
            if let Some(expected) = misfit(cell, ty) {
                let title = format!("`{}` is {ty}", cell.column);
                self.error("type-mismatch", title, &cell.value, format!("expected {expected}"));
            }
        }
    }

    fn column(&mut self, name: &str, place: &Range<usize>, columns: &[Column], owner: &str) -> Option<ColumnType> {
        if let Some(column) = columns.iter().find(|c| c.name == name) {
            return Some(column.ty);
        }
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let label = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("columns: {}", names.join(", ")),
        };
        self.error("unknown-column", format!("{owner} has no column `{name}`"), place, label);
        None
    }
}

/// What was expected of a cell that is no value of the type.
fn misfit(cell: &Cell, ty: ColumnType) -> Option<String> {
    let text = cell.text.as_deref()?;
    if ty == ColumnType::String {
        return (!cell.quoted).then(|| format!("a text: \"{text}\""));
    }
    let column = Column { name: cell.column.clone(), ty, parse: None };
    match Check::new(&column, &FieldRules::default()) {
        Ok(check) if check.accepts(text.as_bytes()) => None,
        Ok(check) => Some(check.expected()),
        Err(why) => Some(why),
    }
}
