//! The life of one instance: its directory, its metadata server, its main process, and its end, after which none of its
//! processes is left.

use super::{Birth, InstanceState, Order, imds, sessions};
use crate::ids::now_ms;
use crate::world::World;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;

/// How a life ended.
struct End {
    code: &'static str,
    message: String,
    /// Whether the processes get a SIGTERM and the grace.
    gently: bool,
}

pub async fn live(world: Arc<World>, mut birth: Birth) {
    let server = imds::serve(world.clone(), birth.id.clone()).await;
    let begun = match &server {
        Ok((port, _)) => begin(&world, &birth, *port),
        Err(error) => Err(std::io::Error::other(error.to_string())),
    };
    let mut child = match begun {
        Ok(child) => child,
        Err(error) => {
            let message = format!("{}: {error}", birth.dir.display());
            close(&world, &birth.id, &End { code: "Server.InternalError", message, gently: false });
            return;
        }
    };
    let pid = child.as_ref().and_then(Child::id);
    running(&world, &birth.id, pid, server.as_ref().ok().map(|(port, _)| *port));
    let end = wait(&mut birth.orders, child.as_mut()).await;
    world.state().leaves(&birth.id, end.code, &end.message);
    world.wake.notify_one();
    if let Some(pid) = pid {
        stop(&world, pid, &mut birth, child.as_mut(), end.gently).await;
    }
    if let Ok((_, task)) = server {
        task.abort();
    }
    // Its disk goes with it; its console stays.
    for gone in ["home", "tmp"] {
        let _ = std::fs::remove_dir_all(birth.dir.join(gone));
    }
    close(&world, &birth.id, &end);
}

/// The directory and the main process. User data that is no script is not run, as cloud-init would not.
fn begin(world: &World, birth: &Birth, imds_port: u16) -> std::io::Result<Option<Child>> {
    let dir = &birth.dir;
    for made in [dir.clone(), dir.join("home"), dir.join("tmp")] {
        std::fs::create_dir_all(made)?;
    }
    let console = std::fs::File::create(dir.join("console.log"))?;
    let script = match &birth.user_data {
        Some(data) if data.starts_with(b"#!") => data,
        Some(_) => {
            std::fs::write(dir.join("console.log"), "user data does not begin with #!: it is not run\n")?;
            return Ok(None);
        }
        None => return Ok(None),
    };
    let path = dir.join("user-data.sh");
    std::fs::write(&path, script)?;
    let mut command = Command::new("setsid");
    command.arg("bash").arg(&path).current_dir(dir);
    environment(world, &mut command, birth, imds_port);
    command.stdin(Stdio::null()).stdout(console.try_clone()?).stderr(console).kill_on_drop(true);
    command.spawn().map(Some)
}

/// The endpoint's own credentials, region and endpoints of AWS; a home, and metadata, of the instance's own.
fn environment(world: &World, command: &mut Command, birth: &Birth, imds_port: u16) {
    let dir: &Path = &birth.dir;
    command.env_clear();
    let inherited = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name == "PATH" || name == "LANG" || name.starts_with("AWS_")
    });
    command.envs(inherited);
    let imds = format!("http://127.0.0.1:{imds_port}");
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds);
    command.env("AWS_REGION", &world.config.region).env("AWS_DEFAULT_REGION", &world.config.region);
    command.env("AWS_ENDPOINT_URL_EC2", &world.endpoint);
    command.env("HOME", dir).env("SPOTMILL_HOME", dir.join("home")).env("TMPDIR", dir.join("tmp"));
    command.envs(&world.config.instance_env);
    command.env(sessions::MARK, &birth.id);
}

fn running(world: &World, id: &str, pid: Option<u32>, port: Option<u16>) {
    if let Some(pid) = pid {
        world.watchdog.watch(pid, id);
    }
    if let Some(instance) = world.state().instance_mut(id) {
        instance.pid = pid;
        instance.imds_port = port;
        instance.running_ms = Some(now_ms());
        if instance.state == InstanceState::Pending {
            instance.state = InstanceState::Running;
        }
    }
}

/// Waits until it is ordered to end, its time is over, or its main process exits.
async fn wait(orders: &mut UnboundedReceiver<Order>, mut child: Option<&mut Child>) -> End {
    let mut deadline_ms = None;
    loop {
        let exit = async {
            match child.as_mut() {
                Some(child) => child.wait().await,
                None => std::future::pending().await,
            }
        };
        let deadline = async {
            match deadline_ms {
                Some(at) => tokio::time::sleep(Duration::from_millis(u64::saturating_sub(at, now_ms()))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Interrupt { at_ms }) => deadline_ms = Some(at_ms),
                Some(Order::Terminate { code, message }) => {
                    return End { code, message: message.to_owned(), gently: true };
                }
                Some(Order::Kill) | None => {
                    let message = "taken away without notice".to_owned();
                    return End { code: "Server.SpotInstanceTermination", message, gently: false };
                }
            },
            () = deadline => {
                let message = "Spot instance interruption".to_owned();
                return End { code: "Server.SpotInstanceTermination", message, gently: false };
            }
            status = exit => {
                let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                let message = format!("the main process ended by itself: {status}");
                return End { code: "Client.InstanceInitiatedShutdown", message, gently: true };
            }
        }
    }
}

/// SIGTERM and the grace if gently; then SIGKILL to all, until nobody is left. A kill order cuts the grace short.
async fn stop(world: &World, pid: u32, birth: &mut Birth, child: Option<&mut Child>, gently: bool) {
    if gently {
        sessions::ask(pid);
        tokio::select! {
            () = tokio::time::sleep(world.config.grace) => {}
            () = killed(&mut birth.orders) => {}
            () = emptied(pid, &birth.id) => {}
        }
    }
    if !sessions::end(pid, &birth.id).await {
        eprintln!("local-ec2: processes of {} could not be killed", birth.id);
    }
    if let Some(child) = child {
        let _ = child.wait().await;
    }
    world.watchdog.forget(pid, &birth.id);
}

async fn killed(orders: &mut UnboundedReceiver<Order>) {
    while !matches!(orders.recv().await, Some(Order::Kill) | None) {}
}

async fn emptied(pid: u32, id: &str) {
    while !sessions::members(pid, id).is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn close(world: &World, id: &str, end: &End) {
    let mut state = world.state();
    let now = now_ms();
    state.leaves(id, end.code, &end.message);
    let Some(instance) = state.instance_mut(id) else { return };
    instance.state = InstanceState::Terminated;
    instance.ended_ms = Some(now);
    let (fleet, why) = (instance.fleet.clone(), instance.reason.clone());
    if let Some(fleet) = state.fleet_mut(&fleet) {
        let why = why.map(|(code, message)| format!("{code}: {message}")).unwrap_or_default();
        fleet.record("instance-change", "terminated", why, Some(id));
    }
    drop(state);
    world.wake.notify_one();
}
