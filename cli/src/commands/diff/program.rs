//! The comparison as a pipeline of its own, so that it is as bounded in memory, as parallel and as exact as any other:
//! both sides are brought to one type a column and divided into buckets by the key, and each bucket is compared in a
//! process of its own. Columns are named by their places (`k0`, `c0`), whatever they are called. Pure: it makes text.

use super::pairing::{Compared, Pairing};
use spotmill_core::model::{Format, Read};
use spotmill_core::types::{Column, ColumnType};
use spotmill_spec::sql::quoted_name;

/// Compressed bytes of both sides together that one bucket holds, on average.
const BUCKET_BYTES: u64 = 64 << 20;
const MOST_BUCKETS: u64 = 256;
/// Each publishes below `out`, in a folder of its name.
pub const STEPS: [&str; 4] = ["matched", "missing", "examples_a", "examples_b"];

/// One side, as its files are read.
pub struct Source<'a> {
    /// The literal beginning of the path.
    pub folder: &'a str,
    /// The rest, with its wildcards.
    pub pattern: &'a str,
    pub read: &'a Read,
}

pub struct Options<'a> {
    /// A condition on the rows of both sides.
    pub filter: Option<&'a str>,
    /// Floats that differ by no more than this share of the smaller one are the same.
    pub tolerance: f64,
    pub examples: u64,
    /// Of both sides.
    pub bytes: u64,
}

/// The text of `pipeline.toml`.
pub fn pipeline(pairing: &Pairing, a: &Source<'_>, b: &Source<'_>, options: &Options<'_>) -> String {
    let mut text = format!(
        "format = 1\n\n[pipeline]\nname = \"diff\"\nkey = [\"n\"]\n\n[params]\nn = {{ type = \"int64\", default = 1 }}\n\
         a = {{ type = \"path\", default = {} }}\nb = {{ type = \"path\", default = {} }}\n",
        quoted(a.folder),
        quoted(b.folder)
    );
    let buckets = (options.bytes / BUCKET_BYTES + 1).min(MOST_BUCKETS);
    text += &side("a", pairing, a, options, buckets);
    text += &side("b", pairing, b, options, buckets);
    let queries = if pairing.key.is_empty() { whole_rows(pairing, options) } else { by_key(pairing, options) };
    for ((name, sql), (input, table)) in STEPS.iter().zip(queries).zip([("a", "b"), ("b", "a"), ("a", "b"), ("b", "a")])
    {
        text += &format!(
            "\n[[step]]\nname = {}\nsql = {}\n\n[step.input]\nstep = \"side_{input}\"\nby = \"partition\"\nas = \"{input}\"\n\
             on_empty = \"skip\"\n\n[step.tables.{table}]\nstep = \"side_{table}\"\nby = \"partition\"\n\n\
             [step.output]\ndestination = \"out/{name}/{{n}}\"\n",
            quoted(name),
            quoted(&sql)
        );
    }
    text
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn side(name: &str, pairing: &Pairing, source: &Source<'_>, options: &Options<'_>, buckets: u64) -> String {
    let keys = bucket_columns(pairing);
    let sql = normalized(name, pairing, options);
    let by = keys.iter().map(|k| quoted(k)).collect::<Vec<_>>().join(", ");
    format!(
        "\n[[step]]\nname = \"side_{name}\"\nsql = {}\n\n[step.input]\npath = {}\non_empty = \"skip\"\n{}\n\
         [step.output]\nbucket_by = [{by}]\nbuckets = {buckets}\n",
        quoted(&sql),
        quoted(&format!("{{{name}}}{}", source.pattern)),
        read_keys(source.read)
    )
}

/// Columns that say which bucket a row belongs to.
fn bucket_columns(pairing: &Pairing) -> Vec<String> {
    match pairing.key.len() {
        0 => (0..pairing.values.len()).map(|i| format!("c{i}")).collect(),
        keys => (0..keys).map(|i| format!("k{i}")).collect(),
    }
}

fn read_keys(read: &Read) -> String {
    let mut text = format!("format = \"{}\"\ncolumns = [{}]\n", read.format, entries(&read.columns));
    if !read.hive.is_empty() {
        text += &format!("hive = [{}]\n", entries(&read.hive));
    }
    match read.format {
        Format::Csv => {
            text += &format!("header = {}\n", read.header);
            text += &format!("delimiter = {}\n", quoted(&read.delimiter.to_string()));
            let nulls: Vec<String> = read.null_values.iter().map(|n| quoted(n)).collect();
            text += &format!("null_values = [{}]\n", nulls.join(", "));
        }
        Format::Ndjson => text += "extra = \"fail\"\n",
        Format::Parquet | Format::Arrow => {}
    }
    text
}

fn entries(columns: &[Column]) -> String {
    let entry = |c: &Column| format!("{{ name = {}, type = \"{}\" }}", quoted(&c.name), c.ty);
    columns.iter().map(entry).collect::<Vec<_>>().join(", ")
}

/// Every compared column under its place, in the type that both sides share.
fn normalized(name: &str, pairing: &Pairing, options: &Options<'_>) -> String {
    let column = |prefix: &str, i: usize, c: &Compared| {
        let (from, is) = (quoted_name(&c.name), if name == "a" { c.a } else { c.b });
        let value = if is == c.ty { from } else { format!("CAST({from} AS {})", sql_type(c.ty)) };
        format!("{value} AS {prefix}{i}")
    };
    let keys = pairing.key.iter().enumerate().map(|(i, c)| column("k", i, c));
    let values = pairing.values.iter().enumerate().map(|(i, c)| column("c", i, c));
    let list: Vec<String> = keys.chain(values).chain(["1 AS present".to_owned()]).collect();
    let filter = options.filter.map(|f| format!("\nWHERE ({f})")).unwrap_or_default();
    format!("SELECT {}\nFROM input{filter}", list.join(", "))
}

fn sql_type(ty: ColumnType) -> String {
    match ty {
        ColumnType::Bool => "BOOLEAN".to_owned(),
        ColumnType::Int8 => "TINYINT".to_owned(),
        ColumnType::Int16 => "SMALLINT".to_owned(),
        ColumnType::Int32 => "INTEGER".to_owned(),
        ColumnType::Int64 => "BIGINT".to_owned(),
        ColumnType::Uint8 => "UTINYINT".to_owned(),
        ColumnType::Uint16 => "USMALLINT".to_owned(),
        ColumnType::Uint32 => "UINTEGER".to_owned(),
        ColumnType::Uint64 => "UBIGINT".to_owned(),
        ColumnType::Float32 => "REAL".to_owned(),
        ColumnType::Float64 => "DOUBLE".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        ColumnType::String => "VARCHAR".to_owned(),
        ColumnType::Date => "DATE".to_owned(),
        ColumnType::Timestamp => "TIMESTAMP".to_owned(),
        ColumnType::TimestampUtc => "TIMESTAMP WITH TIME ZONE".to_owned(),
    }
}

/// For rows that a key identifies: rows of A with those of B, rows of B without one of A, and examples of both.
fn by_key(pairing: &Pairing, options: &Options<'_>) -> [String; 4] {
    let (keys, values) = (pairing.key.len(), pairing.values.len());
    let list = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join("");
    let on = |a: &str, b: &str| {
        (0..keys).map(|i| format!("{a}.k{i} IS NOT DISTINCT FROM {b}.k{i}")).collect::<Vec<_>>().join(" AND ")
    };
    let differs: Vec<String> = pairing.values.iter().enumerate().map(|(i, c)| differs(i, c.ty, options)).collect();
    let joined = format!(
        "WITH joined AS (SELECT b.present AS found{}{}{}\n  FROM a LEFT JOIN b ON {})",
        list(keys, &|i| format!(", a.k{i} AS k{i}")),
        list(values, &|i| format!(", a.c{i} AS a{i}, b.c{i} AS b{i}")),
        list(values, &|i| format!(",\n  {} AS d{i}", differs[i])),
        on("a", "b")
    );
    let any = match values {
        0 => "FALSE".to_owned(),
        _ => (0..values).map(|i| format!("d{i}")).collect::<Vec<_>>().join(" OR "),
    };
    let of_columns = list(values, &|i| {
        let largest = match is_number(pairing.values[i].ty) {
            true => format!("MAX(ABS(CAST(a{i} AS DOUBLE) - CAST(b{i} AS DOUBLE))) FILTER (WHERE found = 1 AND d{i})"),
            false => "CAST(NULL AS DOUBLE)".to_owned(),
        };
        format!(
            ",\n  COUNT(*) FILTER (WHERE found = 1 AND d{i}) AS d{i}, {largest} AS m{i}, COUNT(*) FILTER (WHERE a{i} IS NULL) AS n{i}"
        )
    });
    let matched = format!(
        "{joined}\nSELECT COUNT(*) FILTER (WHERE found = 1 AND NOT ({any})) AS same,\n  \
         COUNT(*) FILTER (WHERE found = 1 AND ({any})) AS changed,\n  \
         COUNT(*) FILTER (WHERE found IS NULL) AS lone, MAX(repeated) AS repeated{of_columns}\nFROM joined CROSS JOIN {}",
        repeated("a", keys)
    );
    let missing = format!(
        "WITH joined AS (SELECT a.present AS found{} FROM b LEFT JOIN a ON {})\n\
         SELECT COUNT(*) FILTER (WHERE found IS NULL) AS lone, MAX(repeated) AS repeated{}\nFROM joined CROSS JOIN {}",
        list(values, &|i| format!(", b.c{i} AS b{i}")),
        on("b", "a"),
        list(values, &|i| format!(", COUNT(*) FILTER (WHERE b{i} IS NULL) AS n{i}")),
        repeated("b", keys)
    );
    let columns = list(keys, &|i| format!(", k{i}")) + &list(values, &|i| format!(", a{i}, b{i}, d{i}"));
    let order = (1..=keys).map(|i| (i + 1).to_string()).collect::<Vec<_>>().join(", ");
    let most = options.examples;
    let examples_a = format!(
        "{joined}\nSELECT found IS NULL AS lone{columns}\nFROM joined WHERE found IS NULL OR ({any})\nORDER BY {order} LIMIT {most}"
    );
    let examples_b = format!(
        "SELECT TRUE AS lone{}{}\nFROM b LEFT JOIN a ON {} WHERE a.present IS NULL\nORDER BY {order} LIMIT {most}",
        list(keys, &|i| format!(", b.k{i} AS k{i}")),
        list(values, &|i| format!(", b.c{i} AS c{i}")),
        on("b", "a")
    );
    [matched, missing, examples_a, examples_b]
}

/// How many keys of a bucket stand in more than one row.
fn repeated(side: &str, keys: usize) -> String {
    let list = (0..keys).map(|i| format!("k{i}")).collect::<Vec<_>>().join(", ");
    format!(
        "(SELECT COUNT(*) AS repeated FROM (SELECT {list} FROM {side} GROUP BY {list} HAVING COUNT(*) > 1) AS g) AS r"
    )
}

/// For rows without a key: each distinct row as often as both sides have it.
fn whole_rows(pairing: &Pairing, options: &Options<'_>) -> [String; 4] {
    let list = (0..pairing.values.len()).map(|i| format!("c{i}")).collect::<Vec<_>>().join(", ");
    let counted = format!(
        "WITH counted AS (SELECT {list}, SUM(in_a) AS na, SUM(in_b) AS nb FROM (\n  \
         SELECT {list}, 1 AS in_a, 0 AS in_b FROM a\n  UNION ALL SELECT {list}, 0 AS in_a, 1 AS in_b FROM b) AS u GROUP BY {list})"
    );
    let most = options.examples;
    let example = |when: &str| {
        format!("{counted}\nSELECT na, nb, {list} FROM counted WHERE {when}\nORDER BY {list} LIMIT {most}")
    };
    [
        format!(
            "{counted}\nSELECT SUM(LEAST(na, nb)) AS same, SUM(na - LEAST(na, nb)) AS lone_a,\n  \
             SUM(CASE WHEN na > 0 THEN nb - LEAST(na, nb) ELSE 0 END) AS lone_b\nFROM counted"
        ),
        format!("{counted}\nSELECT SUM(CASE WHEN na = 0 THEN nb ELSE 0 END) AS lone_b\nFROM counted"),
        example("na > 0 AND na <> nb"),
        example("na = 0"),
    ]
}

/// Whether the two values of a column differ; NULL equals NULL and NaN equals NaN.
fn differs(i: usize, ty: ColumnType, options: &Options<'_>) -> String {
    let plain = format!("a.c{i} IS DISTINCT FROM b.c{i}");
    if options.tolerance <= 0.0 || !is_float(ty) {
        return plain;
    }
    let (a, b) = (format!("CAST(a.c{i} AS DOUBLE)"), format!("CAST(b.c{i} AS DOUBLE)"));
    // Infinities are near nothing.
    let near = format!(
        "ABS({a} - {b}) <= {:e} * LEAST(ABS({a}), ABS({b})) AND ABS({a}) < CAST('Infinity' AS DOUBLE) AND ABS({b}) < CAST('Infinity' AS DOUBLE)",
        options.tolerance
    );
    format!("({plain} AND NOT COALESCE({near}, FALSE))")
}

fn is_float(ty: ColumnType) -> bool {
    matches!(ty, ColumnType::Float32 | ColumnType::Float64)
}

fn is_number(ty: ColumnType) -> bool {
    !matches!(
        ty,
        ColumnType::Bool | ColumnType::String | ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_spec::{Sources, parse};
    use std::collections::BTreeMap;

    fn column(name: &str, ty: ColumnType) -> Column {
        Column { name: name.to_owned(), ty, parse: None }
    }

    /// Names that SQL and TOML would take for something else.
    #[test]
    fn the_pipeline_is_a_valid_one_whatever_columns_are_called() {
        let a = [
            column("a \"b\"", ColumnType::Int32),
            column("c\\\n", ColumnType::Float64),
            column("select", ColumnType::Date),
        ];
        let b = [
            column("a \"b\"", ColumnType::Int64),
            column("c\\\n", ColumnType::Float64),
            column("select", ColumnType::Date),
        ];
        let (mut csv, mut parquet) = (Read::of(Format::Csv), Read::of(Format::Parquet));
        (csv.columns, parquet.columns) = (a.to_vec(), b.to_vec());
        let source = |read| Source { folder: "/data/x y/ü", pattern: "/**/*", read };
        let options =
            Options { filter: Some("\"select\" > DATE '2020-01-01'"), tolerance: 1e-9, examples: 20, bytes: 5 << 30 };
        for key in [vec![], vec!["a \"b\"".to_owned()]] {
            let pairing = Pairing::new(&a, &b, &key, &[]).expect("a pairing");
            let toml = pipeline(&pairing, &source(&csv), &source(&parquet), &options);
            assert!(toml.contains("buckets = 81"), "5 GiB in buckets of 64 MiB");
            let sources = Sources { path: "pipeline.toml".into(), sql_files: BTreeMap::new(), toml };
            let parsed = parse(&sources).unwrap_or_else(|problems| {
                panic!("{}", problems.iter().map(|p| spotmill_spec::render(p, &sources, false)).collect::<String>())
            });
            assert_eq!(parsed.pipeline.steps.len(), 6);
        }
    }
}
