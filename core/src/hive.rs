//! Which folders of a file's path are its columns: those that the pipeline file's path names or matches. Where the
//! project lies, or what stands above it, says nothing of the data.

use crate::ids::Uri;
use crate::types::Column;

/// Does each key stand once in the folders of each file? `above` is the folder from which the path was written; of what
/// stands there nothing counts. A key with escapes is left to whoever decodes it.
pub fn keys_stand<'a>(keys: &[Column], above: &Uri, files: impl IntoIterator<Item = &'a Uri>) -> Result<(), String> {
    if keys.is_empty() {
        return Ok(());
    }
    for file in files {
        let below = file.as_str().strip_prefix(above.join("").as_str()).unwrap_or(file.as_str());
        let folders = below.rsplit_once('/').map_or("", |(folders, _)| folders);
        let found: Vec<&str> = folders.split('/').filter_map(|f| f.split_once('=')).map(|(key, _)| key).collect();
        if found.iter().any(|key| key.contains('%')) {
            continue;
        }
        for Column { name, .. } in keys {
            match found.iter().filter(|key| **key == name).count() {
                1 => {}
                0 => {
                    return Err(format!(
                        "{file} has no folder `{name}=…` below {above}/: `hive` names the keys of the folders that the \
                         path matches, and what stands above is where the project lies"
                    ));
                }
                times => {
                    return Err(format!(
                        "{file} has {times} folders `{name}=…` in its path, so that it has no one value: narrow the path, \
                         or rename a folder"
                    ));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ColumnType;

    #[test]
    fn only_folders_that_the_path_wrote_are_columns() {
        let key = |name: &str| Column { name: name.into(), ty: ColumnType::String, parse: None };
        for (above, file, expected) in [
            ("/x/p", "/x/p/data/env=a/1.csv", None),
            ("/x/env=prod/p", "/x/env=prod/p/data/1.csv", Some("has no folder `env=…` below /x/env=prod/p/")),
            ("/x/env=prod/p", "/x/env=prod/p/data/env=a/1.csv", None),
            ("", "/x/env=prod/data/1.csv", None),
            ("s3://b", "s3://b/env=a/1.csv", None),
            ("/x/p", "/x/p/env=a/env=b/1.csv", Some("has 2 folders `env=…`")),
            ("/x/p", "/x/p/data/env=a.csv", Some("has no folder")),
            ("/x/p", "/x/p/e%6ev=a/1.csv", None),
        ] {
            let found = keys_stand(&[key("env")], &above.into(), [&Uri::from(file)]).err();
            let holds = expected.is_none_or(|part| found.as_ref().is_some_and(|why| why.contains(part)));
            assert!(holds && found.is_some() == expected.is_some(), "{file}: {found:?}");
        }
    }
}
