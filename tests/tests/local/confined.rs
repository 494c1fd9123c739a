//! What a transform may reach: its own folders, and the network only where the pipeline says so. The kernel keeps it.

use spotmill_tests::{Project, programs};
use std::net::TcpListener;

fn reaching(note: &str, resources: &str) -> Project {
    let project = Project::new(&format!(
        r#"format = 1
[pipeline]
name = "reaching"
[params]
date = {{ type = "date", default = "2026-01-01" }}
[[step]]
name = "copy"
transform = "reaches_out"
[step.input]
path = "data/*.csv"
columns = ["id int32", "note string"]
[step.output]
destination = "out/{{date}}"
[resources]
max_attempts = 1
{resources}
"#
    ))
    .with_worker(programs().misbehaving_worker.clone());
    project.write("data/a.csv", format!("id,note\n1,{note}\n"));
    project
}

#[test]
fn a_transform_writes_below_its_own_folders_only() {
    let elsewhere = Project::new("");
    let (file, shared) = (elsewhere.path("stolen"), "/dev/shm/spotmill-stolen");
    let project = reaching("", "");
    let own = project.path("data/b.csv");
    for target in [file.to_str(), own.to_str(), Some(shared)].into_iter().flatten() {
        project.write("data/a.csv", format!("id,note\n1,write {target}\n"));
        project.spotmill(&["run"]).code(1).says("Permission denied");
        assert!(!std::path::Path::new(target).exists(), "{target}");
    }
    // What it was to do is done once it keeps to its own.
    project.write("data/a.csv", "id,note\n1,temporary\n");
    project.spotmill(&["run"]).code(0).says("✓ reaching/2026-01-01 succeeded");
}

#[test]
fn a_transform_has_a_network_only_where_the_pipeline_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let note = format!("connect {}", listener.local_addr().expect("an address"));
    reaching(&note, "").spotmill(&["run"]).code(1).says("Permission denied");
    // Where machines keep their credentials.
    reaching("connect 169.254.169.254:80", "").spotmill(&["run"]).code(1).says("Permission denied");
    listener.set_nonblocking(true).expect("set");
    assert!(listener.accept().is_err(), "nobody came");
    reaching(&note, "network = true").spotmill(&["run"]).code(0);
    assert!(listener.accept().is_ok(), "it came");
}
