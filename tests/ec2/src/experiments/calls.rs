//! A little of Fault Injection Service: templates of experiments that take spot machines away, and the experiments. It checks
//! what AWS checks of the request's shape, and gives a machine its notice. The two minutes are cut to some seconds: a test
//! waits for them.

use crate::ids::{fresh_id, iso, now_ms};
use crate::world::World;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const ACTION: &str = "aws:ec2:send-spot-instance-interruptions";
/// Instead of two minutes.
const NOTICE: Duration = Duration::from_secs(12);

pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/experimentTemplates", post(prepare).get(templates))
        .route("/experimentTemplates/{id}", axum::routing::delete(remove))
        .route("/experiments", post(start))
        .route("/experiments/{id}", get(experiment))
}

async fn prepare(Shared(world): Shared<Arc<World>>, Json(ask): Json<Value>) -> Response {
    if let Some(lacking) = ["clientToken", "description", "roleArn", "stopConditions", "actions"]
        .into_iter()
        .find(|name| ask[*name].is_null())
    {
        return refused("ValidationException", &format!("{lacking} is required"));
    }
    if machines(&ask).is_empty() {
        return refused("ValidationException", "the action has no target of spot instances");
    }
    let mut state = world.state();
    let same = |made: &&Value| made["clientToken"] == ask["clientToken"];
    if let Some(made) = state.experiments.templates.values().find(same) {
        return Json(json!({"experimentTemplate": made})).into_response();
    }
    let mut made = ask;
    let id = fresh_id("EXT").replace('-', "");
    made["id"] = json!(id);
    state.experiments.templates.insert(id, made.clone());
    Json(json!({"experimentTemplate": made})).into_response()
}

/// The machines that an experiment of this template takes away: what its one action names as a target.
fn machines(template: &Value) -> Vec<String> {
    let actions = template["actions"].as_object().into_iter().flat_map(|all| all.values());
    let ours = actions.filter(|a| a["actionId"] == ACTION && a["parameters"]["durationBeforeInterruption"] == "PT2M");
    let targets = ours.filter_map(|a| template["targets"].get(a["targets"]["SpotInstances"].as_str()?));
    let spot = targets.filter(|t| t["resourceType"] == "aws:ec2:spot-instance" && t["selectionMode"] == "ALL");
    let arns = spot.flat_map(|t| t["resourceArns"].as_array().into_iter().flatten().filter_map(Value::as_str));
    arns.filter_map(|arn| arn.split_once(":instance/")).map(|(_, id)| id.to_owned()).collect()
}

async fn templates(Shared(world): Shared<Arc<World>>) -> Response {
    let state = world.state();
    let all: Vec<&Value> = state.experiments.templates.values().collect();
    Json(json!({"experimentTemplates": all})).into_response()
}

async fn remove(Shared(world): Shared<Arc<World>>, Path(id): Path<String>) -> Response {
    match world.state().experiments.templates.remove(&id) {
        Some(made) => Json(json!({"experimentTemplate": made})).into_response(),
        None => absent(),
    }
}

async fn start(Shared(world): Shared<Arc<World>>, Json(ask): Json<Value>) -> Response {
    let id = ask["experimentTemplateId"].as_str().unwrap_or_default();
    let Some(template) = world.state().experiments.templates.get(id).cloned() else { return absent() };
    let same = |made: &&Value| made["clientToken"] == ask["clientToken"];
    if let Some(made) = world.state().experiments.experiments.values().find(same).cloned() {
        return Json(json!({"experiment": made})).into_response();
    }
    let failed = machines(&template).into_iter().find_map(|machine| world.notice(&machine, NOTICE).err());
    let (status, reason) = match failed {
        None => ("completed", String::new()),
        Some(e) => ("failed", e.message),
    };
    let id = fresh_id("EXP").replace('-', "");
    let state = json!({"status": status, "reason": reason});
    let token = &ask["clientToken"];
    let (template, began) = (&template["id"], iso(now_ms()));
    let made =
        json!({"id": id, "clientToken": token, "experimentTemplateId": template, "state": state, "startTime": began});
    world.state().experiments.experiments.insert(id, made.clone());
    Json(json!({"experiment": made})).into_response()
}

async fn experiment(Shared(world): Shared<Arc<World>>, Path(id): Path<String>) -> Response {
    match world.state().experiments.experiments.get(&id) {
        Some(made) => Json(json!({"experiment": made})).into_response(),
        None => absent(),
    }
}

fn absent() -> Response {
    let body = json!({"__type": "ResourceNotFoundException", "message": "it does not exist"});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

fn refused(name: &str, message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"__type": name, "message": message}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_machines_of_the_target_are_taken() {
        let of = |target: &str, duration: &str| {
            machines(&json!({
                "actions": {"a": {"actionId": ACTION, "parameters": {"durationBeforeInterruption": duration},
                    "targets": {"SpotInstances": target}}},
                "targets": {"t": {"resourceType": "aws:ec2:spot-instance", "selectionMode": "ALL",
                    "resourceArns": ["arn:aws:ec2:r:1:instance/i-1"]}},
            }))
        };
        assert_eq!(of("t", "PT2M"), ["i-1"]);
        assert!(of("u", "PT2M").is_empty() && of("t", "2 minutes").is_empty());
    }
}
