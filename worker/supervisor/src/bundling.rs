//! The bundle of an attempt as a file of this machine: what a child wrote, one file after another, in little memory. The
//! child's own files stay as they are.

use spotmill_core::bundle;
use spotmill_core::item::OutputFile;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Why there is no bundle.
#[derive(Debug)]
pub enum Unbundled {
    /// A file is not what the child reported.
    Differs(String),
    /// This machine cannot write it.
    Io(io::Error),
}

/// Writes to `to` what lies below `folder`, and notes where each file begins. One file alone is left as it is; returns
/// whether there is a bundle.
pub fn write(folder: &Path, files: &mut [OutputFile], to: &Path) -> Result<bool, Unbundled> {
    if !bundle::lay_out(files) {
        return Ok(false);
    }
    let mut bundle = File::create(to).map_err(Unbundled::Io)?;
    for OutputFile { path, bytes, .. } in files {
        let mut file = File::open(folder.join(&*path)).map_err(Unbundled::Io)?;
        let found = io::copy(&mut file, &mut bundle).map_err(Unbundled::Io)?;
        if found != *bytes {
            let what = format!("the child reported {bytes} bytes of {path}, but there are {found}");
            return Err(Unbundled::Differs(what));
        }
    }
    bundle.flush().map_err(Unbundled::Io)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: u64) -> OutputFile {
        OutputFile { partition: String::new(), part: 0, path: path.to_owned(), rows: 1, bytes, offset: None }
    }

    #[test]
    fn a_bundle_holds_its_files_where_its_index_says() {
        let dir = tempfile::tempdir().expect("a directory");
        let texts = [("a", "one"), ("b", ""), ("c", "three")];
        for (name, text) in texts {
            std::fs::write(dir.path().join(name), text).expect("written");
        }
        let mut files = texts.map(|(name, text)| file(name, text.len() as u64));
        let to = dir.path().join("bundle");
        assert!(write(dir.path(), &mut files, &to).expect("a bundle"));
        let all = std::fs::read(&to).expect("read");
        assert_eq!(bundle::bytes(&files), Ok(Some(all.len() as u64)));
        for (file, (_, text)) in files.iter().zip(texts) {
            let from = file.offset.expect("an offset") as usize;
            assert_eq!(&all[from..from + file.bytes as usize], text.as_bytes());
        }
        assert!(!write(dir.path(), &mut [file("a", 3)], &dir.path().join("none")).expect("no bundle"));
        assert!(!dir.path().join("none").exists());
    }

    #[test]
    fn a_file_of_another_size_than_reported_is_in_no_bundle() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("a"), "four").expect("written");
        for bytes in [3, 5] {
            let mut files = [file("a", bytes), file("a", 4)];
            match write(dir.path(), &mut files, &dir.path().join("bundle")) {
                Err(Unbundled::Differs(what)) => assert!(what.ends_with("but there are 4"), "{what}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
