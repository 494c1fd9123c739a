//! What a destination records of itself. Beside the data lies `_spotmill/manifest.json`: publication by publication,
//! who put which files there. It is only ever compared and swapped, so of several publishers each sees what the others
//! did. Every published file begins with the id of its publication, an id is never used for other bytes, and so a late
//! copy of a publisher that lost can neither be taken for data nor replace any.
//!
//! Readers that know the manifest read the files of the publications that stand; the others wait for the success mark,
//! which is written after the manifest and taken off before anything changes.

mod contract;
mod decide;
mod shown;

use crate::digest::short;
use crate::ids::{Generation, ItemIndex, RunId, StepName, Uri};
use crate::records::seal::SealedFile;
use crate::types::Column;
pub use contract::{Contract, Difference, changes, changes_of_files, contract_uri, table_prefix};
pub use decide::{Decision, Existing, Me, Seen, decide, finished, superseded, whole};
use serde::{Deserialize, Serialize};
pub use shown::{Shown, folder, foldered};
use std::collections::BTreeMap;

/// The folder of a destination that is ours. Readers of a lake take no name that begins with `_` for data.
pub const FOLDER: &str = "_spotmill";
const ID_DIGITS: usize = 16;
/// Publications that went, of which a late file may still appear.
const RETIRED: usize = 1_000;

/// `_spotmill/manifest.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    pub v: u32,
    pub publications: Vec<Publication>,
    /// Files and folders (with a slash at the end) that somebody chose to leave, relative to the destination; `../` for
    /// a destination above this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// Files that somebody chose to take over, with their ETags: unchanged, they go once what replaces them stands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub adopted: BTreeMap<String, String>,
    /// Ids of publications that are gone, oldest first: a file of theirs that appears late is removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<String>,
    /// Where the readers of each table are sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its files are being copied.
    Coming,
    Stands,
    /// Another took its place; its files are being removed.
    Going,
}

/// What one run of one step put there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    /// Files bear it; `_spotmill/files-{id}.json` lists them.
    pub id: String,
    pub pipeline: String,
    pub run: RunId,
    pub step: StepName,
    pub generation: Generation,
    /// The dates of the run's key: of runs that replace each other the higher stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// The name of its success mark.
    pub mark: String,
    pub state: State,
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    pub columns: Vec<Column>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ItemIndex>,
    /// The folder that is its own, for a catalog to name; None: its files lie at the destination itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Of the step's generation, for a catalog to state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// In its state; 0 of one that goes and never stood.
    pub since_ms: u64,
}

/// A file as it lies at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lying {
    pub bytes: u64,
    pub etag: String,
}

/// `_spotmill/files-{id}.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileList {
    pub v: u32,
    pub id: String,
    pub files: Vec<ListedFile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Relative to the destination.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
}

impl Contents {
    pub fn find(&self, id: &str) -> Option<&Publication> {
        self.publications.iter().find(|p| p.id == id)
    }

    /// Do rows of this run's step stand there?
    pub fn has_rows_of(&self, pipeline: &str, run: &RunId, step: &str) -> bool {
        let is_it = |p: &&Publication| p.pipeline == pipeline && p.run == *run && p.step.as_str() == step;
        self.publications.iter().filter(is_it).any(|p| p.state == State::Stands && p.rows > 0)
    }

    /// With a publication in another state.
    pub fn with_state(&self, id: &str, state: State, now_ms: u64) -> Contents {
        let mut next = self.clone();
        for p in next.publications.iter_mut().filter(|p| p.id == id) {
            (p.state, p.since_ms) = (state, now_ms);
        }
        next
    }

    /// Without what was going and is not kept: its files are gone.
    pub fn cleared(&self, now_ms: u64) -> Contents {
        let mut next = self.without(|p| self.goes(p, now_ms));
        next.adopted.clear();
        next
    }

    /// Without these publications, whose ids are retired.
    fn without(&self, is_one: impl Fn(&Publication) -> bool) -> Contents {
        let mut next = self.clone();
        let gone = next.publications.extract_if(.., |p| is_one(p)).map(|p| p.id);
        next.retired.extend(gone);
        let more = next.retired.len().saturating_sub(RETIRED);
        next.retired.drain(..more);
        next
    }

    /// Is the file one that is to be removed: of a publication that goes or went, its list of files included, or adopted as
    /// it is?
    pub fn to_remove(&self, path: &str, file: &Lying, now_ms: u64) -> bool {
        let adopted = self.adopted.get(path) == Some(&file.etag);
        match id_of(path).or_else(|| listed_id(path)) {
            Some(id) => match self.find(id) {
                Some(p) => self.goes(p, now_ms),
                None => adopted || self.retired.iter().any(|r| r == id),
            },
            None => adopted,
        }
    }

    /// Is it a file of a publication that is gone?
    pub fn went(&self, path: &str) -> bool {
        let id = id_of(path).or_else(|| listed_id(path));
        id.is_some_and(|id| self.find(id).is_none() && self.retired.iter().any(|r| r == id))
    }
}

/// The id that this run's step has with what it sealed: other bytes never get it.
/// With a folder of its own it is another publication than without.
pub fn id(run: &RunId, step: &StepName, generation: Generation, files_digest: &str, has_folder: bool) -> String {
    let apart = if has_folder { "\nfolder" } else { "" };
    short(format!("{run}\n{step}\n{generation}\n{files_digest}{apart}").as_bytes(), ID_DIGITS)
}

/// The id in a published file's name: `{id}-{item}-{part}.{ending}`.
pub fn id_of(path: &str) -> Option<&str> {
    let (name, ending) = path.rsplit('/').next()?.split_once('.')?;
    let mut parts = name.split('-');
    let (id, item, part) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &str, least: usize| text.len() >= least && text.chars().all(|c| c.is_ascii_digit());
    let ours = is_id(id) && digits(item, 7) && digits(part, 5);
    (ours && parts.next().is_none() && !ending.is_empty()).then_some(id)
}

/// The id of the publication whose list of files it is: `_spotmill/files-{id}.json`.
fn listed_id(path: &str) -> Option<&str> {
    let id = path.strip_prefix(FOLDER)?.strip_prefix("/files-")?.strip_suffix(".json")?;
    is_id(id).then_some(id)
}

fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// Where the sealed files are published, relative to the destination, in the seal's order; below the publication's folder
/// if it has one.
pub fn paths(id: &str, below: Option<&str>, files: &[SealedFile]) -> Vec<ListedFile> {
    let below = below.map_or(String::new(), |folder| format!("{folder}/"));
    let named = |f: &SealedFile| {
        let folder = if f.partition.is_empty() { String::new() } else { format!("{}/", f.partition) };
        let name = f.uri.as_str().rsplit('/').next().unwrap_or_default();
        let ending = name.split_once('.').map_or("parquet", |(_, e)| e);
        let path = format!("{below}{folder}{id}-{:07}-{:05}.{ending}", f.item, f.part);
        ListedFile { path, rows: f.rows, bytes: f.bytes }
    };
    files.iter().map(named).collect()
}

pub fn manifest_uri(destination: &Uri) -> Uri {
    destination.join(&format!("{FOLDER}/manifest.json"))
}

pub fn files_uri(destination: &Uri, id: &str) -> Uri {
    destination.join(&format!("{FOLDER}/files-{id}.json"))
}

/// The folders above a destination in which another one may lie, nearest first.
pub fn above(destination: &Uri) -> Vec<Uri> {
    let text = destination.as_str();
    let root = if destination.is_s3() { text[5..].find('/').map_or(text.len(), |i| i + 5) } else { 0 };
    let mut all = Vec::new();
    let mut end = text.len();
    while let Some(at) = text[..end].rfind('/').filter(|at| *at >= root.max(1)) {
        all.push(Uri::new(&text[..at]));
        end = at;
    }
    all
}
