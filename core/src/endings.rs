//! What the ending of a file's name means: its format, what divides its fields, how it is packed. The one table of
//! endings, whatever case they are written in; a declaration states more.

use crate::model::{Compression, Format};

const FORMATS: &[(&str, Format, char)] = &[
    (".parquet", Format::Parquet, ','),
    (".arrow", Format::Arrow, ','),
    (".arrows", Format::Arrow, ','),
    (".feather", Format::Arrow, ','),
    (".ipc", Format::Arrow, ','),
    (".csv", Format::Csv, ','),
    (".tsv", Format::Csv, '\t'),
    (".ndjson", Format::Ndjson, ','),
    (".jsonl", Format::Ndjson, ','),
    (".json", Format::Ndjson, ','),
];

const PACKED: &[(&str, Compression)] =
    &[(".gz", Compression::Gzip), (".zst", Compression::Zstd), (".zstd", Compression::Zstd)];

/// The endings that mean a format, as messages list them.
pub const LIST: &str =
    ".parquet, .arrow, .arrows, .feather, .ipc, .csv, .tsv, .ndjson, .jsonl or .json; text also with .gz or .zst";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// None where the ending means no format.
    pub format: Option<Format>,
    pub delimiter: char,
    /// Gzip, Zstd or None.
    pub compression: Compression,
}

pub fn of(name: &str) -> Ending {
    let ends = |name: &str, ending: &str| {
        name.len()
            .checked_sub(ending.len())
            .and_then(|at| name.get(at..))
            .is_some_and(|e| e.eq_ignore_ascii_case(ending))
    };
    let packed = PACKED.iter().find(|(ending, _)| ends(name, ending));
    let bare = packed.map_or(name, |(ending, _)| &name[..name.len() - ending.len()]);
    let found = FORMATS.iter().find(|(ending, ..)| ends(bare, ending));
    // Parquet and Arrow pack their own columns.
    let found = found.filter(|(_, format, _)| !format.states_types() || packed.is_none());
    Ending {
        format: found.map(|(_, format, _)| *format),
        delimiter: found.map_or(',', |(_, _, delimiter)| *delimiter),
        compression: packed.map_or(Compression::None, |(_, compression)| *compression),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_names_the_format() {
        let check = |name: &str, format: Option<Format>, delimiter: char, compression: Compression| {
            assert_eq!(of(name), Ending { format, delimiter, compression }, "{name}");
        };
        let (csv, json) = (Some(Format::Csv), Some(Format::Ndjson));
        check("/a/b.csv", csv, ',', Compression::None);
        check("b.CSV.GZ", csv, ',', Compression::Gzip);
        check("b.tsv.zst", csv, '\t', Compression::Zstd);
        check("b.csv.zstd", csv, ',', Compression::Zstd);
        check("b.jsonl", json, ',', Compression::None);
        check("b.json.gz", json, ',', Compression::Gzip);
        check("b.Parquet", Some(Format::Parquet), ',', Compression::None);
        check("b.parquet.gz", None, ',', Compression::Gzip);
        check("b.Feather", Some(Format::Arrow), ',', Compression::None);
        check("b.arrow.zst", None, ',', Compression::Zstd);
        check("b.txt.gz", None, ',', Compression::Gzip);
        check("csv", None, ',', Compression::None);
        check("ü.gz", None, ',', Compression::Gzip);
    }

    #[test]
    fn the_list_names_every_format() {
        for (ending, ..) in FORMATS {
            assert!(LIST.contains(ending), "{ending}");
        }
    }
}
