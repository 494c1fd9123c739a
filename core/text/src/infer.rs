//! Which columns text files seem to have: the names of their headers, and types that every sampled value of all of them
//! fits. What differs between the files is reported, or refused, here and not after the work.

use crate::failure::{Outcome, Remedy, bad_data};
use crate::guess::Guess;
use crate::nulls::Nulls;
use crate::reader::grammar;
use crate::reader::{self, Reading, Row, Visitor, What};
use crate::source::Source;
use crate::split::value;
use crate::{header, json};
use serde_json::value::RawValue;
use spotmill_core::model::{FieldRules, Format, Missing, Read};
use spotmill_core::types::Column;
use std::path::{Path, PathBuf};

/// Bytes read of one file.
pub const SAMPLE_BYTES: usize = 256 << 20;

/// What the files seen so far have in common.
pub struct Sample<'a> {
    read: &'a Read,
    columns: Vec<(String, Guess)>,
    /// Each file with the columns it has; an empty file is left out.
    files: Vec<(PathBuf, Vec<String>)>,
}

impl<'a> Sample<'a> {
    pub fn new(read: &'a Read) -> Self {
        Self { read, columns: Vec::new(), files: Vec::new() }
    }

    pub fn see(&mut self, path: &Path, source: &mut Source) -> Outcome<()> {
        let found = match self.read.format {
            Format::Ndjson => Self::ndjson(source)?,
            _ => self.csv(path, source)?,
        };
        if found.is_empty() {
            return Ok(());
        }
        self.files.push((path.to_owned(), found.iter().map(|(name, _)| name.clone()).collect()));
        for (name, guess) in found {
            match self.columns.iter_mut().find(|(seen, _)| *seen == name) {
                Some((_, seen)) => seen.and(&guess),
                None => self.columns.push((name, guess)),
            }
        }
        Ok(())
    }

    fn csv(&self, path: &Path, source: &mut Source) -> Outcome<Vec<(String, Guess)>> {
        let how = grammar(self.read).map_err(|e| bad_data(&path.display().to_string(), e))?;
        let nulls = Nulls::new(&self.read.null_values);
        let mut seen =
            Seen { path, how, nulls, header: self.read.header, names: Vec::new(), guesses: Vec::new(), bytes: 0 };
        reader::read(path, source, how, &mut seen)?;
        Ok(seen.names.into_iter().zip(seen.guesses).collect())
    }

    fn ndjson(source: &mut Source) -> Outcome<Vec<(String, Guess)>> {
        let mut found: Vec<(String, Guess)> = Vec::new();
        let mut lines = crate::ndjson::Lines::new();
        let mut bytes = 0;
        while let Some(line) = lines.next(source)? {
            bytes += line.text.len();
            if bytes > SAMPLE_BYTES {
                break;
            }
            let records = serde_json::Deserializer::from_slice(line.text).into_iter::<&RawValue>();
            for record in records.map_while(Result::ok) {
                for (key, value) in json::entries(record.get()) {
                    let at = found.iter().position(|(name, _)| *name == key).unwrap_or_else(|| {
                        found.push((key, Guess::default()));
                        found.len() - 1
                    });
                    match json::string(value) {
                        Some(text) => found[at].1.see_string(text.unwrap_or_default().as_bytes()),
                        None if value.get() == "null" => {}
                        None => found[at].1.see_json(value.get().as_bytes()),
                    }
                }
            }
        }
        Ok(found)
    }

    /// How the files are read: with their columns, in the order in which they were met. Refused where a file lacks one
    /// that another has.
    pub fn read(self) -> Outcome<Read> {
        let rules = |(name, guess): &(String, Guess)| Some((name.clone(), guess.rules()));
        let rules: Vec<_> =
            self.columns.iter().filter_map(rules).filter(|(_, rules)| *rules != FieldRules::default()).collect();
        let mut read = self.read.clone();
        read.columns = self.columns()?;
        read.fields.extend(rules);
        read.inferred = true;
        Ok(read)
    }

    fn columns(self) -> Outcome<Vec<Column>> {
        let optional = self.read.missing == Missing::Null || self.read.format == Format::Ndjson;
        if let (false, Some((first, model))) = (optional, self.files.first()) {
            for (path, names) in &self.files {
                let file = path.display().to_string();
                let of_both = |a: &[String], b: &[String]| a.iter().find(|name| !b.contains(name)).cloned();
                let (has, lacks, name, others) = match (of_both(names, model), of_both(model, names)) {
                    (Some(name), _) => (path, first, name, model),
                    (None, Some(name)) => (first, path, name, names),
                    (None, None) => continue,
                };
                let (has, lacks) = (has.display(), lacks.display());
                let message = format!("{has} has a column `{name}`, which {lacks} has not");
                let remedy = match header::similar(others.iter().map(String::as_str), &name, &[]) {
                    Some(near) => format!(
                        "that one has `{near}`: have the files written with one name; until then they are two inputs, each \
                         with its own `columns`"
                    ),
                    None => {
                        "declare `columns`, or set `missing = \"null\"` to read it as NULL where it is missing".into()
                    }
                };
                return Err(bad_data(&file, message).remedy(remedy));
            }
        }
        let column = |(name, guess): (String, Guess)| Column { name, ty: guess.ty(), parse: None };
        let in_path = |name: &str| self.read.hive.iter().any(|c| c.name == name);
        let columns: Vec<Column> = self.columns.into_iter().filter(|(name, _)| !in_path(name)).map(column).collect();
        if self.files.is_empty() || self.read.format != Format::Csv {
            return Ok(columns);
        }
        match columns.iter().find(|c| c.name.is_empty()) {
            Some(_) => {
                let file = self.files[0].0.display().to_string();
                Err(bad_data(&file, format!("a column in the header of {file} has no name"))
                    .remedy("declare `columns`"))
            }
            None => Ok(columns),
        }
    }
}

struct Seen<'a> {
    path: &'a Path,
    how: Reading<'a>,
    nulls: Nulls,
    header: bool,
    names: Vec<String>,
    guesses: Vec<Guess>,
    bytes: usize,
}

impl Visitor for Seen<'_> {
    fn row(&mut self, row: Row<'_>) -> Outcome<bool> {
        match row.what {
            What::Blank | What::Comment => return Ok(true),
            What::Broken(_) if self.header => return Err(crate::csv::no_header(self.path)),
            What::Broken(_) => return Ok(true),
            What::Row => {}
        }
        if std::mem::take(&mut self.header) {
            self.names = header::names(self.path, &row, self.how)?;
            self.once()?;
            self.guesses = self.names.iter().map(|_| Guess::default()).collect();
            return Ok(true);
        }
        if self.names.is_empty() {
            self.names = (1..=row.fields.len()).map(|i| format!("column_{i}")).collect();
            self.guesses = self.names.iter().map(|_| Guess::default()).collect();
        }
        // A row of another width is refused when it is read; its values mean nothing for the columns.
        if row.fields.len() == self.names.len() {
            for (field, guess) in row.fields.iter().zip(&mut self.guesses) {
                let text = value(row.data, *field, self.how.grammar);
                if !self.nulls.contains(&text) {
                    guess.see(&text);
                }
            }
        }
        self.bytes += row.to - row.from;
        Ok(self.bytes < SAMPLE_BYTES)
    }
}

impl Seen<'_> {
    fn once(&self) -> Outcome<()> {
        let twice = self.names.iter().enumerate().find(|(i, name)| self.names[..*i].contains(name));
        let Some((_, name)) = twice else { return Ok(()) };
        let file = self.path.display().to_string();
        Err(bad_data(&file, format!("more than one column `{name}` in the header of {file}"))
            .remedy("with `header = false` and `skip_rows = 1`, `columns` names them by place"))
    }
}
