//! A machine of a fleet: the supervisor over S3 and SQS, with this very program as its children. It takes items until
//! the machine is taken away, or it is stopped; an empty queue is no reason to leave.

use crate::{boot, logs};
use sha2::{Digest, Sha256};
use spotmill_core::format::chain;
use spotmill_core::life::InstanceRecord;
use spotmill_core::records::{RECORD_VERSION, WorkerSettings};
use spotmill_platform::aws::{Aws, QueueSettings, this_instance};
use spotmill_platform::local::clock::SystemClock;
use spotmill_platform::ports::{Clock, Identity, Instance, InstanceError};
use spotmill_supervisor::{
    Machine, Ports, Program, Share, Supervisor, SupervisorConfig, Times, Users, chance, noticed,
};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Memory that is not the items': the system's and the supervisor's own.
const RESERVE_BYTES: u64 = 512 << 20;

pub fn serve(settings: &Path, tmp: &Path, child_uids: Option<u32>) -> Result<ExitCode, String> {
    logs::start();
    let users = child_uids.map(|first| users(first, Users::allowed())).transpose()?;
    let settings = read(settings)?;
    let program = std::env::current_exe().map_err(|e| format!("this program cannot be found: {e}"))?;
    let digest = digest(&program)?;
    is_asked_for(&settings, &digest)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(live(settings, program, digest, users, tmp))
}

/// Refused before any work is taken: children that are to be users of their own are never this process's user.
fn users(first: u32, allowed: Result<(), String>) -> Result<Users, String> {
    let cannot = |why: &str| format!("--child-uids {first}: children cannot run as users from {first} on: {why}");
    let users = Users::from(first).ok_or_else(|| cannot("that is no number for them; 70000 is one"))?;
    let what = "start it as infra/user-data.sh does, with its AmbientCapabilities, or as root; without --child-uids \
                children are of this process's own user";
    allowed.map_err(|why| format!("{}; {what}", cannot(&why)))?;
    Ok(users)
}

fn read(path: &Path) -> Result<WorkerSettings, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let settings: WorkerSettings =
        serde_json::from_str(&text).map_err(|e| format!("{} holds no worker settings: {e}", path.display()))?;
    match settings.v {
        RECORD_VERSION => Ok(settings),
        v => Err(format!("{} has version {v}; this worker reads {RECORD_VERSION}", path.display())),
    }
}

fn digest(program: &Path) -> Result<String, String> {
    let cannot = |e| format!("cannot read {}: {e}", program.display());
    let mut hasher = Sha256::new();
    std::io::copy(&mut std::fs::File::open(program).map_err(cannot)?, &mut hasher).map_err(cannot)?;
    Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

/// The run asks for programs by digest: another would mix two programs' results.
fn is_asked_for(settings: &WorkerSettings, digest: &str) -> Result<(), String> {
    let arch = std::env::consts::ARCH;
    match settings.workers.get(arch) {
        Some(asked) if asked == digest => Ok(()),
        Some(asked) => Err(format!("this worker is {digest}; the run asks for {asked} on {arch}")),
        None => Err(format!("the run has no worker for {arch}")),
    }
}

async fn live(
    settings: WorkerSettings,
    program: PathBuf,
    digest: String,
    users: Option<Users>,
    tmp: &Path,
) -> Result<ExitCode, String> {
    let instance = this_instance();
    let identity = instance.identity().await.map_err(|e| chain(&e))?;
    logs::began(&settings, &identity);
    let aws = Aws::from_env().await;
    let prefix = format!("{}-", settings.stack);
    let queue = QueueSettings { prefix, ..QueueSettings::default() };
    let (store, queue) = (Arc::new(aws.store()), Arc::new(aws.queues(queue)));
    let ports = Ports { store, queue, clock: Arc::new(SystemClock), chance: chance() };
    let _ = std::fs::remove_dir_all(tmp);
    let config = SupervisorConfig { users, ..config(settings, &identity, program, digest, tmp) };
    let mut supervisor =
        Supervisor::start(config, ports, logs::sink()).map_err(|e| format!("cannot use {}: {e}", tmp.display()))?;
    let on_error = |e: &InstanceError| tracing::warn!(error = chain(e), "no word on interruptions");
    let noticed = tokio::spawn(async move { noticed(&instance, on_error).await });
    let mut term = signal(SignalKind::terminate()).map_err(|e| format!("no signals: {e}"))?;
    tokio::select! {
        Ok(deadline_ms) = noticed => {
            tracing::warn!(deadline_ms, "this machine will be taken away");
            supervisor.notice(deadline_ms);
        }
        _ = term.recv() => supervisor.stop_now(),
        _ = tokio::signal::ctrl_c() => supervisor.stop_now(),
    }
    tokio::select! {
        () = supervisor.ended() => {}
        _ = term.recv() => {
            supervisor.stop_now();
            supervisor.ended().await;
        }
    }
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
}

fn config(
    settings: WorkerSettings,
    identity: &Identity,
    program: PathBuf,
    worker_digest: String,
    tmp: &Path,
) -> SupervisorConfig {
    let whole = Machine::this();
    let share = Share {
        vcpus_per_item: settings.vcpus_per_item,
        memory_bytes_per_item: settings.memory_bytes_per_item,
        max_slots: settings.max_slots,
    };
    let machine = Machine { memory_bytes: whole.memory_bytes.saturating_sub(RESERVE_BYTES), ..whole };
    let worker = format!("{} {} {}", identity.id, identity.kind, identity.zone);
    let life = InstanceRecord {
        v: RECORD_VERSION,
        worker: worker.clone(),
        id: identity.id.clone(),
        kind: identity.kind.clone(),
        zone: identity.zone.clone(),
        fleet: settings.fleet,
        vcpus: machine.vcpus,
        memory_bytes: machine.memory_bytes,
        slots: share.slots(machine),
        booted_ms: boot::moment_ms(SystemClock.now_ms()),
        ..InstanceRecord::default()
    };
    SupervisorConfig {
        root: settings.root,
        queue: settings.queue,
        callbacks: settings.callbacks,
        worker,
        worker_digest,
        program: Program::of_worker(program),
        users: None,
        machine,
        share,
        tmp: tmp.to_owned(),
        times: Times::AWS.visible_after(settings.visibility_secs),
        life: settings.instances.map(|instances| (instances, life)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(digest: &str) -> WorkerSettings {
        let json = serde_json::json!({
            "v": 1, "root": "s3://b", "stack": "s", "region": "r", "fleet": "f", "queue": "f", "callbacks": "c",
            "run": "p/1", "step": "s", "vcpus_per_item": 1, "memory_bytes_per_item": 1, "max_slots": 1,
            "workers": {std::env::consts::ARCH: digest}
        });
        serde_json::from_value(json).expect("settings")
    }

    #[test]
    fn users_that_nobody_may_become_are_refused_at_the_start() {
        assert!(users(70_000, Ok(())).is_ok());
        let lacks = users(70_000, Err("this process lacks CAP_SETUID".to_owned())).expect_err("no right");
        assert!(
            lacks.starts_with("--child-uids 70000: ") && lacks.contains("lacks CAP_SETUID; start it as"),
            "{lacks}"
        );
        let root = users(0, Ok(())).expect_err("root");
        assert!(root.contains("no number for them"), "{root}");
        // Before anything else is looked at.
        let refused = Users::allowed().is_err();
        let served = serve(Path::new("/nowhere/settings.json"), Path::new("/nowhere"), Some(70_000));
        let message = served.expect_err("no settings");
        assert_eq!(message.contains("--child-uids"), refused, "{message}");
    }

    #[test]
    fn only_the_program_that_the_run_asks_for_serves_it() {
        assert_eq!(is_asked_for(&settings("a"), "a"), Ok(()));
        let other = is_asked_for(&settings("a"), "b").expect_err("another program");
        assert!(other.contains("is b") && other.contains("asks for a"), "{other}");
        let none = WorkerSettings { workers: Default::default(), ..settings("a") };
        assert!(is_asked_for(&none, "a").is_err());
    }

    #[test]
    fn settings_of_another_version_are_refused() {
        let path = std::env::temp_dir().join(format!("spotmill-settings-{}", std::process::id()));
        let old = WorkerSettings { v: 0, ..settings("a") };
        std::fs::write(&path, serde_json::to_vec(&old).expect("json")).expect("write");
        let message = read(&path).expect_err("too old");
        std::fs::remove_file(&path).expect("remove");
        assert!(message.contains("version 0"), "{message}");
    }
}
