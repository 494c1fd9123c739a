//! `spotmill cost --reconcile` on the synthetic run and bills of examples/billing: what is billed is somewhere, once, in
//! whatever form it was delivered.

use crate::docs;
use crate::messages::typed;
use serde_json::Value;
use spotmill_emulator::Emulator;
use spotmill_tests::{Project, Ran, repository};
use std::process::Command;

const CUR: &str = "examples/billing/cur/data/BILLING_PERIOD=2026-11/shop-00001.csv";
const FEED: &str = "examples/billing/spot-feed/111122223333.2026-11-02-08.001.07aa9e51.gz";

/// A directory with examples/billing in its place.
pub fn billing() -> Project {
    let project = docs::empty();
    let to = project.path("examples");
    std::fs::create_dir_all(&to).expect("a directory");
    let copied = Command::new("cp").arg("-r").arg(repository().join("examples/billing")).arg(&to).status();
    assert!(copied.expect("cp").success());
    project
}

fn reconcile(project: &Project, args: &[&str]) -> Ran {
    typed(project, &[&["-C", "examples/billing", "cost"], args].concat())
}

#[track_caller]
fn event(project: &Project, args: &[&str]) -> Value {
    let ran = reconcile(project, &[args, &["--json"]].concat());
    let event = ran.code(0).events().remove(0);
    assert_eq!(event["event"], "reconcile", "{event}");
    event
}

fn nanos(event: &Value, place: &str) -> i64 {
    event.pointer(place).and_then(Value::as_i64).unwrap_or_else(|| panic!("no {place} in {event}"))
}

/// All that the event says was billed.
fn billed(event: &Value) -> i64 {
    let sum =
        |list: &str, name: &str| event[list].as_array().expect("a list").iter().map(|e| nanos(e, name)).sum::<i64>();
    nanos(event, "/total/billed_usd_nanos")
        + sum("leaked", "/nanos")
        + sum("of_unknown_runs", "/nanos")
        + sum("beside", "/usd_nanos")
        + nanos(event, "/of_other_runs/nanos")
        + nanos(event, "/of_nobody/nanos")
}

#[test]
fn a_data_feed_is_compared_machine_by_machine() {
    let project = billing();
    let event = event(&project, &["shop/2026-11-02", "--reconcile", "spot-feed"]);
    // Two hours of three are billed: $0.16 an hour for 7,212 of 10,800 s, and 40 minutes at $0.07.
    assert_eq!(nanos(&event, "/total/estimate_usd_nanos"), 320_533_333 + 46_666_667, "{event}");
    assert_eq!(nanos(&event, "/total/not_billed_yet_usd_nanos"), 480_000_000 - 320_533_333, "{event}");
    assert_eq!(nanos(&event, "/total/billed_usd_nanos"), 157_300_000 + 158_100_000 + 46_200_000, "{event}");
    assert_eq!((nanos(&event, "/of_nobody/nanos"), nanos(&event, "/repeated")), (33_000_000, 3), "{event}");
    assert_eq!(billed(&event), 157_300_000 + 158_100_000 + 46_200_000 + 33_000_000);
    // Without its files of the first hour, the smaller machine has no line though the feed has come past it.
    for id in ["b959dbc6", "c2407ae1"] {
        let file = format!("examples/billing/spot-feed/111122223333.2026-11-02-07.001.{id}.gz");
        std::fs::remove_file(project.path(&file)).expect("removed");
    }
    reconcile(&project, &["shop/2026-11-02", "--reconcile", "spot-feed"])
        .code(0)
        .says("! not in the bill: i-0a5f02 of shop/2026-11-02, begun 2026-11-02 07:05, estimated $0.046667");
}

/// The days of a month, what has no counterpart, and a file whose `BilledCost` has all of it.
#[test]
fn a_report_names_what_no_ledger_has() {
    let project = billing();
    let event = event(&project, &["--month", "2026-11", "--by", "day", "--reconcile", "cur"]);
    assert_eq!(
        (&event["lines"][0]["name"], &event["lines"][0]["machines"]),
        (&"2026-11-02".into(), &3.into()),
        "{event}"
    );
    let leaked = (&event["leaked"][0]["resource"], nanos(&event, "/leaked/0/nanos"));
    assert_eq!(leaked, (&"i-0a5f99".into(), 342_000_000), "{event}");
    let all = 664_466_667 + 342_000_000 + 1_200_000 + 3 * 9_863_014 + 400_000 + 33_000_000;
    assert_eq!((billed(&event), nanos(&event, "/total/billed_usd_nanos")), (all, 664_466_667));

    let rows = reconcile(&project, &["--month", "2026-11", "--csv", "--reconcile", "cur"]);
    let lines: Vec<&str> = rows.code(0).stdout.lines().collect();
    let at = lines[0].split(',').position(|name| name == "BilledCost").expect("a column");
    let costs = lines[1..].iter().filter_map(|line| line.split(',').nth(at)?.split_once('.'));
    let sum: i64 = costs.map(|(usd, part)| format!("{usd}{part}").parse::<i64>().expect("nine digits")).sum();
    assert_eq!(sum, all - 33_400_000, "all but what is of no run");
    // In a stack that knows of no such run it is another's.
    let other = project.read(CUR).replace("shop/2026-11-02", "shop/2026-11-03");
    project.write(CUR, other);
    reconcile(&project, &["--month", "2026-11", "--reconcile", "cur"])
        .code(0)
        .says("billed for a run that is not on record here: i-0a5f99 of shop/2026-11-03");
}

#[test]
fn an_export_says_the_same_as_csv_and_as_parquet() {
    let project = billing();
    let args = ["--month", "2026-11", "--reconcile"];
    let of_csv = event(&project, &[&args[..], &["cur/data"]].concat());
    let columns = "bill_billing_period_start_date, identity_line_item_id, line_item_currency_code, line_item_line_item_type, \
                   line_item_resource_id, line_item_unblended_cost, line_item_usage_end_date, line_item_usage_start_date, \
                   line_item_usage_type";
    let tag = "CASE WHEN resource_tags LIKE '%shop%' THEN 'shop/2026-11-02' END AS resource_tags_user_spotmill_run";
    let query = format!("SELECT {columns}, {tag} FROM bill");
    let table = format!("bill={CUR}");
    project.spotmill(&["sql", &query, "--table", &table, "--output", "bill.parquet"]).code(0);
    let parquet = project.path("bill.parquet").to_string_lossy().into_owned();
    assert_eq!(event(&project, &[&args[..], &[&parquet]].concat()), of_csv);
    // Without tags, machines that no ledger has are of nobody here, and that is said.
    project
        .spotmill(&["sql", &format!("SELECT {columns} FROM bill"), "--table", &table, "--output", "bare.parquet"])
        .code(0);
    let bare = project.path("bare.parquet").to_string_lossy().into_owned();
    let untagged = event(&project, &[&args[..], &[&bare]].concat());
    assert_eq!((billed(&untagged), &untagged["leaked"]), (billed(&of_csv), &serde_json::json!([])), "{untagged}");
    assert!(untagged["notes"][0].as_str().is_some_and(|note| note.contains("no tag spotmill:run could be read")));
    // The same file twice is one.
    let text = project.read(CUR);
    project.write("examples/billing/cur/data/BILLING_PERIOD=2026-11/again.csv", text);
    let again = event(&project, &[&args[..], &["cur/data"]].concat());
    assert_eq!((&again["total"], billed(&again)), (&of_csv["total"], billed(&of_csv)));
}

#[test]
fn what_is_no_bill_is_refused_by_its_place() {
    let project = billing();
    let refused = |place: &str| reconcile(&project, &["shop/2026-11-02", "--reconcile", place]);
    refused("nowhere").code(2).says("--reconcile nowhere cannot be read");
    refused("pipeline.toml").code(2).says("there is no file of a bill");
    refused(".").code(2).says("are of two bills");
    let text = project.read(CUR);
    project.write(CUR, text.replacen(",USD,", ",EUR,", 1));
    refused("cur")
        .code(2)
        .says("shop-00001.csv line 2: currency: expected USD; other currencies are not compared, found `EUR`");
    project.write(CUR, text.replace("line_item_resource_id,", "line_item_resource,"));
    refused("cur").code(2).says("line 1: expected the column line_item_resource_id of a Cost and Usage Report");
    project.write(CUR, &text);
    project.write("examples/billing/cur/older/shop-00001.csv", text.replace("0.1450000000", "0.1440000000"));
    refused("cur").code(2).says("expected one delivery of the billing period 2026-11-01T00:00:00.000Z");
    project.write(FEED, "no gzip");
    refused("spot-feed").code(2).says("is not gzip").says("take the file from AWS again");
    project.write("examples/billing/cur/older/shop-00002.csv.zip", "PK");
    refused("cur").code(2).says("is a zip archive: export it as gzip or Parquet, or unpack it");
    let by = |by: &str| reconcile(&project, &["--month", "2026-11", "--by", by, "--reconcile", "spot-feed"]);
    by("step").code(2).says("--by run, day or month");
    reconcile(&project, &["--by", "day"]).code(2).says("are lines of --reconcile");
}

#[test]
fn bills_in_s3_say_the_same() {
    let emulator = Emulator::start();
    let project = docs::empty();
    let copied =
        Command::new("cp").arg("-r").arg(repository().join("examples/billing/.")).arg(project.path("")).status();
    assert!(copied.expect("cp").success());
    let from = project.path("").to_string_lossy().into_owned();
    assert!(emulator.aws(&["s3", "mb", "s3://bills"]).status.success());
    for folder in ["cur", "spot-feed"] {
        let (from, to) = (format!("{from}/{folder}"), format!("s3://bills/account/{folder}"));
        assert!(emulator.aws(&["s3", "cp", "--recursive", "--quiet", &from, &to]).status.success());
        let compared = |place: &str| {
            let args = ["cost", "shop/2026-11-02", "--json", "--reconcile", place];
            let mut event = project.spotmill_with(&args, &emulator.env()).code(0).events().remove(0);
            // They name files.
            event["notes"] = Value::Null;
            event
        };
        assert_eq!(compared(&to), compared(folder));
    }
    let nothing = ["cost", "shop/2026-11-02", "--reconcile", "s3://bills/account/spot"];
    project.spotmill_with(&nothing, &emulator.env()).code(2).says("there is no file of a bill");
}
