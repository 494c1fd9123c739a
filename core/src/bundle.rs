//! The bundle of an attempt: in S3, what an item of a step that only other steps read writes is one object, however many
//! files it is. Each file keeps the location that it would have alone, which names it everywhere; where its bytes are is
//! decided here and nowhere else. A file in a bundle is read by a range, and files that adjoin by one.

use crate::ids::Uri;
use crate::item::{Bundled, InputFile, OutputFile};
use crate::model::Output;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

/// Its name below the attempt's prefix.
pub const NAME: &str = "bundle";

/// The object that holds the file at `location`.
pub fn object(location: &Uri, bundled: Option<Bundled>) -> Uri {
    let Some(Bundled { names, .. }) = bundled else { return location.clone() };
    let prefix = (0..names).fold(location.as_str(), |path, _| above(path));
    Uri::new(format!("{prefix}/{NAME}"))
}

fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(above, _)| above)
}

/// Are the files of an item bundled? Not where they are published: a publication copies whole objects. Not on this
/// machine, where a file more costs nothing.
pub fn is_used(root: &Uri, output: &Output) -> bool {
    root.is_s3() && output.destination.is_none()
}

/// Files one after another, in their order; one alone stays an object of its own. Returns whether there is a bundle.
pub fn lay_out(files: &mut [OutputFile]) -> bool {
    if files.len() < 2 {
        return false;
    }
    let mut end = 0_u64;
    for file in files {
        file.offset = Some(end);
        end = end.saturating_add(file.bytes);
    }
    true
}

/// The bytes that the bundle of these files has; nothing if each is an object of its own. They lie in it one after
/// another and fill it: an error says which one does not.
pub fn bytes(files: &[OutputFile]) -> Result<Option<u64>, String> {
    if files.iter().all(|file| file.offset.is_none()) {
        return Ok(None);
    }
    let mut end = 0_u64;
    for file in files {
        if file.offset != Some(end) {
            let at = file.offset.map_or("alone".to_owned(), |offset| format!("at byte {offset}"));
            return Err(format!("has `{}` {at}, not at byte {end} of its bundle", file.path));
        }
        end = end.checked_add(file.bytes).ok_or_else(|| format!("has `{}` of too many bytes", file.path))?;
    }
    Ok(Some(end))
}

/// The objects that a receipt names, by their paths below its prefix, and the bytes of each.
pub fn objects<'a>(files: &'a [OutputFile], rejects: Option<&'a OutputFile>) -> Result<Vec<(&'a str, u64)>, String> {
    let alone = |file: &'a OutputFile| (file.path.as_str(), file.bytes);
    let mut found = match bytes(files)? {
        Some(bytes) => vec![(NAME, bytes)],
        None => files.iter().map(alone).collect(),
    };
    found.extend(rejects.map(alone));
    Ok(found)
}

/// The bytes that bundles have by all files that lie in them.
#[derive(Debug, Default)]
pub struct Bundles(HashMap<Uri, u64>);

impl Bundles {
    pub fn add(&mut self, location: &Uri, bytes: u64, bundled: Option<Bundled>) {
        if let Some(Bundled { offset, .. }) = bundled {
            let end = self.0.entry(object(location, bundled)).or_default();
            *end = offset.saturating_add(bytes).max(*end);
        }
    }

    /// The bytes of the object that holds a file of so many bytes.
    pub fn bytes_of(&self, object: &Uri, alone: u64) -> u64 {
        self.0.get(object).copied().unwrap_or(alone)
    }
}

impl InputFile {
    /// The object that holds it.
    pub fn object(&self) -> Uri {
        object(&self.uri, self.bundled)
    }
}

/// One request for files of this machine: all of an object, which is one file, or a range, which is these files one after
/// another.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    pub object: Uri,
    pub etag: String,
    pub range: Option<Range<u64>>,
    pub files: Vec<InputFile>,
}

/// What has to be asked for to have all files, each once.
pub fn fetches(files: &[InputFile]) -> Vec<Fetch> {
    let by_location: BTreeMap<&Uri, &InputFile> = files.iter().map(|file| (&file.uri, file)).collect();
    let mut placed: Vec<(Uri, u64, &InputFile)> = by_location
        .into_values()
        .map(|file| (file.object(), file.bundled.map_or(0, |bundled| bundled.offset), file))
        .collect();
    placed.sort_by(|a, b| (&a.0, a.1, a.2.bytes).cmp(&(&b.0, b.1, b.2.bytes)));
    let mut all: Vec<Fetch> = Vec::new();
    for (object, offset, file) in placed {
        let range = file.bundled.map(|_| offset..offset.saturating_add(file.bytes));
        if let (Some(next), Some(last)) = (&range, all.last_mut())
            && last.object == object
            && last.etag == file.etag
            && let Some(before) = &mut last.range
            && before.end == next.start
        {
            before.end = next.end;
            last.files.push(file.clone());
            continue;
        }
        all.push(Fetch { object, etag: file.etag.clone(), range, files: vec![file.clone()] });
    }
    all
}

/// How many objects hold these files.
pub fn count(files: &[InputFile]) -> u64 {
    files.iter().map(InputFile::object).collect::<BTreeSet<Uri>>().len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &str) -> Vec<OutputFile> {
        let file = |(path, bytes): (&str, &str)| OutputFile {
            partition: String::new(),
            part: 0,
            path: path.to_owned(),
            rows: 1,
            bytes: bytes.parse().expect("bytes"),
            offset: None,
        };
        list.split(' ').map(|text| file(text.split_once(':').expect("path:bytes"))).collect()
    }

    fn input(uri: &str, bytes: u64, offset: Option<u64>) -> InputFile {
        let bundled = offset.map(|offset| Bundled { offset, names: 2 });
        InputFile { uri: uri.into(), etag: "e".into(), bytes, rows: None, bundled }
    }

    #[test]
    fn files_lie_one_after_another_and_fill_their_bundle() {
        let mut three = files("k=a/0:4 k=b/0:0 k=c/0:7");
        assert!(lay_out(&mut three));
        assert_eq!(three.iter().map(|f| f.offset).collect::<Vec<_>>(), [Some(0), Some(4), Some(4)]);
        assert_eq!(bytes(&three), Ok(Some(11)));
        let rejects = files("rejects/rejects.ndjson:9");
        assert_eq!(objects(&three, Some(&rejects[0])), Ok(vec![("bundle", 11), ("rejects/rejects.ndjson", 9)]));
        let mut one = files("0:4");
        assert!(!lay_out(&mut one) && bytes(&one) == Ok(None));
        assert_eq!(objects(&one, None), Ok(vec![("0", 4)]));
    }

    #[test]
    fn an_index_with_a_gap_an_overlap_or_another_order_is_none() {
        for wrong in [[Some(0), Some(3)], [Some(0), Some(5)], [Some(4), Some(0)], [Some(0), None], [None, Some(4)]] {
            let mut two = files("a:4 b:4");
            two.iter_mut().zip(wrong).for_each(|(file, offset)| file.offset = offset);
            assert!(bytes(&two).is_err(), "{wrong:?}");
        }
        let mut huge = files("a:18446744073709551615 b:1 c:1");
        huge[0].offset = Some(0);
        huge[1].offset = Some(u64::MAX);
        assert!(bytes(&huge).is_err());
    }

    #[test]
    fn the_object_of_a_file_is_the_bundle_beside_its_folders() {
        let of = |path: &str| {
            let mut two = files(&format!("{path}:1 z:1"));
            lay_out(&mut two);
            object(&Uri::new("s3://b/scratch/x/0000001-a").join(path), Bundled::of(&two[0])).0
        };
        for path in ["0.parquet", "k=a/0.parquet", "k=a/l=b/0.parquet", "bundle/0.parquet"] {
            assert_eq!(of(path), "s3://b/scratch/x/0000001-a/bundle");
        }
        assert_eq!(input("s3://b/alone/0", 1, None).object().as_str(), "s3://b/alone/0");
    }

    #[test]
    fn a_bundle_ends_where_its_last_file_ends() {
        let mut bundles = Bundles::default();
        for file in [input("s3://b/1/k=b/0", 7, Some(4)), input("s3://b/1/k=a/0", 4, Some(0))] {
            bundles.add(&file.uri, file.bytes, file.bundled);
        }
        assert_eq!(bundles.bytes_of(&"s3://b/1/bundle".into(), 4), 11);
        assert_eq!(bundles.bytes_of(&"s3://b/1/0".into(), 4), 4);
    }

    #[test]
    fn files_that_adjoin_are_one_request_and_each_is_asked_for_once() {
        let found = fetches(&[
            input("s3://b/2/k=a/0", 3, Some(0)),
            input("s3://b/1/k=c/0", 5, Some(9)),
            input("s3://b/1/k=a/0", 4, Some(0)),
            input("s3://b/1/k=a/0", 4, Some(0)),
            input("s3://b/1/k=b/0", 2, Some(4)),
            input("s3://b/1/k=b/1", 0, Some(4)),
            input("s3://b/alone", 8, None),
        ]);
        let shown: Vec<String> = found
            .iter()
            .map(|fetch| {
                let names: Vec<&str> = fetch.files.iter().map(|file| &file.uri.as_str()[7..]).collect();
                let range = fetch.range.as_ref().map_or("all".to_owned(), |r| format!("{}..{}", r.start, r.end));
                format!("{} {range}: {}", fetch.object, names.join(", "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "s3://b/1/bundle 0..6: 1/k=a/0, 1/k=b/1, 1/k=b/0",
                "s3://b/1/bundle 9..14: 1/k=c/0",
                "s3://b/2/bundle 0..3: 2/k=a/0",
                "s3://b/alone all: alone",
            ]
        );
        let all: Vec<InputFile> = found.into_iter().flat_map(|fetch| fetch.files).collect();
        assert_eq!(count(&all), 3);
    }
}
