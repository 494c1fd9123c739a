//! What follows a publication, through the real program: a folder of its own for a catalog, whole at every moment, and a
//! command that hears of it.

use crate::docs::commands;
use spotmill_tests::{Project, rows};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const DAY: [&str; 3] = ["run", "--date", "2026-01-01"];
const DESTINATION: &str = "out/by_shop/date=2026-01-01";

/// The pipeline of the page, whose command keeps what it reads, and fails while there is a file `down`.
fn project() -> (Project, String) {
    let (text, _) = commands("docs/catalog.md", "catalog.rs::the_commands_of_the_page_run");
    let pipeline = block(&text, "pipeline.toml", "toml").to_owned();
    let project = Project::new(&pipeline);
    project.write(
        "tell.sh",
        "cat > heard.new\n[ ! -e down ] || { echo no route to host >&2; exit 1; }\nmv heard.new heard.$$\n",
    );
    project.write("in/2026-01-01/a.csv", "shop,amount\nx,1.50\ny,2.00\n");
    (project, text)
}

fn block<'t>(text: &'t str, file: &str, kind: &str) -> &'t str {
    let mark = format!("<!-- file: {file} -->\n```{kind}\n");
    text.split(&mark).nth(1).and_then(|rest| rest.split("```").next()).expect("a block")
}

fn heard(project: &Project) -> Vec<serde_json::Value> {
    let all = std::fs::read_dir(project.path("")).unwrap().flatten();
    let mut files: Vec<_> = all.filter(|f| f.file_name().to_string_lossy().starts_with("heard.")).collect();
    files.retain(|f| f.file_name() != "heard.new");
    files.sort_by_key(|f| f.metadata().unwrap().modified().unwrap());
    files.iter().map(|f| serde_json::from_str(&std::fs::read_to_string(f.path()).unwrap()).unwrap()).collect()
}

#[test]
fn the_commands_of_the_page_run() {
    let (project, text) = project();
    let (_, all) = commands("docs/catalog.md", "catalog.rs::the_commands_of_the_page_run");
    for printed in &all {
        let ran = printed.run(&project);
        if printed.has("run") {
            ran.says("lake.by_shop is not told of ").says("a table of Glue names files in S3 alone");
        }
    }
    let heard = heard(&project);
    assert_eq!(heard.len(), 1, "it hears of a publication once");
    assert_eq!(rows(&project, DESTINATION).len(), 2);
    // The object has the keys that the page shows.
    let shown: serde_json::Value = serde_json::from_str(block(&text, "published.json", "json")).unwrap();
    let keys = |object: &serde_json::Value| object.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&heard[0]), keys(&shown));
    assert_eq!((&heard[0]["columns"], &heard[0]["key"]), (&shown["columns"], &shown["key"]));
    let location = heard[0]["location"].as_str().unwrap();
    assert!(location.contains("/date=2026-01-01/g1-"), "{location}");
    let data = std::fs::read_dir(location).unwrap().count();
    assert_eq!(data as u64, heard[0]["files"].as_array().unwrap().len() as u64);
    project.edit("pipeline.toml", "partition = [\"date\"] ", "partition = [\"day\"] ");
    let refused = project.spotmill(&["validate"]);
    let shown = block(&text, "problem.txt", "text");
    for line in shown.lines().filter(|line| !line.contains("23 |")) {
        refused.says(line.trim_end());
    }
    refused.code(3);
}

#[test]
fn a_command_that_fails_ends_the_run_and_only_it_is_run_again() {
    let (project, _) = project();
    project.write("down", "");
    let failed = project.spotmill(&DAY);
    failed.code(9).says("`by_shop` is published, but its `after_publish` failed: `sh tell.sh`");
    failed.says("no route to host").says("what it published stands, and was not announced");
    assert_eq!(rows(&project, DESTINATION).len(), 2, "nothing is undone");
    assert_eq!(heard(&project).len(), 0);
    std::fs::remove_file(project.path("down")).unwrap();
    project.spotmill(&DAY).code(0);
    assert_eq!(heard(&project).len(), 1);
    project.spotmill(&DAY).code(0).says("nothing to do");
    assert_eq!(heard(&project).len(), 1);
}

/// Whoever stops a run stops its command with it, politely; the next start tells the command again, and nothing else is done.
#[test]
fn a_run_that_is_stopped_ends_its_command_and_the_next_start_tells_it_again() {
    let (project, _) = project();
    let told = project.read("tell.sh");
    project.write("tell.sh", "trap 'touch asked; exit 0' TERM\necho $$ > group\nsleep 600 &\ntouch begun\nwait\n");
    let mut run = project.command(&DAY).spawn().expect("spotmill starts");
    let begun = Instant::now();
    while !project.path("begun").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the command does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent =
        |signal: &str, to: &str| Command::new("kill").args([signal, "--", to]).output().unwrap().status.success();
    assert!(sent("-INT", &run.id().to_string()));
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(project.path("asked").exists(), "it was asked before it was killed");
    let group = format!("-{}", project.read("group").trim());
    let ended = Instant::now();
    while sent("-0", &group) {
        assert!(ended.elapsed() < Duration::from_secs(5), "what it started goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(rows(&project, DESTINATION).len(), 2, "what was published stands");
    project.write("tell.sh", &told);
    project.spotmill(&DAY).code(0);
    assert_eq!(heard(&project).len(), 1);
}

/// A reader that follows what the command was told last, as a catalog would, reads all the while.
#[test]
fn whoever_follows_the_location_reads_whole_publications_while_dates_are_published_again() {
    let (project, _) = project();
    project.spotmill(&DAY).code(0);
    let known = |project: &Project| heard(project).last().unwrap().clone();
    let (stop, first) = (Arc::new(AtomicBool::new(false)), known(&project));
    let (done, root) = (Arc::clone(&stop), project.path(""));
    let reader = std::thread::spawn(move || {
        let mut reads = 0;
        while !done.load(Ordering::SeqCst) {
            for told in told(&root) {
                whole(&told);
                reads += 1;
            }
        }
        reads
    });
    for n in 2..5 {
        project.write("in/2026-01-01/a.csv", format!("shop,amount\nx,{n}.50\ny,2.00\n"));
        project.spotmill(&["run", "--date", "2026-01-01", "--fresh", "--yes"]).code(0);
    }
    stop.store(true, Ordering::SeqCst);
    let reads = reader.join().expect("every read was whole");
    assert!(reads > 3, "{reads}");
    let last = known(&project);
    assert_ne!(first["publication"], last["publication"]);
    whole(&first);
    assert!(rows(&project, DESTINATION).len() > 2, "a path that knows no manifest reads both");
    project.spotmill(&["gc"]).code(0);
}

/// A query and a check over the destination's path take what stands, though what it replaced still lies beside it.
#[test]
fn a_query_and_a_check_over_a_destination_take_what_stands() {
    let (project, _) = project();
    project.spotmill(&DAY).code(0);
    let old = heard(&project)[0]["files"][0]["path"].as_str().unwrap().to_owned();
    project.edit("pipeline.toml", "SUM(amount) AS amount", "SUM(amount) AS amount, COUNT(*) AS n");
    project.edit("pipeline.toml", "[step.output]\n", "[step.output]\nschema_change = \"allow\"\n");
    project.write("in/2026-01-01/a.csv", "shop,amount\nx,9.00\ny,2.00\n");
    project.spotmill(&[&DAY[..], &["--fresh", "--yes"]].concat()).code(0);
    assert!(project.path(&format!("{DESTINATION}/{old}")).exists() && files_on_disk(&project) == 2);
    let table = format!("t={DESTINATION}/**/*.parquet");
    let sql = ["sql", "SELECT shop, amount, n FROM t ORDER BY shop", "--format", "csv", "--table", &table];
    assert_eq!(project.spotmill(&sql).code(0).stdout, "shop,amount,n\nx,9.00,1\ny,2.00,1\n");
    // The columns of a step that reads it are those of the new files.
    let reader = Project::new(&format!(
        "format = 1\n[pipeline]\nname = \"r\"\nkey = [\"date\"]\n[params]\ndate = {{ type = \"date\" }}\n[[step]]\n\
         name = \"s\"\nsql = \"SELECT shop, n FROM input\"\n[step.input]\n\
         path = \"{}/out/by_shop/date={{date}}/**/*.parquet\"\n",
        project.path("").display()
    ));
    reader.spotmill(&["validate", "--date", "2026-01-01"]).code(0);
}

/// Files of data below the destination, whoever they belong to.
fn files_on_disk(project: &Project) -> usize {
    project.files(DESTINATION).keys().filter(|file| file.ends_with(".parquet")).count()
}

/// What was told to the command, every time.
fn told(root: &Path) -> Vec<serde_json::Value> {
    let all = std::fs::read_dir(root).unwrap().flatten().map(|f| f.path());
    let files = all.filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with("heard.")));
    files.filter_map(|f| serde_json::from_str(&std::fs::read_to_string(f).ok()?).ok()).collect()
}

/// Exactly its files lie at its location, each of its size.
fn whole(told: &serde_json::Value) {
    let location = Path::new(told["location"].as_str().unwrap());
    let mut lying: Vec<u64> =
        std::fs::read_dir(location).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).collect();
    let mut stated: Vec<u64> = told["files"].as_array().unwrap().iter().map(|f| f["bytes"].as_u64().unwrap()).collect();
    lying.sort_unstable();
    stated.sort_unstable();
    assert_eq!(lying, stated, "{}", location.display());
}
