//! The machines that each step of a run would ask for, and what they are expected to take, without asking: by the very
//! functions that LaunchFleet sizes with. A step that waits for another is sized by what the last runs read.

use crate::preview::{StepPreview, Work};
use crate::{Ctx, history};
use spotmill_core::bounds::BOOT_SECS;
use spotmill_core::fleet::{FleetProblem, FleetRequest};
use spotmill_core::history::{Estimate, History, Question, estimate, first_rung, size};
use spotmill_core::ids::ExecutionId;
use spotmill_core::model::{By, Pipeline, Source, Step};
use spotmill_core::plan::sizes;
use spotmill_core::records::{ItemSizes, RECORD_VERSION};
use spotmill_core::verdict::memory_bytes;
use spotmill_ec2::machines::{Machines, slot_vcpus};
use spotmill_ec2::{FleetPlace, machines_for};
use std::collections::BTreeMap;

/// Slots of a step whose number of items is not determined yet, and that sets no `max_vcpus`: one shows the machines.
const UNKNOWN: u32 = 1;

#[derive(Clone, Debug, PartialEq)]
pub struct FleetPreview {
    pub step: String,
    pub asks: Asks,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Asks {
    /// There is nothing to do.
    Nothing,
    Machines(Box<Fleet>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// Items to be done; none: undetermined until other steps are complete.
    pub items: Option<u32>,
    pub input_bytes: u64,
    /// Items and bytes are those of the last runs.
    pub foreseen: bool,
    pub request: FleetRequest,
    pub slot_vcpus: u32,
    /// Why items begin with more memory than the step declares.
    pub memory: Option<String>,
    pub machines: Result<Machines, FleetProblem>,
    pub estimate: Option<Estimate>,
}

/// What there is to do.
struct Todo {
    items: Option<u32>,
    input_bytes: u64,
    foreseen: bool,
    sizes: Option<ItemSizes>,
}

pub async fn fleets(
    ctx: &Ctx,
    pipeline: &Pipeline,
    steps: &[StepPreview],
    workers: &BTreeMap<String, String>,
    place: &FleetPlace,
) -> Vec<FleetPreview> {
    let history = history::load(ctx, &pipeline.name).await;
    let of = |preview: &StepPreview| {
        let asks = match pipeline.step(&preview.step) {
            Some(step) => asks(pipeline, step, &preview.work, &history, workers, place),
            None => Asks::Nothing,
        };
        FleetPreview { step: preview.step.clone(), asks }
    };
    steps.iter().map(of).collect()
}

fn asks(
    pipeline: &Pipeline,
    step: &Step,
    work: &Work,
    history: &History,
    workers: &BTreeMap<String, String>,
    place: &FleetPlace,
) -> Asks {
    let measured = history.measured(&step.name, step.resources.vcpus.max(1));
    let todo = match work {
        Work::Complete { .. } => return Asks::Nothing,
        Work::Items { items, committed, .. } => {
            let open = items.iter().filter(|item| !committed.contains(&item.item));
            let bytes: Vec<u64> = open.map(|item| item.inputs.iter().map(|f| f.bytes).sum()).collect();
            let items = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let input_bytes = bytes.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
            Todo { items: Some(items), input_bytes, foreseen: false, sizes: sizes(bytes) }
        }
        Work::Waits { .. } => Todo {
            // All of a step is one item, however much that is.
            items: if is_one_item(step) { Some(1) } else { measured.as_ref().map(|m| m.items) },
            input_bytes: measured.as_ref().map_or(0, |m| m.input_bytes),
            foreseen: true,
            sizes: None,
        },
    };
    if todo.items == Some(0) {
        return Asks::Nothing;
    }
    let (rung, memory) = first_rung(&step.resources, todo.sizes.as_ref(), measured.as_ref());
    let mut request = request(pipeline, step, rung, workers);
    let slot_vcpus = slot_vcpus(&request);
    let unknown = pipeline.fleet.max_vcpus.map_or(UNKNOWN, |_| u32::MAX);
    let sized = size(&Question {
        items: todo.items.unwrap_or(unknown),
        input_bytes: todo.input_bytes,
        slot_vcpus,
        max_vcpus: pipeline.fleet.max_vcpus,
        measured: measured.as_ref(),
        deadline_secs: step.deadline_secs,
        spent_secs: 0,
        boot_secs: BOOT_SECS,
    });
    (request.max_slots, request.because) = (sized.slots, sized.because);
    Asks::Machines(Box::new(Fleet {
        items: todo.items,
        input_bytes: todo.input_bytes,
        foreseen: todo.foreseen,
        machines: machines_for(&request, place),
        estimate: measured.map(|m| estimate(&m, todo.input_bytes, request.max_slots, slot_vcpus, BOOT_SECS)),
        request,
        slot_vcpus,
        memory,
    }))
}

fn is_one_item(step: &Step) -> bool {
    matches!(step.input.source, Source::Step { by: By::All, .. }) && step.input.values.is_none()
}

/// The request as LaunchFleet would make it, for no run.
pub fn request(pipeline: &Pipeline, step: &Step, rung: u32, workers: &BTreeMap<String, String>) -> FleetRequest {
    FleetRequest {
        v: RECORD_VERSION,
        name: String::new(),
        queue: String::new(),
        callbacks: String::new(),
        run: "".into(),
        step: step.name.as_str().into(),
        vcpus_per_item: step.resources.vcpus.max(1),
        memory_bytes_per_item: memory_bytes(&step.resources, rung),
        max_slots: 1,
        execution: ExecutionId::new(""),
        workers: workers.clone(),
        instances: None,
        valid_until_ms: 0,
        knobs: pipeline.fleet.clone(),
        because: String::new(),
    }
}
