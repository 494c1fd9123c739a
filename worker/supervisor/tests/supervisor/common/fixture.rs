//! The pipeline that tests plan, what every worker script begins with, and a supervisor in a hurry.

use spotmill_core::ids::Uri;
use spotmill_supervisor::{Machine, Program, Share, SupervisorConfig, Times};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub const PIPELINE: &str = r#"
format = 1
[pipeline]
name = "flights"
[params]
date = { type = "date" }
[[step]]
name = "copy"
sql = "SELECT a FROM input WHERE a > 0"
[step.input]
path = "/data/*.csv"
columns = ["a int64"]
[resources]
vcpus = 1
memory = "128 MiB"
max_memory = "512 MiB"
"#;

/// What every worker script begins with.
pub const PRELUDE: &str = r#"
[ "$1 $2 $4" = "item --spec --outcome" ] || exit 64
SPEC=$3 OUT=$5
SCRATCH=$(grep -o '"scratch":"[^"]*"' "$SPEC" | cut -d'"' -f4)
wrote() { # BYTES TEXT: a file with TEXT, reported with BYTES
  mkdir -p "$SCRATCH/k=a"; printf %s "$2" > "$SCRATCH/k=a/0.parquet"
  printf '{"done":{"v":1,"rows_raw":3,"rows_read":2,"rows_rejected":1,"rows_written":2,"files":[{"partition":"k=a",
    "part":0,"path":"k=a/0.parquet","rows":2,"bytes":%d}],"columns":[],"violations":[],"notes":[]}}' "$1" > "$OUT"
}
finish() { wrote 4 data; }
failed() { # CLASS
  printf '{"failed":{"class":"%s","message":"the words of the worker"}}' "$1" > "$OUT"
}
first() { mkdir "$HERE/$1" 2>/dev/null; } # true the first time
"#;

pub fn config(dir: &tempfile::TempDir, root: &Uri) -> SupervisorConfig {
    let path = |name: &str| dir.path().join(name);
    SupervisorConfig {
        root: root.clone(),
        queue: "work".to_owned(),
        callbacks: "callbacks".to_owned(),
        worker: "here".to_owned(),
        worker_digest: "digest of the worker".to_owned(),
        program: Program {
            path: PathBuf::from("/bin/bash"),
            args: vec![path("worker.sh").to_string_lossy().into_owned()],
            env: BTreeMap::from([("HERE".to_owned(), path("here").to_string_lossy().into_owned())]),
            fork_servers: None,
        },
        users: None,
        machine: Machine { vcpus: 2, memory_bytes: 1 << 30 },
        share: Share { vcpus_per_item: 1, memory_bytes_per_item: 64 << 20, max_slots: 2 },
        tmp: path("tmp"),
        times: Times {
            visibility_ms: 5_000,
            extend_ms: 1_000,
            poll_ms: 2_000,
            sample_ms: 20,
            term_wait_ms: 200,
            notice_wait_ms: 50,
            notice_margin_ms: 400,
            retry_ms: 10,
            infra_ms: 10,
            infra_most_ms: 100,
            alive_ms: 60_000,
            ahead_ms: 0,
            life_ms: 60_000,
            lease_ms: 0,
            hold_ms: 20_000,
            stop_grace_ms: 800,
            last_word_ms: 200,
            stop_ms: 1_800,
        },
        life: None,
    }
}
