//! `test --update`: what steps make now becomes what is expected of them, in the files of the tests. A file is replaced whole,
//! after its new text was read as tests again; what a person decided (errors, rejected rows, subsets) is left as it is.

use super::bench::Done;
use super::find::Tests;
use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use crate::file;
use crate::project::{self, Project};
use crate::ui::format::plural;
use spotmill_cases::{Made, WantedRows, array, read};
use spotmill_core::types::Column;
use spotmill_spec::Sources;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

pub fn update(global: &Global, project: &Project, tests: &Tests, failed: &[&Done]) -> Result<Code, Stop> {
    let mut changes: BTreeMap<&str, Vec<(Range<usize>, String)>> = BTreeMap::new();
    let mut left = 0;
    for done in failed {
        match change(done) {
            Some(change) => changes.entry(&done.case.file).or_default().push(change),
            None => left += 1,
        }
    }
    for (file, changes) in &changes {
        replace(global, project, &tests.sources[*file], changes)?;
    }
    let files: Vec<String> = changes.keys().map(|file| (*file).to_owned()).collect();
    let updated: usize = changes.values().map(Vec::len).sum();
    if global.json {
        Event::note(format!("{} written: {}", plural(updated as u64, "test"), files.join(", "))).print();
    } else if updated > 0 {
        say!("wrote what {} expects into {}", plural(updated as u64, "test"), files.join(", "));
    }
    if left == 0 {
        return Ok(Code::Done);
    }
    let what = format!("{} cannot be updated", plural(left, "test"));
    Err(Stop::failed(what).remedy("only exact `rows` are; errors, rejected rows and subsets are yours to decide"))
}

/// The place of the test's rows and their new text; none where a person has to decide.
fn change(done: &Done) -> Option<(Range<usize>, String)> {
    let (wanted, made) = (done.case.expect.rows.as_ref()?, done.made.as_ref()?);
    let only_rows = done.findings.iter().all(|finding| finding.diff.is_some());
    (only_rows && !wanted.subset).then(|| (wanted.place.clone(), rows(wanted, made)))
}

fn rows(wanted: &WantedRows, made: &Made) -> String {
    let compared = wanted.compared(&made.columns);
    let columns: Vec<Column> = compared.iter().map(|i| made.columns[*i].clone()).collect();
    let rows: Vec<Vec<Option<String>>> =
        made.rows.iter().map(|row| compared.iter().map(|i| row.get(*i).cloned().flatten()).collect()).collect();
    array(&columns, &rows)
}

fn replace(
    global: &Global,
    project: &Project,
    source: &Sources,
    changes: &[(Range<usize>, String)],
) -> Result<(), Stop> {
    let (file, text) = (&source.path, &source.toml);
    let new = spliced(text, changes);
    let read_again = Sources { toml: new.clone(), ..source.clone() };
    if let Err(problems) = read(&read_again, project.pipeline(), global.target()) {
        project::print_problems(&problems, &read_again, global);
        return Err(Stop::failed(format!("{file} would be no file of tests any more; nothing of it was written")));
    }
    let path = Path::new(file);
    // Somebody may have written it while the tests were done.
    let now = std::fs::read_to_string(path).map_err(io("read", path))?;
    if now != *text {
        return Err(
            Stop::failed(format!("{file} was changed meanwhile; nothing of it was written")).remedy("try again")
        );
    }
    file::replace(path, &new)
}

/// The text with each range replaced; they do not overlap.
fn spliced(text: &str, changes: &[(Range<usize>, String)]) -> String {
    let mut changes: Vec<&(Range<usize>, String)> = changes.iter().collect();
    changes.sort_by_key(|(range, _)| range.start);
    let (mut out, mut at) = (String::new(), 0);
    for (range, new) in changes {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(new);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::spliced;

    #[test]
    fn ranges_are_replaced_wherever_they_stand() {
        let changes = [(4..5, "C".to_owned()), (0..1, "AAA".to_owned())];
        assert_eq!(spliced("a b c d", &changes), "AAA b C d");
        assert_eq!(spliced("a b", &[]), "a b");
    }
}
