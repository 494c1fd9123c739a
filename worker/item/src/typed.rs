//! Files that state the types of their columns, Parquet and Arrow: each is read by its statement, to the declared columns,
//! or to those that all files have. Files with equal statements are scanned together; what differs in one is widened, NULL
//! or refused as the input declares.

use crate::failure::{Outcome, Remedy, bad_data, engine_failure, failure};
use crate::footer::{self, Footer};
use crate::loaded::{Loaded, Room, Suspect, drifted, empty, loaded, scan_parquet, with_constants};
use crate::pruning::Pruning;
use crate::types::{column, from_engine, normal, to_engine};
use crate::whose::Whose;
use crate::widening::{is_converted, read_as};
use crate::{arrow_file, hive, int96};
use polars::prelude::{DataType, Expr, LazyFrame, NULL, UnionArgs, col, concat, lit};
use spotmill_core::format::plural_of;
use spotmill_core::item::{FailureClass, InputFile, ItemFailure};
use spotmill_core::model::{Extra, FieldRules, Format, Missing, Read};
use spotmill_core::types::{Column, ColumnType};
use spotmill_text::header::similar;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file, and how its columns become ours; files of one shape are read alike.
struct Part {
    file: PathBuf,
    /// Where the engine reads it.
    path: PathBuf,
    shape: Vec<String>,
    columns: Vec<Expr>,
    /// Those of them that are not in the file.
    constants: Vec<Expr>,
    /// Those that are converted as they are read, naming the row where that fails.
    converted: Vec<(String, Expr)>,
}

pub fn typed(files: &[InputFile], paths: &[PathBuf], read: &Read, room: &Room<'_>) -> Outcome<Loaded> {
    let Some(first_path) = paths.first() else {
        let columns = read.all_columns();
        return Ok(loaded(empty(&columns), columns, 0));
    };
    let first = stated(first_path, read.format)?;
    let (columns, left_out) = contract(first_path, &first, read)?;
    let (mut parts, mut rows, mut notes) = (Vec::with_capacity(paths.len()), 0, Vec::new());
    for (i, (file, path)) in files.iter().zip(paths).enumerate() {
        let other;
        let footer = if i == 0 {
            &first
        } else {
            other = stated(path, read.format)?;
            &other
        };
        counted(file, path, footer)?;
        if read.columns.is_empty() {
            footer::same_as_first(path, footer, first_path, &first)?;
        }
        let part = part(path, footer, &columns, read, &mut notes)?;
        let copy = room.tmp.join(format!("{}-{i}.parquet", room.name));
        let (path, in_file) = readable(path, footer, &columns, copy)?;
        parts.push(Part { path, ..part });
        rows += in_file;
    }
    let columns = [&columns[..], &read.hive].concat();
    notes.extend(pruned(&mut parts, room.pruning.as_ref()));
    let suspects = suspects(&parts);
    let frame = if parts.is_empty() { empty(&columns) } else { scanned(&parts)? };
    let mut out = loaded(frame, columns, rows);
    (out.notes, out.left_out, out.suspects) = (notes, left_out, suspects);
    if !out.left_out.is_empty() {
        let list = out.left_out.join(", ");
        out.notes.push(format!("columns left out, their types have no SQL here: {list}"));
    }
    Ok(out)
}

/// What a file states of its columns.
pub fn stated(path: &Path, format: Format) -> Outcome<Footer> {
    if format == Format::Arrow { arrow_file::schema(path) } else { footer::read(path) }
}

/// The columns of such a file that SQL has types for, and those that it has none for.
pub fn columns(path: &Path, footer: &Footer) -> Outcome<(Vec<Column>, Vec<String>)> {
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for (name, dtype) in footer.schema.iter() {
        match normal(dtype).as_ref().and_then(from_engine) {
            Some(ty) => kept.push(column(name, ty)),
            None => left_out.push(format!("`{name}` {}", footer.word(name, dtype))),
        }
    }
    if kept.is_empty() {
        let name = path.display().to_string();
        let list = left_out.join(", ");
        return Err(bad_data(&name, format!("{name} has no column of a type that can be read: {list}")));
    }
    Ok((kept, left_out))
}

/// What every file is read as, and what the first has beside it that cannot be read.
fn contract(first: &Path, footer: &Footer, read: &Read) -> Outcome<(Vec<Column>, Vec<String>)> {
    if !read.columns.is_empty() && !read.inferred {
        return Ok((read.columns.clone(), Vec::new()));
    }
    let (columns, left_out) = columns(first, footer)?;
    if read.inferred {
        // Planning found them in what the files state, which is not all that the engine has of a type.
        let readable = |c: &&Column| footer.schema.get(&c.name).is_none_or(|ty| normal(ty).is_some());
        return Ok((read.columns.iter().filter(readable).cloned().collect(), left_out));
    }
    Ok((columns, left_out))
}

fn counted(file: &InputFile, path: &Path, footer: &Footer) -> Outcome<()> {
    let (Some(written), Some(found)) = (file.rows, footer.rows) else { return Ok(()) };
    if written == found {
        return Ok(());
    }
    let message = format!("{} has {found} rows; its step wrote {written}", path.display());
    Err(failure(FailureClass::InputChanged, message))
}

fn part(path: &Path, footer: &Footer, columns: &[Column], read: &Read, notes: &mut Vec<String>) -> Outcome<Part> {
    hive::only_in_path(path, &read.hive, footer.schema.iter_names().map(|name| name.as_str()))?;
    let (mut exprs, mut missing) = (Vec::with_capacity(columns.len()), Vec::new());
    // Of all that the file has: the engine scans files together only where nothing differs.
    let mut shape: Vec<String> = footer.schema.iter().map(|(name, ty)| format!("{name} {ty:?}")).collect();
    shape.extend(footer.int96.iter().chain(footer.days.keys()).chain(footer.foreign.values()).cloned());
    let stated: &[Column] = if read.inferred { &[] } else { columns };
    let (mut constants, mut converted) = (Vec::new(), Vec::new());
    for column in columns {
        let Some(found) = footer.schema.get(&column.name) else {
            if let Some(near) = similar(footer.schema.iter_names().map(|found| found.as_str()), &column.name, stated) {
                return Err(renamed(path, &column.name, near));
            }
            missing.push(column.name.clone());
            constants.push(lit(NULL).cast(to_engine(column.ty)).alias(column.name.as_str()));
            exprs.push(col(column.name.as_str()));
            continue;
        };
        let int96 = footer.int96.contains(&column.name);
        let rules: FieldRules = read.rules(&column.name);
        let expr = match footer.days.get(&column.name) {
            Some(_) if column.ty == ColumnType::Date => Some(col(column.name.as_str()).strict_cast(DataType::Date)),
            days => {
                let found = days.unwrap_or(found);
                let single = read_as(found, int96, column, &rules, &Whose::row(path)).filter(is_converted);
                converted.extend(single.map(|expr| (column.name.clone(), expr)));
                read_as(found, int96, column, &rules, &Whose::like(path))
            }
        };
        let expr = expr.ok_or_else(|| other_type(path, footer, column, read.inferred))?;
        exprs.push(expr);
    }
    let file = path.display().to_string();
    if let (Some(name), Missing::Fail) = (missing.first(), read.missing) {
        return Err(lacks(path, name));
    }
    let declared = |name: &str| columns.iter().chain(&read.hive).any(|c| c.name == name);
    // Where nothing is declared, a column that has no SQL type is left out of every file.
    let counts = |ty: &DataType| !read.inferred || normal(ty).is_some();
    let extra = footer.schema.iter().filter(|(name, ty)| !declared(name) && counts(ty));
    let extra: Vec<String> = extra.map(|(name, _)| name.to_string()).collect();
    if let (Some(name), false) = (extra.first(), read.columns.is_empty())
        && (read.extra == Extra::Fail || read.inferred)
    {
        let (what, way) = match read.inferred {
            true => ("that the files have not which were read when the step was planned", "declare `columns`"),
            false => ("that is not declared", "add it to `columns`, or set `extra = \"ignore\"`"),
        };
        return Err(bad_data(&file, format!("{file} has a column `{name}` {what}")).remedy(way));
    }
    drifted(path, &missing, if read.columns.is_empty() { &[] } else { &extra }, notes);
    constants.extend(hive::values(path, &read.hive)?);
    exprs.extend(read.hive.iter().map(|c| col(c.name.as_str())));
    shape.extend(hive::folders(path).into_iter().filter(|_| !read.hive.is_empty()).map(|(k, v)| format!("{k}={v}")));
    Ok(Part { file: path.to_owned(), path: path.to_owned(), shape, columns: exprs, constants, converted })
}

fn renamed(path: &Path, name: &str, near: &str) -> ItemFailure {
    let file = path.display().to_string();
    bad_data(&file, format!("{file} has no column `{name}`; it has `{near}`")).remedy(
        "declare the name as it stands there, blanks and case included; files that disagree in it are two inputs, or \
         have to be rewritten",
    )
}

fn lacks(path: &Path, name: &str) -> ItemFailure {
    let file = path.display().to_string();
    let remedy = match hive::folders(path).iter().any(|(key, _)| key == name) {
        true => format!("`{name}` stands in the path: declare it in `hive` instead"),
        false => "declare the columns that every file has, or set `missing = \"null\"` to read NULL where one lacks"
            .to_owned(),
    };
    bad_data(&file, format!("{file} has no column `{name}`")).remedy(remedy)
}

fn other_type(path: &Path, footer: &Footer, column: &Column, inferred: bool) -> ItemFailure {
    let (file, name) = (path.display().to_string(), &column.name);
    let found = match footer.schema.get(name) {
        _ if footer.int96.contains(name) => "INT96, a timestamp".to_owned(),
        found => found.map(|ty| footer.word(name, ty)).unwrap_or_default(),
    };
    if footer.foreign.contains_key(name) {
        return bad_data(&file, format!("{file}: column `{name}` is {found}, a type that cannot be read"))
            .remedy("leave it out of `columns`, or have it written as text or as a type that `columns` has");
    }
    let by = if inferred { "as in the files that were read when the step was planned" } else { "as declared" };
    let message = format!("{file}: column `{name}` is {found}, not {} {by}, which does not hold it", column.ty);
    bad_data(&file, message)
        .remedy("declare a type that holds every file's values and CAST it in SQL, or have the file rewritten")
}

/// Where the engine reads the file, and its rows: itself; a copy whose INT96 columns are bytes, where one of them is read,
/// and whose columns of types that the engine has not are bytes too; a copy of an Arrow file.
fn readable(path: &Path, footer: &Footer, columns: &[Column], copy: PathBuf) -> Outcome<(PathBuf, u64)> {
    let Some(rows) = footer.rows else {
        let rows = arrow_file::as_parquet(path, footer, columns, &copy)?;
        return Ok((copy, rows));
    };
    if footer.foreign.is_empty() && !columns.iter().any(|c| footer.int96.contains(&c.name)) {
        return Ok((path.to_owned(), rows));
    }
    int96::as_bytes(path, &footer.foreign, &copy)?;
    Ok((copy, rows))
}

/// Takes out the files of which no row is read, and notes how many. One whose values are converted as they are read stays:
/// a value that does not fit is refused, whether or not the query has a use for its row.
fn pruned(parts: &mut Vec<Part>, pruning: Option<&Pruning>) -> Option<String> {
    let (pruning, all) = (pruning?, parts.len());
    let mut decided: BTreeMap<Vec<String>, bool> = BTreeMap::new();
    parts.retain(|part| {
        let as_stated = part.columns.iter().all(|column| matches!(column, Expr::Column(_)));
        !(as_stated && *decided.entry(part.shape.clone()).or_insert_with(|| pruning.excludes(&part.constants)))
    });
    let (without, keys) = (all - parts.len(), pruning.keys.join("`, `"));
    (without > 0).then(|| {
        let of = plural_of(all, "file has", "files have");
        format!(
            "{without} of {all} {of} no row that the query reads, by `{keys}` in the path: their values were not read"
        )
    })
}

/// Files of which a value may not be what its column is declared as.
fn suspects(parts: &[Part]) -> Vec<Suspect> {
    let converted = parts.iter().filter(|part| !part.converted.is_empty());
    converted
        .map(|part| Suspect { file: part.file.clone(), path: part.path.clone(), columns: part.converted.clone() })
        .collect()
}

fn scanned(parts: &[Part]) -> Outcome<LazyFrame> {
    let mut frames = Vec::new();
    for group in parts.chunk_by(|a, b| a.shape == b.shape) {
        let paths: Vec<PathBuf> = group.iter().map(|part| part.path.clone()).collect();
        let Part { columns, constants, .. } = &group[0];
        frames.push(with_constants(scan_parquet(&paths)?, columns.clone(), constants.clone()));
    }
    match frames.len() {
        1 => Ok(frames.remove(0)),
        _ => concat(frames, UnionArgs { rechunk: false, ..Default::default() })
            .map_err(|e| engine_failure(&e, "reading Parquet")),
    }
}
