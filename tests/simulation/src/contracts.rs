//! The simulated adapters keep the ports' contracts as long as nothing befalls them.

use crate::fleets::{Park, SimulatedFleets};
use crate::line::{Actor, Line};
use crate::model::{Definition, STATE};
use crate::queue::SimulatedQueue;
use crate::shared::Shared;
use crate::store::SimulatedStore;
use crate::watched::Watch;
use spotmill_core::fleet::FleetRequest;
use spotmill_core::ids::Uri;
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::contract;
use std::sync::Arc;

fn line() -> Line {
    let definition = Definition::random(&mut crate::chance::Chance::new(1));
    let shared = Arc::new(Shared::new(1, Watch::new(definition)));
    shared.faults(|faults, _| faults.stop());
    let actor = Actor::user(&shared);
    Line { shared, actor }
}

#[tokio::test(start_paused = true)]
async fn the_store_keeps_its_contract() {
    contract::store::all(Arc::new(SimulatedStore(line())), &Uri::new("s3://contract")).await;
}

#[tokio::test(start_paused = true)]
async fn the_queues_keep_their_contract() {
    contract::queue::all(Arc::new(SimulatedQueue(line())), "contract").await;
}

#[tokio::test(start_paused = true)]
async fn fleets_keep_their_contract() {
    let (line, tmp) = (line(), tempfile::tempdir().expect("a directory"));
    let park = Arc::new(Park::new(Arc::clone(&line.shared), Uri::new(STATE), tmp.path().to_owned()));
    let fleets = SimulatedFleets { line, park };
    contract::fleets::all(&fleets, "contract", request).await;
}

fn request(name: &str) -> FleetRequest {
    FleetRequest {
        v: RECORD_VERSION,
        name: name.to_owned(),
        queue: name.to_owned(),
        callbacks: "callbacks".to_owned(),
        run: "p/2026-01-01".into(),
        step: "s0".into(),
        vcpus_per_item: 1,
        memory_bytes_per_item: 1 << 30,
        max_slots: 4,
        execution: "run-1".into(),
        workers: Default::default(),
        instances: None,
        valid_until_ms: u64::MAX,
        knobs: Default::default(),
        because: String::new(),
    }
}
