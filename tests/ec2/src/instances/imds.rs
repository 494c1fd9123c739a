//! The metadata server of one instance, version 2 only: a token first, then what the instance may know of itself.

use super::Instance;
use crate::ids::{OWNER, iso};
use crate::world::{State, World};
use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";
const LONGEST_TTL_SECS: u64 = 21_600;

struct Imds {
    world: Arc<World>,
    id: String,
    tokens: Mutex<HashMap<String, Instant>>,
}

/// Serves on a free port of this machine until the task is aborted.
pub async fn serve(world: Arc<World>, id: String) -> std::io::Result<(u16, JoinHandle<()>)> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let imds = Arc::new(Imds { world, id, tokens: Mutex::new(HashMap::new()) });
    let router = Router::new().fallback(answer).with_state(imds);
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    Ok((port, task))
}

async fn answer(Shared(imds): Shared<Arc<Imds>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_end_matches('/');
    if path == "/latest/api/token" {
        return if method == Method::PUT {
            imds.token(&headers)
        } else {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        };
    }
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if !imds.admits(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let state = imds.world.state();
    let value = state.instance(&imds.id).ok().and_then(|instance| value_at(&state, instance, path));
    value.map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

impl Imds {
    fn token(&self, headers: &HeaderMap) -> Response {
        if headers.contains_key("x-forwarded-for") {
            return StatusCode::FORBIDDEN.into_response();
        }
        let ttl = headers.get(TTL).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let Some(ttl) = ttl.filter(|ttl| (1..=LONGEST_TTL_SECS).contains(ttl)) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let token = format!("{}==", crate::ids::fresh_uuid().replace('-', ""));
        let until = Instant::now() + Duration::from_secs(ttl);
        let mut tokens = self.tokens.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        tokens.retain(|_, until| *until > Instant::now());
        tokens.insert(token.clone(), until);
        ([(TTL, ttl.to_string())], token).into_response()
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let token = headers.get(TOKEN).and_then(|value| value.to_str().ok());
        token.and_then(|token| tokens.get(token)).is_some_and(|until| *until > Instant::now())
    }
}

/// What stands at `path`, if anything does.
fn value_at(state: &State, instance: &Instance, path: &str) -> Option<String> {
    if path == "/latest/dynamic/instance-identity/document" {
        return Some(document(state, instance));
    }
    let zone = &state.network.zones[instance.pool.zone];
    Some(match path.strip_prefix("/latest/meta-data/")? {
        "instance-id" => instance.id.clone(),
        "instance-type" => instance.pool.instance_type.name.clone(),
        "instance-life-cycle" => "spot".to_owned(),
        "ami-id" => instance.pool.image.clone(),
        "reservation-id" => instance.reservation.clone(),
        "local-ipv4" => instance.ip.clone(),
        "placement/availability-zone" => zone.name.clone(),
        "placement/availability-zone-id" => zone.id.clone(),
        "placement/region" => state.network.region.clone(),
        "spot/instance-action" => {
            let time = seconds(instance.notice_ms?);
            serde_json::json!({"action": "terminate", "time": time}).to_string()
        }
        "spot/termination-time" => seconds(instance.notice_ms?),
        "events/recommendations/rebalance" => {
            serde_json::json!({"noticeTime": seconds(instance.rebalance_ms?)}).to_string()
        }
        "tags/instance" => {
            let tags = state.tags_of(&instance.id).0;
            visible(instance, Some(tags.into_keys().collect::<Vec<_>>().join("\n")))?
        }
        other => {
            let key = other.strip_prefix("tags/instance/")?;
            visible(instance, state.tags_of(&instance.id).0.remove(key))?
        }
    })
}

/// Tags are seen only if the template says `InstanceMetadataTags=enabled`.
fn visible(instance: &Instance, tags: Option<String>) -> Option<String> {
    tags.filter(|_| instance.metadata_tags)
}

fn seconds(ms: u64) -> String {
    iso(ms / 1000 * 1000)
}

fn document(state: &State, instance: &Instance) -> String {
    serde_json::json!({
        "accountId": OWNER,
        "architecture": instance.pool.instance_type.arch.name(),
        "availabilityZone": state.network.zones[instance.pool.zone].name,
        "imageId": instance.pool.image,
        "instanceId": instance.id,
        "instanceType": instance.pool.instance_type.name,
        "pendingTime": seconds(instance.launched_ms),
        "privateIp": instance.ip,
        "region": state.network.region,
        "version": "2017-09-30",
    })
    .to_string()
}
