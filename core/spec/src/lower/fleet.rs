//! `[fleet]`: which machines a pipeline allows, and at what price. What leaves no machine at all, or none that takes a
//! step's item, is refused at the key that is to blame.

use super::super::file::{File, FleetTable};
use super::values::positive;
use super::{Ctx, resources};
use spotmill_core::bounds::MAX_FLEET_VCPUS;
use spotmill_core::fleet::Architecture;
use spotmill_core::model::{Fleet, Step};
use spotmill_core::nearest::nearest;
use spotmill_ec2::machines::{Need, takes};
use spotmill_ec2::{Allowed, families, generations};

pub fn fleet(ctx: &mut Ctx<'_>, file: &File, steps: &[Step]) -> Fleet {
    let Some(table) = &file.fleet else { return Fleet::default() };
    if table.max_vcpus == Some(0) || table.max_vcpus > Some(MAX_FLEET_VCPUS) {
        let place = ctx.value("fleet.max_vcpus");
        ctx.error("bad-value", "`fleet.max_vcpus` is 1 to 10,000", place, "a fleet's limit");
    }
    positive(ctx, "fleet.max_price_per_vcpu_hour", table.max_price_per_vcpu_hour);
    let fleet = Fleet {
        max_vcpus: table.max_vcpus,
        architectures: architectures(ctx, table),
        families: checked_families(ctx, table),
        generations: checked_generations(ctx, table),
        max_price_per_vcpu_hour: table.max_price_per_vcpu_hour,
        on_demand_after_secs: table
            .on_demand_after
            .as_ref()
            .and_then(|t| resources::duration(ctx, "fleet.on_demand_after", t)),
    };
    check_left(ctx, &fleet, steps);
    fleet
}

/// An empty list allows nothing, and is not what was meant. A list whose only values were refused is no empty one.
fn not_empty<T>(ctx: &mut Ctx<'_>, key: &str, list: Option<&Vec<T>>, title: &str) {
    let path = format!("fleet.{key}");
    if list.is_some_and(Vec::is_empty) && !ctx.has(&format!("{path}.0")) {
        let place = ctx.pair(&path);
        ctx.error("bad-value", title, place, "remove the key to allow all");
    }
}

fn architectures(ctx: &mut Ctx<'_>, table: &FleetTable) -> Vec<Architecture> {
    not_empty(ctx, "architectures", table.architectures.as_ref(), "no architecture is allowed");
    distinct(table.architectures.iter().flatten().copied())
}

fn checked_families(ctx: &mut Ctx<'_>, table: &FleetTable) -> Vec<String> {
    not_empty(ctx, "families", table.families.as_ref(), "no family is allowed");
    let existing = families();
    for (i, name) in table.families.iter().flatten().enumerate().filter(|(_, name)| !existing.contains(name)) {
        let place = ctx.value(&format!("fleet.families.{i}"));
        ctx.error(
            "unknown-family",
            format!("machines of family \"{name}\" are not used"),
            place,
            hint(name, &existing),
        );
    }
    distinct(table.families.iter().flatten().filter(|name| existing.contains(name)).cloned())
}

/// Why not, or what was meant.
fn hint(name: &str, existing: &[String]) -> String {
    let all = "\"c\", \"m\", \"r\", or one family such as \"r7g\"";
    match name.chars().next() {
        Some('t') => format!("they are burstable; use {all}"),
        Some('x' | 'u') => format!("they have a spot quota of their own, 0 in a new account; use {all}"),
        Some('p' | 'g') => format!("they have accelerators, which nothing here uses; use {all}"),
        _ if name.contains('.') => format!("this is one size; use {all}"),
        _ => match nearest(name, existing.iter().map(String::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("use {all}"),
        },
    }
}

fn checked_generations(ctx: &mut Ctx<'_>, table: &FleetTable) -> Vec<u32> {
    not_empty(ctx, "generations", table.generations.as_ref(), "no generation is allowed");
    let existing = generations();
    for (i, n) in table.generations.iter().flatten().enumerate().filter(|(_, n)| !existing.contains(n)) {
        let place = ctx.value(&format!("fleet.generations.{i}"));
        let all = existing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        ctx.error("bad-value", format!("there is no generation {n} of machines"), place, format!("one of {all}"));
    }
    distinct(table.generations.iter().flatten().filter(|n| existing.contains(n)).copied())
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut seen, next| {
        if !seen.contains(&next) {
            seen.push(next);
        }
        seen
    })
}

fn check_left(ctx: &mut Ctx<'_>, fleet: &Fleet, steps: &[Step]) {
    let allowed = Allowed::by(fleet);
    if let Some(knob) = allowed.blamed() {
        let place = ctx.pair(&format!("fleet.{}", knob.key()));
        let label = "no machine is of these families, generations and architectures at once";
        ctx.error("no-machine", format!("`fleet.{}` leaves no machine type", knob.key()), place, label);
        return;
    }
    let need = |step: &Step| Need {
        vcpus: step.resources.vcpus.max(1),
        memory_mib: step.resources.memory_bytes.div_ceil(1 << 20),
        slots: 1,
    };
    let everything = Allowed::by(&Fleet::default());
    let narrowed = |step: &&Step| !takes(&need(step), &allowed) && takes(&need(step), &everything);
    if let Some(step) = steps.iter().find(narrowed) {
        let place = ctx.key("fleet");
        let (vcpus, gib) = (step.resources.vcpus, step.resources.memory_bytes as f64 / f64::from(1 << 30));
        let title = format!("no machine that `[fleet]` allows takes an item of step `{}`", step.name);
        ctx.error("no-machine", title, place, format!("an item takes {vcpus} vCPUs and {gib:.1} GiB"));
    }
}
