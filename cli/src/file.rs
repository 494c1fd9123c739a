//! Files of the project that commands write: whole, or not at all.

use crate::exit::{Stop, io};
use std::path::Path;

/// Puts a file in its place. What a command left beside it that was killed is taken by the next one.
pub fn replace(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Stop> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path)).map_err(io("write", path))
}
