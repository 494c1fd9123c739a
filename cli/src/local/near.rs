//! Files of S3 as files of this machine, for workers that read nothing else: what is to be shown of a result, and the
//! inputs of one item.

use crate::exit::{Code, Stop, io};
use crate::ui::format::bytes;
use spotmill_core::digest;
use spotmill_core::ids::Uri;
use spotmill_core::item::ItemSpec;
use spotmill_platform::ports::{Store, StoreError};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// More is not fetched to be looked at.
const MOST_BYTES: u64 = 64 << 20;

/// Paths of this machine; the copies among them go with this.
pub struct Copies {
    pub paths: Vec<String>,
    _kept: Option<TempDir>,
}

/// Copies of those that are not here.
pub async fn files(store: &dyn Store, files: &[String]) -> Result<Copies, Stop> {
    if !files.iter().any(|file| Uri::new(file.as_str()).is_s3()) {
        return Ok(Copies { paths: files.to_vec(), _kept: None });
    }
    let kept = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
    let (mut paths, mut total) = (Vec::new(), 0);
    for file in files {
        let uri = Uri::new(file.as_str());
        if !uri.is_s3() {
            paths.push(file.clone());
            continue;
        }
        let seen = store.head(&uri).await.map_err(unread)?;
        total += seen.bytes;
        if total > MOST_BYTES {
            return Err(Stop::failed(format!("it is more than {}", bytes(MOST_BYTES))));
        }
        let copy = copy_in(kept.path(), &uri);
        store.download(&uri, &seen.etag, &copy).await.map_err(unread)?;
        paths.push(copy.to_string_lossy().into_owned());
    }
    Ok(Copies { paths, _kept: Some(kept) })
}

/// The spec with copies below `folder` in place of objects.
pub async fn inputs(store: &dyn Store, spec: &mut ItemSpec, folder: &Path) -> Result<(), Stop> {
    for file in spec.inputs.iter_mut().chain(spec.tables.values_mut().flat_map(|table| &mut table.files)) {
        if !file.uri.is_s3() {
            continue;
        }
        std::fs::create_dir_all(folder).map_err(io("create", folder))?;
        let copy = copy_in(folder, &file.uri);
        store.download(&file.uri, &file.etag, &copy).await.map_err(unread)?;
        file.uri = Uri::new(copy.to_string_lossy());
    }
    Ok(())
}

/// A name that keeps the object's, whose ending says how it is read, and is no other object's.
fn copy_in(folder: &Path, uri: &Uri) -> PathBuf {
    let name = uri.as_str().rsplit('/').next().unwrap_or_default();
    folder.join(format!("{}-{name}", &digest::sha256(uri.as_str().as_bytes())[..16]))
}

fn unread(error: StoreError) -> Stop {
    let code = if matches!(error, StoreError::Denied { .. }) { Code::Permission } else { Code::ItemsFailed };
    Stop::new(code, error.to_string())
}
