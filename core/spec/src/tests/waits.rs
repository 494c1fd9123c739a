//! `[step.input.wait_for]`: what it means, and every wrong value of it with its place.

use super::{edited, parsed, reported, shown};
use crate::{freeze, thaw};
use spotmill_core::model::{FileCount, LeastBytes, OnLate, WaitFor};

/// The edit that gives the first step of `flights` such a table.
fn with(lines: &str) -> (String, String) {
    let next = "[step.tables.airlines]";
    (next.to_owned(), format!("[step.input.wait_for]\n{lines}\n\n{next}"))
}

fn wait(lines: &str) -> Option<WaitFor> {
    let (from, to) = with(lines);
    parsed("flights", &[(&from, &to)]).pipeline.steps[0].input.wait_for.clone()
}

#[track_caller]
fn refused(lines: &str, want: &[&str]) {
    let (from, to) = with(lines);
    let sources = edited("flights", &[(", max_change = \"40%\"", ""), (&from, &to)]);
    let got: Vec<String> = reported(&sources).iter().map(|p| format!("{}: {}", p.name, p.title)).collect();
    assert_eq!(got, want, "{lines}");
}

#[test]
fn every_condition() {
    let all = "exists = \"{src}/{date}/_SUCCESS\"\nfiles = { min = 24 }\nbytes = { min = \"70% of median(7)\" }\n\
               quiet = \"10m\"\nup_to = \"2h\"\non_late = \"skip\"";
    let expected = WaitFor {
        exists: Some("{src}/{date}/_SUCCESS".into()),
        files: Some(FileCount::Min(24)),
        bytes: Some(LeastBytes::OfMedian { share: 0.7, runs: 7 }),
        quiet_secs: Some(600),
        up_to_secs: 7_200,
        on_late: OnLate::Skip,
    };
    assert_eq!(wait(all), Some(expected));
    let least = wait("files.exactly = 3\nbytes = { min = \"10 GB\" }\nup_to = \"7d\"").expect("a wait");
    assert_eq!((least.files, least.bytes), (Some(FileCount::Exactly(3)), Some(LeastBytes::Absolute(10_000_000_000))));
    assert_eq!((least.on_late, least.up_to_secs), (OnLate::Fail, 604_800));
}

#[test]
fn it_is_frozen_as_it_is_and_absent_where_it_was() {
    let (from, to) = with("files = { min = 2 }\nbytes = { min = \"40% of median(3)\" }\nup_to = \"1h\"");
    let pipeline = parsed("flights", &[(&from, &to)]).pipeline;
    assert_eq!(thaw(&freeze(&pipeline)).expect("a pipeline"), pipeline);
    assert!(!freeze(&parsed("flights", &[]).pipeline).contains("wait_for"));
}

#[test]
fn wrong_values() {
    let marker = "exists = \"{src}/x\"";
    refused("up_to = \"2h\"", &["missing-key: `wait_for` waits for nothing"]);
    refused(marker, &["missing-key: `step.input.wait_for` needs `up_to`"]);
    let of = |key: &str, want: &str| refused(&format!("{key}\nup_to = \"2h\""), &[want]);
    of("exists = \"{scr}/x\"", "unknown-param: there is no param `scr`");
    of("exists = \"\"", "bad-path: the path is empty");
    of("file = { min = 1 }\nquiet = \"1m\"", "unknown-key: `step.input.wait_for` has no key `file`");
    of("files = 24", "wrong-type: `step.input.wait_for.files` takes a table");
    of("files = { min = 1, exactly = 2 }", "bad-value: `files` has `min` or `exactly`");
    of("files = {}", "bad-value: `files` has `min` or `exactly`");
    of("files = { min = 0 }", "bad-value: no file is there at once");
    of("files = { min = -1 }", "bad-value: `step.input.wait_for.files.min` cannot be -1");
    of("bytes = {}", "missing-key: `step.input.wait_for.bytes` needs `min`");
    of("bytes = { min = \"10G\" }", "bad-size: \"10G\" is ambiguous");
    of("bytes = { min = \"70% of median(8)\" }", "bad-value: \"70% of median(8)\" is no share of earlier runs");
    of("bytes = { min = \"70% of mean(7)\" }", "bad-value: \"70% of mean(7)\" is no share of earlier runs");
    of("quiet = \"10 minutes\"", "bad-duration: \"10 minutes\" is no duration");
    of("quiet = \"3h\"", "bad-value: `quiet` takes longer than `up_to` waits");
    let late = |key: &str, want: &str| refused(&format!("{marker}\n{key}"), &[want]);
    late("up_to = \"8d\"", "bad-value: a run cannot wait as long");
    late("up_to = \"0s\"", "bad-value: a run cannot wait as long");
    late("up_to = 2", "wrong-type: `step.input.wait_for.up_to` takes a string");
    late("up_to = \"2h\"\non_late = \"wait\"", "bad-value: `step.input.wait_for.on_late` cannot be \"wait\"");
}

#[test]
fn a_step_is_not_waited_for() {
    let of_step = ("by   = \"partition\"", "by   = \"partition\"\nwait_for = { files = { min = 1 }, up_to = \"1h\" }");
    let sources = edited("flights", &[(", max_change = \"40%\"", ""), of_step]);
    let got: Vec<String> = reported(&sources).iter().map(|p| format!("{}: {}", p.name, p.title)).collect();
    assert_eq!(got, ["misplaced-key: `wait_for` has no meaning here"]);
}

/// As they are shown, with their places.
#[test]
fn places() {
    let (from, to) = with(
        "exists  = \"{src}/{dat}/_SUCCESS\"\nfiles   = { min = 24, exactly = 24 }\nbytes   = { min = \"70% of median(30)\" }\n\
         quiet   = \"3h\"\nup_to   = \"2h\"\non_late = \"later\"",
    );
    let sources = edited("flights", &[(", max_change = \"40%\"", ""), (&from, &to)]);
    insta::assert_snapshot!("wait-for", shown(&reported(&sources), &sources));
}

/// A marker is a use of a param.
#[test]
fn params_of_a_marker_are_used() {
    let (from, to) = with("exists = \"{land}/{date}\"\nup_to = \"1h\"");
    let land = ("[target.aws.params]", "land = { type = \"path\", default = \"in\" }\n\n[target.aws.params]");
    let sources = edited("flights", &[(", max_change = \"40%\"", ""), (&from, &to), land]);
    assert!(reported(&sources).is_empty(), "{}", shown(&reported(&sources), &sources));
}
