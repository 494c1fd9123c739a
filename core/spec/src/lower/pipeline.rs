//! The top of the file: name, key, schedule, params, targets, fleet, budget, rates.

use super::super::file::{File, ParamEntry, ParamTable};
use super::super::names::{MAX_NAME, is_name};
use super::super::params::{coerce, text_of};
use super::values::{check_name, positive};
use super::{Ctx, fleet, is_numeric, schedule, step};
use serde_json::Value as Json;
use spotmill_core::keys::SMOKE_PIPELINES;
use spotmill_core::model::{FORMAT, Param, ParamType, Pipeline};
use spotmill_core::nearest::nearest;
use spotmill_core::rates::check;
use std::collections::BTreeMap;

pub fn pipeline(ctx: &mut Ctx<'_>, file: &File) -> Pipeline {
    if let Some(format) = file.format.filter(|f| *f != i64::from(FORMAT)) {
        let place = ctx.value("format");
        ctx.error("bad-format", format!("format {format} is not known"), place, "this version reads format 1");
    }
    let params = params(ctx, file);
    let table = file.pipeline.as_ref();
    let name = table.and_then(|p| p.name.clone()).unwrap_or_default();
    if table.is_some_and(|p| p.name.is_some()) {
        check_name(ctx, "pipeline.name", &name, "a pipeline");
    }
    let key = key(ctx, table.and_then(|p| p.key.clone()), &params);
    let schedule = table.and_then(|p| p.schedule.as_ref()).map(|s| schedule::schedule(ctx, s, &key, &params));
    let steps = step::steps(ctx, file);
    Pipeline {
        format: FORMAT,
        name,
        key,
        schedule,
        targets: targets(ctx, file, &params),
        params,
        worker_crate: file.worker.as_ref().and_then(|w| w.crate_dir.clone()),
        fleet: fleet::fleet(ctx, file, &steps),
        steps,
        budget_usd_per_run: budget(ctx, file),
        rates: rates(ctx, file),
    }
}

/// Refuses a name whose data another command removes without asking.
pub fn reserved(ctx: &mut Ctx<'_>, name: &str) {
    if name.starts_with(SMOKE_PIPELINES) {
        let title = format!("`{name}` cannot name a pipeline: names that begin with `{SMOKE_PIPELINES}` are reserved");
        let place = ctx.value("pipeline.name");
        ctx.error("bad-name", title, place, "`smoke` removes everything of such a name; choose another");
    }
}

fn key(ctx: &mut Ctx<'_>, given: Option<Vec<String>>, params: &BTreeMap<String, Param>) -> Vec<String> {
    let written = given.is_some();
    let key = given.unwrap_or_else(|| vec!["date".to_owned()]);
    let path = if written { "pipeline.key" } else { "pipeline" };
    if key.is_empty() {
        let place = ctx.value(path);
        ctx.error("bad-key", "a run needs a key", place, "name the params that tell runs apart, such as [\"date\"]");
    }
    for (i, name) in key.iter().enumerate() {
        let at = if written { format!("{path}.{i}") } else { path.to_owned() };
        let place = ctx.value(&at);
        match ctx.params.get(name).copied() {
            None if written => ctx.unknown_param(name, place),
            None => {
                let label = "declare `date = { type = \"date\" }` in [params], or set `key`";
                ctx.error("bad-key", "`key` is [\"date\"] unless set, and there is no param `date`", place, label);
            }
            Some(_) if key[..i].contains(name) => {
                ctx.error("bad-key", format!("`{name}` is twice in the key"), place, "once is enough")
            }
            Some(_) => {
                let ty = params.get(name).map(|p| p.ty);
                if matches!(ty, Some(ParamType::Float64 | ParamType::Path)) {
                    let label = "use a date, a timestamp, an integer, a bool or a string";
                    ctx.error("bad-key", format!("`{name}` cannot be part of the key"), place, label);
                }
            }
        }
    }
    key
}

fn params(ctx: &mut Ctx<'_>, file: &File) -> BTreeMap<String, Param> {
    let mut out = BTreeMap::new();
    for (name, entry) in &file.params {
        let path = format!("params.{name}");
        if !is_name(name) {
            let place = ctx.key(&path);
            let label = format!("lower-case letters, digits and _, a letter first, at most {MAX_NAME}");
            ctx.error("bad-name", format!("`{name}` cannot name a param"), place, label);
        }
        let param = match entry {
            ParamEntry::Type(kind) => {
                Some(Param { ty: *kind, default: None, min: None, max: None, one_of: None, help: None })
            }
            ParamEntry::Table(table) => param(ctx, &path, table),
        };
        if let Some(param) = param {
            ctx.params.insert(name.clone(), Some(param.ty));
            out.insert(name.clone(), param);
        }
    }
    out
}

fn param(ctx: &mut Ctx<'_>, path: &str, table: &ParamTable) -> Option<Param> {
    let one_of = table.one_of.as_ref().map(|values| values.iter().map(|v| text_of(&v.0)).collect::<Vec<_>>());
    let default = table.default.as_ref().map(|d| d.0.clone());
    let param = Param { ty: table.ty?, default, min: table.min, max: table.max, one_of, help: table.help.clone() };
    for bound in ["min", "max"] {
        let at = format!("{path}.{bound}");
        if ctx.has(&at) && !is_numeric(&param) {
            let place = ctx.pair(&at);
            ctx.error("bad-param", format!("`{bound}` is for numbers"), place, "remove it");
        }
    }
    if let (Some(min), Some(max)) = (param.min, param.max)
        && min > max
    {
        let place = ctx.pair(&format!("{path}.max"));
        ctx.error("bad-param", "no value is at least `min` and at most `max`", place, format!("min is {min}"));
    }
    if param.one_of.as_ref().is_some_and(Vec::is_empty) {
        let place = ctx.pair(&format!("{path}.one_of"));
        ctx.error("bad-param", "`one_of` allows nothing", place, "list the values, or remove it");
    }
    if let Some(default) = &param.default
        && let Err(reason) = coerce(&param, default)
    {
        let place = ctx.value(&format!("{path}.default"));
        ctx.error("bad-param", "the default is not a value of this param", place, reason);
    }
    Some(param)
}

fn targets(
    ctx: &mut Ctx<'_>,
    file: &File,
    params: &BTreeMap<String, Param>,
) -> BTreeMap<String, BTreeMap<String, Json>> {
    let mut out = BTreeMap::new();
    for (target, table) in &file.target {
        let mut values = BTreeMap::new();
        for (name, value) in &table.params {
            let path = format!("target.{target}.params.{name}");
            if !ctx.params.contains_key(name) {
                let place = ctx.key(&path);
                let declared: Vec<String> = ctx.params.keys().cloned().collect();
                match nearest(name, declared.iter().map(String::as_str)) {
                    Some(near) => ctx.error(
                        "unknown-param",
                        format!("there is no param `{name}`"),
                        place,
                        format!("did you mean `{near}`?"),
                    ),
                    None => ctx.unknown_param(name, place),
                }
            } else if let Some(Err(reason)) = params.get(name).map(|p| coerce(p, &value.0)) {
                let place = ctx.value(&path);
                ctx.error("bad-param", format!("not a value of param `{name}`"), place, reason);
            }
            values.insert(name.clone(), value.0.clone());
        }
        out.insert(target.clone(), values);
    }
    out
}

fn budget(ctx: &mut Ctx<'_>, file: &File) -> Option<f64> {
    let usd = file.budget.as_ref()?.usd_per_run?;
    positive(ctx, "budget.usd_per_run", Some(usd));
    Some(usd)
}

fn rates(ctx: &mut Ctx<'_>, file: &File) -> BTreeMap<String, f64> {
    for (name, value) in &file.rates {
        if let Err(wrong) = check(name, *value) {
            let place = ctx.key(&format!("rates.{name}"));
            ctx.error("bad-rate", wrong, place, "docs/cost.md lists the rates");
        }
    }
    file.rates.clone()
}
