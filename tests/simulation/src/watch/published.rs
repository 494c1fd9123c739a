//! Destinations: what lies under a success mark is what one deployed definition makes of whole versions of the input
//! files. A reader takes the files that the manifest lists; whoever only lists the folder sees no other data either,
//! unless a copy of a publisher that had lost landed late.

use crate::model::{Inputs, LAKE, PIPELINE, Rows, row, sources};
use crate::objects::Objects;
use crate::shared::{Shared, lock};
use spotmill_core::destination::{Contents, FileList, State, files_uri};
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

pub fn check(shared: &Shared, uri: &str) {
    let Some((place, step, date)) = destination(uri) else { return };
    let objects = lock(&shared.objects);
    let Some(mark) = objects.text(&format!("{place}/{MARK}")) else { return };
    let read = read(&objects, &place, mark.trim());
    drop(objects);
    lock(&shared.watch).checks += 1;
    let judged = read.and_then(|(rows, said)| judge(shared, &rows, said, &step, &date));
    if let Err(why) = judged {
        shared.broken("mark-is-true", format!("{place} has its success mark, but {why}"));
    }
}

/// The rows of a publication, and how many its manifest says there are.
pub fn read(objects: &Objects, place: &str, id: &str) -> Result<(Rows, u64), String> {
    let uri = Uri::new(place);
    let parse = |text: Option<String>, what: &str| text.ok_or(format!("{what} is not there"));
    let manifest = parse(objects.text(uri.join("_spotmill/manifest.json").as_str()), "its manifest")?;
    let contents: Contents = serde_json::from_str(&manifest).map_err(|e| format!("its manifest: {e}"))?;
    let standing = contents.publications.iter().find(|p| p.id == id && p.state == State::Stands);
    let publication = standing.ok_or(format!("{id} does not stand"))?;
    let list = parse(objects.text(files_uri(&uri, id).as_str()), "the list of its files")?;
    let list: FileList = serde_json::from_str(&list).map_err(|e| format!("the list of its files: {e}"))?;
    let mut rows = Rows::new();
    for file in &list.files {
        let text = objects.text(uri.join(&file.path).as_str()).ok_or(format!("{} is not there", file.path))?;
        for line in text.lines() {
            *rows.entry(row(line)).or_default() += 1;
        }
    }
    Ok((rows, publication.rows))
}

/// Whether some definition makes these rows of whole versions of the files they name.
pub fn judge(shared: &Shared, rows: &Rows, said: u64, step: &str, date: &str) -> Result<(), String> {
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
        let Some(text) = text else { return Err(format!("nobody ever wrote {name} in version {version} for {PIPELINE}/{date}")) };
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
