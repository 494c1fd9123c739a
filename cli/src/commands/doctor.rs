//! `doctor`: what of the account would make a run fail, or wait for ever, before the first machine costs anything. Each
//! finding says what to type. It reads only; a check that may not be made is a finding too.

use crate::args::Global;
use crate::aws::{World, answers, command, connect, elf, stack_name};
use crate::exit::{Code, Stop};
use crate::project::{PIPELINE_FILE, Project};
use spotmill_core::bounds::MAX_POOLS;
use spotmill_core::fleet::Architecture;
use spotmill_core::fleet::machines::{self, Need};
use spotmill_core::keys;
use spotmill_core::model::Pipeline;
use spotmill_core::records::{Deployed, WorkerNeeds};
use spotmill_core::spec;
use spotmill_platform::aws::Aws;
use spotmill_platform::aws::stacks::{AwsError, Identity, Phase, Subnet};
use spotmill_platform::records;
use std::collections::BTreeMap;
use std::path::Path;

/// All standard machine types (A, C, D, H, I, M, R, T, Z) on spot together, in vCPUs. A fleet never asks for X types,
/// so their own quota (L-E3A00192) does not matter.
const SPOT_QUOTA: &str = "L-34B43A08";
/// Addresses a subnet should have left for machines.
const FREE_ADDRESSES: i32 = 32;
/// Items for which pools are counted where the number is not known: enough for every size to be useful.
const MANY: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Fine,
    Warning,
    Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    what: &'static str,
    grade: Grade,
    text: String,
    remedy: Option<String>,
}

fn fine(what: &'static str, text: impl Into<String>) -> Finding {
    Finding { what, grade: Grade::Fine, text: text.into(), remedy: None }
}

fn warning(what: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { what, grade: Grade::Warning, text: text.into(), remedy: Some(remedy.into()) }
}

fn problem(what: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { what, grade: Grade::Problem, text: text.into(), remedy: Some(remedy.into()) }
}

pub async fn run(global: &Global) -> Result<Code, Stop> {
    let project = if Path::new(PIPELINE_FILE).exists() { Some(Project::open(global)?) } else { None };
    let aws = connect().await?;
    // Without it nothing else can be asked.
    let identity = aws.account().identity().await?;
    let mut found = vec![fine("account", format!("{}, {}", identity.account, aws.region().unwrap_or_default()))];
    let world = stack(global, &aws, &mut found).await?;
    let deployed = match &world {
        Some(world) => deployed(world, project.as_ref().map(Project::pipeline), &mut found).await?,
        None => Vec::new(),
    };
    let pipelines: Vec<&Pipeline> = match &project {
        Some(project) => vec![project.pipeline()],
        None => deployed.iter().collect(),
    };
    found.push(quota(&aws, most_vcpus(&pipelines)).await);
    found.push(role(&aws, "AWSServiceRoleForEC2Fleet", "ec2fleet.amazonaws.com", Grade::Problem).await);
    found.push(role(&aws, "AWSServiceRoleForEC2Spot", "spot.amazonaws.com", Grade::Warning).await);
    if let Some(world) = &world {
        let subnets = subnets(world, &mut found).await;
        images(world, &mut found).await;
        found.extend(pipelines.iter().flat_map(|p| pools(p, subnets)));
    }
    tell(global, &identity, &found);
    let problems = found.iter().any(|f| f.grade == Grade::Problem);
    Ok(if problems { Code::Permission } else { Code::Done })
}

async fn stack(global: &Global, aws: &Aws, found: &mut Vec<Finding>) -> Result<Option<World>, Stop> {
    let name = stack_name(global);
    let deploy = command(global, "deploy");
    let now = match aws.stacks().find(&name).await {
        Err(e) => {
            found.push(unasked("stack", e));
            return Ok(None);
        }
        Ok(None) => None,
        Ok(Some(now)) => Some(now).filter(|now| now.phase() != Phase::Empty),
    };
    let Some(now) = now else {
        found.push(warning("stack", format!("there is none named `{name}`"), deploy));
        return Ok(None);
    };
    match now.phase() {
        Phase::Settled => {
            let release = now.outputs.get("Release").cloned().unwrap_or_default();
            found.push(fine("stack", format!("{name}, {}, release {release}", now.status)));
        }
        Phase::Busy => found.push(warning("stack", format!("{name} is {}", now.status), "wait until it has settled")),
        _ => found.push(problem("stack", format!("{name} is {}: {}", now.status, now.reason), deploy)),
    }
    let world = match World::of(global, aws.clone(), name, now) {
        Ok(world) => world,
        Err(stop) => {
            found.push(problem("stack", stop.message, stop.remedy.unwrap_or_default()));
            return Ok(None);
        }
    };
    found.push(match world.ctx.store.list(&keys::pipelines(world.root())).await {
        Ok(_) => fine("bucket", world.root().to_string()),
        Err(e) => {
            let stop = answers::of_store(e);
            problem("bucket", stop.message, stop.remedy.unwrap_or_else(|| "deploy the stack again".to_owned()))
        }
    });
    Ok(Some(world))
}

/// The deployed pipelines, or the one of this directory as it is deployed; each with its worker's needs.
async fn deployed(world: &World, own: Option<&Pipeline>, found: &mut Vec<Finding>) -> Result<Vec<Pipeline>, Stop> {
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
            found.push(worker(world, &record, &pipeline).await?);
            all.push(pipeline);
        }
    }
    if all.is_empty() {
        let what = own.map_or_else(|| "no pipeline".to_owned(), |p| format!("`{}` is not", p.name));
        found.push(warning("pipeline", format!("{what} deployed"), "spotmill deploy"));
    }
    Ok(all)
}

async fn worker(world: &World, record: &Deployed, pipeline: &Pipeline) -> Result<Finding, Stop> {
    let (store, root, mut said) = (&*world.ctx.store, world.root(), Vec::new());
    let deploy = "spotmill deploy";
    for (machine, sha256) in &record.worker.programs {
        if !crate::aws::release::stands(store, &keys::worker(root, sha256)).await? {
            return Ok(problem("worker", format!("{}: the program for {machine} is gone", record.name), deploy));
        }
        let needs = records::load::<WorkerNeeds>(store, &keys::worker_needs(root, sha256)).await;
        let glibc = needs.map_err(answers::of_record)?.and_then(|(needs, _)| needs.glibc);
        if glibc.as_deref().is_some_and(too_new) {
            let glibc = glibc.unwrap_or_default();
            let what =
                format!("{}: the program for {machine} needs glibc {glibc}; Amazon Linux 2023 has 2.34", record.name);
            let remedy = format!("cargo zigbuild --release --target {machine}-unknown-linux-gnu.2.34, then {deploy}");
            return Ok(warning("worker", what, remedy));
        }
        said.push(glibc.map_or_else(|| machine.clone(), |glibc| format!("{machine} (glibc {glibc})")));
    }
    let usable = architectures(pipeline).iter().any(|a| record.worker.programs.contains_key(a.machine()));
    if !usable {
        let what = format!("{}: no program for the architectures that `[fleet]` allows", record.name);
        return Ok(problem("worker", what, "spotmill deploy --worker-x86-64 FILE --worker-aarch64 FILE"));
    }
    if said.len() == 1 && pipeline.fleet.architectures.is_empty() {
        let what = format!("{}: only for {}, which halves the pools of spare machines", record.name, said.join(""));
        return Ok(warning("worker", what, "spotmill deploy --worker-x86-64 FILE --worker-aarch64 FILE"));
    }
    Ok(fine("worker", format!("{}: {}", record.name, said.join(" and "))))
}

fn too_new(glibc: &str) -> bool {
    let mut numbers = glibc.split('.').filter_map(|n| n.parse::<u32>().ok());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) > elf::GLIBC
}

fn architectures(pipeline: &Pipeline) -> Vec<Architecture> {
    let allowed = &pipeline.fleet.architectures;
    let possible = |a: &Architecture| allowed.is_empty() || allowed.iter().any(|name| name == a.name());
    Architecture::ALL.into_iter().filter(possible).collect()
}

/// What the largest fleet may ask for, as far as pipelines say; at least the vCPUs of one item.
fn most_vcpus(pipelines: &[&Pipeline]) -> (u32, bool) {
    let items = pipelines.iter().flat_map(|p| &p.steps).map(|s| s.resources.vcpus).max().unwrap_or(1);
    match pipelines.iter().filter_map(|p| p.fleet.max_vcpus).max() {
        Some(most) => (most.max(items), true),
        None => (items, false),
    }
}

async fn quota(aws: &Aws, (vcpus, bounded): (u32, bool)) -> Finding {
    match aws.account().ec2_quota(SPOT_QUOTA).await {
        Err(e) => unasked("spot quota", e),
        Ok(None) => {
            warning("spot quota", format!("{SPOT_QUOTA} is not known in this region"), "look in Service Quotas")
        }
        Ok(Some(quota)) => judge_quota(quota, vcpus, bounded),
    }
}

fn judge_quota(quota: f64, vcpus: u32, bounded: bool) -> Finding {
    let raise = |to: u32| {
        format!(
            "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code {SPOT_QUOTA} \
             --desired-value {to}"
        )
    };
    let text = format!("{quota} vCPUs ({SPOT_QUOTA})");
    if quota < f64::from(vcpus) {
        let needs = if bounded { format!("max_vcpus = {vcpus}") } else { format!("an item takes {vcpus}") };
        return problem("spot quota", format!("{text}, {needs}"), raise(vcpus.saturating_mul(2).max(64)));
    }
    if !bounded && quota < 64.0 {
        let text = format!("{text}; `[fleet] max_vcpus` is not set, a fleet asks for all its items");
        return warning("spot quota", text, raise(256));
    }
    fine("spot quota", text)
}

async fn role(aws: &Aws, name: &str, service: &str, absent: Grade) -> Finding {
    match aws.account().has_role(name).await {
        Err(e) => unasked("service role", e),
        Ok(true) => fine("service role", name),
        Ok(false) => Finding {
            what: "service role",
            grade: absent,
            text: format!("{name} does not exist"),
            remedy: Some(format!("aws iam create-service-linked-role --aws-service-name {service}")),
        },
    }
}

/// How many there are.
async fn subnets(world: &World, found: &mut Vec<Finding>) -> usize {
    match world.aws.account().subnets(&world.subnets).await {
        Err(e) => found.push(unasked("subnets", e)),
        Ok(subnets) => found.push(judge_subnets(&world.subnets, &subnets)),
    }
    world.subnets.len()
}

fn judge_subnets(asked: &[String], found: &[Subnet]) -> Finding {
    let gone: Vec<&str> = asked.iter().filter(|id| !found.iter().any(|s| s.id == **id)).map(String::as_str).collect();
    if !gone.is_empty() {
        return problem("subnets", format!("{} do not exist", gone.join(", ")), "spotmill deploy --set SubnetIds=…");
    }
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    found.iter().for_each(|s| zones.entry(s.zone.as_str()).or_default().push(s.id.as_str()));
    if let Some((zone, ids)) = zones.iter().find(|(_, ids)| ids.len() > 1) {
        let text = format!("{} are both in {zone}; a fleet takes one a zone", ids.join(" and "));
        return problem("subnets", text, "spotmill deploy --set SubnetIds=… with one a zone");
    }
    if let Some(full) = found.iter().find(|s| s.free < FREE_ADDRESSES) {
        let text = format!("{} in {} has {} addresses left", full.id, full.zone, full.free);
        return warning("subnets", text, "give larger subnets: spotmill deploy --set SubnetIds=…");
    }
    let (subnets, zones) = (found.len(), zones.keys().copied().collect::<Vec<_>>().join(", "));
    if subnets < 2 {
        return warning(
            "subnets",
            format!("one, in {zones}: few pools of spare machines"),
            "spotmill deploy --set ZoneCount=3",
        );
    }
    fine("subnets", format!("{subnets}, in {zones}"))
}

async fn images(world: &World, found: &mut Vec<Finding>) {
    let mut said = Vec::new();
    for (output, architecture) in [("TemplateX86", Architecture::X86_64), ("TemplateArm64", Architecture::Arm64)] {
        let template = world.now.outputs.get(output).cloned().unwrap_or_default();
        match world.aws.account().image_of(&template).await {
            Err(e) => return found.push(unasked("images", e)),
            Ok(None) => {
                let text = format!("the image of {template} ({architecture}) is gone");
                return found.push(problem("images", text, "spotmill deploy"));
            }
            Ok(Some(image)) if image.architecture != architecture.name() => {
                let parameter = if architecture == Architecture::X86_64 { "ImageX86" } else { "ImageArm64" };
                let text = format!("{} is {}, its template is for {architecture}", image.id, image.architecture);
                return found.push(problem("images", text, format!("spotmill deploy --set {parameter}=…")));
            }
            Ok(Some(image)) => said.push(format!("{} {architecture}", image.id)),
        }
    }
    found.push(fine("images", said.join(", ")));
}

/// Machine types times zones, step by step: whether any takes an item, and how many.
fn pools(pipeline: &Pipeline, zones: usize) -> Vec<Finding> {
    let one = |step: &spotmill_core::model::Step| {
        let need = Need {
            vcpus: step.resources.vcpus.max(1),
            memory_mib: step.resources.max_memory_bytes.div_ceil(1 << 20),
            slots: MANY,
        };
        match machines::choose(&need, &architectures(pipeline), zones) {
            Err(e) => problem("pools", format!("{}: {e}", step.name), "change the step in pipeline.toml, then deploy"),
            Ok(chosen) if chosen.pools() < 10 => {
                let text = format!("{}: only {} of {MAX_POOLS} possible", step.name, chosen.pools());
                warning("pools", text, "more zones (spotmill deploy --set ZoneCount=4), or smaller items")
            }
            Ok(chosen) => fine("pools", format!("{}: {}", step.name, chosen.pools())),
        }
    };
    pipeline.steps.iter().map(one).collect()
}

/// A check that could not be made.
fn unasked(what: &'static str, e: AwsError) -> Finding {
    let stop = Stop::from(e);
    let remedy = stop.remedy.unwrap_or_else(|| "look yourself".to_owned());
    warning(what, format!("not checked: {}", stop.message), remedy)
}

fn tell(global: &Global, identity: &Identity, found: &[Finding]) {
    let count = |grade| found.iter().filter(|f| f.grade == grade).count();
    let (problems, warnings) = (count(Grade::Problem), count(Grade::Warning));
    for f in found {
        let grade = match f.grade {
            Grade::Fine => ("✓", "fine"),
            Grade::Warning => ("!", "warning"),
            Grade::Problem => ("✗", "problem"),
        };
        if global.json {
            let line = serde_json::json!({"v": 1, "event": "finding", "what": f.what, "grade": grade.1,
                "text": f.text, "remedy": f.remedy});
            println!("{line}");
            continue;
        }
        println!("{} {:13} {}", grade.0, f.what, f.text);
        f.remedy.iter().for_each(|remedy| println!("  {:13} {remedy}", ""));
    }
    if global.json {
        let line = serde_json::json!({"v": 1, "event": "examined", "account": identity.account, "as": identity.arn,
            "problems": problems, "warnings": warnings});
        println!("{line}");
        return;
    }
    use crate::ui::format::plural;
    let end = if problems > 0 { ": runs would fail or wait" } else { "" };
    println!("{}, {}{end}", plural(problems as u64, "problem"), plural(warnings as u64, "warning"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_held_against_what_a_fleet_asks_for() {
        let low = judge_quota(5.0, 32, true);
        assert_eq!(low.grade, Grade::Problem);
        assert!(low.remedy.unwrap().contains("--quota-code L-34B43A08 --desired-value 64"));
        assert_eq!(judge_quota(640.0, 32, true).grade, Grade::Fine);
        assert_eq!(judge_quota(5.0, 2, false).grade, Grade::Warning, "all items ask at once");
        assert_eq!(judge_quota(5.0, 8, false).grade, Grade::Problem, "not even one item");
    }

    fn subnet(id: &str, zone: &str, free: i32) -> Subnet {
        Subnet { id: id.to_owned(), zone: zone.to_owned(), free, public: true }
    }

    #[test]
    fn a_fleet_takes_one_subnet_a_zone() {
        let asked = ["a".to_owned(), "b".to_owned()];
        let judged = |found: &[Subnet]| judge_subnets(&asked, found).grade;
        assert_eq!(judged(&[subnet("a", "1a", 4_000), subnet("b", "1b", 4_000)]), Grade::Fine);
        assert_eq!(judged(&[subnet("a", "1a", 4_000), subnet("b", "1a", 4_000)]), Grade::Problem);
        assert_eq!(judged(&[subnet("a", "1a", 4_000)]), Grade::Problem, "b is gone");
        assert_eq!(judged(&[subnet("a", "1a", 4_000), subnet("b", "1b", 3)]), Grade::Warning);
    }

    #[test]
    fn glibc_is_compared_by_numbers() {
        assert!(too_new("2.36") && !too_new("2.34") && !too_new("2.4"));
    }
}
