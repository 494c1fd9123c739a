//! Lineage events of real runs: as OpenLineage's own schemas have them, where columns come from, and their way to an endpoint.

use crate::docs::{commands, empty};
use serde_json::{Value, json};
use spotmill_tests::{Project, held_to_schemas};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const EVENTS: &str = ".spotmill/runs/flights/2013-01-01/openlineage.ndjson";
const RUN: &[&str] = &["run", "--date", "2013-01-01"];

fn events(project: &Project) -> Vec<Value> {
    project.read(EVENTS).lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

fn find(events: &[Value], kind: &str, job: &str) -> Value {
    let found = events.iter().find(|e| e["eventType"] == kind && e["job"]["name"] == job);
    found.unwrap_or_else(|| panic!("no {kind} of {job}: {events:#?}")).clone()
}

fn validated(project: &Project, facets: usize) {
    let held = held_to_schemas(&project.path(EVENTS));
    assert!(held >= facets, "{held}");
}

/// `column of the last part of its dataset: KIND`, of a field's inputs.
fn inputs(fields: &Value) -> Vec<String> {
    let all = fields.as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |input: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kinds: Vec<String> =
            input["transformations"].as_array().into_iter().flatten().map(|t| text(&t["subtype"])).collect();
        let name = text(&input["name"]);
        format!("{} of {}: {}", text(&input["field"]), name.rsplit('/').next().unwrap_or_default(), kinds.join("+"))
    };
    all.iter().map(of).collect()
}

#[test]
fn a_run_leaves_events_as_the_official_schemas_have_them() {
    let project = Project::flights();
    project.spotmill(RUN).code(0);
    validated(&project, 60);
    let found = events(&project);
    let daily = find(&found, "COMPLETE", "flights.daily");
    let output = &daily["outputs"][0];
    assert_eq!(output["name"], project.path("out/daily").to_string_lossy().as_ref(), "one name for all dates");
    assert_eq!(output["outputFacets"]["outputStatistics"]["rowCount"], 1);
    assert_eq!(output["facets"]["columnLineage"], Value::Null, "a Rust transform has no plan");
    let by_route = find(&found, "COMPLETE", "flights.by_route");
    assert_eq!(daily["inputs"][0]["name"], by_route["outputs"][0]["name"]);
    let lineage = &by_route["outputs"][0]["facets"]["columnLineage"];
    assert_eq!(inputs(&lineage["fields"]["arr_delay_sum"]["inputFields"]), ["arr_delay of normalize: AGGREGATION"]);
    assert_eq!(inputs(&lineage["fields"]["carrier"]["inputFields"]), ["carrier of normalize: IDENTITY"]);
    assert_eq!(inputs(&lineage["fields"]["flights"]["inputFields"]), Vec::<String>::new(), "rows are counted");
    assert!(inputs(&lineage["dataset"]).contains(&"dest of normalize: GROUP_BY".to_owned()));
    let normalize = find(&found, "COMPLETE", "flights.normalize");
    let lineage = &normalize["outputs"][0]["facets"]["columnLineage"];
    assert_eq!(inputs(&lineage["fields"]["carrier_name"]["inputFields"]), ["name of airlines.csv: IDENTITY"]);
    assert_eq!(inputs(&lineage["fields"]["sched_minute"]["inputFields"]), ["sched_dep_time of raw: TRANSFORMATION"]);
    assert_eq!(inputs(&lineage["dataset"]), ["carrier of airlines.csv: JOIN", "carrier of raw: JOIN"]);
    assert_eq!(normalize["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"], 842);
    let nominal = &normalize["run"]["facets"]["nominalTime"]["nominalStartTime"];
    assert_eq!(nominal, "2013-01-01T05:00:00Z", "midnight where the schedule has it");

    // Again: nothing is to do, and nothing is said anew.
    let before = project.read(EVENTS);
    project.spotmill(RUN).code(0);
    assert_eq!(project.read(EVENTS), before);
}

#[test]
fn a_run_that_fails_leaves_events_and_is_the_same_run_when_it_is_resumed() {
    let project = Project::flights();
    project.edit("pipeline.toml", "rows   = { min = 50 }", "rows   = { min = 5000 }");
    project.spotmill(RUN).code(4);
    validated(&project, 30);
    let failed = events(&project);
    let by_route = find(&failed, "FAIL", "flights.by_route");
    let message = by_route["run"]["facets"]["errorMessage"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("of at least 5,000 expected"), "{message}");
    let assertions = &by_route["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"];
    let of = |i: usize| (assertions[i]["assertion"].clone(), assertions[i]["success"].clone());
    assert_eq!((of(0), of(1)), ((json!("unique"), json!(true)), (json!("row_count"), json!(false))));
    project.edit("pipeline.toml", "rows   = { min = 5000 }", "rows   = { min = 50 }");
    project.spotmill(RUN).code(0);
    validated(&project, 60);
    let whole = events(&project);
    let id = |event: &Value| event["run"]["runId"].clone();
    for job in ["flights", "flights.by_route"] {
        assert_eq!(id(&find(&failed, "FAIL", job)), id(&find(&whole, "COMPLETE", job)));
    }
    assert!(!whole.iter().any(|event| event["eventType"] == "FAIL"), "{whole:#?}");
}

/// What an endpoint was sent: the first line and the headers, and the body.
type Posted = (String, Value);

/// An endpoint that answers so to everything, on a connection each.
fn endpoint(answer: &'static str) -> (String, Receiver<Posted>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let posted = stream.ok().and_then(|stream| one(stream, answer));
            if posted.is_none_or(|posted| sender.send(posted).is_err()) {
                return;
            }
        }
    });
    (url, receiver)
}

fn one(mut stream: TcpStream, answer: &str) -> Option<Posted> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(answer.as_bytes()).ok()?;
    Some((head, serde_json::from_slice(&body).ok()?))
}

const TAKEN: &str = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 422 No\r\ncontent-length: 10\r\nconnection: close\r\n\r\nnot\nlike\n!";

fn set(url: &str) -> Vec<(String, String)> {
    vec![
        ("OPENLINEAGE_URL".to_owned(), url.to_owned()),
        ("OPENLINEAGE_API_KEY".to_owned(), "secret-of-mine".to_owned()),
    ]
}

#[test]
fn events_are_sent_to_an_endpoint_and_again_when_asked() {
    let project = Project::flights();
    let (url, posted) = endpoint(TAKEN);
    project.spotmill_with(RUN, &set(&url)).code(0);
    let first: Vec<Posted> = posted.try_iter().collect();
    let bodies = |posted: &[Posted]| posted.iter().map(|(_, body)| body.clone()).collect::<Vec<_>>();
    assert_eq!(bodies(&first), events(&project));
    let head = first[0].0.to_ascii_lowercase();
    assert!(head.starts_with("post /api/v1/lineage http/1.1"), "{head}");
    assert!(head.contains("authorization: bearer secret-of-mine"), "{head}");

    let again = project.spotmill_with(&["lineage", "--send", "2013-01-01"], &set(&url));
    again.code(0).says("8 events of flights/2013-01-01 sent to");
    assert_eq!(bodies(&posted.try_iter().collect::<Vec<_>>()), bodies(&first), "the same events with the same ids");
    project.spotmill(&["lineage", "--send", "2013-01-01"]).code(2).says("OPENLINEAGE_URL");
}

#[test]
fn a_run_succeeds_whatever_the_endpoint_does() {
    let project = Project::flights();
    let remedy = "lineage --send flights/2013-01-01`";
    let (refuses, _posted) = endpoint(REFUSED);
    let ran = project.spotmill_with(RUN, &set(&refuses));
    ran.code(0).says("were not delivered").says("it answered 422: not like !").says(remedy);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("secret-of-mine"), "a key is shown to nobody");
    // Nobody listens.
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    project.spotmill_with(RUN, &set(&format!("http://{gone}"))).code(0).says("were not delivered").says(remedy);
    project.spotmill_with(RUN, &set("localhost:5000")).code(0).says("is no address");
    let failed = project.spotmill_with(&["lineage", "--send", "2013-01-01"], &set(&format!("http://{gone}")));
    failed.code(1).says("were not delivered").says("this command sends them again");
    // One that listens and never answers is not waited for.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let began = Instant::now();
    project.spotmill_with(RUN, &set(&url)).code(0).says("within 10 s").says(remedy);
    let range = project.spotmill_with(&["run", "--date", "2013-01-01..2013-01-03"], &set(&url));
    range.code(0).says("those of an earlier run were not taken");
    assert!(began.elapsed() < Duration::from_secs(90), "{:?}", began.elapsed());
}

#[test]
fn columns_of_a_file_are_followed_step_by_step() {
    let project = Project::flights();
    project.spotmill(RUN).code(0);
    let folder = "out/by_route/date=2013-01-01";
    let file = project.files(folder).into_keys().find(|file| file.ends_with(".parquet")).expect("a file");
    let shown = project.spotmill(&["lineage", &file, "--columns"]);
    shown.code(0).says("by_route g1").says("normalize g1");
    shown.says("arr_delay_sum  arr_delay of normalize (aggregated)");
    shown.says("carrier_name  name of data/airlines.csv (as it is)");
    shown.says("(rows)        carrier of data/airlines.csv (join), carrier of data/raw (join)");
    let ran = project.spotmill(&["--json", "lineage", &file, "--columns"]);
    ran.code(0);
    let columns = &ran.events()[0]["columns"];
    assert_eq!(columns[0]["tables"]["input"], "normalize");
    let how = &columns[1]["lineage"]["columns"]["late"][0]["how"];
    assert_eq!(how, &json!(["transformation"]));
    let daily = project.files("out/daily").into_keys().find(|file| file.ends_with(".parquet")).expect("a file");
    project.spotmill(&["lineage", &daily, "--columns"]).code(0).says("not on record: a Rust transform");
}

#[test]
fn the_commands_of_the_page_run() {
    let (page, printed) = commands("docs/lineage.md", "openlineage.rs::the_commands_of_the_page_run");
    let project = empty();
    for mut command in printed {
        // A shell finds the file, and the page's files lie below the project of the first command.
        for word in command.words.iter_mut().filter(|word| word.ends_with("/*.parquet")) {
            let folder = format!("it/{}", word.trim_end_matches("/*.parquet"));
            let file = project.files(&folder).into_keys().find(|file| file.ends_with(".parquet")).expect("a file");
            *word = file.trim_start_matches("it/").to_owned();
        }
        let ran = command.run(&project);
        if command.has("--columns") && !command.has("--json") {
            for line in page.lines().filter(|line| line.starts_with("    ") && !line.contains('…')) {
                ran.says(line.trim());
            }
        }
    }
}
