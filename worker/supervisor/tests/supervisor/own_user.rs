//! Children of another user: what they are, what they cannot do, and that what they leave is taken over and removed. Only
//! who may become another user can show it; elsewhere the tests say that they did not.

use crate::common::World;
use spotmill_core::item::FailureClass;
use spotmill_core::records::CallbackKind;
use spotmill_supervisor::{Supervisor, Users};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

const FIRST: u32 = 70_000;
const CAP_SETUID: u64 = 1 << 7;
/// Set in the process of a service's user.
const SERVICE: &str = "SPOTMILL_TEST_SERVICE";
/// Writes what follows it to a file that everybody may write to.
const SAYS: &str =
    "says() { \"$@\" >>$HERE/said 2>&1; }; tried() { \"$@\" 2>/dev/null && echo \"$* worked\" >>$HERE/said; true; }\n";

/// A world on S3 whose children have users of their own; none without the right to become them.
async fn world(items: u32, script: &str) -> Option<World> {
    if !may_become_others() {
        eprintln!("NOT SHOWN: children of other users need the right to become them");
        return None;
    }
    let mut world = World::away(items, &format!("{SAYS}{script}")).await;
    world.config.users = Users::from(FIRST);
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    open(world.dir.path(), 0o755);
    std::fs::write(world.local("said"), "").expect("a file");
    open(&world.local("said"), 0o666);
    Some(world)
}

fn may_become_others() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("capabilities");
    u64::from_str_radix(set.trim(), 16).expect("a set") & CAP_SETUID != 0
}

fn said(world: &World) -> Vec<String> {
    std::fs::read_to_string(world.local("said")).expect("said").lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_child_has_a_user_and_a_group_of_its_own_and_no_rights() {
    let script =
        "says id -u; says id -g; says id -G; says grep -E '^(CapPrm|CapEff|CapAmb|CapInh|NoNewPrivs)' /proc/self/status
        exec 3<$(grep -o '/[^\"]*input-0.csv' $SPEC | head -1); cat <&3 >/dev/null && says echo read; finish";
    let Some(world) = world(1, script).await else { return };
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    let none = "0000000000000000";
    let rights = ["CapInh", "CapPrm", "CapEff", "CapAmb"].map(|set| format!("{set}:\t{none}"));
    let mut expected: Vec<String> = ["70000"; 3].map(str::to_owned).to_vec();
    expected.extend(rights);
    expected.extend(["NoNewPrivs:\t1".to_owned(), "read".to_owned()]);
    assert_eq!(said(&world), expected);
    // The receipt's file is there: what another user wrote was copied; and `settle` saw the directory removed.
    let receipt = world.receipt(0).await.expect("receipt");
    assert_eq!(world.store.get(&receipt.scratch.join("k=a/0.parquet")).await.expect("file").body, b"data");
}

#[tokio::test]
async fn a_child_reaches_neither_its_supervisor_nor_what_it_was_given() {
    let script =
        "tried cat /proc/$PPID/environ; tried kill -0 $PPID; tried cat /proc/$PPID/maps; tried ls /proc/$PPID/fd
        tried touch $SPEC; tried touch $(dirname $SPEC)/in; tried touch $(dirname $SPEC)/new; tried rm $SPEC
        tried touch $(grep -o '/[^\"]*input-0.csv' $SPEC | head -1)
        tried chmod 777 $(dirname $SPEC); finish";
    let Some(world) = world(1, script).await else { return };
    assert_eq!(world.settle(1).await[0].kind, CallbackKind::Done);
    assert_eq!(said(&world), Vec::<String>::new());
}

#[tokio::test]
async fn two_children_cannot_reach_each_other() {
    // Each waits until both are there, and then tries the other's.
    let script = "echo $$ $(dirname $SPEC) >>$HERE/said; until [ $(wc -l <$HERE/said) -ge 2 ]; do sleep 0.05; done
        while read pid dir; do [ $pid = $$ ] && continue
          kill -0 $pid 2>/dev/null && echo $pid >>$HERE/reached
          cat $dir/spec.json >>$HERE/reached 2>/dev/null; ls $dir/out >>$HERE/reached 2>/dev/null
          cat /proc/$pid/environ >>$HERE/reached 2>/dev/null
        done <$HERE/said; id -u >>$HERE/users; sleep 0.3; finish";
    let Some(world) = world(2, script).await else { return };
    for name in ["reached", "users"] {
        std::fs::write(world.local(name), "").expect("a file");
        std::fs::set_permissions(world.local(name), std::fs::Permissions::from_mode(0o666)).expect("permissions");
    }
    world.settle(2).await;
    assert_eq!(std::fs::read_to_string(world.local("reached")).expect("reached"), "");
    let users = std::fs::read_to_string(world.local("users")).expect("users");
    let mut users: Vec<&str> = users.lines().collect();
    users.sort_unstable();
    assert_eq!(users, ["70000", "70001"]);
}

#[tokio::test]
async fn what_another_user_left_is_removed_and_its_processes_end() {
    let script = "mkdir -p shut/deep; echo x >shut/deep/file; chmod 0 shut/deep shut
        sleep 60 & echo $! >>$HERE/said; sleep 60";
    let Some(world) = world(1, script).await else { return };
    let supervisor: Supervisor = world.start();
    world.eventually("it runs", || said(&world).len() == 1).await;
    supervisor.stop_now();
    supervisor.join().await;
    let left: u32 = said(&world)[0].parse().expect("a number");
    world.eventually("what it started ends", || !crate::common::lives(left)).await;
    assert!(!world.config.tmp.exists(), "whatever it shut is removed");
}

#[tokio::test]
async fn what_is_reported_is_a_plain_file_below_its_own_prefix() {
    // Not of another user: the same is refused everywhere.
    let cases = [
        ("wrote 4 data; sed -i 's|k=a/0.parquet|k=a/../../spec.json|' $OUT", "not below its own prefix"),
        ("wrote 4 data; sed -i 's|\"partition\":\"k=a\"|\"partition\":\"../../b\"|' $OUT", "not below its own prefix"),
        ("wrote 4 data; rm $SCRATCH/k=a/0.parquet; ln -s $SPEC $SCRATCH/k=a/0.parquet", "is a link"),
        ("wrote 4 data; rm $SCRATCH/k=a/0.parquet; ln $SPEC $SCRATCH/k=a/0.parquet", "is a link"),
        ("wrote 4 data; mv $SCRATCH/k=a $SCRATCH/b; ln -s b $SCRATCH/k=a", "is a link"),
        ("wrote 4 data; mv $OUT $HERE/real; ln -s $HERE/real $OUT", "is a link"),
    ];
    for (script, why) in cases {
        // Where files are copied to S3, and where they stay on this machine.
        for (world, copies) in [(World::away(1, script).await, true), (World::new(script, "").await, false)] {
            assert_eq!(world.settle(1).await[0].kind, CallbackKind::Failed, "{script}");
            let failures = world.failures().await;
            assert!(!failures.is_empty(), "{script}");
            assert!(failures.iter().all(|f| f.class == FailureClass::Crash && f.message.contains(why)), "{failures:?}");
            assert!(world.receipt(0).await.is_none(), "{script}");
            assert!(!copies || world.scratch().await.is_empty(), "{script}");
        }
    }
}

/// The tests above once more, as a user that has nothing but the capabilities of the worker's unit.
#[test]
fn the_capabilities_of_the_workers_unit_suffice() {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root || std::env::var_os(SERVICE).is_some() || Command::new("setpriv").arg("--version").output().is_err() {
        return eprintln!("NOT SHOWN: only root, with setpriv, makes a service's user");
    }
    let user_data = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/user-data.sh"));
    let unit = user_data.expect("user data");
    let has = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)).expect(key).to_lowercase();
        let set = line.split(' ').map(|name| name.replace("cap_", "+"));
        format!("-all,{}", set.collect::<Vec<_>>().join(","))
    };
    let (ambient, bounding) = (has("AmbientCapabilities="), has("CapabilityBoundingSet="));
    let here = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(here.path(), std::fs::Permissions::from_mode(0o1777)).expect("permissions");
    let program = here.path().join("tests");
    std::fs::copy(std::env::current_exe().expect("this test"), &program).expect("a copy");
    let ran = Command::new("setpriv")
        .args(["--reuid=69000", "--regid=69000", "--clear-groups"])
        .arg(format!("--inh-caps={ambient}"))
        .arg(format!("--ambient-caps={ambient}"))
        .arg(format!("--bounding-set={bounding}"))
        .arg(program)
        .args(["own_user::", "--nocapture"])
        .env(SERVICE, "1")
        .env("TMPDIR", here.path())
        .current_dir(here.path())
        .output()
        .expect("setpriv");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("6 passed"), "{said}");
    assert!(!said.contains("need the right"), "{said}");
}
