//! Destinations: what lies under a success mark is what one deployed definition makes of whole versions of the input
//! files. A reader takes the files that the manifest lists; whoever only lists the folder sees no other data either,
//! unless a copy of a publisher that had lost landed late.

use crate::lock::lock;
use crate::model::{Inputs, LAKE, PIPELINE, Rows, row, sources};
use crate::objects::Objects;
use crate::objects::Stored;
use crate::shared::Shared;
use spotmill_core::destination::{Contents, FileList, State, files_uri, id_of, manifest_uri};
use spotmill_core::ids::Uri;
use std::collections::BTreeSet;

pub const MARK: &str = "_SUCCESS";

/// The destination that a location is in.
fn destination(uri: &str) -> Option<(String, String, String)> {
    let rest = uri.strip_prefix(&format!("{LAKE}/out/"))?;
    let (step, rest) = rest.split_once("/date=")?;
    let date = rest.split('/').next()?;
    Some((format!("{LAKE}/out/{step}/date={date}"), step.to_owned(), date.to_owned()))
}

pub fn check(shared: &Shared, uri: &str, after: Option<&Stored>) {
    let Some((place, step, date)) = destination(uri) else { return };
    let objects = lock(&shared.objects);
    let is_coming =
        |id: &str| contents(&objects, &place).is_ok_and(|c| c.find(id).is_some_and(|p| p.state == State::Coming));
    let is_late = after.is_some() && id_of(uri).is_some_and(|id| !is_coming(id));
    let mut watch = lock(&shared.watch);
    match is_late {
        true => watch.late.insert(uri.to_owned()),
        false => watch.late.remove(uri),
    };
    let Some(mark) = objects.text(&format!("{place}/{MARK}")) else { return };
    watch.checks += 1;
    let lying =
        objects.below(&place).map(|(uri, _)| uri).filter(|uri| is_data(&place, uri) && !watch.late.contains(*uri));
    let lying: BTreeSet<String> = lying.cloned().collect();
    drop(watch);
    let read = read(&objects, &place, mark.trim());
    drop(objects);
    let judged = read.and_then(|publication| match lying.iter().find(|uri| !publication.files.contains(*uri)) {
        Some(other) => Err(format!("{other} lies there as well")),
        None => judge(shared, &publication.rows, publication.said, &step, &date),
    });
    if let Err(why) = judged {
        shared.broken("mark-is-true", format!("{place} has its success mark, but {why}"));
    }
}

/// What readers take for data: names that begin with `_` or `.` are none, whether of a file or of a folder.
fn is_data(place: &str, uri: &str) -> bool {
    uri[place.len()..].split('/').all(|name| !name.starts_with(['_', '.']))
}

fn contents(objects: &Objects, place: &str) -> Result<Contents, String> {
    let manifest = objects.text(manifest_uri(&Uri::new(place)).as_str()).ok_or("its manifest is not there")?;
    serde_json::from_str(&manifest).map_err(|e| format!("its manifest: {e}"))
}

/// What a reader finds of one publication.
pub struct Publication {
    pub rows: Rows,
    /// How many rows its manifest says there are.
    said: u64,
    files: BTreeSet<String>,
}

pub fn read(objects: &Objects, place: &str, id: &str) -> Result<Publication, String> {
    let (uri, contents) = (Uri::new(place), contents(objects, place)?);
    // One that is about to be replaced keeps its mark until the next write, and its files are whole as long.
    let standing = contents.publications.iter().find(|p| p.id == id && p.state != State::Coming);
    let publication = standing.ok_or(format!("{id} does not stand"))?;
    let list = objects.text(files_uri(&uri, id).as_str()).ok_or("the list of its files is not there")?;
    let list: FileList = serde_json::from_str(&list).map_err(|e| format!("the list of its files: {e}"))?;
    let mut rows = Rows::new();
    for file in &list.files {
        let text = objects.text(uri.join(&file.path).as_str()).ok_or(format!("{} is not there", file.path))?;
        for line in text.lines() {
            *rows.entry(row(line)).or_default() += 1;
        }
    }
    let files = list.files.iter().map(|file| uri.join(&file.path).to_string()).collect();
    Ok(Publication { rows, said: publication.rows, files })
}

/// Whether some definition makes these rows of whole versions of the files they name.
fn judge(shared: &Shared, rows: &Rows, said: u64, step: &str, date: &str) -> Result<(), String> {
    let count: u64 = rows.values().sum();
    if count != said {
        return Err(format!("its manifest says {said} rows, and there are {count}"));
    }
    let named = sources(rows);
    let names: BTreeSet<&String> = named.iter().map(|(name, _)| name).collect();
    if names.len() < named.len() {
        return Err(format!("it mixes two versions of a file: {named:?}"));
    }
    let watch = lock(&shared.watch);
    let versions = watch.inputs.get(date);
    let mut inputs = Inputs::new();
    for (name, version) in &named {
        let text = versions.and_then(|files| files.get(name)?.get(usize::try_from(*version).ok()?).cloned());
        let Some(text) = text else {
            return Err(format!("nobody ever wrote {name} in version {version} for {PIPELINE}/{date}"));
        };
        inputs.insert(name.clone(), text);
    }
    if !watch.inputs_changed.contains(date) && inputs != watch.present(date) {
        return Err(format!("of the files only {names:?} are in it"));
    }
    match watch.definitions.iter().any(|definition| definition.rows(step, &inputs) == *rows) {
        true => Ok(()),
        false => Err(format!("its rows are what no definition makes of {named:?}: {rows:?}")),
    }
}
