//! Listing: every file whose path begins with a string, as an object store understands a prefix. Links are
//! followed (data often lives on another disk), never in a circle.

use super::atomic::{etag, is_ours};
use crate::ports::ObjectMeta;
use rustix::io::Errno;
use spotmill_core::ids::Uri;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(super) fn list(prefix: &str) -> io::Result<Vec<ObjectMeta>> {
    let mut found = Vec::new();
    let base = prefix.rfind('/').map_or("", |at| &prefix[..at]);
    walk(base, prefix, &mut Vec::new(), &mut found)?;
    found.sort_by(|a, b| a.uri.as_str().cmp(b.uri.as_str()));
    Ok(found)
}

fn walk(directory: &str, prefix: &str, above: &mut Vec<(u64, u64)>, found: &mut Vec<ObjectMeta>) -> io::Result<()> {
    let Some(entries) = entered(directory, above)? else { return Ok(()) };
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
                    found.push(ObjectMeta { bytes: 0, ..object(Uri::new(path), &link) });
                }
                continue;
            }
            Err(e) => return Err(e),
        };
        if meta.is_dir() {
            walk(&path, prefix, above, found)?;
        } else if meta.is_file() {
            found.push(object(Uri::new(path), &meta));
        }
    }
    above.pop();
    Ok(())
}

/// The entries of a directory, which has no trailing slash (the root is empty), with it put among those `above`. None where
/// it is gone, or is among them already.
fn entered(directory: &str, above: &mut Vec<(u64, u64)>) -> io::Result<Option<fs::ReadDir>> {
    let readable = if directory.is_empty() { "/" } else { directory };
    let (entries, id) = match fs::read_dir(readable).and_then(|d| Ok((d, fs::metadata(readable)?))) {
        Ok((entries, meta)) => (entries, (meta.dev(), meta.ino())),
        Err(e) if gone(&e) => return Ok(None),
        Err(e) => return Err(e),
    };
    if above.contains(&id) {
        return Ok(None);
    }
    above.push(id);
    Ok(Some(entries))
}

/// What is stated of a file by its metadata.
pub(super) fn object(uri: Uri, meta: &fs::Metadata) -> ObjectMeta {
    let file = Some((meta.dev(), meta.ino()));
    ObjectMeta { uri, etag: etag(meta), bytes: meta.size(), modified_ms: modified_ms(meta), file }
}

/// 0 for a file from before 1970.
fn modified_ms(meta: &fs::Metadata) -> u64 {
    let secs = u64::try_from(meta.mtime()).unwrap_or(0);
    secs.saturating_mul(1000).saturating_add(u64::try_from(meta.mtime_nsec()).unwrap_or(0) / 1_000_000)
}

/// The links to folders on the way of a listing, and where each leads.
pub(super) fn links(prefix: &str) -> io::Result<Vec<(Uri, Uri)>> {
    let mut found = Vec::new();
    let base = prefix.rfind('/').map_or("", |at| &prefix[..at]);
    walk_links(base, prefix, &mut Vec::new(), &mut found)?;
    Ok(found)
}

fn walk_links(
    directory: &str,
    prefix: &str,
    above: &mut Vec<(u64, u64)>,
    found: &mut Vec<(Uri, Uri)>,
) -> io::Result<()> {
    let Some(entries) = entered(directory, above)? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(path) = name.to_str().map(|name| format!("{directory}/{name}")) else { continue };
        let kind = entry.file_type()?;
        if !path.starts_with(prefix) || !(kind.is_dir() || kind.is_symlink()) {
            continue;
        }
        if kind.is_symlink() {
            match fs::canonicalize(&path) {
                Ok(to) if to.is_dir() => found.push((Uri::new(&path), Uri::new(to.to_string_lossy()))),
                Ok(_) => continue,
                Err(e) if gone(&e) => continue,
                Err(e) => return Err(e),
            }
        }
        walk_links(&path, prefix, above, found)?;
    }
    above.pop();
    Ok(())
}

/// The longest part of the path that exists, without links, and the rest of it. A link to nowhere stays what it is.
pub(super) fn real(path: &Path) -> io::Result<Uri> {
    for there in path.ancestors() {
        match fs::canonicalize(there) {
            Ok(found) => {
                let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
                // An empty rest would add a slash.
                let whole = if rest.as_os_str().is_empty() { found } else { found.join(rest) };
                return Ok(Uri::new(whole.to_string_lossy()));
            }
            Err(e) if gone(&e) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Uri::new(path.to_string_lossy()))
}

fn gone(e: &io::Error) -> bool {
    matches!(Errno::from_io_error(e), Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
}
