//! How an input is divided among items, without the items themselves: each is made when it is asked for.

use super::{Found, FoundFile};
use crate::bounds::MAX_ITEMS;
use crate::item::{InputFile, ValueFilter};
use crate::model::{ItemValue, Values};
use crate::records::WorkItem;
use std::collections::{BTreeMap, BTreeSet};

/// Files by partition.
type Groups<'a> = BTreeMap<&'a str, Vec<&'a InputFile>>;

#[derive(Clone, Debug, PartialEq)]
pub enum Division<'a> {
    /// Runs of consecutive files: item `i` reads those from cut `i` to cut `i + 1`.
    Runs { files: &'a [FoundFile], cuts: Vec<usize> },
    /// Every item reads every file, at another value.
    Values { files: Vec<InputFile>, values: &'a Values },
    /// One item a label that the input or a table joined by partition has.
    Partitions { labels: BTreeSet<&'a str>, input: Groups<'a>, tables: BTreeMap<&'a str, Groups<'a>> },
}

impl<'a> Division<'a> {
    pub fn nothing() -> Self {
        Self::Runs { files: &[], cuts: vec![0] }
    }

    /// One item that reads no file.
    pub fn one_of_nothing() -> Self {
        Self::Runs { files: &[], cuts: vec![0, 0] }
    }

    pub fn partitions(found: &'a Found, joined: &BTreeMap<&'a String, &'a Found>) -> Self {
        let group = |found: &'a Found| {
            let mut groups = Groups::new();
            for f in &found.files {
                groups.entry(&f.partition).or_default().push(&f.file);
            }
            groups
        };
        let input = group(found);
        let tables: BTreeMap<&str, Groups<'_>> = joined.iter().map(|(name, t)| (name.as_str(), group(t))).collect();
        let labels = input.keys().chain(tables.values().flat_map(|t| t.keys())).copied().collect();
        Self::Partitions { labels, input, tables }
    }

    /// Number of items; of too many, some number that is too many.
    pub fn count(&self) -> usize {
        match self {
            Self::Runs { cuts, .. } => cuts.len() - 1,
            Self::Values { values, .. } => each_value(values).count(),
            Self::Partitions { labels, .. } => labels.len(),
        }
    }

    /// The most files an item reads, and the partition it is.
    pub fn widest(&self) -> Option<(usize, Option<&str>)> {
        match self {
            Self::Runs { cuts, .. } => cuts.windows(2).map(|w| (w[1] - w[0], None)).max_by_key(|(n, _)| *n),
            Self::Values { files, .. } => Some((files.len(), None)),
            Self::Partitions { input, .. } => {
                input.iter().map(|(label, files)| (files.len(), Some(*label))).max_by_key(|(n, _)| *n)
            }
        }
    }

    /// The items, each numbered zero.
    pub fn items(&self) -> Box<dyn Iterator<Item = WorkItem> + Send + '_> {
        match self {
            Self::Runs { files: all, cuts } => Box::new(cuts.windows(2).map(|w| item(files(&all[w[0]..w[1]])))),
            Self::Values { files, values } => Box::new(each_value(values).map(|value| WorkItem {
                value: Some(ValueFilter { column: values.column.clone(), value }),
                ..item(files.clone())
            })),
            Self::Partitions { labels, input, tables } => Box::new(labels.iter().map(|label| WorkItem {
                partition: Some((*label).to_owned()),
                tables: tables.iter().map(|(name, t)| ((*name).to_owned(), labelled(t, label))).collect(),
                ..item(labelled(input, label))
            })),
        }
    }
}

fn labelled(groups: &Groups<'_>, label: &str) -> Vec<InputFile> {
    groups.get(label).into_iter().flatten().map(|file| (*file).clone()).collect()
}

fn item(inputs: Vec<InputFile>) -> WorkItem {
    WorkItem { item: 0, inputs, partition: None, value: None, tables: BTreeMap::new() }
}

pub fn files(found: &[FoundFile]) -> Vec<InputFile> {
    found.iter().map(|f| f.file.clone()).collect()
}

fn each_value(values: &Values) -> Box<dyn Iterator<Item = ItemValue> + Send + '_> {
    match (&values.range, &values.list) {
        (Some((from, to)), _) => Box::new((*from..=*to).map(ItemValue::Int).take(MAX_ITEMS as usize + 1)),
        (None, list) => Box::new(list.iter().flatten().cloned()),
    }
}
