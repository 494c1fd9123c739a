//! When a pipeline starts, and what each start is of: a date, or an hour of a date. Two starts of one date are one run, and the
//! second finds it done; a schedule that starts more often than its key tells starts apart is refused.

use super::super::cron::Cron;
use super::super::file;
use super::Ctx;
use spotmill_core::model::{Param, ParamType, Schedule};
use std::collections::BTreeMap;

const CODE: &str = "bad-schedule";

pub fn schedule(
    ctx: &mut Ctx<'_>,
    table: &file::ScheduleTable,
    key: &[String],
    params: &BTreeMap<String, Param>,
) -> Schedule {
    let text = table.cron.clone().unwrap_or_default();
    match Cron::parse(&text) {
        Ok(cron) => starts(ctx, &cron, table.hour.is_some()),
        Err(_) if table.cron.is_none() => {}
        Err(part) => {
            let label = match part == text {
                true => "five fields: minute, hour, day of month, month, day of week".to_owned(),
                false => format!("`{part}`: minutes are 0 to 59, hours 0 to 23; such as \"30 5 * * *\""),
            };
            let place = ctx.value("pipeline.schedule.cron");
            ctx.error(CODE, format!("`{text}` is no cron expression"), place, label);
        }
    }
    let timezone = table.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
    zone(ctx, &timezone, table.hour.is_some());
    given(ctx, table, key, params);
    let date = match table.date {
        Some(file::ScheduleDate::Today) => "today",
        Some(file::ScheduleDate::Yesterday) | None => "yesterday",
    };
    let hour = table.hour.map(|hour| match hour {
        file::ScheduleHour::This => "this".to_owned(),
        file::ScheduleHour::Previous => "previous".to_owned(),
    });
    Schedule { cron: text, timezone, date: date.to_owned(), hour }
}

/// At most one start for each date or hour.
fn starts(ctx: &mut Ctx<'_>, cron: &Cron, hourly: bool) {
    let (often, label) = match hourly {
        true => (cron.minutes.len() > 1, "one minute, such as \"5 * * * *\""),
        false => {
            let often = cron.minutes.len() * cron.hours.len() > 1;
            (often, "one minute and one hour, such as \"30 5 * * *\"; or runs of an hour each: `hour = \"previous\"`")
        }
    };
    if often {
        let unit = if hourly { "an hour" } else { "a day" };
        let what = format!("it starts more than once {unit}, and those starts are one run: the second finds it done");
        let place = ctx.value("pipeline.schedule.cron");
        ctx.error(CODE, what, place, label);
    }
}

fn zone(ctx: &mut Ctx<'_>, timezone: &str, hourly: bool) {
    let zone_like = timezone.chars().all(|c| c.is_ascii_alphanumeric() || "/_+-".contains(c)) && !timezone.is_empty();
    let (message, label) = match (zone_like, hourly && timezone != "UTC") {
        (false, _) => (format!("`{timezone}` is no time zone"), "an IANA name such as \"Europe/Berlin\""),
        (true, true) => {
            let message = format!("hours of `{timezone}` may come twice, when clocks are put back");
            (message, "leave `timezone` out: hours are UTC's")
        }
        (true, false) => return,
    };
    let place = ctx.value("pipeline.schedule.timezone");
    ctx.error(CODE, message, place, label);
}

/// What a start gives its run has to be a param, and part of the key.
fn given(ctx: &mut Ctx<'_>, table: &file::ScheduleTable, key: &[String], params: &BTreeMap<String, Param>) {
    if !ctx.has("params.date") {
        let place = ctx.key("pipeline.schedule");
        let label = "declare `date = { type = \"date\" }` in [params]";
        ctx.error(CODE, "a schedule gives each run a date", place, label);
    } else if !key.is_empty() && key.iter().all(|name| name != "date" && params.contains_key(name)) {
        let place = ctx.key("pipeline.schedule");
        let label = "put \"date\" into `key`";
        ctx.error(CODE, "a schedule's starts differ by their date, which is not in the key", place, label);
    }
    if table.hour.is_none() {
        return;
    }
    let place = ctx.value("pipeline.schedule.hour");
    let is_whole =
        |param: &Param| matches!(param.ty, ParamType::Int8 | ParamType::Int16 | ParamType::Int32 | ParamType::Int64);
    if !params.get("hour").is_some_and(is_whole) {
        let label = "declare `hour = { type = \"int32\", min = 0, max = 23 }` in [params]";
        ctx.error(CODE, "a schedule of hours gives each run an hour", place, label);
    } else if !key.iter().any(|name| name == "hour") {
        ctx.error(CODE, "its starts differ by their hour, which is not in the key", place, "put \"hour\" into `key`");
    }
    if table.date.is_some() {
        let place = ctx.key("pipeline.schedule.date");
        ctx.error(CODE, "with `hour` the date is that hour's", place, "take `date` out");
    }
}
