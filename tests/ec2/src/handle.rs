//! The endpoint in a test's hand: it runs on a thread with a runtime of its own, and ends, with everything it launched,
//! when the handle is dropped.

use crate::adopt::Adopt;
use crate::faults::{Capacity, Fault, LaunchError, Spelling};
use crate::fleets::keeper;
use crate::instances::{Order, watchdog::Watchdog};
use crate::server;
use crate::snapshot::Snapshot;
use crate::world::World;
use crate::{LocalEc2Config, wire::Ec2Error};
use anyhow::Context;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// For the end of all instances; a process that survives SIGKILL this long is the kernel's.
const CLOSING: Duration = Duration::from_secs(5);

pub struct LocalEc2 {
    world: Arc<World>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Removed last, if it is ours.
    _root: Option<tempfile::TempDir>,
}

impl LocalEc2 {
    pub fn start(config: LocalEc2Config) -> anyhow::Result<LocalEc2> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", config.port))
            .with_context(|| format!("cannot listen on 127.0.0.1:{}: choose another port, or 0", config.port))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (root, temporary) = match &config.root {
            Some(root) => (root.clone(), None),
            None => {
                // Machines may have several users, and all of them pass.
                let passable = std::fs::Permissions::from_mode(0o711);
                let made = tempfile::Builder::new().prefix("local-ec2-").permissions(passable).tempdir()?;
                (made.path().to_owned(), Some(made))
            }
        };
        let watchdog = Watchdog::start().context("cannot start the watchdog: it needs setsid and bash")?;
        let world = World::new(config, endpoint, root, watchdog);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let own = world.clone();
        let thread = std::thread::Builder::new().name("local-ec2".to_owned()).spawn(move || {
            runtime.block_on(run(own, listener, stopped));
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        Ok(LocalEc2 { world, stop: Some(stop), thread: Some(thread), _root: temporary })
    }

    /// For `AWS_ENDPOINT_URL_EC2`.
    pub fn endpoint(&self) -> &str {
        &self.world.endpoint
    }

    /// Where the instances' directories are.
    pub fn root(&self) -> &Path {
        &self.world.root
    }

    pub fn snapshot(&self) -> Snapshot {
        self.world.snapshot()
    }

    /// Takes snapshots until `holds`, at most `within`; fails with what it last saw.
    pub fn wait_for(&self, what: &str, within: Duration, holds: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let until = Instant::now() + within;
        loop {
            let seen = self.snapshot();
            if holds(&seen) {
                return seen;
            }
            assert!(Instant::now() < until, "not within {within:?}: {what}; there is {seen:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A spot interruption notice now, the end at its deadline.
    pub fn notice(&self, instance: &str, deadline: Duration) -> Result<(), Ec2Error> {
        self.world.notice(instance, deadline)
    }

    pub fn rebalance(&self, instance: &str) -> Result<(), Ec2Error> {
        self.world.rebalance(instance)
    }

    /// The end without notice.
    pub fn kill(&self, instance: &str) -> Result<(), Ec2Error> {
        self.world.kill(instance)
    }

    pub fn set_capacity(&self, capacity: Capacity) {
        self.world.set_capacity(capacity);
    }

    pub fn set_quota(&self, vcpus: Option<u32>) {
        self.world.set_quota(vcpus);
    }

    /// Launches fail so from now on, and the fleet's history says why; none: no longer.
    pub fn set_launch_error(&self, error: Option<LaunchError>) {
        self.world.set_launch_error(error);
    }

    /// Whether the networks have a default route.
    pub fn set_internet(&self, internet: bool) {
        self.world.state().network.internet = internet;
    }

    pub fn spell_history(&self, spelling: Spelling) {
        self.world.state().spelling = spelling;
    }

    pub fn fault(&self, fault: Fault) {
        self.world.state().faults.push(fault);
    }

    pub fn clear_faults(&self) {
        self.world.state().faults.clear();
    }

    pub fn adopt(&self, adopt: Adopt) -> Result<(), Ec2Error> {
        self.world.state().adopt(adopt)
    }
}

impl Drop for LocalEc2 {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(world: Arc<World>, listener: std::net::TcpListener, stopped: oneshot::Receiver<()>) {
    let keeper = tokio::spawn(keeper::keep(world.clone()));
    let serving = world.clone();
    let server = tokio::spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        server::serve(serving, listener).await
    });
    let _ = stopped.await;
    server.abort();
    keeper.abort();
    end_all(&world).await;
}

/// Kills every instance and waits until none is left.
async fn end_all(world: &World) {
    let until = Instant::now() + CLOSING;
    {
        let mut state = world.state();
        state.closing = true;
        let living: Vec<String> =
            state.instances.iter().filter(|i| i.ended_ms.is_none()).map(|i| i.id.clone()).collect();
        for id in living {
            state.order(&id, Order::Kill);
        }
    }
    while Instant::now() < until && world.state().instances.iter().any(|i| i.ended_ms.is_none()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
