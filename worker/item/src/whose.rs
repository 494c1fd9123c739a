//! Whose values are converted as they are read, for the messages of those that are refused: files that are read together
//! are named by one of them, and one that is read alone by itself and the row.

use polars::prelude::{Column, Expr, PlSmallStr, col};
use std::path::Path;

/// Whose values are converted: of a file or others that are read with it, or of one alone, whose rows are counted.
#[derive(Clone)]
pub struct Whose {
    file: String,
    pub row: Option<Expr>,
}

/// The count of a file's rows, in a name that no file has.
pub const ROW: PlSmallStr = PlSmallStr::from_static("\u{1}row");

impl Whose {
    pub fn like(file: &Path) -> Self {
        Self { file: format!("the input {}, or of a file like it", file.display()), row: None }
    }

    pub fn row(file: &Path) -> Self {
        Self { file: file.display().to_string(), row: Some(col(ROW)) }
    }

    /// The columns that a conversion is given.
    pub fn given(&self, column: Expr) -> Vec<Expr> {
        std::iter::once(column).chain(self.row.clone()).collect()
    }

    /// Where the value `at` of these columns stands.
    pub fn place(&self, columns: &[Column], at: usize) -> String {
        let row = columns.get(1).and_then(|rows| rows.get(at).ok()).and_then(|row| row.extract::<u64>());
        let row = row.map_or(String::new(), |row| format!(", row {}", row + 1));
        format!("column `{}` of {}{row}", columns[0].name(), self.file)
    }
}
