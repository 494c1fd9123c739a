//! From an input's files to a lazy frame whose rows are verified: checked, cleaned where need be, typed as
//! declared and counted before.

use crate::failure::{Outcome, Remedy as _, cannot_read, failure};
use crate::loaded::{Loaded, Room, drifted, empty, loaded, local};
use crate::text::{Text, TextFile};
use crate::typed::typed;
use crate::wanted::Wanted;
use spotmill_core::item::{FailureClass, InputFile};
use spotmill_core::model::{Format, Read};
use std::path::{Path, PathBuf};

pub fn load(files: &[InputFile], read: &Read, room: &Room<'_>) -> Outcome<Loaded> {
    let mut paths = Vec::with_capacity(files.len());
    for file in files {
        let path = local(file)?;
        unchanged(file, &path)?;
        paths.push(path);
    }
    match read.format {
        Format::Parquet | Format::Arrow => typed(files, &paths, read, room),
        Format::Csv | Format::Ndjson if files.is_empty() => nothing(read),
        Format::Csv | Format::Ndjson => text_files(&paths, read, room),
    }
}

/// No file: the declared columns without a row.
fn nothing(read: &Read) -> Outcome<Loaded> {
    if read.columns.is_empty() {
        let message =
            "there is no input, and its columns are not declared: later steps cannot read a table without columns";
        return Err(failure(FailureClass::Permanent, message).remedy("declare `columns` of the input"));
    }
    let columns = read.all_columns();
    Ok(loaded(empty(&columns), columns, 0))
}

fn unchanged(file: &InputFile, path: &Path) -> Outcome<()> {
    let found = std::fs::metadata(path).map_err(|e| cannot_read(path, &e))?.len();
    if file.bytes > 0 && file.bytes != found {
        let message = format!("{} has {found} bytes; it had {} when the work was planned", path.display(), file.bytes);
        return Err(failure(FailureClass::InputChanged, message));
    }
    Ok(())
}

fn text_files(paths: &[PathBuf], read: &Read, room: &Room<'_>) -> Outcome<Loaded> {
    let found;
    let read = match read.columns.is_empty() {
        true => {
            found = crate::text::found(read, paths)?;
            &found
        }
        false => read,
    };
    let text = Text::new(read, &room.used)?;
    let checked: Vec<TextFile> = text.check_all(paths, room)?;
    let wanted = Wanted::new(room.name);
    let rows = checked.iter().map(|f| f.rows).sum();
    let columns = [text.columns(), &read.hive].concat();
    let mut out = loaded(text.scan(&checked, &wanted)?, columns, rows);
    out.wanted = Some(wanted);
    for (file, path) in checked.into_iter().zip(paths) {
        drifted(path, &file.layout.missing, &file.layout.extra, &mut out.notes);
        out.rejected += file.rejected;
        out.rejects.extend(file.rejects);
        out.first_rejects.extend(file.first);
    }
    out.first_rejects.truncate(3);
    Ok(out)
}
