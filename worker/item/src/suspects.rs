//! Which of the files that are read together has the value that made the engine stop: each is read again, alone and only
//! in the columns that are converted, until one fails. Only an item that has failed pays for it.

use crate::failure::{bad_data, first_lines, root};
use crate::loaded::{Suspect, scan_parquet};
use crate::whose::ROW;
use polars::prelude::{Engine, Expr};
use spotmill_core::item::{FailureClass, ItemFailure};

/// The failure, or the one of the file that is to blame for it.
pub fn named(failure: ItemFailure, suspects: &[Suspect]) -> ItemFailure {
    if failure.class != FailureClass::Transform || !failure.message.contains("or of a file like it") {
        return failure;
    }
    suspects.iter().find_map(|suspect| isolated(suspect, &failure.message)).unwrap_or(failure)
}

fn isolated(suspect: &Suspect, failed: &str) -> Option<ItemFailure> {
    let to_blame = |name: &str| failed.contains(&format!("column `{name}` of the input"));
    let rows = scan_parquet(std::slice::from_ref(&suspect.path)).ok()?.with_row_index(ROW, None);
    // Counted and not kept: only whether it can be read is asked.
    let columns = suspect.columns.iter().filter(|(name, _)| to_blame(name));
    let counted: Vec<Expr> = columns.map(|(_, expr)| expr.clone().count()).collect();
    if counted.is_empty() {
        return None;
    }
    let error = rows.select(counted).collect_with_engine(Engine::Streaming).err()?;
    let message = first_lines(root(&error));
    let file = suspect.file.display().to_string();
    message.contains(&file).then(|| bad_data(&file, message))
}
