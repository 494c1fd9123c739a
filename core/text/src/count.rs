//! How many rows a file has that we wrote ourselves, split like those of any other.

use crate::failure::{Outcome, bad_data};
use crate::ndjson::Lines;
use crate::reader::grammar;
use crate::reader::{self, Row, Visitor, What};
use crate::source::Source;
use spotmill_core::model::{Format, Read};
use std::path::Path;

struct Count {
    rows: u64,
    /// In a file of one column a blank line is a row of NULL, which whoever wrote it has to refuse.
    blank: bool,
}

impl Visitor for Count {
    fn row(&mut self, row: Row<'_>) -> Outcome<bool> {
        self.rows += u64::from(match row.what {
            What::Row => true,
            What::Blank => self.blank,
            What::Comment | What::Broken(_) => false,
        });
        Ok(true)
    }
}

pub fn count(path: &Path, read: &Read, columns: usize) -> Outcome<u64> {
    let mut source = Source::open(path, read)?;
    if read.format == Format::Ndjson {
        let (mut lines, mut rows) = (Lines::new(), 0);
        while let Some(line) = lines.next(&mut source)? {
            rows += u64::from(!line.text.trim_ascii().is_empty());
        }
        return Ok(rows);
    }
    let how = grammar(read).map_err(|e| bad_data(&path.display().to_string(), e))?;
    let mut count = Count { rows: 0, blank: columns == 1 };
    reader::read(path, &mut source, how, &mut count)?;
    Ok(count.rows.saturating_sub(u64::from(read.header)))
}
