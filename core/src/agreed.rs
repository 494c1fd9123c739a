//! The columns that Parquet files have in common where none are declared, decided once for all files of a step: a
//! column that grew over the months has the widest of its types, which holds every value of the others. What one file
//! has and another lacks, and types of which none holds the other, are reported before the work and not after it.

use crate::model::Missing;
use crate::types::{Column, ColumnType};

/// What a file's column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Type(ColumnType),
    /// It holds nothing but NULL, and is of any type.
    Null,
    /// It has no type that SQL has: nested, or bytes.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileColumns {
    pub file: String,
    pub columns: Vec<(String, Kind)>,
}

/// A column, and the file that gave it its type.
struct Agreed<'a> {
    name: &'a str,
    kind: Kind,
    file: &'a str,
}

/// The columns in the order in which they are met, without those of type `Other`; or why there are none.
pub fn agreed(files: &[FileColumns], missing: Missing) -> Result<Vec<Column>, String> {
    let mut found: Vec<Agreed<'_>> = Vec::new();
    for FileColumns { file, columns } in files {
        for (i, (name, kind)) in columns.iter().enumerate() {
            if columns[..i].iter().any(|(before, _)| before == name) {
                return Err(format!("{file} has more than one column `{name}`; have the file rewritten"));
            }
            match found.iter_mut().find(|merged| merged.name == name) {
                Some(merged) => widen(merged, *kind, file)?,
                None => found.push(Agreed { name, kind: *kind, file }),
            }
        }
    }
    let wanted = |column: &&Agreed<'_>| column.kind != Kind::Other;
    if missing == Missing::Fail {
        for column in found.iter().filter(wanted) {
            lacking(files, column)?;
        }
    }
    let typed = |column: &Agreed<'_>| {
        let ty = match column.kind {
            Kind::Type(ty) => ty,
            Kind::Null | Kind::Other => ColumnType::String,
        };
        Column { name: column.name.to_owned(), ty, parse: None }
    };
    Ok(found.iter().filter(wanted).map(typed).collect())
}

fn widen<'a>(merged: &mut Agreed<'a>, kind: Kind, file: &'a str) -> Result<(), String> {
    let wider = match (merged.kind, kind) {
        (a, b) if a == b => return Ok(()),
        (_, Kind::Null) => return Ok(()),
        (Kind::Null, _) => true,
        (Kind::Type(a), Kind::Type(b)) if a.holds(b) => return Ok(()),
        (Kind::Type(a), Kind::Type(b)) => b.holds(a),
        _ => false,
    };
    if wider {
        (merged.kind, merged.file) = (kind, file);
        return Ok(());
    }
    let (name, there) = (merged.name, merged.file);
    let way = "declare `columns` with a type that holds both, or have the files rewritten";
    Err(format!("{file}: column `{name}` is {}, but {} in {there}; {way}", describe(kind), describe(merged.kind)))
}

fn describe(kind: Kind) -> String {
    match kind {
        Kind::Type(ty) => ty.to_string(),
        Kind::Null => "NULL".to_owned(),
        Kind::Other => "of a type that SQL has not here".to_owned(),
    }
}

fn lacking(files: &[FileColumns], column: &Agreed<'_>) -> Result<(), String> {
    let name = column.name;
    let Some(lacks) = files.iter().find(|f| !f.columns.iter().any(|(n, _)| n == name)) else { return Ok(()) };
    let near = |(other, _): &&(String, Kind)| other.trim().eq_ignore_ascii_case(name.trim());
    let way = match lacks.columns.iter().find(near) {
        // To every reader of what is published these are one column.
        Some((other, _)) => format!(
            "that one has `{other}`: have the files written with one name; until then they are two inputs, each with its \
             own `columns`"
        ),
        None => "declare `columns`, or set `missing = \"null\"` to read it as NULL where it is missing".to_owned(),
    };
    Err(format!("{} has a column `{name}`, which {} has not; {way}", column.file, lacks.file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, columns: &[(&str, &str)]) -> FileColumns {
        let kind = |ty: &str| match ty {
            "null" => Kind::Null,
            "list" => Kind::Other,
            ty => Kind::Type(ty.parse().expect("a type")),
        };
        FileColumns {
            file: name.to_owned(),
            columns: columns.iter().map(|(name, ty)| ((*name).to_owned(), kind(ty))).collect(),
        }
    }

    fn outcome(files: &[FileColumns], missing: Missing) -> String {
        match agreed(files, missing) {
            Ok(columns) => columns.iter().map(|c| format!("{} {}", c.name, c.ty)).collect::<Vec<_>>().join(", "),
            Err(why) => why,
        }
    }

    #[test]
    fn the_widest_type_of_all_files() {
        let files = [
            file("1", &[("a", "int32"), ("b", "decimal(5,2)"), ("n", "null"), ("z", "null")]),
            file("2", &[("b", "int8"), ("a", "int64"), ("n", "date"), ("z", "null")]),
            file("3", &[("a", "uint32"), ("b", "decimal(7,4)"), ("n", "null"), ("z", "null")]),
        ];
        assert_eq!(outcome(&files, Missing::Fail), "a int64, b decimal(7,4), n date, z string");
    }

    #[test]
    fn what_no_type_holds_is_refused() {
        let files = [file("1", &[("a", "int32")]), file("2", &[("a", "string")])];
        let why = outcome(&files, Missing::Null);
        assert!(why.starts_with("2: column `a` is string, but int32 in 1; declare `columns`"), "{why}");
        let files = [file("1", &[("a", "int32")]), file("2", &[("a", "list")])];
        assert!(outcome(&files, Missing::Null).contains("a type that SQL has not here"));
        let files = [file("1", &[("a", "int32"), ("a", "int32")])];
        assert!(outcome(&files, Missing::Null).contains("more than one column `a`"));
    }

    #[test]
    fn what_a_file_lacks_is_refused_or_null() {
        let files = [file("1", &[("a", "int32"), ("l", "list")]), file("2", &[("a", "int32"), ("b", "date")])];
        assert!(outcome(&files, Missing::Fail).starts_with("2 has a column `b`, which 1 has not; declare"));
        assert_eq!(outcome(&files, Missing::Null), "a int32, b date");
    }

    #[test]
    fn a_name_in_another_case_is_not_made_up_for_with_null() {
        let files = [file("1", &[("a", "int32")]), file("2", &[("A", "int32")])];
        let why = outcome(&files, Missing::Fail);
        assert!(why.starts_with("1 has a column `a`, which 2 has not; that one has `A`"), "{why}");
        assert!(!why.contains("missing"), "{why}");
    }
}
