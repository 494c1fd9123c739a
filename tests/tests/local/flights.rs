//! The main job on real data, compared with the same aggregation computed independently by DuckDB.

use spotmill_tests::{Project, python, repository};
use std::process::Command;

#[test]
fn the_month_in_one_command_equals_duckdb_for_every_day() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01..2013-01-31"]).code(0);
    let verified = Command::new(python())
        .arg(repository().join("tests/verify/flights.py"))
        .arg(project.path("data"))
        .arg(project.path("out"))
        .output()
        .expect("python starts");
    let report = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success(), "{report}{}", String::from_utf8_lossy(&verified.stderr));
    assert!(report.contains("same: 31 days"), "{report}");

    // The whole month again: nothing to do, nothing changes.
    let before = project.files("out");
    let replay = project.spotmill(&["run", "--date", "2013-01-01..2013-01-31", "--json"]);
    replay.code(0);
    assert!(!replay.events().iter().any(|e| e["event"] == "item_started"), "an item ran again");
    assert!(project.files("out") == before, "published files changed");
}

#[test]
fn one_day_shows_its_result_and_where_the_files_are() {
    let project = Project::flights();
    let ran = project.spotmill(&["run", "--date", "2013-01-01"]);
    ran.code(0)
        .says("✓ flights/2013-01-01 succeeded")
        .says("avg_arr_delay")
        .says("12.7")
        .says("out/daily/date=2013-01-01");
}
