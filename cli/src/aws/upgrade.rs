//! Brings the stack from whatever state it is in to the state of the template: waits for what is under way, clears away
//! a creation that failed, shows what would change, changes it, and reports what happens. After a kill at any point the
//! next call finds the stack and goes on from there.

use super::names;
use super::silence;
use super::table;
use crate::exit::{Code, Stop};
use crate::ui::Ui;
use spotmill_core::command::Caller;
use spotmill_core::model::Schedule;
use spotmill_platform::aws::stacks::{Change, Changes, Phase, Prepared, StackEvent, StackNow, Stacks};
use std::collections::BTreeMap;

pub type Parameters = BTreeMap<String, String>;

/// The parameters of a deploy: its own values over what is set now, over what the stack has, over defaults.
pub fn parameters(set: &[(String, String)], now: Option<&StackNow>, ours: &[(&str, &str)]) -> Result<Parameters, Stop> {
    let declared = table::parameters();
    for (name, _) in set {
        if !declared.contains_key(name) {
            let names: Vec<&str> = declared.keys().map(String::as_str).collect();
            let what = format!("--set {name}: the stack has no such parameter; it has {}", names.join(", "));
            return Err(Stop::usage(what));
        }
        if ours.iter().any(|(own, _)| own == name) {
            return Err(Stop::usage(format!("--set {name}: a deploy gives it itself")));
        }
    }
    let mut all: Parameters = declared.iter().filter_map(|(k, v)| Some((k.clone(), v.clone()?))).collect();
    let kept = now.iter().flat_map(|now| &now.parameters).filter(|(name, _)| declared.contains_key(*name));
    all.extend(kept.map(|(k, v)| (k.clone(), v.clone())));
    all.extend(set.iter().cloned());
    all.extend(ours.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    Ok(all)
}

/// Sets the daily run as `pipeline.toml` has it. Returns what the user has to know: the stack runs another pipeline daily,
/// or no alarm fits the schedule.
pub fn scheduled(
    all: &mut Parameters,
    set: &[(String, String)],
    pipeline: &str,
    schedule: Option<&Schedule>,
    now_secs: u64,
) -> Result<Option<String>, Stop> {
    let daily = all.get("Pipeline").cloned().unwrap_or_default();
    if set.iter().any(|(name, _)| name == "Pipeline") && daily != pipeline {
        return Ok(None);
    }
    match schedule {
        Some(_) if !daily.is_empty() && daily != pipeline => Ok(Some(format!(
            "the stack runs `{daily}` daily; to run `{pipeline}` instead: --set Pipeline={pipeline}; to run both, give \
             it a stack of its own: --stack NAME"
        ))),
        Some(schedule) => {
            let expression = names::schedule(schedule).map_err(|e| Stop::new(Code::Invalid, e))?;
            // EventBridge has words of its own, such as `L`: of those no alarm is derived.
            let hours = silence::hours(&schedule.cron);
            let is_set = |name: &str| set.iter().any(|(set, _)| set == name);
            let silent = hours.unwrap_or(0).to_string();
            let ours = [
                ("Pipeline", pipeline),
                ("ScheduleExpression", &expression),
                ("ScheduleTimezone", &schedule.timezone),
                ("SilentHours", &silent),
            ];
            let get = |all: &Parameters, name: &str| all.get(name).cloned().unwrap_or_default();
            let differs = |(name, value): &(&str, &str)| !is_set(name) && get(all, name) != *value;
            // A schedule that begins now has had no run yet that could have succeeded.
            let begins = ours.iter().any(differs) || is_set("ScheduleState") || get(all, "SilentFrom") == "0";
            for (name, value) in ours.into_iter().filter(|(name, _)| !is_set(name)) {
                all.insert(name.to_owned(), value.to_owned());
            }
            if begins && !is_set("SilentFrom") {
                let hours: u64 = get(all, "SilentHours").parse().unwrap_or(0);
                all.insert("SilentFrom".to_owned(), (now_secs + hours * 3_600).to_string());
            }
            let rare = hours.is_none() && !is_set("SilentHours");
            Ok(rare.then(|| {
                "the schedule is too rare, or too special, for an alarm that no run succeeded, which looks back a \
                 week; a run that fails raises an alarm all the same"
                    .to_owned()
            }))
        }
        // No longer daily.
        None if daily == pipeline && set.iter().all(|(name, _)| name != "Pipeline") => {
            all.insert("Pipeline".to_owned(), String::new());
            Ok(None)
        }
        None => Ok(None),
    }
}

/// Waits until nothing is under way; returns the stack, or none if it has to be created.
pub async fn settled(stacks: &Stacks, stack: &str, ui: &Ui, caller: &Caller) -> Result<Option<StackNow>, Stop> {
    loop {
        let Some(now) = stacks.find(stack).await? else { return Ok(None) };
        match now.phase() {
            Phase::Empty => return Ok(None),
            Phase::Settled => return Ok(Some(now)),
            Phase::Busy => {
                ui.note(format!("stack {stack} is {}: waiting", now.status));
                stacks.follow(&now.id, since(), |e| report_event(ui, e)).await?;
            }
            Phase::Dead => {
                ui.note(format!("stack {stack} is {}: an earlier creation failed; deleting what is left", now.status));
                stacks.delete(&now.id).await?;
                stacks.follow(&now.id, since(), |e| report_event(ui, e)).await?;
            }
            Phase::Stuck => return Err(stuck(stack, &now, caller)),
        }
    }
}

fn stuck(stack: &str, now: &StackNow, caller: &Caller) -> Stop {
    let what = format!("stack `{stack}` is {}: {}", now.status, now.reason);
    let remedy = match now.status.as_str() {
        "DELETE_FAILED" => format!("remove what stands in the way, then: {}", caller.command("destroy")),
        _ => format!(
            "aws cloudformation continue-update-rollback --stack-name {stack}, then: {}",
            caller.command("deploy")
        ),
    };
    Stop::failed(what).remedy(remedy)
}

/// Applies `changes` to the stack; returns the changed stack, or nothing after a dry run.
pub async fn apply(stacks: &Stacks, changes: &Changes, dry: bool, ui: &Ui) -> Result<Option<StackNow>, Stop> {
    let set = match stacks.prepare(changes).await? {
        Prepared::Refused(why) => {
            return Err(Stop::new(code_of(&why), format!("CloudFormation does not take the stack: {why}")));
        }
        Prepared::Nothing => {
            ui.note(format!("stack {} is up to date", changes.stack));
            return if dry { Ok(None) } else { Ok(stacks.find(&changes.stack).await?) };
        }
        Prepared::Changes(set) => set,
    };
    ui.note(format!(
        "{} stack {}: {}",
        if changes.create { "new" } else { "changing" },
        changes.stack,
        counted(&set.changes)
    ));
    if dry {
        set.changes.iter().for_each(|c| say!("  {}", line(c)));
        stacks.discard(&set.id).await?;
        if changes.create {
            // An empty stack was made to hold the change set.
            stacks.delete(&set.stack).await?;
        }
        return Ok(None);
    }
    stacks.execute(&set).await?;
    let mut failures = Vec::new();
    let on_event = |e: &StackEvent| {
        report_event(ui, e);
        if e.failed() && !e.reason.to_lowercase().contains("cancelled") {
            failures.push(format!("{} ({}): {}", e.resource, e.kind, e.reason));
        }
    };
    let ended = stacks.follow(&set.stack, since(), on_event).await?;
    match ended {
        Some(now) if now.phase() == Phase::Settled && !now.status.contains("ROLLBACK") => Ok(Some(now)),
        ended => {
            let status = ended.map_or_else(|| "gone".to_owned(), |now| format!("{}: {}", now.status, now.reason));
            let why = failures.join("\n  ");
            let what = format!("stack {} is {status}\n  {why}", changes.stack);
            Err(Stop::new(code_of(&why), what).remedy("it is as it was before; mend the cause and deploy again"))
        }
    }
}

fn code_of(why: &str) -> Code {
    let denied = ["not authorized to perform", "AccessDenied", "Access Denied"];
    if denied.iter().any(|d| why.contains(d)) { Code::Permission } else { Code::ItemsFailed }
}

/// A little before now: AWS's clock is not this one.
pub fn since() -> u64 {
    use spotmill_platform::ports::Clock;
    spotmill_platform::local::clock::SystemClock.now_ms().saturating_sub(2_000)
}

pub fn report_event(ui: &Ui, e: &StackEvent) {
    let why = if e.failed() { format!(": {}", e.reason) } else { String::new() };
    if !e.status.ends_with("_IN_PROGRESS") {
        ui.note(format!("  {} {}{why}", e.status, e.resource));
    }
}

fn line(c: &Change) -> String {
    let replaced = match c.replacement.as_str() {
        "True" => ", replaced",
        "Conditional" => ", perhaps replaced",
        _ => "",
    };
    format!("{:6} {} ({}{replaced})", c.action, c.resource, c.kind)
}

fn counted(changes: &[Change]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    changes.iter().for_each(|c| *counts.entry(c.action.as_str()).or_default() += 1);
    let parts: Vec<String> = counts.iter().map(|(action, n)| format!("{n} {}", action.to_lowercase())).collect();
    if parts.is_empty() { "no resources".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn stack(pairs: &[(&str, &str)]) -> StackNow {
        StackNow { parameters: set(pairs).into_iter().collect(), ..StackNow::default() }
    }

    #[test]
    fn what_was_set_once_stays_set() {
        let now = stack(&[("ZoneCount", "5"), ("ScratchDays", "30"), ("OfAnEarlierTemplate", "x")]);
        let all = parameters(&set(&[("ScratchDays", "20")]), Some(&now), &[("Architecture", "x86_64")]).unwrap();
        let get = |name: &str| all.get(name).map(String::as_str);
        assert_eq!((get("ZoneCount"), get("ScratchDays")), (Some("5"), Some("20")));
        assert_eq!((get("Architecture"), get("VolumeGiB")), (Some("x86_64"), Some("30")));
        assert_eq!((get("OfAnEarlierTemplate"), get("CodeBucket")), (None, None));
    }

    #[test]
    fn an_unknown_parameter_is_refused_before_anything_is_asked() {
        let stop = parameters(&set(&[("Zones", "4")]), None, &[]).expect_err("refused");
        assert!(stop.message.contains("Zones") && stop.message.contains("ZoneCount"), "{}", stop.message);
        assert!(parameters(&set(&[("Architecture", "arm64")]), None, &[("Architecture", "arm64")]).is_err());
    }

    #[test]
    fn the_alarm_of_a_schedule_begins_when_a_run_could_have_succeeded() {
        let after = |had: &[(&str, &str)], cron: &str| {
            let schedule = Schedule { cron: cron.into(), timezone: "UTC".into(), date: "today".into(), hour: None };
            let mut all = parameters(&[], Some(&stack(had)), &[]).unwrap();
            let note = scheduled(&mut all, &[], "flights", Some(&schedule), 1_000).unwrap();
            (all["SilentHours"].clone(), all["SilentFrom"].clone(), note.is_some())
        };
        assert_eq!(after(&[], "0 6 * * *"), ("26".into(), "94600".into(), false), "a new stack");
        let daily = [("Pipeline", "flights"), ("ScheduleExpression", "cron(0 6 * * ? *)"), ("SilentFrom", "500")];
        assert_eq!(after(&daily, "0 6 * * *"), ("26".into(), "500".into(), false), "the same schedule: as it was");
        assert_eq!(after(&daily, "0 6 * * 1-5"), ("74".into(), "267400".into(), false), "another one");
        assert_eq!(after(&daily, "0 6 1 * *"), ("0".into(), "1000".into(), true), "too rare");
    }

    #[test]
    fn the_daily_run_is_the_pipelines_own() {
        let schedule =
            Schedule { cron: "30 5 * * *".into(), timezone: "Europe/Berlin".into(), date: "today".into(), hour: None };
        let after = |daily: &str, asked: &[(&str, &str)], schedule: Option<&Schedule>| {
            let asked = set(asked);
            let mut all = parameters(&asked, Some(&stack(&[("Pipeline", daily)])), &[]).unwrap();
            let note = scheduled(&mut all, &asked, "flights", schedule, 1_000).unwrap();
            (all["Pipeline"].clone(), all["ScheduleTimezone"].clone(), note.is_some())
        };
        assert_eq!(after("", &[], Some(&schedule)), ("flights".into(), "Europe/Berlin".into(), false));
        assert_eq!(after("flights", &[], None), (String::new(), "UTC".into(), false), "no longer daily");
        assert_eq!(
            after("other", &[], Some(&schedule)),
            ("other".into(), "UTC".into(), true),
            "not taken from another"
        );
        assert_eq!(after("other", &[], None), ("other".into(), "UTC".into(), false));
        let taken = after("other", &[("Pipeline", "flights")], Some(&schedule));
        assert_eq!(taken, ("flights".into(), "Europe/Berlin".into(), false));
        assert_eq!(after("flights", &[("Pipeline", "")], Some(&schedule)).0, "", "and off when asked");
    }
}
