//! The deployed pipelines, and what their workers need of a machine.

use super::finding::{Finding, fine, problem, warning};
use crate::args::Global;
use crate::aws::{World, answers, elf, programs, release};
use crate::exit::Stop;
use spotmill_core::keys;
use spotmill_core::model::Pipeline;
use spotmill_core::records::{Deployed, WorkerNeeds};
use spotmill_ec2::Allowed;
use spotmill_platform::records;
use spotmill_spec as spec;

/// The deployed pipelines, or the one of this directory as it is deployed; each with its worker's needs.
pub(super) async fn deployed(
    global: &Global,
    world: &World,
    own: Option<&Pipeline>,
    found: &mut Vec<Finding>,
) -> Result<Vec<Pipeline>, Stop> {
    let store = &*world.ctx.store;
    let listed = store.list(&keys::pipelines(world.root())).await.map_err(answers::of_store)?;
    let names = listed.iter().filter_map(|o| Some((keys::deployed_name(world.root(), &o.uri)?, &o.uri)));
    let mut all = Vec::new();
    for (name, uri) in names.filter(|(name, _)| own.is_none_or(|p| p.name == *name)) {
        let record = records::load::<Deployed>(store, uri).await.map_err(answers::of_record)?;
        let Some((record, _)) = record else { continue };
        let text = store.get(&keys::deployed_pipeline(world.root(), name, &record.pipeline_digest)).await;
        let text = text.map_err(answers::of_store)?;
        if let Some(pipeline) = std::str::from_utf8(&text.body).ok().and_then(|text| spec::thaw(text).ok()) {
            found.push(worker(global, world, &record, &pipeline).await?);
            all.push(pipeline);
        }
    }
    if all.is_empty() {
        let what = own.map_or_else(|| "no pipeline".to_owned(), |p| format!("`{}` is not", p.name));
        found.push(warning("pipeline", format!("{what} deployed"), global.command("deploy").to_string()));
    }
    Ok(all)
}

async fn worker(global: &Global, world: &World, record: &Deployed, pipeline: &Pipeline) -> Result<Finding, Stop> {
    let (store, root, mut described) = (&*world.ctx.store, world.root(), Vec::new());
    let deploy = global.command("deploy").to_string();
    let build = programs::build_command(global);
    let both = format!("{build}, then {deploy}");
    for (machine, sha256) in &record.worker.programs {
        if !release::stands(store, &keys::worker(root, sha256)).await? {
            return Ok(problem("worker", format!("{}: the program for {machine} is gone", record.name), deploy));
        }
        let needs = records::load::<WorkerNeeds>(store, &keys::worker_needs(root, sha256)).await;
        let glibc = needs.map_err(answers::of_record)?.and_then(|(needs, _)| needs.glibc);
        if glibc.as_deref().is_some_and(too_new) {
            let glibc = glibc.unwrap_or_default();
            let what =
                format!("{}: the program for {machine} needs glibc {glibc}; Amazon Linux 2023 has 2.34", record.name);
            return Ok(warning("worker", what, both));
        }
        described.push(glibc.map_or_else(|| machine.clone(), |glibc| format!("{machine} (glibc {glibc})")));
    }
    let usable =
        Allowed::by(&pipeline.fleet).architectures.iter().any(|a| record.worker.programs.contains_key(a.machine()));
    if !usable {
        let what = format!("{}: no program for the architectures that `[fleet]` allows", record.name);
        return Ok(problem("worker", what, both));
    }
    if described.len() == 1 && pipeline.fleet.architectures.is_empty() {
        let what =
            format!("{}: only for {}, which halves the pools of spare machines", record.name, described.join(""));
        return Ok(warning("worker", what, both));
    }
    Ok(fine("worker", format!("{}: {}", record.name, described.join(" and "))))
}

pub(super) fn too_new(glibc: &str) -> bool {
    let mut numbers = glibc.split('.').filter_map(|n| n.parse::<u32>().ok());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) > elf::GLIBC
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_is_compared_by_numbers() {
        assert!(too_new("2.36") && !too_new("2.34") && !too_new("2.4"));
    }
}
