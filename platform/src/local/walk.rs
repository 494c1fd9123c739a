//! Listing: every file whose path begins with a string, as an object store understands a prefix. Links are
//! followed (data often lives on another disk), never in a circle.

use super::atomic::{etag, is_ours};
use crate::ports::ObjectMeta;
use rustix::io::Errno;
use spotmill_core::ids::Uri;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

pub(super) fn list(prefix: &str) -> io::Result<Vec<ObjectMeta>> {
    let mut found = Vec::new();
    let base = prefix.rfind('/').map_or("", |at| &prefix[..at]);
    walk(base, prefix, &mut Vec::new(), &mut found)?;
    found.sort_by(|a, b| a.uri.as_str().cmp(b.uri.as_str()));
    Ok(found)
}

/// `directory` has no trailing slash; the root is empty.
fn walk(directory: &str, prefix: &str, above: &mut Vec<(u64, u64)>, found: &mut Vec<ObjectMeta>) -> io::Result<()> {
    let readable = if directory.is_empty() { "/" } else { directory };
    let (entries, id) = match fs::read_dir(readable).and_then(|d| Ok((d, fs::metadata(readable)?))) {
        Ok((entries, meta)) => (entries, (meta.dev(), meta.ino())),
        Err(e) if gone(&e) => return Ok(()),
        Err(e) => return Err(e),
    };
    if above.contains(&id) {
        return Ok(());
    }
    above.push(id);
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let shown = format!("{directory}/{}", name.display());
            if shown.starts_with(prefix) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the name {shown} is not UTF-8")));
            }
            continue;
        };
        let path = format!("{directory}/{name}");
        if is_ours(name) || !path.starts_with(prefix) {
            continue;
        }
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            // A link to nowhere is there by its name: who reads it fails, and nobody passes it over. Else it was deleted
            // meanwhile.
            Err(e) if gone(&e) => {
                if let Ok(link) = fs::symlink_metadata(&path)
                    && link.is_symlink()
                {
                    found.push(ObjectMeta {
                        uri: Uri::new(path),
                        etag: etag(&link),
                        bytes: 0,
                        modified_ms: modified_ms(&link),
                    });
                }
                continue;
            }
            Err(e) => return Err(e),
        };
        if meta.is_dir() {
            walk(&path, prefix, above, found)?;
        } else if meta.is_file() {
            found.push(ObjectMeta {
                uri: Uri::new(path),
                etag: etag(&meta),
                bytes: meta.size(),
                modified_ms: modified_ms(&meta),
            });
        }
    }
    above.pop();
    Ok(())
}

/// 0 for a file from before 1970.
pub(super) fn modified_ms(meta: &fs::Metadata) -> u64 {
    let secs = u64::try_from(meta.mtime()).unwrap_or(0);
    secs.saturating_mul(1000).saturating_add(u64::try_from(meta.mtime_nsec()).unwrap_or(0) / 1_000_000)
}

fn gone(e: &io::Error) -> bool {
    matches!(Errno::from_io_error(e), Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
}
