//! The reference: pipelines as values, their files as the product reads them, and the rows that a definition makes of
//! inputs, computed over everything at once by a few naive lines. A row is a key and a text that says where it comes
//! from: `1.csv@2:0*3` is row 0 of version 2 of `1.csv`, after a step with the factor 3.

use crate::chance::Chance;
use std::collections::{BTreeMap, BTreeSet};

pub const LAKE: &str = "s3://lake";
pub const STATE: &str = "s3://state";
pub const PIPELINE: &str = "p";
/// A line that no step can read.
pub const BAD: &str = "bad";

pub type Row = (String, String);
/// Rows, and how often each is there.
pub type Rows = BTreeMap<Row, u64>;
/// The text of each input file by its name.
pub type Inputs = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Partition,
    File,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: String,
    /// Rows of one key become one.
    pub is_grouped: bool,
    pub factor: u64,
    /// How it reads the step before it; the first reads files.
    pub by: By,
    pub is_partitioned: bool,
    pub is_published: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub steps: Vec<Step>,
    pub max_attempts: u64,
    /// Asked of machines; redoes nothing.
    pub memory_gib: u64,
}

impl Definition {
    pub fn random(chance: &mut Chance) -> Definition {
        let count = chance.between(1, 3);
        let mut steps: Vec<Step> = Vec::new();
        for index in 0..count {
            let is_upstream_partitioned = steps.last().is_some_and(|step| step.is_partitioned);
            let by = match (index, is_upstream_partitioned) {
                (0, _) => By::File,
                (_, true) => *chance.pick(&[By::Partition, By::Partition, By::File, By::All]),
                _ => *chance.pick(&[By::File, By::All]),
            };
            let is_last = index + 1 == count;
            steps.push(Step {
                name: format!("s{index}"),
                is_grouped: by != By::File && chance.permille(600),
                factor: chance.between(2, 5),
                by,
                is_partitioned: chance.permille(if is_last { 300 } else { 700 }),
                is_published: is_last || chance.permille(400),
            });
        }
        Definition { steps, max_attempts: chance.between(2, 3), memory_gib: 1 }
    }

    /// As an author changes it: another factor, another name of a step in the middle, other machines.
    pub fn edited(&self, chance: &mut Chance) -> Definition {
        let mut edited = self.clone();
        let at = usize::try_from(chance.below(edited.steps.len() as u64)).unwrap_or(0);
        match chance.below(4) {
            0 | 1 => edited.steps[at].factor += 1,
            2 if !edited.steps[at].is_published => edited.steps[at].name.push('x'),
            2 => edited.steps[at].factor += 1,
            _ => edited.memory_gib = 3 - edited.memory_gib.min(2),
        }
        edited
    }

    pub fn toml(&self) -> String {
        let mut text = format!("format = 1\n[pipeline]\nname = \"{PIPELINE}\"\nkey = [\"date\"]\n[params]\n");
        text += "date = { type = \"date\" }\n";
        for (index, step) in self.steps.iter().enumerate() {
            let (value, group) = match step.is_grouped {
                true => ("SUM(v)", " GROUP BY k"),
                false => ("v", ""),
            };
            text += &format!("[[step]]\nname = \"{}\"\n", step.name);
            text += &format!("sql = \"SELECT k, {value} * {} AS v FROM input{group}\"\n", step.factor);
            match index.checked_sub(1).map(|before| &self.steps[before].name) {
                Some(before) => text += &format!("input = {{ step = \"{before}\", by = \"{}\" }}\n", step.by.name()),
                None => {
                    text += &format!("[step.input]\npath = \"{LAKE}/in/{{date}}/*.csv\"\n");
                    text += "columns = [\"k string\", \"v int32\"]\nitem_bytes = \"1 B\"\n";
                }
            }
            text += "[step.output]\n";
            if step.is_partitioned {
                text += "partition_by = [\"k\"]\n";
            }
            if step.is_published {
                text += &format!("destination = \"{LAKE}/out/{}/date={{date}}\"\n", step.name);
            }
        }
        let (attempts, memory) = (self.max_attempts, self.memory_gib);
        text + &format!(
            "[resources]\nvcpus = 1\nmemory = \"{memory} GiB\"\nmax_memory = \"4 GiB\"\nmax_attempts = {attempts}\n"
        )
    }

    /// The rows of a step.
    pub fn rows(&self, step: &str, inputs: &Inputs) -> Rows {
        let mut rows: Rows = Rows::new();
        for line in inputs.values().flat_map(|text| text.lines()) {
            *rows.entry(row(line)).or_default() += 1;
        }
        for made in &self.steps {
            rows = made.makes(&rows);
            if made.name == step {
                return rows;
            }
        }
        Rows::new()
    }
}

impl By {
    pub fn name(self) -> &'static str {
        match self {
            By::Partition => "partition",
            By::File => "file",
            By::All => "all",
        }
    }
}

impl Step {
    fn makes(&self, rows: &Rows) -> Rows {
        transform(self.is_grouped, self.factor, rows)
    }
}

/// What a query makes of rows: each with its factor, or one of each key.
pub fn transform(is_grouped: bool, factor: u64, rows: &Rows) -> Rows {
    if !is_grouped {
        return rows.iter().map(|((key, text), n)| ((key.clone(), format!("{text}*{factor}")), *n)).collect();
    }
    let mut groups: BTreeMap<&String, Vec<&str>> = BTreeMap::new();
    for ((key, text), n) in rows {
        groups.entry(key).or_default().extend((0..*n).map(|_| text.as_str()));
    }
    groups.into_iter().map(|(key, texts)| ((key.clone(), format!("({})*{factor}", texts.join("+"))), 1)).collect()
}

pub fn row(line: &str) -> Row {
    let (key, text) = line.split_once(',').unwrap_or((line, ""));
    (key.to_owned(), text.to_owned())
}

/// Files in their versions, as rows name them.
pub fn sources(rows: &Rows) -> BTreeSet<(String, u64)> {
    let names = rows.keys().flat_map(|(_, text)| text.split(['(', ')', '+', '*']));
    let named = names.filter_map(|name| {
        let (file, rest) = name.split_once('@')?;
        let (version, _) = rest.split_once(':')?;
        Some((file.to_owned(), version.parse().ok()?))
    });
    named.collect()
}

/// A version of an input file: one to four rows, in some of which there may be a line that no step can read.
pub fn input(name: &str, version: u64, is_bad: bool, chance: &mut Chance) -> String {
    let mut text = String::new();
    for n in 0..chance.between(1, 4) {
        text += &format!("{},{name}@{version}:{n}\n", chance.pick(&["x", "y", "z"]));
    }
    if is_bad {
        text += &format!("{BAD},{name}@{version}:99\n");
    }
    text
}
