//! What a test does to this endpoint that nobody can do to EC2: under `/_local/`, in JSON; the Rust handle does the same.

use crate::adopt::Adopt;
use crate::faults::{Capacity, Fault, LaunchError};
use crate::ids::now_ms;
use crate::instances::Order;
use crate::snapshot::Snapshot;
use crate::wire::Ec2Error;
use crate::world::World;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    instance: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notice {
    instance: String,
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Give {
    capacity: Capacity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quota {
    vcpus: Option<u32>,
}

pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/_local/state", get(|Shared(world): Shared<Arc<World>>| async move { Json(world.snapshot()) }))
        .route("/_local/notice", post(notice))
        .route("/_local/rebalance", post(rebalance))
        .route("/_local/kill", post(kill))
        .route("/_local/capacity", post(capacity))
        .route("/_local/quota", post(quota))
        .route("/_local/launch_error", post(launch_error).delete(no_launch_error))
        .route("/_local/faults", post(add_fault).delete(clear_faults))
        .route("/_local/adopt", post(adopt))
}

async fn notice(Shared(world): Shared<Arc<World>>, Json(ask): Json<Notice>) -> Response {
    if !(0.0..=86_400.0).contains(&ask.seconds) {
        return (StatusCode::BAD_REQUEST, Json(serde_json::json!({"error": "seconds must be 0 to 86400"})))
            .into_response();
    }
    done(world.notice(&ask.instance, Duration::from_secs_f64(ask.seconds)))
}

async fn rebalance(Shared(world): Shared<Arc<World>>, Json(ask): Json<Which>) -> Response {
    done(world.rebalance(&ask.instance))
}

async fn kill(Shared(world): Shared<Arc<World>>, Json(ask): Json<Which>) -> Response {
    done(world.kill(&ask.instance))
}

async fn capacity(Shared(world): Shared<Arc<World>>, Json(ask): Json<Give>) -> Response {
    world.set_capacity(ask.capacity);
    done(Ok(()))
}

async fn quota(Shared(world): Shared<Arc<World>>, Json(ask): Json<Quota>) -> Response {
    world.set_quota(ask.vcpus);
    done(Ok(()))
}

async fn launch_error(Shared(world): Shared<Arc<World>>, Json(ask): Json<LaunchError>) -> Response {
    world.set_launch_error(Some(ask));
    done(Ok(()))
}

async fn no_launch_error(Shared(world): Shared<Arc<World>>) -> Response {
    world.set_launch_error(None);
    done(Ok(()))
}

async fn add_fault(Shared(world): Shared<Arc<World>>, Json(fault): Json<Fault>) -> Response {
    world.state().faults.push(fault);
    done(Ok(()))
}

async fn clear_faults(Shared(world): Shared<Arc<World>>) -> Response {
    world.state().faults.clear();
    done(Ok(()))
}

async fn adopt(Shared(world): Shared<Arc<World>>, Json(ask): Json<Adopt>) -> Response {
    done(world.state().adopt(ask))
}

fn done(result: Result<(), Ec2Error>) -> Response {
    match result {
        Ok(()) => Json(serde_json::json!({"ok": true})).into_response(),
        Err(error) => {
            let body = serde_json::json!({"error": format!("{}: {}", error.code, error.message)});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

impl World {
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.state())
    }

    /// An instance that runs; an ended one cannot be interrupted.
    fn living(&self, id: &str) -> Result<(), Ec2Error> {
        let state = self.state();
        let instance = state.instance(id)?;
        if !instance.state.counts() {
            let message = format!("The instance '{id}' is {}", instance.state.name());
            return Err(Ec2Error::new("IncorrectInstanceState", message));
        }
        Ok(())
    }

    pub fn notice(&self, id: &str, until: Duration) -> Result<(), Ec2Error> {
        self.living(id)?;
        let at_ms = now_ms() + until.as_millis() as u64;
        self.state().order(id, Order::Interrupt { at_ms });
        Ok(())
    }

    pub fn rebalance(&self, id: &str) -> Result<(), Ec2Error> {
        self.living(id)?;
        if let Some(instance) = self.state().instance_mut(id) {
            instance.rebalance_ms = Some(now_ms());
        }
        Ok(())
    }

    pub fn kill(&self, id: &str) -> Result<(), Ec2Error> {
        self.living(id)?;
        self.state().order(id, Order::Kill);
        self.wake.notify_one();
        Ok(())
    }

    pub fn set_capacity(&self, capacity: Capacity) {
        self.state().capacity = capacity;
        self.wake.notify_one();
    }

    pub fn set_quota(&self, vcpus: Option<u32>) {
        self.state().quota_vcpus = vcpus;
        self.wake.notify_one();
    }

    pub fn set_launch_error(&self, error: Option<LaunchError>) {
        self.state().launch_error = error;
        self.wake.notify_one();
    }
}
