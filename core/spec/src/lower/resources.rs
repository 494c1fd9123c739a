//! Machine shape: `[resources]`, overridden key by key in `[step.resources]`.

use super::super::file::ResourcesTable;
use super::super::units;
use super::Ctx;
use spotmill_core::bounds::{
    DEFAULT_MAX_ATTEMPTS, DEFAULT_TIMEOUT_SECS, MAX_DEADLINE_SECS, MAX_TIMEOUT_SECS, MIN_DEADLINE_SECS,
};
use spotmill_core::format;
use spotmill_core::model::Resources;

/// An item's memory unless stated.
const DEFAULT_MEMORY_BYTES: u64 = 2 << 30;
/// The last rung unless stated: three doublings.
const MAX_MEMORY_FACTOR: u64 = 8;
/// With less than this even the engine does not fit.
const MIN_MEMORY_BYTES: u64 = 128 << 20;
/// The largest machines have not more.
const MAX_VCPUS: u32 = 896;
const MAX_ATTEMPTS: u32 = 100;

/// Each value with the path it came from.
pub fn resources(
    ctx: &mut Ctx<'_>,
    step: &str,
    own: Option<&ResourcesTable>,
    all: Option<&ResourcesTable>,
) -> Resources {
    let (none, own_path) = (ResourcesTable::default(), format!("{step}.resources"));
    let (own, all) = (own.unwrap_or(&none), all.unwrap_or(&none));
    let path = |key: &str, in_step: bool| format!("{}.{key}", if in_step { own_path.as_str() } else { "resources" });

    let memory_path = path("memory", own.memory.is_some());
    let memory = own.memory.as_ref().or(all.memory.as_ref()).and_then(|t| size(ctx, &memory_path, t));
    let memory_bytes = memory.unwrap_or(DEFAULT_MEMORY_BYTES);
    let max_path = path("max_memory", own.max_memory.is_some());
    let max = own.max_memory.as_ref().or(all.max_memory.as_ref()).and_then(|t| size(ctx, &max_path, t));
    let max_memory_bytes = max.unwrap_or(memory_bytes.saturating_mul(MAX_MEMORY_FACTOR));
    if max_memory_bytes < memory_bytes {
        let place = ctx.value(&max_path);
        let label = format!("memory is {} bytes (line {})", format::number(memory_bytes), ctx.line(&memory_path));
        ctx.error("bad-value", "`max_memory` is less than `memory`", place, label);
    }
    if memory_bytes < MIN_MEMORY_BYTES {
        let place = ctx.value(&memory_path);
        ctx.error("bad-value", "too little memory for an item", place, "at least \"128 MiB\"");
    }

    let timeout_path = path("timeout", own.timeout.is_some());
    let timeout = own.timeout.as_ref().or(all.timeout.as_ref()).and_then(|t| duration(ctx, &timeout_path, t));
    let timeout_secs = timeout.unwrap_or(DEFAULT_TIMEOUT_SECS);
    if timeout_secs > MAX_TIMEOUT_SECS || timeout_secs == 0 {
        let place = ctx.value(&timeout_path);
        let label = "at most \"11h\": a queue hands a message out for 12 h";
        ctx.error("bad-value", "an item cannot have this time-out", place, label);
    }

    let vcpus = count(ctx, &path("vcpus", own.vcpus.is_some()), own.vcpus.or(all.vcpus).unwrap_or(1), MAX_VCPUS);
    let attempts = own.max_attempts.or(all.max_attempts).unwrap_or(DEFAULT_MAX_ATTEMPTS);
    let max_attempts = count(ctx, &path("max_attempts", own.max_attempts.is_some()), attempts, MAX_ATTEMPTS);
    let network = own.network.or(all.network).unwrap_or_default();
    let processes = own.processes.or(all.processes).unwrap_or_default();
    Resources { vcpus, memory_bytes, max_memory_bytes, timeout_secs, max_attempts, network, processes }
}

/// How long a step may take.
pub fn deadline(ctx: &mut Ctx<'_>, step: &str, text: Option<&String>) -> Option<u64> {
    let path = format!("{step}.deadline");
    let secs = duration(ctx, &path, text?)?;
    if !(MIN_DEADLINE_SECS..=MAX_DEADLINE_SECS).contains(&secs) {
        let place = ctx.value(&path);
        let label = "\"5m\" to \"36h\": machines boot for a minute, and a round ends after 36 h";
        ctx.error("bad-value", "a step cannot have this deadline", place, label);
    }
    Some(secs)
}

fn count(ctx: &mut Ctx<'_>, path: &str, value: u32, max: u32) -> u32 {
    if value == 0 || value > max {
        let place = ctx.value(path);
        ctx.error("bad-value", format!("this is 1 to {max}"), place, format!("not {value}"));
    }
    value
}

pub fn size(ctx: &mut Ctx<'_>, path: &str, text: &str) -> Option<u64> {
    let ambiguous = units::is_ambiguous(text);
    match units::bytes(text) {
        Ok(0) => {
            let place = ctx.value(path);
            ctx.error("bad-size", "the size is 0", place, "write a size such as \"4 GiB\"");
            None
        }
        Ok(bytes) => Some(bytes),
        Err(reason) => {
            let what = if ambiguous { "is ambiguous" } else { "is no size" };
            let place = ctx.value(path);
            ctx.error("bad-size", format!("\"{text}\" {what}"), place, reason);
            None
        }
    }
}

pub fn duration(ctx: &mut Ctx<'_>, path: &str, text: &str) -> Option<u64> {
    match units::seconds(text) {
        Ok(seconds) => Some(seconds),
        Err(reason) => {
            let place = ctx.value(path);
            ctx.error("bad-duration", format!("\"{text}\" is no duration"), place, reason);
            None
        }
    }
}
