//! `deploy`: deploys the stack from the template in this program, the functions' program, the worker, and this
//! pipeline, which starts run from now on. Everything that can be refused without AWS is refused first. Uploads lie
//! under names made of their content, and the last write is one small record; so a deploy may be killed anywhere and
//! repeated.

use crate::args::{DeployArgs, Global};
use crate::aws::programs::{self, Chosen};
use crate::aws::release::{self, Release};
use crate::aws::upgrade::{self, Parameters};
use crate::aws::{World, answers, connect, elf, names, stack_name};
use crate::check;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::project::{self, Project};
use crate::result::relative;
use crate::ui::Ui;
use crate::ui::format::bytes;
use crate::worker::Worker;
use spotmill_core::fleet::Architecture;
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_core::records::{Deployed, DeployedWorker, Foreseen, RECORD_VERSION, WorkerNeeds};
use spotmill_ec2::STACK_TAG;
use spotmill_lambdas::deploy;
use spotmill_platform::aws::Aws;
use spotmill_platform::aws::stacks::{Changes, Identity, Made, StackNow};
use spotmill_platform::records;
use spotmill_spec as spec;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Roles by which EC2 acts, and the services that they are made for.
pub const SERVICE_ROLES: [(&str, &str); 2] =
    [("AWSServiceRoleForEC2Fleet", "ec2fleet.amazonaws.com"), ("AWSServiceRoleForEC2Spot", "spot.amazonaws.com")];

/// A worker program to upload.
struct Program {
    path: PathBuf,
    sha256: String,
    needs: elf::Needs,
}

/// What is deployed, as determined before AWS is asked.
struct Plan {
    project: Project,
    frozen: String,
    stack: String,
    release: Release,
    workers: Vec<Program>,
    for_both: String,
    version: String,
}

pub async fn run(global: &Global, args: &DeployArgs) -> Result<Code, Stop> {
    let ui = Ui::new(global.json, global.quiet);
    let (plan, worker) = prepare(global, args)?;
    report(&plan, &ui);
    let aws = connect().await?;
    let input = project::sample_input(&plan.project, global, &args.key);
    let program = super::run::program(&plan.frozen, &input, global)?;
    let reply = check::check(&plan.project, &program, &worker, Arc::new(aws.store()), global).await?;
    let foreseen = spec::foreseen(plan.project.pipeline(), &program.params, &reply);
    if !args.untested {
        tested(&plan, &worker, global, &ui).await?;
    }
    let identity = aws.account().identity().await?;
    let Some(now) = stack(global, args, &plan, &aws, &identity, &ui).await? else {
        ui.note("nothing was changed");
        return Ok(Code::Done);
    };
    let world = World::of(global, aws, plan.stack.clone(), now)?;
    let record = pipeline(&world, &plan, &foreseen, &ui).await?;
    print_outcome(global, &world, &record);
    Ok(Code::Done)
}

/// Does the tests of the steps, if there are any, with the worker that this machine can run.
async fn tested(plan: &Plan, worker: &Worker, global: &Global, ui: &Ui) -> Result<(), Stop> {
    let remedy = "mend the step or its test, or deploy all the same with --untested";
    let passed = super::test::all(global, &plan.project, worker).await;
    let passed = passed.map_err(|stop| if stop.remedy.is_some() { stop } else { stop.remedy(remedy) })?;
    if passed == 0 {
        ui.note("there are no tests of its steps");
    }
    Ok(())
}

/// Gathers everything that needs no AWS, or returns the reason why it cannot be deployed.
fn prepare(global: &Global, args: &DeployArgs) -> Result<(Plan, Worker), Stop> {
    let project = Project::open(global)?;
    let stack = stack_name(global);
    names::check_stack(&stack).map_err(Stop::usage)?;
    upgrade::parameters(&args.parameters, None, &[])?;
    let release = Release::find(args.lambdas.as_deref(), args.allow_any_glibc)?;
    let Chosen { worker, paths, for_both } =
        programs::choose(global, args, project.pipeline().worker_crate.as_deref())?;
    let mut workers = Vec::new();
    for path in paths {
        let needs = elf::read(&path, args.allow_any_glibc)?;
        let sha256 = Worker { program: path.clone() }.digest()?;
        workers.push(Program { path, sha256, needs });
    }
    misplaced(args, &workers)?;
    let frozen = spec::freeze(project.pipeline());
    let version = worker.about()?.version;
    Ok((Plan { project, frozen, stack, release, workers, for_both, version }, worker))
}

/// The programs that were chosen, before anything is done with them.
fn report(plan: &Plan, ui: &Ui) {
    for w in &plan.workers {
        let glibc = w.needs.glibc_text().map_or_else(|| "no glibc".to_owned(), |glibc| format!("glibc {glibc}"));
        ui.note(format!(
            "worker for {}: {}, {glibc}",
            w.needs.architecture.machine(),
            relative(&w.path.to_string_lossy())
        ));
    }
    let hooked = plan.project.pipeline().steps.iter().filter(|step| step.output.after_publish.is_some());
    for step in hooked {
        let name = &step.name;
        ui.note(format!(
            "! `{name}`: `after_publish` is a command of the machine that `run` is typed on: no run on AWS runs it"
        ));
    }
    let served: Vec<Architecture> = plan.workers.iter().map(|w| w.needs.architecture).collect();
    let lacking = programs::lacking(&served, &plan.for_both);
    if let Some(note) = lacking.filter(|_| plan.project.pipeline().fleet.architectures.is_empty()) {
        ui.note(note);
    }
}

/// A program given for the other architecture, or two for one.
fn misplaced(args: &DeployArgs, workers: &[Program]) -> Result<(), Stop> {
    let asked = [(&args.worker_x86_64, "x86_64"), (&args.worker_aarch64, "aarch64")];
    for (path, machine) in asked.into_iter().filter_map(|(path, machine)| Some((path.as_ref()?, machine))) {
        let found = workers.iter().find(|w| w.path == *path).map(|w| w.needs.architecture.machine());
        if let Some(found) = found.filter(|found| *found != machine) {
            return Err(Stop::usage(format!("{} is a program for {found}, not {machine}", path.display())));
        }
    }
    match workers {
        [one, other] if one.needs.architecture == other.needs.architecture => {
            let machine = one.needs.architecture.machine();
            Err(Stop::usage(format!("{} and {} are both for {machine}", one.path.display(), other.path.display())))
        }
        _ => Ok(()),
    }
}

async fn stack(
    global: &Global,
    args: &DeployArgs,
    plan: &Plan,
    aws: &Aws,
    identity: &Identity,
    ui: &Ui,
) -> Result<Option<StackNow>, Stop> {
    let (stacks, account) = (aws.stacks(), identity.account.as_str());
    let region = aws.region().unwrap_or_default();
    ui.note(format!("account {account}, {region}, stack {}", plan.stack));
    service_roles(args, aws, ui).await;
    let now = upgrade::settled(&stacks, &plan.stack, ui, &global.caller()).await?;
    let bucket = code_bucket(args, plan, aws, account, &region, ui).await?;
    let own = own_bucket(args, plan, now.as_ref(), aws, account, ui).await?;
    let (parameters, prefix) = parameters(args, plan, now.as_ref(), &bucket, &own, ui)?;
    let had = |name: &str| now.as_ref().and_then(|now| now.parameters.get(name));
    // A parameter that names something is kept by its name, whatever that is just now.
    let (unchanged, parameters): (Parameters, Parameters) =
        parameters.into_iter().partition(|(name, value)| had(name) == Some(value));
    let at = Uri::new(format!("s3://{bucket}/{prefix}"));
    let sent = plan.release.upload(&aws.store(), &at).await?;
    ui.note(format!("release {prefix} in {bucket}: {}", if sent == 0 { "there already" } else { "uploaded" }));
    let changes = Changes {
        stack: plan.stack.clone(),
        create: now.is_none(),
        template_url: aws.buckets().url(&bucket, &format!("{prefix}/{}", crate::aws::table::FILE)),
        parameters,
        unchanged: unchanged.into_keys().collect(),
        tags: BTreeMap::from([(STACK_TAG.to_owned(), plan.stack.clone())]),
        name: format!("deploy-{}", names::stamp(upgrade::since())),
    };
    upgrade::apply(&stacks, &changes, args.dry_run, ui).await
}

/// A fresh account lacks the roles by which EC2 launches fleets and spot machines. They are made once, cost nothing and outlive
/// the stack. If this user may not make them, a note shows the command: the stack can stand without them.
async fn service_roles(args: &DeployArgs, aws: &Aws, ui: &Ui) {
    for (role, service) in SERVICE_ROLES {
        let account = aws.account();
        match account.has_role(role).await {
            Ok(false) if !args.dry_run => {}
            _ => continue,
        }
        match account.make_service_role(service).await {
            Ok(()) => ui.note(format!("made the role {role}, which EC2 needs")),
            Err(e) => ui.note(format!(
                "! {e}; machines need it: aws iam create-service-linked-role --aws-service-name {service}"
            )),
        }
    }
}

/// The bucket for code: yours, or one for all stacks of this account and region.
async fn code_bucket(
    args: &DeployArgs,
    plan: &Plan,
    aws: &Aws,
    account: &str,
    region: &str,
    ui: &Ui,
) -> Result<String, Stop> {
    if let Some(bucket) = &args.code_bucket {
        if !aws.buckets().exists(bucket, account).await? {
            return Err(
                Stop::usage(format!("there is no bucket {bucket}")).remedy("make it, or leave --code-bucket out")
            );
        }
        return Ok(bucket.clone());
    }
    let bucket = format!("spotmill-code-{account}-{region}");
    if aws.buckets().make(&bucket, account, &[("spotmill:code", &plan.stack)]).await? == Made::Now {
        ui.note(format!("made bucket {bucket} for code"));
    }
    Ok(bucket)
}

/// The stack's bucket: chosen when the stack is made, and kept; one that an earlier stack left is taken up again.
struct OwnBucket {
    name: String,
    exists: String,
}

async fn own_bucket(
    args: &DeployArgs,
    plan: &Plan,
    now: Option<&StackNow>,
    aws: &Aws,
    account: &str,
    ui: &Ui,
) -> Result<OwnBucket, Stop> {
    let asked = args.parameters.iter().find(|(name, _)| name == "BucketName").map(|(_, value)| value.clone());
    let had = now.and_then(|now| Some((now.parameters.get("BucketName")?.clone(), now)));
    if let Some((name, now)) = had {
        if let Some(other) = asked.filter(|asked| *asked != name) {
            let what = format!("the bucket of stack {} is {name}, not {other}", plan.stack);
            return Err(Stop::usage(what).remedy("a bucket is chosen when a stack is made: deploy another --stack"));
        }
        let exists = now.parameters.get("BucketExists").cloned().unwrap_or_else(|| "false".to_owned());
        return Ok(OwnBucket { name, exists });
    }
    let region = aws.region().unwrap_or_default();
    let name = asked.unwrap_or_else(|| format!("{}-{account}-{region}", plan.stack));
    let exists = aws.buckets().exists(&name, account).await?;
    if exists {
        ui.note(format!("taking up bucket {name}, which is there already, with its data"));
    }
    Ok(OwnBucket { name, exists: exists.to_string() })
}

fn parameters(
    args: &DeployArgs,
    plan: &Plan,
    now: Option<&StackNow>,
    code: &str,
    own: &OwnBucket,
    ui: &Ui,
) -> Result<(Parameters, String), Stop> {
    let architecture = plan.release.needs.architecture.name();
    let ours =
        [("Architecture", architecture), ("CodeBucket", code), ("CodeKeyPrefix", ""), ("BucketExists", &own.exists)];
    let mut all = upgrade::parameters(&args.parameters, now, &ours)?;
    all.insert("BucketName".to_owned(), own.name.clone());
    let pipeline = plan.project.pipeline();
    let schedule = pipeline.schedule.as_ref();
    let now_secs = upgrade::since() / 1_000;
    if let Some(note) = upgrade::scheduled(&mut all, &args.parameters, &pipeline.name, schedule, now_secs)? {
        ui.note(format!("! {note}"));
    }
    let prefix = plan.release.prefix(&plan.stack, &all);
    all.insert("CodeKeyPrefix".to_owned(), prefix.clone());
    Ok((all, prefix))
}

/// The worker's programs, then the record that makes starts use them.
async fn pipeline(world: &World, plan: &Plan, foreseen: &Foreseen, ui: &Ui) -> Result<Deployed, Stop> {
    let (store, root) = (&*world.ctx.store, world.root());
    let mut programs = BTreeMap::new();
    for w in &plan.workers {
        let machine = w.needs.architecture.machine();
        let to = keys::worker(root, &w.sha256);
        let size = std::fs::metadata(&w.path).map_err(crate::exit::io("read", &w.path))?.len();
        if !release::stands(store, &to).await? {
            ui.note(format!("uploading the worker for {machine}, {}", bytes(size)));
            store.upload(&w.path, &to).await.map_err(answers::of_store)?;
        }
        let glibc = w.needs.glibc_text();
        let needs = WorkerNeeds { v: RECORD_VERSION, architecture: machine.to_owned(), glibc, bytes: size };
        records::put(store, &keys::worker_needs(root, &w.sha256), &needs).await.map_err(answers::of_record)?;
        programs.insert(machine.to_owned(), w.sha256.clone());
    }
    let worker = DeployedWorker { version: plan.version.clone(), programs };
    let name = &plan.project.pipeline().name;
    let now = world.ctx.clock.now_ms();
    Ok(deploy::deploy(store, root, name, (&plan.frozen, foreseen), worker, now).await?)
}

fn print_outcome(global: &Global, world: &World, record: &Deployed) {
    if global.json {
        let (stack, root) = (world.stack.clone(), world.root().to_string());
        let (pipeline, digest) = (record.name.clone(), record.pipeline_digest.clone());
        return Event::Deployed { stack, root, pipeline, digest, worker: record.worker.clone() }.print();
    }
    let machines: Vec<&str> = record.worker.programs.keys().map(String::as_str).collect();
    say!("✓ {} is deployed to {}, for {}", record.name, world.root(), machines.join(" and "));
    if let Some(daily) = world.now.parameters.get("Pipeline").filter(|p| **p == record.name) {
        let get = |name: &str| world.now.parameters.get(name).map(String::as_str).unwrap_or_default();
        say!("  {daily} runs daily: {} {}", get("ScheduleExpression"), get("ScheduleTimezone"));
    }
    say!("Next: {} · {}", global.command("doctor"), global.command("start").word("--date").blank("D").word("--wait"));
}
