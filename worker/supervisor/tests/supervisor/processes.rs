//! Whole processes: a supervisor that is killed leaves no child; fleets on this machine.

use crate::common::{World, lives};
use spotmill_platform::ports::{FleetRequest, Fleets};
use spotmill_supervisor::{LocalFleet, Machine, Share};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PID_FILE: &str = "SPOTMILL_TEST_PID_FILE";

/// The process that is killed: the next test starts this one as a process.
#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_in_a_process_of_its_own() {
    let Ok(file) = std::env::var(PID_FILE) else { return };
    let mut world = World::new("echo $$ > $PID_FILE; sleep 60; sleep 60", "").await;
    world.config.program.env.insert("PID_FILE".to_owned(), file);
    let _supervisor = world.start();
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[test]
fn a_killed_supervisor_leaves_no_child() {
    let dir = tempfile::tempdir().expect("tempdir");
    let file = dir.path().join("pid");
    let mut supervisor = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "processes::a_supervisor_in_a_process_of_its_own"])
        .env(PID_FILE, &file)
        .env("TMPDIR", dir.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("start");
    let until = Instant::now() + Duration::from_secs(30);
    let child: u32 = loop {
        if let Some(pid) = std::fs::read_to_string(&file).ok().and_then(|t| t.trim().parse().ok()) {
            break pid;
        }
        assert!(Instant::now() < until, "no child was started");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(lives(child));
    supervisor.kill().expect("SIGKILL");
    supervisor.wait().expect("wait");
    while lives(child) {
        assert!(Instant::now() < until, "the child outlives its supervisor");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn request(name: &str) -> FleetRequest {
    FleetRequest {
        v: 1,
        name: name.to_owned(),
        queue: "work".to_owned(),
        callbacks: "callbacks".to_owned(),
        run: "r/1".into(),
        step: "s".into(),
        workers: Default::default(),
        instances: None,
        valid_until_ms: 0,
        knobs: Default::default(),
        because: String::new(),
        vcpus_per_item: 2,
        memory_bytes_per_item: 1 << 30,
        max_slots: 3,
        execution: "local:1".into(),
    }
}

#[tokio::test]
async fn a_fleet_is_one_supervisor_however_often_it_is_asked_for() {
    let world = World::of(4, "echo $$ >> $HERE/children; sleep 60", "").await;
    let mut base = world.config.clone();
    base.machine = Machine { vcpus: 5, memory_bytes: 64 << 30 };
    base.queue = "nobody's".to_owned();
    let fleet = LocalFleet::new(base, world.ports(), world.sink());
    assert_eq!(fleet.slots(&request("a")), 2);
    fleet.launch(&request("a")).await.expect("launch");
    fleet.launch(&request("a")).await.expect("launch again");
    world.eventually("two run", || world.started() == 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.started(), 2, "two slots of two vCPUs on a machine of five");
    let children = std::fs::read_to_string(world.local("children")).expect("children");
    fleet.end(&request("a")).await.expect("end");
    assert!(children.lines().all(|pid| !lives(pid.parse().expect("pid"))), "it returns once nobody works");
    fleet.end(&request("a")).await.expect("end again");
    fleet.end(&request("never")).await.expect("end what never was");
    assert_eq!(world.queues.depth("work"), Some(4), "the messages were given back");
    assert_eq!(std::fs::read_dir(&world.config.tmp).expect("tmp").count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn fleets_on_this_machine_keep_the_contract() {
    let world = World::of(0, "sleep 60", "").await;
    let fleet = LocalFleet::new(world.config.clone(), world.ports(), world.sink());
    spotmill_platform::contract::fleets::all(&fleet, "contract", request).await;
}

#[tokio::test]
async fn ctrl_c_ends_every_fleet() {
    let world = World::of(2, "sleep 60", "").await;
    let fleet = LocalFleet::new(world.config.clone(), world.ports(), world.sink());
    fleet.launch(&request("a")).await.expect("launch");
    fleet.launch(&request("b")).await.expect("launch");
    world.eventually("both run", || world.started() == 2).await;
    let since = Instant::now();
    fleet.end_all().await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert_eq!(world.queues.depth("work"), Some(2));
}

#[tokio::test]
async fn directories_of_processes_that_are_gone_are_swept() {
    let world = World::of(0, "", "").await;
    let (left, lock) = (world.config.tmp.join("x-0/attempt/tmp"), world.config.tmp.join("x-0.lock"));
    let (used, held) = (world.config.tmp.join("y-0/attempt/tmp"), world.config.tmp.join("y-0.lock"));
    std::fs::create_dir_all(&left).expect("directory");
    std::fs::create_dir_all(&used).expect("directory");
    std::fs::write(&lock, "").expect("a lock that nobody holds");
    let held = std::fs::File::create(held).expect("a lock");
    held.lock().expect("held, by a process of whatever number");
    LocalFleet::new(world.config.clone(), world.ports(), world.sink());
    assert!(!left.exists() && !lock.exists() && used.exists());
}

#[test]
fn slots_are_what_fits() {
    let machine = Machine { vcpus: 8, memory_bytes: 32 };
    for (vcpus_per_item, memory_bytes_per_item, max_slots, slots) in
        [(1, 1, 100, 8), (2, 1, 100, 4), (1, 10, 100, 3), (1, 1, 2, 2), (16, 1, 100, 1), (1, 100, 100, 1), (0, 0, 0, 1)]
    {
        let share = Share { vcpus_per_item, memory_bytes_per_item, max_slots };
        assert_eq!(share.slots(machine), slots, "{share:?}");
    }
    let this = Machine::this();
    assert!(this.vcpus > 0 && this.memory_bytes > 1 << 20);
}
