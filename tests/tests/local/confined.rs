//! What a transform may reach: its own folders, a least environment, and the network only where the pipeline says so. The
//! kernel keeps it.

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
    project.write("data/a.csv", format!("id,note\n1,\"{note}\"\n"));
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

#[test]
fn a_transform_has_no_socket_of_any_kind_without_a_network() {
    let folder = tempfile::tempdir().expect("a directory");
    let door = folder.path().join("door");
    let listener = std::os::unix::net::UnixListener::bind(&door).expect("a door");
    let (knock, send) = (format!("knock {}", door.display()), "send 127.0.0.1:9");
    let python = "python import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)";
    for note in [knock.as_str(), send, "connect [::1]:9", "connect [fd00:ec2::254]:80", python] {
        reaching(note, "").spotmill(&["run"]).code(1).says("Permission denied");
    }
    drop(listener);
    reaching(send, "network = true").spotmill(&["run"]).code(0);
    reaching("python import socket; socket.socketpair()", "").spotmill(&["run"]).code(0);
}

#[test]
fn a_transform_looks_into_no_other_process_and_leaves_nothing_behind() {
    for file in ["environ", "mem", "maps", "root/etc/hostname"] {
        let project = reaching(&format!("read /proc/PARENT/{file}"), "network = true");
        project.spotmill(&["run"]).code(1).says("Permission denied");
    }
    let calls = [
        "python import os; os.setsid()",
        "python import os; os.setpgid(0, 0)",
        "python import ctypes, os; l = ctypes.CDLL(None, use_errno=True); e = l.shmget(7, 1, 0o1666); e < 0 and exit(os.strerror(ctypes.get_errno()))",
        "python import ctypes, os; l = ctypes.CDLL(None, use_errno=True); e = l.ptrace(16, os.getppid(), 0, 0); e < 0 and exit(os.strerror(ctypes.get_errno()))",
    ];
    for call in calls {
        reaching(call, "").spotmill(&["run"]).code(1).says("Operation not permitted");
    }
}

#[test]
fn a_transform_sees_no_credentials_in_its_environment() {
    let project = reaching("environment", "");
    let mut command = project.command(&["run"]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "MY_PASSWORD"] {
        command.env(name, "secret");
    }
    let all = "environment: HOME LANG MIMALLOC_ALLOW_THP MIMALLOC_PURGE_DELAY PATH POLARS_MAX_OPEN_SINKS POLARS_MAX_THREADS TMPDIR";
    spotmill_tests::Ran::from(command.output().expect("spotmill starts")).code(1).says(all);
}
