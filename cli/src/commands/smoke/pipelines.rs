//! The tiny pipelines of a smoke test, and the files that they read: one step of SQL whose work grows with its rows, so that an
//! item takes as long as a part needs. Pure.

use super::plan::{FOLDER, Part};
use spotmill_core::ids::Uri;

/// The only step.
pub const STEP: &str = "measure";
/// The param that tells smoke tests apart, and is a run's key.
pub const AT: &str = "at";
/// Rows of an item whose length does not matter, and by which a row's time is measured.
pub const ROWS: usize = 60;

/// Where a part's files lie.
pub fn input(root: &Uri, at: &str, part: Part) -> Uri {
    root.join(&format!("input/{FOLDER}/{at}/{}", part.name()))
}

pub fn output(root: &Uri, at: &str, part: Part) -> Uri {
    root.join(&format!("output/{FOLDER}/{at}/{}", part.name()))
}

/// Nothing of a part that has no pipeline of its own.
pub fn toml(root: &Uri, part: Part) -> Option<String> {
    let name = part.pipeline()?;
    let at = format!("{{{AT}}}");
    let (input, output) = (input(root, &at, part), output(root, &at, part));
    let attempts = if part == Part::Redrive { 1 } else { 3 };
    let (vcpus, usd) = (part.vcpus(), part.most_usd().max(0.01));
    let machines = match part {
        Part::X86 => "architectures = [\"x86_64\"]\n",
        Part::Arm => "architectures = [\"arm64\"]\n",
        // No spot pool is as cheap; on demand has no such limit.
        Part::OnDemand => "max_price_per_vcpu_hour = 0.0001\non_demand_after = \"60s\"\n",
        _ => "",
    };
    Some(format!(
        r#"format = 1

[pipeline]
name = "{name}"
key = ["{AT}"]

[params]
{AT} = {{ type = "string" }}

[[step]]
name = "{STEP}"
sql = """
SELECT id, levenshtein(repeat(note, 400), repeat(reverse(note), 400)) AS distance
FROM input"""

[step.input]
path = "{input}/*"
format = "csv"
header = false
item_bytes = "1 B"
columns = ["id int32", "note string"]

[step.output]
destination = "{output}"

[resources]
vcpus = 2
memory = "512 MiB"
max_memory = "1 GiB"
timeout = "10m"
max_attempts = {attempts}

[fleet]
max_vcpus = {vcpus}
{machines}
[budget]
usd_per_run = {usd:.2}
"#
    ))
}

/// A file of so many rows.
pub fn rows(rows: usize) -> String {
    (0..rows).map(|id| format!("{id},n{id:06}abc\n")).collect()
}

/// A file that no try reads.
pub const BAD: &str = "one,not a number\n";

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_spec::{Sources, parse, parse_own};

    #[test]
    fn all_pipelines_are_valid_and_bear_the_names_that_are_removed() {
        let root = Uri::new("s3://bucket");
        for part in Part::ALL {
            let Some(toml) = toml(&root, part) else { continue };
            let sources = Sources { path: "pipeline.toml".to_owned(), toml, ..Sources::default() };
            assert!(parse(&sources).is_err(), "nobody else has such a name");
            let parsed = parse_own(&sources).unwrap_or_else(|problems| panic!("{}: {problems:?}", part.name()));
            assert!(parsed.pipeline.name.starts_with(super::super::plan::PREFIX));
            assert!(parsed.pipeline.budget_usd_per_run.is_some_and(|usd| usd <= part.most_usd() + 0.01));
            assert_eq!(parsed.pipeline.fleet.max_vcpus, Some(part.vcpus()));
        }
    }

    #[test]
    fn rows_are_rows() {
        assert_eq!(rows(2), "0,n000000abc\n1,n000001abc\n");
    }
}
