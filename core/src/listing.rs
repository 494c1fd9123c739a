//! Which objects a path with globs means, given what a store lists. `*` stays within a name, `**` crosses folders;
//! nothing else is special. Names that begin with `_` or `.` are not data unless the pattern names them at their own
//! place, as with every reader of a lake. When nothing matches, it reports what is there instead.

use crate::ids::Uri;
use glob::{MatchOptions, Pattern};
use std::collections::BTreeMap;

/// A path to read: its literal beginning, which is what to list, and the rest.
#[derive(Clone, Debug)]
pub struct PathPattern {
    text: String,
    pattern: Pattern,
    /// The same, name by name.
    names: Vec<Pattern>,
    /// Where listing begins.
    pub prefix: Uri,
    /// Where the name begins that has the first wildcard; none without one.
    wild: Option<usize>,
}

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

impl PathPattern {
    /// `path` is a whole location: params expanded, absolute or `s3://`.
    pub fn new(path: &str) -> Result<Self, String> {
        let escaped: String = path
            .chars()
            .map(|c| match c {
                '?' | '[' | ']' => format!("[{c}]"),
                c => c.to_string(),
            })
            .collect();
        let wrong = || format!("`{path}`: write `*` for a part of a name, and `**` only as a whole folder (`a/**/b`)");
        let pattern = Pattern::new(&escaped).map_err(|_| wrong())?;
        let names = escaped.split('/').map(Pattern::new).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let literal = path.find('*').unwrap_or(path.len());
        Ok(Self {
            text: path.to_owned(),
            pattern,
            names,
            prefix: Uri::new(&path[..literal]),
            wild: (literal < path.len()).then(|| path[..literal].rfind('/').map_or(0, |at| at + 1)),
        })
    }

    pub fn matches(&self, uri: &Uri) -> bool {
        let (Some(wild), uri) = (self.wild, uri.as_str()) else { return uri.as_str() == self.text };
        if uri.ends_with('/') || !self.pattern.matches_with(uri, OPTIONS) {
            return false;
        }
        // Up to there it is the pattern's own text; few of the names after it look like bookkeeping.
        !uri[wild..].split('/').any(is_bookkeeping) || admits(&self.names, &uri.split('/').collect::<Vec<_>>())
    }

    /// The folder of the first name with a wildcard, and the rest of the path; none without a wildcard.
    pub fn parts(&self) -> Option<(Uri, &str)> {
        let folder = self.wild?.saturating_sub(1);
        Some((Uri::new(&self.text[..folder]), &self.text[folder..]))
    }

    /// May it match anything in a folder below the first name with a wildcard?
    pub fn goes_deeper(&self) -> bool {
        self.wild.is_some_and(|wild| self.text[wild..].contains('/') || &self.text[wild..] == "**")
    }

    /// Folders to search when nothing matched, nearest first: the one the literal part ends in, and two above.
    pub fn folders(&self) -> Vec<Uri> {
        let root = if self.prefix.is_s3() { self.text[5..].find('/').map_or(self.text.len(), |i| i + 5) } else { 0 };
        let mut folders = Vec::new();
        let mut end = self.prefix.as_str().len();
        while let Some(i) = self.text[..end].rfind('/').filter(|i| *i > root && folders.len() < 3) {
            folders.push(Uri::new(&self.text[..=i]));
            end = i;
        }
        folders
    }

    /// The sentence for nothing matched. `found` is the first of `folders` in which there is anything, and what.
    pub fn nothing(&self, found: Option<(&Uri, &[Uri])>) -> String {
        let Some((folder, uris)) = found else {
            let folder = self.folders().first().map_or(self.text.clone(), |f| f.to_string());
            return format!("nothing matches {}: there is nothing at {folder} or above it", self.text);
        };
        let inside = uris.len();
        let names: Vec<&str> = uris.iter().map(|u| &u.as_str()[folder.as_str().len()..]).collect();
        let wanted = self.text.get(folder.as_str().len()..).unwrap_or_default();
        let likeness = |n: &str| (strsim::normalized_levenshtein(n, wanted) * 1e6) as u64;
        let nearest = names.iter().take(10_000).max_by_key(|n| likeness(n)).copied().unwrap_or_default();
        let files = if inside == 1 { "1 file".to_owned() } else { format!("{inside} files") };
        format!("nothing matches {}: {folder} has {files}, the nearest name is `{nearest}`", self.text)
    }
}

/// Two of the listed names that are one file of this machine: its rows would be read twice. `file` is what tells files
/// apart, none where names do.
pub fn twice<'a, F: Ord>(listed: impl IntoIterator<Item = (&'a Uri, Option<F>)>) -> Option<(&'a Uri, &'a Uri)> {
    let mut seen: BTreeMap<F, &Uri> = BTreeMap::new();
    listed.into_iter().find_map(|(uri, file)| Some((seen.insert(file?, uri)?, uri)))
}

/// Why such a listing is not read.
pub fn one_file(pattern: &str, first: &Uri, second: &Uri) -> String {
    format!(
        "{pattern} matches {first} and {second}, which are one file: its rows would be read twice. Take one of the names \
         away, or narrow the path so that it matches one; a copy is a file of its own"
    )
}

fn is_bookkeeping(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// Can the names be laid against those of the pattern so that each that begins like bookkeeping stands where the pattern
/// begins with the same character? Where the project lies is written out in the pattern, and so decides nothing.
fn admits(pattern: &[Pattern], names: &[&str]) -> bool {
    match (pattern.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((any, rest)), found) if any.as_str() == "**" => {
            admits(rest, names) || found.is_some_and(|(name, deeper)| !is_bookkeeping(name) && admits(pattern, deeper))
        }
        (Some((one, rest)), Some((name, deeper))) => {
            let named = !is_bookkeeping(name) || one.as_str().starts_with(&name[..1]);
            named && one.matches_with(name, OPTIONS) && admits(rest, deeper)
        }
        _ => false,
    }
}
