//! What differs between the rows that were expected and those that were made, cell by cell. Rows that belong together by
//! most of their cells are shown as one row that changed.

use crate::matching::{in_any_order, in_listed_order, one_after_the_other};
use crate::read::WantedRows;
use crate::same::same;
use schemars::JsonSchema;
use serde::Serialize;
use spotmill_core::types::Column;

/// Lines of a difference that are kept; the counts say how many there are.
const SHOWN_LINES: usize = 50;

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// The columns that are compared.
    pub columns: Vec<Column>,
    /// The rows that differ; of many, the first.
    pub lines: Vec<DiffLine>,
    /// How many differ.
    pub differ: usize,
    /// Rows that were expected, and rows that were made.
    pub expected: usize,
    pub made: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DiffLine {
    pub mark: Mark,
    pub cells: Vec<DiffCell>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Changed,
    // Expected, and not made.
    Missing,
    // Made, and not expected.
    Unexpected,
}

/// A cell of a row that differs; null is NULL.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum DiffCell {
    Same { value: Option<String> },
    Changed { expected: Option<String>, made: Option<String> },
    // The expected row does not say.
    Open,
}

/// The compared columns of an expected row, in their order: none where the row leaves one open.
type Wanted<'a> = Vec<Option<Option<&'a str>>>;

/// None where all is as expected.
pub fn diff(wanted: &WantedRows, columns: &[Column], made: &[Vec<Option<String>>]) -> Option<Diff> {
    let compared = wanted.compared(columns);
    let expected: Vec<Wanted<'_>> = wanted.rows.iter().map(|row| wanted.cells(row, columns, &compared)).collect();
    let rows: Vec<Vec<Option<&str>>> =
        made.iter().map(|row| compared.iter().map(|i| row.get(*i)?.as_deref()).collect()).collect();
    let compare = Compare { columns: compared.iter().map(|i| &columns[*i]).collect(), tolerance: wanted.tolerance };
    let fits = |e: usize, m: usize| compare.fits(&expected[e], &rows[m]);
    let pairs = match (wanted.listed, wanted.subset) {
        (false, _) => in_any_order(expected.len(), rows.len(), fits),
        (true, false) => in_listed_order(expected.len(), rows.len(), fits),
        (true, true) => one_after_the_other(expected.len(), rows.len(), fits),
    };
    let missing: Vec<usize> = (0..expected.len()).filter(|e| pairs[*e].is_none()).collect();
    let mut left: Vec<usize> = (0..rows.len()).filter(|m| !pairs.contains(&Some(*m))).collect();
    if missing.is_empty() && (left.is_empty() || wanted.subset) {
        return None;
    }
    let mut lines = Vec::new();
    for e in missing {
        let near = match wanted.listed && !wanted.subset {
            true => left.iter().position(|m| *m == e),
            false => compare.nearest(&expected[e], &rows, &left),
        };
        lines.push(match near.map(|at| left.remove(at)) {
            Some(m) => compare.changed(&expected[e], &rows[m]),
            None => compare.missing(&expected[e]),
        });
    }
    if !wanted.subset {
        lines.extend(left.iter().map(|m| compare.unexpected(&rows[*m])));
    }
    let differ = lines.len();
    lines.truncate(SHOWN_LINES);
    let columns = compare.columns.into_iter().cloned().collect();
    Some(Diff { columns, lines, differ, expected: expected.len(), made: rows.len() })
}

struct Compare<'a> {
    columns: Vec<&'a Column>,
    tolerance: f64,
}

impl Compare<'_> {
    fn cell(&self, at: usize, wanted: Option<Option<&str>>, made: Option<&str>) -> bool {
        match (wanted, made) {
            (None, _) | (Some(None), None) => true,
            (Some(Some(a)), Some(b)) => same(self.columns[at].ty, a, b, self.tolerance),
            (Some(Some(_)), None) | (Some(None), Some(_)) => false,
        }
    }

    fn fits(&self, wanted: &Wanted<'_>, made: &[Option<&str>]) -> bool {
        wanted.iter().zip(made).enumerate().all(|(at, (wanted, made))| self.cell(at, *wanted, *made))
    }

    /// The place in `left` of the row that shares most of its cells and not all; none where no row shares one.
    fn nearest(&self, wanted: &Wanted<'_>, rows: &[Vec<Option<&str>>], left: &[usize]) -> Option<usize> {
        let shared = |m: usize| {
            let cells = wanted.iter().zip(&rows[m]).enumerate();
            cells.filter(|(at, (wanted, made))| wanted.is_some() && self.cell(*at, **wanted, **made)).count()
        };
        let best = left.iter().enumerate().map(|(at, m)| (shared(*m), at)).filter(|(shared, _)| *shared > 0);
        let best = best.filter(|(_, at)| !self.fits(wanted, &rows[left[*at]]));
        best.max_by_key(|(shared, at)| (*shared, usize::MAX - at)).map(|(_, at)| at)
    }

    fn changed(&self, wanted: &Wanted<'_>, made: &[Option<&str>]) -> DiffLine {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let cells = wanted.iter().zip(made).enumerate().map(|(at, (wanted, made))| match wanted {
            Some(expected) if !self.cell(at, *wanted, *made) => {
                DiffCell::Changed { expected: owned(*expected), made: owned(*made) }
            }
            _ => DiffCell::Same { value: owned(*made) },
        });
        DiffLine { mark: Mark::Changed, cells: cells.collect() }
    }

    fn missing(&self, wanted: &Wanted<'_>) -> DiffLine {
        let cells = wanted.iter().map(|cell| match cell {
            Some(value) => DiffCell::Same { value: value.map(str::to_owned) },
            None => DiffCell::Open,
        });
        DiffLine { mark: Mark::Missing, cells: cells.collect() }
    }

    fn unexpected(&self, made: &[Option<&str>]) -> DiffLine {
        let cells = made.iter().map(|cell| DiffCell::Same { value: cell.map(str::to_owned) });
        DiffLine { mark: Mark::Unexpected, cells: cells.collect() }
    }
}
