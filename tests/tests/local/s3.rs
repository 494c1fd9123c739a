//! `spotmill run` on this machine with its files, and its state, in S3.

use crate::chaos::was_committed;
use spotmill_emulator::Emulator;
use spotmill_tests::{Project, Ran, Seeded, rows};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const DAY: &str = "2013-01-01";
const BUCKET: &str = "lake";
const STATE: &str = "s3://lake/state";
/// What one run of a day may take, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(180);

/// S3 on this machine, with the flights in it.
struct Away {
    emulator: Emulator,
}

impl Away {
    fn start() -> Away {
        let away = Away { emulator: Emulator::start() };
        away.aws(&["s3", "mb", &format!("s3://{BUCKET}")]);
        let data = spotmill_tests::repository().join("examples/flights/data");
        away.aws(&["s3", "cp", "--recursive", &data.to_string_lossy(), &format!("s3://{BUCKET}/in")]);
        away
    }

    fn aws(&self, args: &[&str]) -> String {
        let output = self.emulator.aws(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The flights, read and published there; another directory each time.
    fn project(&self, out: &str) -> Project {
        let project = Project::flights();
        project.edit("pipeline.toml", "default = \"data\"", &format!("default = \"s3://{BUCKET}/in\""));
        project.edit("pipeline.toml", "default = \"out\"", &format!("default = \"s3://{BUCKET}/{out}\""));
        std::fs::remove_dir_all(project.path("data")).expect("removed");
        project
    }

    fn run(&self, project: &Project, args: &[&str]) -> Ran {
        project.spotmill_with(args, &self.emulator.env())
    }

    /// What was published, brought into the project's directory.
    fn published(&self, project: &Project, out: &str) -> [Vec<String>; 2] {
        let _ = std::fs::remove_dir_all(project.path("out"));
        let to = project.path("out").to_string_lossy().into_owned();
        self.aws(&["s3", "cp", "--recursive", "--quiet", &format!("s3://{BUCKET}/{out}"), &to]);
        [rows(project, "out/by_route"), rows(project, "out/daily")]
    }

    /// Names of the receipts below the state.
    fn receipts(&self) -> BTreeSet<String> {
        let listed = self.emulator.aws(&["s3", "ls", "--recursive", &format!("{STATE}/")]);
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let names = text.lines().filter_map(|line| line.split_whitespace().nth(3).map(str::to_owned));
        names.filter(|name| name.contains("/receipts/") && name.ends_with(".json")).collect()
    }
}

/// The rows of an undisturbed run over files.
fn expected() -> [Vec<String>; 2] {
    let calm = Project::flights();
    calm.spotmill(&["run", "--date", DAY]).code(0);
    [rows(&calm, "out/by_route"), rows(&calm, "out/daily")]
}

#[test]
fn files_in_s3_give_the_rows_of_files_here() {
    let away = Away::start();
    let project = away.project("out");
    away.run(&project, &["run", "--date", DAY])
        .code(0)
        .says("✓ flights/2013-01-01 succeeded")
        .says("12.7")
        .says("s3://lake/out/daily/date=2013-01-01");
    assert_eq!(away.published(&project, "out"), expected());
    away.run(&project, &["run", "--date", DAY]).code(0).says("nothing to do");
    away.run(&project, &["item", "flights/2013-01-01", "normalize", "0"]).code(0).says("842 rows");
    away.run(&project, &["plan", "--date", "2013-01-02"]).code(0).says("1 file");
    // A row that is rejected names its object, not the copy that was read.
    let broken = "2013,1,1,not a number\n";
    project.write("broken.csv", broken);
    project.edit("pipeline.toml", "{date}.csv.gz", "{date}.csv");
    project.edit("pipeline.toml", "0.1%", "100%");
    let from = project.path("broken.csv").to_string_lossy().into_owned();
    away.aws(&["s3", "cp", &from, &format!("s3://{BUCKET}/in/raw/2013-02-02.csv")]);
    away.run(&project, &["run", "--date", "2013-02-02"]);
    let rejected = project.files(".spotmill/scratch").into_iter().filter(|(name, _)| name.contains("reject"));
    let texts: Vec<String> = rejected.map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).collect();
    assert!(texts.iter().any(|text| text.contains("s3://lake/in/raw/2013-02-02.csv")), "{texts:?}");
}

const SHUFFLE: &str = r#"
format = 1
[pipeline]
name = "shuffle"
key = ["date"]
[params]
date = { type = "date" }
src = { type = "path", default = "in" }
out = { type = "path", default = "out" }
[[step]]
name = "spread"
sql = "SELECT k, v FROM input"
[step.input]
path = "{src}/*.csv"
columns = ["k int64", "v int64"]
header = false
item_bytes = "100 B"
[step.output]
bucket_by = ["k"]
buckets = 16
[[step]]
name = "summed"
sql = "SELECT k, SUM(v) AS v FROM input GROUP BY k"
input = { step = "spread", by = "partition" }
[step.output]
destination = "{out}/summed/{date}"
[[step]]
name = "counted"
sql = "SELECT COUNT(*) AS n, SUM(v) AS v FROM input"
input = { step = "spread", by = "all" }
[step.output]
destination = "{out}/counted/{date}"
"#;

/// Four files of so many keys that each has some of every bucket.
fn shuffling() -> Project {
    let project = Project::new(SHUFFLE);
    for file in 0..4 {
        let rows: String = (0..200).map(|k| format!("{k},{}\n", k * 7 + file)).collect();
        project.write(&format!("in/{file}.csv"), &rows);
    }
    project
}

#[test]
fn a_shuffle_writes_an_object_an_item_and_gives_the_rows_of_files() {
    let run = ["run", "--date", DAY];
    let here = shuffling();
    here.spotmill(&run).code(0);
    let spread = format!("shuffle/{DAY}/spread/");
    let files = here.files(&format!(".spotmill/scratch/{spread}"));
    assert_eq!(files.len(), 4 * 16, "here files stay files");

    let (away, project) = (Away::start(), shuffling());
    let from = project.path("in").to_string_lossy().into_owned();
    away.aws(&["s3", "cp", "--recursive", "--quiet", &from, &format!("s3://{BUCKET}/spread-in")]);
    std::fs::remove_dir_all(project.path("in")).expect("removed");
    project.edit("pipeline.toml", "default = \"in\"", &format!("default = \"s3://{BUCKET}/spread-in\""));
    project.edit("pipeline.toml", "default = \"out\"", &format!("default = \"s3://{BUCKET}/shuffled\""));
    let with = |args: &[&str]| away.run(&project, &[&["--state", STATE], args].concat());
    with(&run).code(0);
    let listed = away.aws(&["s3", "ls", "--recursive", &format!("{STATE}/scratch/{spread}")]);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(3)).collect();
    println!("{} items × 16 buckets: {} objects, of {} files here", 4, names.len(), files.len());
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.iter().all(|name| name.ends_with("/bundle")), "{names:?}");

    let _ = std::fs::remove_dir_all(project.path("out"));
    let to = project.path("out").to_string_lossy().into_owned();
    away.aws(&["s3", "cp", "--recursive", "--quiet", &format!("s3://{BUCKET}/shuffled"), &to]);
    for step in ["out/summed", "out/counted"] {
        assert_eq!(rows(&project, step), rows(&here, step), "{step}");
    }
    with(&run).code(0).says("nothing to do");
    // An item is replayed out of the bundles, and shown with what it read of them.
    let replayed = format!("shuffle/{DAY}");
    with(&["item", &replayed, "summed", "3"]).code(0).says("nothing was committed");
    with(&["item", &replayed, "counted", "0"]).code(0).says("800 rows → 1");
    with(&["show", &replayed, "spread", "0"]).code(0).says("/bundle");
    // Published from now on, without doing anything of it again: its files come out of the bundles.
    project.edit("pipeline.toml", "buckets = 16\n", "buckets = 16\ndestination = \"{out}/spread/{date}\"\n");
    let before = away.receipts();
    with(&run).code(0);
    assert_eq!(away.receipts(), before);
    let published = away.aws(&["s3", "ls", "--recursive", &format!("s3://{BUCKET}/shuffled/spread/")]);
    assert_eq!(published.lines().filter(|line| line.ends_with(".parquet")).count(), 4 * 16);
    away.aws(&[
        "s3",
        "cp",
        "--recursive",
        "--quiet",
        &format!("s3://{BUCKET}/shuffled/spread"),
        &format!("{to}/spread"),
    ]);
    assert_eq!(rows(&project, "out/spread"), rows(&here, &format!(".spotmill/scratch/{spread}")));
}

#[test]
fn killed_and_gone_on_with_from_another_directory_with_only_the_bucket_in_common() {
    let away = Away::start();
    let expected = expected();
    let kills: usize = std::env::var("SPOTMILL_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    let started = Instant::now();
    let calm = away.project("calm");
    away.run(&calm, &["--state", "s3://lake/calm-state", "run", "--date", DAY]).code(0);
    let whole = started.elapsed();
    assert_eq!(away.published(&calm, "calm"), expected);

    let mut seeded = Seeded::from_env(20_130_102);
    let (mut hits, mut reused, mut runs) = (0, 0, 0);
    while hits < kills || reused == 0 {
        runs += 1;
        assert!(runs <= 5 * kills, "the moments hit too little: {hits} kills, {reused} committed items were reused");
        let before = hits;
        for _ in 0..=seeded.below(2) {
            let project = away.project("out");
            let mut run = project.command(&["--state", STATE, "run", "--date", DAY]);
            let mut run =
                run.envs(away.emulator.env()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
            std::thread::sleep(Duration::from_millis(seeded.below(whole.as_millis() as u64)));
            hits += usize::from(run.try_wait().expect("wait").is_none());
            run.kill().expect("SIGKILL");
            run.wait().expect("reap");
        }
        let committed = away.receipts();
        let project = away.project("out");
        let ran = away.run(&project, &["--state", STATE, "run", "--date", DAY, "--json"]);
        ran.code(0);
        let redone: Vec<_> = ran.events().into_iter().filter(|event| was_committed(event, &committed)).collect();
        assert!(redone.is_empty(), "committed items ran again: {redone:?}");
        assert!(!ran.stdout.contains("was moved"), "from any directory it is the same: {}", ran.stdout);
        assert!(away.receipts().is_superset(&committed));
        reused += if hits > before { committed.len() } else { 0 };
        assert_eq!(away.published(&project, "out"), expected);
        away.run(&project, &["--state", STATE, "run", "--date", DAY]).code(0).says("nothing to do");
        away.run(&project, &["--state", STATE, "runs"]).code(0).says("✓ succeeded");
        // Nothing but the locks of this machine stays here.
        assert!(project.files(".spotmill").keys().all(|name| name.starts_with(".spotmill/locks/")));
        away.aws(&["s3", "rm", "--recursive", "--quiet", STATE]);
        away.aws(&["s3", "rm", "--recursive", "--quiet", &format!("s3://{BUCKET}/out")]);
    }
    println!("killed {hits} times; {reused} committed items were reused from other directories");
}

#[test]
fn a_first_pipeline_for_an_object_runs_as_it_is() {
    let away = Away::start();
    let project = Project::new("");
    std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
    project.write("orders.csv", "id,country,amount\n1,de,2.50\n2,fr,4.00\n3,de,1.25\n");
    let from = project.path("orders.csv").to_string_lossy().into_owned();
    let to = format!("s3://{BUCKET}/lists/orders-2026-01-31.csv");
    away.aws(&["s3", "cp", &from, &to]);
    std::fs::remove_file(&from).expect("removed");
    let init = |from: &str| away.run(&project, &["init", "--from", from]);
    init(&format!("s3://{BUCKET}/lists/orders-2026-01-30.csv")).code(2).says("there is no s3://lake/lists/orders");
    init(&format!("s3://{BUCKET}/lists/")).code(2).says("is no object");
    init(&format!("s3://{BUCKET}")).code(2).says("is no object");
    init(&format!("s3://{BUCKET}/lists/*.csv")).code(2).says("cannot be the input");
    init("s3://no-such-bucket-of-anyone/x.csv").code(5).says("no-such-bucket-of-anyone");
    assert!(!project.path("pipeline.toml").exists(), "what is refused writes nothing");
    init(&to).code(0).says("run --date 2026-01-31");
    assert!(project.read("pipeline.toml").contains("path = \"s3://lake/lists/orders-{date}.csv\""));
    away.run(&project, &["run", "--date", "2026-01-31"]).code(0).says("3.75");
}

/// An endpoint that answers what is wrong, ended when dropped.
struct Faults {
    process: Child,
    port: u16,
}

impl Faults {
    fn start() -> Faults {
        let script = spotmill_tests::repository().join("tests/tests/local/s3_faults.py");
        let mut process = Command::new("python3").arg(script).stdout(Stdio::piped()).spawn().expect("python3 starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("its port");
        Faults { process, port: line.trim().parse().expect("a port") }
    }

    fn run(&self, project: &Project, args: &[&str]) -> Ran {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        with_only(
            project,
            args,
            &[("AWS_ENDPOINT_URL", &endpoint), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")],
        )
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// With these variables of AWS and none of whoever runs the test. A run that does not end in time is killed, and so has no
/// exit code.
fn with_only(project: &Project, args: &[&str], given: &[(&str, &str)]) -> Ran {
    let mut command = project.command(args);
    for name in
        ["PROFILE", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "ENDPOINT_URL", "REGION", "DEFAULT_REGION"]
    {
        command.env_remove(format!("AWS_{name}"));
    }
    command.env("AWS_CONFIG_FILE", "/nowhere").env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(given.iter().copied());
    let child = command.spawn().expect("spotmill starts");
    let (pid, (ended, end)) = (child.id().to_string(), channel::<()>());
    std::thread::spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
    });
    let output = child.wait_with_output().expect("its output");
    drop(ended);
    output.into()
}

#[test]
fn what_is_wrong_with_a_bucket_is_said_before_any_work() {
    let faults = Faults::start();
    let cases = [
        ("denied", "no permission to list s3://denied/", "s3:ListBucket"),
        ("expired", "the session of the credentials for s3://expired has expired", "aws sso login"),
        ("skewed", "this machine's clock is off", "set the clock"),
        ("unknown-key", "s3://unknown-key does not know these credentials (InvalidAccessKeyId)", "AWS_ACCESS_KEY_ID"),
        ("elsewhere", "bucket `elsewhere` is in region eu-west-3", "set AWS_REGION=eu-west-3"),
        ("missing", "there is no bucket `missing`", "create it, or name another"),
        ("unconditional", "bucket `unconditional` does not keep conditional writes", "If-None-Match"),
    ];
    for (bucket, what, remedy) in cases {
        let project = Project::flights();
        let ran = faults.run(&project, &["--state", &format!("s3://{bucket}/p"), "run", "--date", DAY]);
        ran.code(5).says(what).says(remedy);
        assert!(project.files("out").is_empty() && !ran.stderr.contains("to do"), "{bucket}: {}", ran.stderr);
    }
    // The same of a place that a pipeline reads or publishes to.
    let project = Project::flights();
    project.edit("pipeline.toml", "default = \"out\"", "default = \"s3://unconditional/out\"");
    faults.run(&project, &["run", "--date", DAY]).code(5).says("does not keep conditional writes");
    project.edit("pipeline.toml", "s3://unconditional/out", "out");
    project.edit("pipeline.toml", "default = \"data\"", "default = \"s3://missing/in\"");
    faults.run(&project, &["run", "--date", DAY]).code(5).says("there is no bucket `missing`");
    // And when it is set right, the same command does the work.
    project.edit("pipeline.toml", "s3://missing/in", "data");
    faults.run(&project, &["run", "--date", DAY]).code(0);
}

#[test]
fn what_is_wrong_before_a_request_is_said_as_well() {
    let project = Project::flights();
    let run = ["--state", "s3://b/p", "run", "--date", DAY];
    let key = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let region = ("AWS_REGION", "us-east-1");
    with_only(&project, &run, &[region]).code(5).says("there are no credentials for s3://b").says("AWS_PROFILE");
    with_only(&project, &run, &key).code(5).says("no AWS region is chosen").says("set AWS_REGION");
    // A port that nobody listens on.
    let nobody = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    with_only(&project, &run, &[key[0], key[1], region, nobody])
        .code(5)
        .says("no answer for s3://b")
        .says("AWS_ENDPOINT_URL");
    project.spotmill(&["--state", "/mnt/share", "run", "--date", DAY]).code(2).says("expected s3://BUCKET/PREFIX");
}
