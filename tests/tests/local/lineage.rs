//! `spotmill lineage`: from a published file back to the files that were given, in the versions that were read.

use serde_json::Value;
use spotmill_tests::Project;

fn published(project: &Project, folder: &str) -> String {
    let files = project.files(folder).into_keys().find(|file| file.ends_with(".parquet"));
    files.expect("a published file")
}

fn items(project: &Project, file: &str) -> Vec<Value> {
    let ran = project.spotmill(&["--json", "lineage", file]);
    ran.code(0);
    ran.events()[0]["items"].as_array().expect("items").clone()
}

#[test]
fn a_published_file_is_followed_to_what_was_given() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01"]).code(0);
    let file = published(&project, "out/daily/date=2013-01-01");
    let shown = project.spotmill(&["lineage", &file]);
    shown
        .code(0)
        .says("run     flights/2013-01-01 with date=2013-01-01")
        .says("daily g1, item 0")
        .says("daily_summary");
    shown
        .says("by_route g1, 14 items")
        .says("normalize g1, item 0")
        .says("data/raw/2013-01-01.csv.gz")
        .says("data/airlines.csv");

    let found = items(&project, &file);
    assert_eq!(found.len(), 16, "one, fourteen and one");
    let given: Vec<&Value> =
        found.iter().flat_map(|i| i["reads"].as_array().expect("reads")).filter(|r| r["made_by"].is_null()).collect();
    assert_eq!(given.len(), 2, "{given:#?}");
    assert!(given.iter().all(|read| !read["etag"].as_str().unwrap_or_default().is_empty()));
    let airlines = given.iter().find(|read| read["table"] == "airlines").expect("the side table");
    assert_eq!(airlines["bytes"], std::fs::metadata(project.path("data/airlines.csv")).expect("a file").len());

    // One of the routes has one carrier's item, and that item the day's.
    let route = published(&project, "out/by_route/date=2013-01-01");
    let found = items(&project, &route);
    assert_eq!((found.len(), &found[1]["step"]), (2, &Value::from("normalize")));
}

#[test]
fn a_file_of_a_run_that_is_not_published_is_followed_too() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01"]).code(0);
    let file = published(&project, ".spotmill/scratch/flights/2013-01-01/normalize/g1");
    let found = items(&project, &file);
    assert_eq!((found.len(), &found[0]["step"]), (1, &Value::from("normalize")));
}

#[test]
fn what_no_run_made_is_refused() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01"]).code(0);
    let copy = published(&project, "out/daily/date=2013-01-01").replace("out/daily", "elsewhere");
    project.write(&copy, "");
    project.spotmill(&["lineage", &copy]).code(2).says("no run of this state has made elsewhere");
    project.spotmill(&["lineage", "data/airlines.csv"]).code(2).says("no run of this state has made data/airlines.csv");
}

#[test]
fn an_input_is_named_in_the_version_that_was_read() {
    let project = Project::flights();
    project.spotmill(&["run", "--date", "2013-01-01"]).code(0);
    let file = published(&project, "out/daily/date=2013-01-01");
    let before = items(&project, &file);
    let text = project.read("data/airlines.csv");
    project.write("data/airlines.csv", format!("{text}ZZ,Nobody\n"));
    assert_eq!(items(&project, &file), before, "what is read later changes nothing");
    project.spotmill(&["run", "--date", "2013-01-01", "--changed"]).code(0);
    let file = published(&project, "out/daily/date=2013-01-01");
    let versions = |items: &[Value]| {
        let reads = items.iter().flat_map(|i| i["reads"].as_array().expect("reads").clone());
        reads.filter(|read| read["table"] == "airlines").map(|read| read["etag"].clone()).collect::<Vec<_>>()
    };
    assert_ne!(versions(&items(&project, &file)), versions(&before));
}
