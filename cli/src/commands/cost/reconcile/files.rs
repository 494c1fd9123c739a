//! The files of a bill: which of a folder or prefix are read, and how. Each is of one kind; what lies beside them, such as
//! manifests, is named and not read.

use crate::answers::of_store;
use crate::exit::{Stop, io};
use spotmill_core::ids::Uri;
use spotmill_ledger::bill::is_feed;
use spotmill_platform::ports::{ObjectMeta, Store};
use std::path::{Path, PathBuf};

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Feed,
    Csv,
    Parquet,
}

#[derive(Clone, Debug)]
pub struct BillFile {
    /// As messages show it.
    pub name: String,
    /// Where it lies: the files of one delivery lie together.
    pub folder: String,
    pub form: Form,
    meta: ObjectMeta,
}

impl BillFile {
    /// The file on this machine; what lies in S3 is copied below `tmp`, in place of the one before.
    pub async fn fetch(&self, store: &dyn Store, tmp: &Path) -> Result<PathBuf, Stop> {
        if !self.meta.uri.is_s3() {
            return Ok(PathBuf::from(self.meta.uri.as_str()));
        }
        let folder = tmp.join("bill");
        std::fs::create_dir_all(&folder).map_err(io("make a directory in", tmp))?;
        let to = folder.join(base(self.meta.uri.as_str()));
        store.download(&self.meta.uri, &self.meta.etag, &to).await.map_err(of_store)?;
        Ok(to)
    }
}

/// What there is to read, and what is not read.
pub struct Found {
    pub files: Vec<BillFile>,
    pub skipped: Vec<String>,
}

pub async fn list(store: &dyn Store, place: &str) -> Result<Found, Stop> {
    let whole = whole(place)?;
    let listed = store.list(&Uri::new(&*whole)).await.map_err(of_store)?;
    let is_within = |uri: &str| uri == whole || uri.starts_with(&format!("{}/", whole.trim_end_matches('/')));
    let mut found = Found { files: Vec::new(), skipped: Vec::new() };
    for meta in listed.into_iter().filter(|meta| is_within(meta.uri.as_str())) {
        let uri = meta.uri.to_string();
        match form(base(&uri)).map_err(|why| Stop::usage(format!("--reconcile: {uri} {why}")))? {
            Some(form) => {
                let folder = uri.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned());
                found.files.push(BillFile { name: crate::result::relative(&uri), folder, form, meta });
            }
            None => found.skipped.push(uri),
        }
    }
    let first = found.files.first().map(|file| (file.form == Form::Feed, file.name.clone()));
    let Some((is_feed, name)) = first else {
        return Err(Stop::usage(format!("--reconcile {place}: there is no file of a bill")).remedy(
            "a Spot data feed has ACCOUNT.YYYY-MM-DD-HH.N.ID.gz, an export .csv, .csv.gz or .parquet (docs/cost.md)",
        ));
    };
    match found.files.iter().find(|file| (file.form == Form::Feed) != is_feed) {
        Some(other) => Err(Stop::usage(format!("--reconcile {place}: {name} and {} are of two bills", other.name))
            .remedy("point at the folder of one: hours would be counted twice")),
        None => Ok(found),
    }
}

/// An absolute path, or the location in S3.
fn whole(place: &str) -> Result<String, Stop> {
    if place.starts_with("s3://") {
        return Ok(place.to_owned());
    }
    let whole = std::path::absolute(place).map_err(|e| Stop::usage(format!("--reconcile {place}: {e}")))?;
    match whole.metadata() {
        Ok(_) => Ok(whole.to_string_lossy().trim_end_matches('/').to_owned()),
        Err(e) => Err(Stop::usage(format!("--reconcile {place} cannot be read: {e}"))),
    }
}

fn base(uri: &str) -> &str {
    uri.rsplit('/').next().unwrap_or(uri)
}

/// How a file of this name is read; nothing of one that is no part of a bill.
fn form(name: &str) -> Result<Option<Form>, String> {
    let lower = name.to_ascii_lowercase();
    if lower.ends_with(".zip") {
        return Err("is a zip archive: export it as gzip or Parquet, or unpack it".to_owned());
    }
    Ok(match () {
        () if is_feed(name) => Some(Form::Feed),
        () if lower.ends_with(".csv") || lower.ends_with(".csv.gz") => Some(Form::Csv),
        () if lower.ends_with(".parquet") => Some(Form::Parquet),
        () => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_by_its_name() {
        let cases = [
            ("111122223333.2026-11-01-07.001.b959dbc6.gz", Some(Form::Feed)),
            ("cur-00001.csv.gz", Some(Form::Csv)),
            ("Export.CSV", Some(Form::Csv)),
            ("cur-00001.snappy.parquet", Some(Form::Parquet)),
            ("cur-Manifest.json", None),
            ("cur-create-table.sql", None),
            ("notes.gz", None),
        ];
        for (name, expected) in cases {
            assert_eq!(form(name), Ok(expected), "{name}");
        }
        assert!(form("cur-00001.csv.zip").is_err());
    }
}
