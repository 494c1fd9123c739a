//! One spelling of a location: the same place is the same text, however it was written. On this machine `.`, `..` and
//! doubled slashes mean something and are resolved by name only; in an object store they are characters like others.

use crate::ids::Uri;

/// Without a slash at the end; on this machine also without `.`, `..` and empty names.
pub fn normal(path: &str) -> String {
    if path.starts_with("s3://") {
        return path.trim_end_matches('/').to_owned();
    }
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => drop(names.pop()),
            ".." if path.starts_with('/') => {}
            name => names.push(name),
        }
    }
    let joined = names.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

/// Relative to `base` where it lies below: a project that moved reads the same.
pub fn relative<'p>(path: &'p str, base: Option<&str>) -> &'p str {
    let below = base.and_then(|base| path.strip_prefix(base.trim_end_matches('/'))?.strip_prefix('/'));
    below.unwrap_or(path)
}

/// Where a location below one base is below another; elsewhere it stays.
pub fn moved(location: &Uri, from: Option<&Uri>, to: Option<&Uri>) -> Uri {
    let (Some(from), Some(to)) = (from, to) else { return location.clone() };
    match location.as_str().strip_prefix(from.join("").as_str()) {
        Some(tail) => to.join(tail),
        None => location.clone(),
    }
}

/// May the pattern mean a file that is written below `folder` with this ending? Both are whole locations.
pub fn may_match_below(pattern: &str, folder: &str, ending: &str) -> bool {
    let (pattern, folder): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), folder.split('/').collect());
    let last = pattern.last().copied().unwrap_or_default();
    let other_ending = last.rsplit('*').next().is_some_and(|tail| last.contains('*') && !could_end(tail, ending));
    !other_ending && below(&pattern, &folder)
}

/// `.parquet` may end a file that ends in `.csv.gz`? No; `.gz` may.
fn could_end(tail: &str, ending: &str) -> bool {
    let ending = format!(".{ending}");
    ending.ends_with(tail) || tail.ends_with(&ending)
}

fn below(pattern: &[&str], folder: &[&str]) -> bool {
    match (pattern.split_first(), folder.split_first()) {
        (None, _) => false,
        // The folder is used up: what is left of the pattern stands for what is written in it.
        (Some(_), None) => true,
        (Some((&"**", rest)), Some((_, deeper))) => below(pattern, deeper) || below(rest, folder),
        (Some((p, rest)), Some((f, deeper))) => {
            glob::Pattern::new(&escaped(p)).is_ok_and(|p| p.matches(f)) && below(rest, deeper)
        }
    }
}

fn escaped(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '?' | '[' | ']') { format!("[{c}]") } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_has_one_spelling() {
        for (written, meant) in [
            ("/a/b/", "/a/b"),
            ("/a//b/./c/../d", "/a/b/d"),
            ("/../a", "/a"),
            ("out/", "out"),
            ("./out/x/", "out/x"),
            ("../out", "../out"),
            ("s3://b/k//x/", "s3://b/k//x"),
        ] {
            assert_eq!(normal(written), meant, "{written}");
        }
    }

    #[test]
    fn what_lies_below_a_base_moves_with_it() {
        let (old, new) = (Uri::from("/old"), Uri::from("/new/p"));
        assert_eq!(moved(&"/old/in/x.csv".into(), Some(&old), Some(&new)), "/new/p/in/x.csv".into());
        assert_eq!(moved(&"/older/in/x.csv".into(), Some(&old), Some(&new)), "/older/in/x.csv".into());
        assert_eq!(moved(&"/old/x".into(), None, Some(&new)), "/old/x".into());
    }

    #[test]
    fn a_pattern_that_holds_a_destination_is_found() {
        let cases = [
            ("/p/lake/**/*.parquet", "/p/lake/all/2024-03-10", "parquet", true),
            ("/p/lake/*/*.parquet", "/p/lake/all", "parquet", true),
            ("/p/lake/*.parquet", "/p/lake", "parquet", true),
            ("/p/lake/*.parquet", "/p/lake/all", "parquet", false),
            ("/p/lake/*.csv", "/p/lake", "parquet", false),
            ("/p/lake/*.gz", "/p/lake", "csv.gz", true),
            ("/p/data/*/x/*.parquet", "/p/data/2024", "parquet", true),
            ("/p/data/*.parquet", "/p/out", "parquet", false),
            ("/p/**", "/p/out/d", "parquet", true),
            ("/p/out/d/x.parquet", "/p/out/d", "parquet", true),
        ];
        for (pattern, folder, ending, expected) in cases {
            assert_eq!(may_match_below(pattern, folder, ending), expected, "{pattern} and {folder}");
        }
    }
}
