//! `[step.input.wait_for]`: conditions, the time they may take, and what follows when it has passed.

use super::super::file::{WaitBytes, WaitFiles, WaitTable};
use super::super::units;
use super::{Ctx, misplaced, resources};
use spotmill_core::bounds::{HISTORY_RUNS, MAX_WAIT_SECS};
use spotmill_core::model::{FileCount, LeastBytes, WaitFor};

const CONDITIONS: [&str; 4] = ["exists", "files", "bytes", "quiet"];

pub fn wait_for(ctx: &mut Ctx<'_>, input: &str, table: Option<&WaitTable>, is_path: bool) -> Option<WaitFor> {
    let (table, path) = (table?, format!("{input}.wait_for"));
    misplaced(ctx, &path, !is_path, "a step is complete before another reads it");
    if !CONDITIONS.iter().any(|key| ctx.has(&format!("{path}.{key}"))) {
        let place = ctx.value(&path);
        ctx.error("missing-key", "`wait_for` waits for nothing", place, "add `exists`, `files`, `bytes` or `quiet`");
    }
    if let Some(exists) = &table.exists {
        ctx.template(&format!("{path}.exists"), exists);
    }
    let up_to = table.up_to.as_ref().and_then(|text| period(ctx, &format!("{path}.up_to"), text));
    let quiet_secs = table.quiet.as_ref().and_then(|text| period(ctx, &format!("{path}.quiet"), text));
    if let (Some(quiet), Some(up_to)) = (quiet_secs, up_to)
        && quiet > up_to
    {
        let place = ctx.value(&format!("{path}.quiet"));
        let label =
            format!("`up_to` is at line {}: a file that has just come would make the run late", up_to_line(ctx, &path));
        ctx.error("bad-value", "`quiet` takes longer than `up_to` waits", place, label);
    }
    Some(WaitFor {
        exists: table.exists.clone(),
        files: table.files.as_ref().and_then(|files| count(ctx, &format!("{path}.files"), files)),
        bytes: table.bytes.as_ref().and_then(|bytes| least(ctx, &format!("{path}.bytes.min"), bytes)),
        quiet_secs,
        up_to_secs: up_to.unwrap_or(1),
        on_late: table.on_late.unwrap_or_default(),
    })
}

fn up_to_line(ctx: &Ctx<'_>, path: &str) -> usize {
    ctx.line(&format!("{path}.up_to"))
}

fn period(ctx: &mut Ctx<'_>, path: &str, text: &str) -> Option<u64> {
    let secs = resources::duration(ctx, path, text)?;
    if !(1..=MAX_WAIT_SECS).contains(&secs) {
        let place = ctx.value(path);
        ctx.error("bad-value", "a run cannot wait as long", place, "\"1s\" to \"7d\"");
        return None;
    }
    Some(secs)
}

fn count(ctx: &mut Ctx<'_>, path: &str, files: &WaitFiles) -> Option<FileCount> {
    let has = |key: &str| ctx.has(&format!("{path}.{key}"));
    if has("min") == has("exactly") {
        let place = ctx.value(path);
        ctx.error(
            "bad-value",
            "`files` has `min` or `exactly`",
            place,
            "write exactly one of them, such as { min = 24 }",
        );
        return None;
    }
    let (key, number) = if has("min") { ("min", files.min) } else { ("exactly", files.exactly) };
    let number = number?;
    if number == 0 {
        let place = ctx.value(&format!("{path}.{key}"));
        ctx.error("bad-value", "no file is there at once", place, "at least 1; a day without files is for `on_empty`");
        return None;
    }
    Some(if key == "min" { FileCount::Min(number) } else { FileCount::Exactly(number) })
}

/// `"10 GB"`, or `"70% of median(7)"`.
fn least(ctx: &mut Ctx<'_>, path: &str, bytes: &WaitBytes) -> Option<LeastBytes> {
    let text = bytes.min.as_ref()?;
    if !text.contains('%') && !text.contains("median") {
        return resources::size(ctx, path, text).map(LeastBytes::Absolute);
    }
    match of_median(text) {
        Ok(least) => Some(least),
        Err(reason) => {
            let place = ctx.value(path);
            ctx.error("bad-value", format!("\"{text}\" is no share of earlier runs"), place, reason);
            None
        }
    }
}

fn of_median(text: &str) -> Result<LeastBytes, String> {
    let help = || format!("write a share such as \"70% of median({HISTORY_RUNS})\", or a size such as \"10 GB\"");
    let (share, of) = text.split_once(" of ").ok_or_else(help)?;
    let runs = of.trim().strip_prefix("median(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(help)?;
    let share = units::share(share)?;
    let runs: u32 = runs.trim().parse().map_err(|_| help())?;
    if !(1..=HISTORY_RUNS as u32).contains(&runs) {
        return Err(format!(
            "a pipeline's history has its last {HISTORY_RUNS} runs: median(1) to median({HISTORY_RUNS})"
        ));
    }
    if share <= 0.0 || share > 10.0 {
        return Err("a share is above 0%, and at most 1000%".to_owned());
    }
    Ok(LeastBytes::OfMedian { share, runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_earlier_runs() {
        let check = |text: &str, want: Option<(f64, u32)>| {
            let want = want.map(|(share, runs)| LeastBytes::OfMedian { share, runs });
            assert_eq!(of_median(text).ok(), want, "{text}");
        };
        check("70% of median(7)", Some((0.7, 7)));
        check("70 % of median( 1 )", Some((0.7, 1)));
        check("150% of median(3)", Some((1.5, 3)));
        for wrong in [
            "70% of median(8)",
            "70% of median(0)",
            "0% of median(7)",
            "70% of mean(7)",
            "70%",
            "70 of median(7)",
            "median(7)",
            "-1% of median(7)",
            "70% of median(7",
            "2000% of median(7)",
        ] {
            check(wrong, None);
        }
    }
}
