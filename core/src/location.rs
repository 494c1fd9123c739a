//! One spelling of a location: the same place is the same text, however it was written. On this machine `.`, `..` and
//! doubled slashes mean something and are resolved by name only; in an object store they are characters like others.
//! Where links lead is found elsewhere, and only compared here.

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

/// A location as it is written, and where links lead from there.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub written: Uri,
    pub real: Uri,
}

/// Where a step publishes files with this ending.
#[derive(Clone, Debug)]
pub struct Output {
    pub step: String,
    pub place: Place,
    pub ending: String,
}

/// A pattern that a step reads. Of `real` the part before its first wildcard is resolved; `links` are the links to folders
/// that stand below that, and where each leads.
#[derive(Clone, Debug)]
pub struct Reading {
    pub step: String,
    pub place: Place,
    pub links: Vec<(Uri, Uri)>,
}

/// May these steps run together: is none of their places another's, or the folder of the runs' state?
pub fn apart(outputs: &[Output], inputs: &[Reading], state: &Place) -> Result<(), String> {
    for (i, output) in outputs.iter().enumerate() {
        let (step, place) = (&output.step, &output.place);
        let written = &place.written;
        // What their names show is refused, or settled, elsewhere.
        if !written.is_s3() && is_below(&place.real, &state.real) && !is_below(written, &state.written) {
            return Err(format!(
                "the destination of step `{step}`, {written}, lies by a link in {}, which holds the state of the \
                 runs. Choose another destination",
                state.written
            ));
        }
        for other in &outputs[..i] {
            let overlap = |a: &Uri, b: &Uri| is_below(a, b) || is_below(b, a);
            if overlap(&place.real, &other.place.real) && !overlap(written, &other.place.written) {
                return Err(format!(
                    "steps `{}` and `{step}` would publish into each other: {} and {written} are one place by a link, \
                     {}. Give one of them another destination",
                    other.step, other.place.written, place.real
                ));
            }
        }
        if let Some(reading) = inputs.iter().find(|reading| reads(reading, output)) {
            let link = match place.real == *written {
                _ if may_match_below(reading.place.written.as_str(), written.as_str(), &output.ending) => String::new(),
                true => ", by a link".to_owned(),
                false => format!(", by a link to {}", place.real),
            };
            return Err(format!(
                "step `{}` reads {}, which holds the destination of step `{step}`, {written}{link}: the next run would \
                 read what this one publishes. Choose another destination, or a narrower path; what another step made \
                 is read with `step = \"{step}\"`",
                reading.step, reading.place.written
            ));
        }
    }
    Ok(())
}

/// May the pattern mean what is published there, by one of the names that the place has?
fn reads(reading: &Reading, output: &Output) -> bool {
    let Place { written, real } = &output.place;
    let may = |pattern: &Uri, folder: &str| may_match_below(pattern.as_str(), folder, &output.ending);
    let by_link = |(link, to): &(Uri, Uri)| {
        let below = real.as_str().strip_prefix(to.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        below.is_some_and(|rest| may(&reading.place.written, &format!("{link}{rest}")))
    };
    may(&reading.place.written, written.as_str())
        || may(&reading.place.real, real.as_str())
        || reading.links.iter().any(by_link)
}

/// Does the location lie below the folder, or is it the folder?
pub fn is_below(location: &Uri, folder: &Uri) -> bool {
    let rest = location.as_str().strip_prefix(folder.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || folder.as_str().ends_with('/'))
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

    fn output(step: &str, written: &str, real: &str) -> Output {
        let place = Place { written: written.into(), real: real.into() };
        Output { step: step.into(), place, ending: "parquet".into() }
    }

    #[test]
    fn places_that_are_one_by_links_are_refused() {
        let state = Place { written: "/p/.spotmill".into(), real: "/disk/state".into() };
        let reading = |pattern: &str, real: &str, links: &[(&str, &str)]| Reading {
            step: "r".into(),
            place: Place { written: pattern.into(), real: real.into() },
            links: links.iter().map(|(link, to)| ((*link).into(), (*to).into())).collect(),
        };
        let plain = reading("/p/data/**/*.parquet", "/p/data/**/*.parquet", &[]);
        let linked = reading("/p/data/**/*.parquet", "/disk/in/**/*.parquet", &[]);
        let within = reading("/p/data/**/*.parquet", "/p/data/**/*.parquet", &[("/p/data/a/l", "/p/out")]);
        let beside = reading("/p/data/*.parquet", "/p/data/*.parquet", &[("/p/data/l", "/p/out")]);
        let elsewhere = reading("/p/data/**/*.parquet", "/p/data/**/*.parquet", &[("/p/data/l", "/p/outer")]);
        for (written, real, reading, expected) in [
            ("/p/out/d", "/p/out/d", &plain, None),
            ("/p/data/d", "/p/data/d", &plain, Some("/p/data/d: the next run")),
            ("/p/out/d", "/p/data/d", &plain, Some("/p/out/d, by a link to /p/data/d")),
            ("/disk/in/d", "/disk/in/d", &linked, Some("/disk/in/d, by a link: the next run")),
            ("/p/out/d", "/p/out/d", &within, Some("/p/out/d, by a link: the next run")),
            ("/p/out/d", "/p/out/d", &beside, None),
            ("/p/out/d", "/p/out/d", &elsewhere, None),
            ("/p/out/d", "/disk/state/d", &plain, Some("which holds the state of the runs")),
            ("/p/.spotmill/d", "/disk/state/d", &plain, None),
            ("/p/.spotmill2/d", "/p/.spotmill2/d", &plain, None),
        ] {
            let found = apart(&[output("w", written, real)], std::slice::from_ref(reading), &state).err();
            let holds = expected.is_none_or(|part| found.as_ref().is_some_and(|why| why.contains(part)));
            assert!(holds && found.is_some() == expected.is_some(), "{written}: {found:?}");
        }
    }

    #[test]
    fn two_destinations_that_are_one_by_a_link_are_refused() {
        let state = Place { written: "/p/.spotmill".into(), real: "/p/.spotmill".into() };
        let pair = |a: Output, b: Output| apart(&[a, b], &[], &state).err();
        let found = pair(output("a", "/p/out/d", "/p/real/d"), output("b", "/p/real/d", "/p/real/d"));
        assert!(found.is_some_and(|why| why.contains("`a` and `b`") && why.contains("one place by a link, /p/real/d")));
        let found = pair(output("a", "/p/out", "/p/real"), output("b", "/p/x/d", "/p/real/d"));
        assert!(found.is_some(), "one lies in the other");
        assert_eq!(pair(output("a", "/p/a", "/p/a"), output("b", "/p/ab", "/p/ab")), None);
        assert_eq!(pair(output("a", "/p/a", "/p/a"), output("b", "/p/a", "/p/a")), None, "names show it elsewhere");
    }
}
