//! Functions of one's own: the crate that `init --worker` writes, its build for the machines of AWS by `worker build`, and
//! what `deploy` takes of it or of an installation. Cargo and rustc are stand-ins that note how they were called, except
//! where a test says that it builds.

use crate::messages::{command, typed};
use spotmill_tests::{Project, Ran, programs, repository};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const HOST: &str = std::env::consts::ARCH;
const OTHER: &str = if cfg!(target_arch = "aarch64") { "x86_64" } else { "aarch64" };

/// The first bytes of a program for Linux on this processor, which has nothing else in it.
pub fn program_for(machine: &str) -> Vec<u8> {
    let mut bytes = vec![0u8; 64];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16] = 2;
    bytes[18] = if machine == "x86_64" { 62 } else { 183 };
    bytes[20] = 1;
    bytes[52] = 64;
    bytes
}

/// A project below a directory that has stand-ins for the tools.
struct Own {
    project: Project,
}

impl Own {
    /// With the crate that `init --worker` writes.
    fn new() -> Own {
        let project = Project::new("");
        std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
        let own = Own { project };
        typed(&own.project, &["init", "own", "--worker"]).code(0);
        for machine in [HOST, OTHER] {
            own.project.write(&format!("elf/{machine}"), program_for(machine));
            own.library(machine);
        }
        let home = own.project.path("");
        let home = home.to_string_lossy();
        // For this machine's own use it gives out the stock worker, which runs.
        let stock = programs().stock_worker.to_string_lossy().into_owned();
        own.tool(
            "cargo",
            &format!(
                "pwd >>'{home}calls'\necho \"$@ strip=$CARGO_PROFILE_RELEASE_STRIP\" >>'{home}calls'\n\
                 case \"$*\" in *x86_64-*) m=x86_64 ;; *aarch64-*) m=aarch64 ;; *) m= ;; esac\n\
                 if [ -z $m ]; then echo '{{\"executable\":\"{stock}\"}}'; exit 0; fi\n\
                 d='{home}cargo/t/'$m-unknown-linux-gnu/release; mkdir -p $d\n\
                 cp '{home}elf/'$m $d/own-worker\n\
                 echo \"$d/own-worker: {home}own/worker/src/main.rs {home}own/worker/build.rs\" >$d/own-worker.d\n\
                 echo '{{\"reason\":\"compiler-artifact\",\"executable\":\"'$d'/own-worker\"}}'"
            ),
        );
        own.tool("rustc", &format!("for last; do :; done\necho '{home}libraries/'$last"));
        own
    }

    fn library(&self, machine: &str) {
        std::fs::create_dir_all(self.project.path(&format!("libraries/{machine}-unknown-linux-gnu"))).expect("made");
    }

    /// A program on the PATH of the commands below.
    fn tool(&self, name: &str, body: &str) {
        let file = format!("tools/{name}");
        self.project.write(&file, format!("#!/bin/sh\n{body}\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.project.path(&file), mode).expect("chmod");
    }

    fn zigbuild(&self) {
        self.tool("cargo-zigbuild", "exit 1");
        self.tool("zig", "exit 1");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(&self.project, &[&["-C", "own"], args].concat());
        self.isolate(&mut command);
        command
    }

    /// Nothing but the stand-ins and the system's own tools.
    fn isolate(&self, command: &mut Command) {
        for name in ["SPOTMILL_WORKER", "RUSTC", "CARGO_ZIGBUILD_ZIG_PATH", "CARGO_PROFILE_RELEASE_STRIP"] {
            command.env_remove(name);
        }
        let tools = self.project.path("tools");
        command.env("CARGO", tools.join("cargo")).env("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("spotmill starts").into()
    }

    /// What cargo was called with since the last question, without the directory.
    fn calls(&self) -> Vec<String> {
        let calls = self.project.read("calls");
        std::fs::remove_file(self.project.path("calls")).expect("removed");
        let mut lines = calls.lines();
        let mut calls = Vec::new();
        while let (Some(place), Some(call)) = (lines.next(), lines.next()) {
            assert!(place.ends_with("own/worker"), "cargo reads the crate's configuration where it starts: {place}");
            calls.push(call.replace(" --bins --message-format json-render-diagnostics", ""));
        }
        calls
    }

    /// A deploy, up to where it asks AWS.
    fn deploy(&self, more: &[&str]) -> Ran {
        self.project.write("functions/bootstrap", program_for("aarch64"));
        let functions = self.project.path("functions").to_string_lossy().into_owned();
        self.run(&[&["deploy", "--lambdas", &functions], more].concat())
    }
}

#[test]
fn one_command_builds_for_both_kinds_of_machines() {
    let own = Own::new();
    own.zigbuild();
    let ran = own.run(&["worker", "build"]);
    ran.code(0).says("✓ worker for x86_64: .spotmill/machines/x86_64/worker").says("Next: spotmill -C own deploy");
    assert_eq!(
        own.calls(),
        [
            "zigbuild --release --target x86_64-unknown-linux-gnu.2.34 strip=symbols",
            "zigbuild --release --target aarch64-unknown-linux-gnu.2.34 strip=symbols"
        ]
    );
    for machine in [HOST, OTHER] {
        let kept = own.project.path(&format!("own/.spotmill/machines/{machine}/worker"));
        assert_eq!(std::fs::read(kept).expect("kept"), program_for(machine));
    }
    let events = own.run(&["worker", "build", "--target", "arm64", "--json"]).events();
    assert_eq!((&events[0]["event"], &events[0]["architecture"]), (&"worker_built".into(), &"aarch64".into()));
    own.run(&["worker", "build", "--target", "arm"]).code(2).says("expected x86_64, arm64 or both");
    own.run(&["worker", "build", "--target", "aws"]).code(2).says("expected x86_64, arm64 or both");
}

#[test]
fn what_is_missing_is_named_and_this_machines_linker_does_for_its_own_kind() {
    let own = Own::new();
    std::fs::remove_dir(own.project.path(&format!("libraries/{OTHER}-unknown-linux-gnu"))).expect("removed");
    own.run(&["worker", "build"])
        .code(2)
        .says("pip install cargo-zigbuild")
        .says(&format!("rustup target add {OTHER}-unknown-linux-gnu"));
    assert!(!own.project.path("calls").exists(), "nothing was built");
    own.tool("cargo-zigbuild", "exit 1");
    own.run(&["worker", "build", "--target", OTHER]).code(2).says("pip install ziglang");
    own.run(&["worker", "build", "--target", HOST]).code(0);
    assert_eq!(own.calls(), [format!("build --release --target {HOST}-unknown-linux-gnu strip=symbols")]);
    // A program for another processor than it was asked for.
    own.project.write(&format!("elf/{HOST}"), program_for(OTHER));
    own.run(&["worker", "build", "--target", HOST]).code(3).says(&format!("for {OTHER}, not {HOST}"));
    own.project.edit("own/pipeline.toml", "crate = \"worker\"", "crate = \"elsewhere\"");
    own.run(&["worker", "build"]).code(3).says("there is no elsewhere/Cargo.toml");
}

#[test]
fn deploy_takes_what_was_built_of_the_sources_that_are_there() {
    let own = Own::new();
    own.zigbuild();
    own.deploy(&["--allow-any-glibc"]).code(5).says(&format!("worker for {HOST}: ")).says("worker build");
    own.run(&["worker", "build", "--target", OTHER]).code(0);
    let kept = format!("worker for {OTHER}: .spotmill/machines/{OTHER}/worker, no glibc");
    own.deploy(&[]).code(5).says(&kept).says(&format!("! only for {OTHER} machines")).says("no AWS region");
    let source = own.project.read("own/worker/src/main.rs");
    own.project.write("own/worker/src/main.rs", format!("{source}// changed\n"));
    own.deploy(&[]).code(3).says("is of other sources").says("spotmill -C own worker build");
    own.project.write("own/worker/src/main.rs", &source);
    own.deploy(&[]).code(5).says(&kept);
    own.project.write(&format!("own/.spotmill/machines/{OTHER}/worker"), program_for(HOST));
    own.deploy(&[]).code(3).says("is not the program that was recorded");
    std::fs::remove_file(own.project.path(&format!("own/.spotmill/machines/{OTHER}/worker"))).expect("removed");
    own.deploy(&[]).code(3).says("is not the program that was recorded");
    // Of another crate it is nobody's.
    own.project.edit("own/pipeline.toml", "[worker]\ncrate = \"worker\"", "");
    let stock = programs().stock_worker.to_string_lossy().into_owned();
    own.deploy(&["--worker", &stock, "--allow-any-glibc"]).code(5).says(&format!("worker for {HOST}: {stock}"));
}

#[test]
fn sources_that_change_while_they_are_built_give_no_worker() {
    let own = Own::new();
    own.zigbuild();
    let cargo = own.project.read("tools/cargo");
    let touched = own.project.path("own/worker/src/main.rs");
    own.tool("cargo", &format!("sleep 0.1\necho '// edited' >>'{}'\n{cargo}", touched.display()));
    own.run(&["worker", "build", "--target", OTHER]).code(1).says("was changed while the worker was built");
    assert!(!own.project.path(&format!("own/.spotmill/machines/{OTHER}")).exists());
}

/// The programs of this build where a release would be installed.
fn installed(project: &Project) -> PathBuf {
    let bin = project.path("install/bin");
    std::fs::create_dir_all(&bin).expect("a directory");
    let all = programs();
    for (from, name) in [(&all.spotmill, "spotmill"), (&all.stock_worker, "spotmill-worker")] {
        let to = bin.join(name);
        std::fs::hard_link(from, &to).or_else(|_| std::fs::copy(from, &to).map(drop)).expect("a program");
    }
    bin
}

#[test]
fn a_release_serves_both_kinds_of_machines_without_cargo() {
    let own = Own::new();
    own.project.edit("own/pipeline.toml", "[worker]\ncrate = \"worker\"", "");
    own.tool("cargo", "echo called >>calls\nexit 1");
    let bin = installed(&own.project);
    let share = format!("install/share/spotmill/{}", env!("CARGO_PKG_VERSION"));
    own.project.write("functions/bootstrap", program_for("aarch64"));
    let deploy = |more: &[&str]| {
        let mut command = Command::new(bin.join("spotmill"));
        command.args(["-C", "own", "deploy", "--allow-any-glibc"]).args(more).current_dir(own.project.path(""));
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "SPOTMILL_STACK"] {
            command.env_remove(name);
        }
        own.isolate(&mut command);
        Ran::from(command.output().expect("spotmill starts"))
    };
    own.project.write(&format!("{share}/lambda/bootstrap"), program_for("aarch64"));
    let local = bin.join("spotmill-worker").to_string_lossy().into_owned();
    deploy(&[]).code(5).says(&format!("worker for {HOST}: {local}")).says(&format!("! only for {HOST} machines"));
    own.project.write(&format!("{share}/{OTHER}/spotmill-worker"), program_for(OTHER));
    let both = deploy(&[]);
    both.code(5).says(&format!("worker for {HOST}: {local}")).says(&format!("{share}/{OTHER}/spotmill-worker"));
    assert!(!both.stderr.contains("only for"), "{}", both.stderr);
    // What another version left is not taken, and a program in the wrong place is refused.
    own.project.write(&format!("{share}/{OTHER}/spotmill-worker"), program_for(HOST));
    deploy(&[]).code(2).says(&format!("are both for {HOST}"));
    std::fs::rename(own.project.path(&share), own.project.path("install/share/spotmill/0.0.1")).expect("renamed");
    deploy(&["--lambdas", "../functions"]).code(5).says(&format!("! only for {HOST} machines"));
    assert!(!own.project.path("own/calls").exists() && !own.project.path("calls").exists(), "cargo was not needed");
}

#[test]
fn a_crate_is_written_beside_a_pipeline_and_touches_nothing_of_it() {
    let own = Own::new();
    let pipeline = own.project.read("own/pipeline.toml");
    assert!(pipeline.contains("[worker]\ncrate = \"worker\"") && pipeline.contains("\n# A map: one item a file"));
    let manifest = own.project.read("own/worker/Cargo.toml");
    let checkout = repository().join("worker");
    let checkout = std::fs::canonicalize(&checkout).unwrap_or(checkout);
    assert!(manifest.contains(&format!("spotmill-worker = {{ path = \"{}\" }}", checkout.display())), "{manifest}");
    assert_eq!(own.project.read("own/worker/Cargo.lock"), lock(), "the versions that were tested");
    own.run(&["validate"]).code(0);
    assert_eq!(own.calls(), ["build strip="]);

    std::fs::remove_dir_all(own.project.path("own/worker")).expect("removed");
    own.project.edit("own/pipeline.toml", "[worker]\ncrate = \"worker\"", "");
    let pipeline = own.project.read("own/pipeline.toml");
    let root = repository().to_string_lossy().into_owned();
    own.run(&["init", "--worker", "--path", &root]).code(0).says("add\n[worker]\ncrate = \"worker\"");
    assert_eq!(own.project.read("own/pipeline.toml"), pipeline);
    assert_eq!(own.project.read("own/worker/Cargo.toml"), manifest);
    own.project.write("own/worker/src/main.rs", "// mine\n");
    own.run(&["init", "--worker"]).code(2).says("is not ours");
    assert_eq!(own.project.read("own/worker/src/main.rs"), "// mine\n");

    own.run(&["init", "two", "--worker", "--path", "."]).code(2).says("no worker/Cargo.toml of Spotmill");
    own.run(&["init", "two", "--worker", "--git", "https://host/x"]).code(2).says("which commit").says("--path DIR");
    own.run(&["init", "two", "--path", "."]).code(2).says("--worker");
    assert!(!own.project.path("own/two").exists(), "what is refused writes nothing");
    // With a value it is the option of all commands.
    own.run(&["init", "three", "--worker=nowhere", "--from", "data/orders-2026-01-01.csv"]).code(2).says("nowhere");
    own.run(&["init", "three", "--example", "logs", "--worker"]).code(0);
    assert!(own.project.read("own/three/pipeline.toml").contains("[worker]\ncrate = \"worker\""));
}

fn lock() -> String {
    std::fs::read_to_string(repository().join("Cargo.lock")).expect("a lock")
}

/// Cargo itself, on what the tests of this repository were built with: the crate is outside of its workspace.
#[test]
fn the_written_crate_builds_and_its_function_runs() {
    let project = Project::new("");
    std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
    typed(&project, &["init", "own", "--worker"]).code(0);
    let target: &Path = programs().spotmill.parent().and_then(Path::parent).expect("target");
    let mut sql = command(&project, &["-C", "own", "sql", "SELECT net_of(120.0, 0.2) AS net", "--format", "csv"]);
    sql.env_remove("SPOTMILL_WORKER").env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
    let ran = Ran::from(sql.output().expect("spotmill starts"));
    assert_eq!(ran.code(0).stdout, "net\n100.0\n", "{}", ran.stderr);
    let packages = |lock: &str| lock.matches("[[package]]").count();
    let written = project.read("own/worker/Cargo.lock");
    assert!(packages(&written) < packages(&lock()), "cargo keeps of the lock what the worker needs");
    // Of a package its name, version and checksum: which versions of others it means may need fewer words.
    let named = |package: &str| package.lines().filter(|line| line.contains(" = \"")).collect::<Vec<_>>().join(" ");
    let versions = |lock: &str| lock.split("\n\n").filter(|p| p.contains("source = ")).map(named).collect::<Vec<_>>();
    let tested = versions(&lock());
    assert!(versions(&written).iter().all(|p| tested.contains(p)), "and no other version than was tested");
}
