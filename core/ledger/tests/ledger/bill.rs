//! Estimates against bills: hours that are not billed yet, machines without lines, leaked machines, and the sum that holds
//! for any bill.

use proptest::prelude::*;
use spotmill_core::ids::RunId;
use spotmill_ledger::bill::{Bill, Billed, Kind, Others, Source};
use spotmill_ledger::{
    Attempt, Class, Estimated, Life, Market, Period, Rates, Reconciled, billed_rows, compared, estimates, of_machine,
    reconcile,
};
use std::collections::BTreeMap;

const HOUR: u64 = 3_600_000;
const RUN: &str = "flights/2013-01-01";

fn machine(id: &str, run: &str, from_hour: u64, to_hour: u64, nanos: u64) -> (String, Estimated) {
    let run = RunId::new(run);
    let (start_ms, end_ms) = (from_hour * HOUR, to_hour * HOUR);
    (id.to_owned(), Estimated { run, market: Market::Spot, start_ms, end_ms, nanos })
}

fn line(id: &str, run: Option<&str>, hour: u64, nanos: i64) -> Billed {
    Billed {
        resource: id.to_owned(),
        run: run.map(str::to_owned),
        kind: Kind::Machine,
        usage: "USE2-SpotUsage:r7g.large".to_owned(),
        start_ms: hour * HOUR,
        end_ms: (hour + 1) * HOUR,
        nanos,
    }
}

fn bill(source: Source, lines: Vec<Billed>, until_hour: u64) -> Bill {
    Bill { source, lines, others: Others { lines: 2, nanos: 70 }, repeated: 0, until_ms: Some(until_hour * HOUR) }
}

/// Of the one run.
fn of(bill: Bill, all: &[(String, Estimated)]) -> Reconciled {
    reconcile(bill, &all.iter().cloned().collect(), |run, _| run == RUN)
}

#[test]
fn each_machine_is_compared_with_its_lines() {
    let all = [machine("i-1", RUN, 10, 12, 200), machine("i-2", RUN, 10, 11, 100)];
    let lines = vec![line("i-1", None, 10, 90), line("i-1", None, 11, 95), line("i-2", None, 10, 101)];
    let found = of(bill(Source::SpotDataFeed, lines, 14), &all);
    let machines: Vec<_> = found
        .machines
        .iter()
        .map(|m| (m.id.as_str(), m.estimate_nanos, m.not_billed_yet_nanos, m.billed_nanos))
        .collect();
    assert_eq!(machines, [("i-1", 200, 0, 185), ("i-2", 100, 0, 101)]);
    assert_eq!((found.missing().count(), found.leaked.len(), found.all_nanos()), (0, 0, 286 + 70));
}

#[test]
fn what_follows_the_last_billed_hour_is_not_billed_yet() {
    // Billed up to twelve: one machine is half in it, one is not, one has a line of its own beyond.
    let all = [machine("i-1", RUN, 10, 14, 400), machine("i-2", RUN, 13, 14, 100), machine("i-3", RUN, 11, 14, 300)];
    let lines = vec![line("i-1", None, 10, 100), line("i-1", None, 11, 100), line("i-3", None, 12, 90)];
    let found = of(bill(Source::SpotDataFeed, lines, 12), &all);
    let parts: Vec<_> = found.machines.iter().map(|m| (m.estimate_nanos, m.not_billed_yet_nanos)).collect();
    assert_eq!(parts, [(200, 200), (0, 100), (200, 100)]);
    assert_eq!(found.missing().count(), 0, "nobody waits for what is not billed yet");
}

#[test]
fn a_machine_that_the_bill_has_passed_is_missing_unless_it_cost_nothing() {
    let all = [machine("i-1", RUN, 10, 11, 100), machine("i-2", RUN, 10, 11, 0)];
    let found = of(bill(Source::SpotDataFeed, vec![line("i-9", None, 12, 5)], 13), &all);
    assert_eq!(found.missing().map(|machine| machine.id.as_str()).collect::<Vec<_>>(), ["i-1"]);
    assert_eq!(found.of_nobody, Others { lines: 3, nanos: 75 }, "a feed has no tags: it may be anybody's");
}

#[test]
fn a_tagged_machine_that_no_ledger_has_is_leaked() {
    let all = [machine("i-1", RUN, 10, 11, 100), machine("i-2", "flights/2013-01-02", 10, 11, 100)];
    let mut traffic = line("i-1", Some(RUN), 10, 3);
    (traffic.kind, traffic.usage) = (Kind::Other, "USE2-DataTransfer-Regional-Bytes".to_owned());
    let mut volume = line("vol-1", Some(RUN), 10, 8);
    (volume.kind, volume.usage) = (Kind::Volume, "EBS:VolumeUsage.gp3".to_owned());
    let lines = vec![
        line("i-1", Some(RUN), 10, 90),
        line("i-2", Some("flights/2013-01-02"), 10, 80),
        line("i-8", Some(RUN), 10, 20),
        line("i-8", Some(RUN), 12, 22),
        line("i-7", Some("flights/2013-01-02"), 12, 22),
        line("i-6", None, 12, 1),
        traffic,
        volume,
    ];
    let found = of(bill(Source::Cur, lines, 13), &all);
    let [leaked] = &found.leaked[..] else { panic!("{found:?}") };
    let span = (leaked.from_ms / HOUR, leaked.to_ms / HOUR);
    assert_eq!((leaked.resource.as_str(), leaked.run.as_str(), span, leaked.nanos), ("i-8", RUN, (10, 13), 42));
    assert_eq!(
        found.beside,
        BTreeMap::from([("DataTransfer-Regional-Bytes".to_owned(), 3), ("EBS:VolumeUsage.gp3".to_owned(), 8)])
    );
    assert_eq!(
        (found.of_other_runs, found.of_nobody),
        (Others { lines: 2, nanos: 102 }, Others { lines: 3, nanos: 71 })
    );
}

#[test]
fn machines_on_demand_are_in_no_data_feed() {
    let mut all = vec![machine("i-1", RUN, 10, 11, 100), machine("i-2", RUN, 10, 11, 100)];
    all[1].1.market = Market::OnDemand;
    let found = of(bill(Source::SpotDataFeed, vec![line("i-1", None, 10, 90)], 13), &all);
    assert_eq!((found.machines.len(), found.not_in_it), (1, 1));
    assert_eq!(of(bill(Source::Focus, vec![line("i-1", None, 10, 90)], 13), &all).missing().count(), 1);
}

#[test]
fn lines_are_runs_days_or_months_of_machines_by_their_beginning() {
    let day = 24;
    let all = [
        machine("i-1", RUN, 0, 1, 100),
        machine("i-2", RUN, day + 1, day + 2, 100),
        machine("i-3", RUN, 31 * day, 31 * day + 1, 50),
    ];
    let lines = vec![line("i-1", None, 0, 90), line("i-2", None, day + 1, 120), line("i-3", None, 31 * day, 50)];
    let found = of(bill(Source::SpotDataFeed, lines, 40 * day), &all);
    let shown =
        |by| compared(by, &found).0.into_iter().map(|line| (line.name, line.difference_usd_nanos)).collect::<Vec<_>>();
    let named =
        |lines: &[(&str, i64)]| lines.iter().map(|(name, nanos)| ((*name).to_owned(), *nanos)).collect::<Vec<_>>();
    assert_eq!(shown(Period::Run), named(&[(RUN, 10)]));
    assert_eq!(shown(Period::Day), named(&[("1970-01-01", -10), ("1970-01-02", 20), ("1970-02-01", 0)]));
    assert_eq!(shown(Period::Month), named(&[("1970-01", 10), ("1970-02", 0)]));
    assert_eq!(compared(Period::Run, &found).1.difference_percent, Some(4.0));
    assert_eq!(compared(Period::Run, &of(bill(Source::Cur, vec![], 1), &[])).1.difference_percent, None);
}

#[test]
fn a_bill_is_divided_among_the_rows_of_its_machine() {
    let life = Life {
        id: "i-1".to_owned(),
        kind: "r7g.2xlarge".to_owned(),
        zone: "us-east-1a".to_owned(),
        market: Market::Spot,
        vcpus: 8,
        memory_bytes: None,
        slots: 1,
        launched_ms: 0,
        ready_ms: Some(HOUR / 4),
        ended_ms: HOUR,
        vanished: false,
        noticed: false,
        usd_per_hour: Some(0.16),
    };
    let attempt = Attempt { item: 3, class: Class::Useful, ended_ms: HOUR, slot_ms: HOUR / 2 };
    let (rows, _) = of_machine(&"a".into(), 1, &life, &[attempt], &Rates::default());
    let all = estimates(
        rows.iter().map(|row| (RunId::new(RUN), row)).collect::<Vec<_>>().iter().map(|(run, row)| (run, *row)),
    );
    assert_eq!((all.len(), all["i-1"].nanos), (1, 160_000_000));
    for nanos in [101, -101] {
        let found = reconcile(bill(Source::SpotDataFeed, vec![line("i-1", None, 0, nanos)], 2), &all, |_, _| true);
        let rows: Vec<_> = rows.iter().collect();
        // Useful half of the time, boot and idle a quarter each; the volume and the address have another bill.
        let sign = nanos.signum();
        let expected = [Some(51 * sign), Some(25 * sign), Some(25 * sign), None, None];
        assert_eq!(billed_rows(&rows, &found), expected);
    }
    let none = reconcile(bill(Source::SpotDataFeed, vec![], 2), &all, |_, _| true);
    assert!(
        billed_rows(&rows.iter().collect::<Vec<_>>(), &none).iter().all(Option::is_none),
        "no line is no bill of 0"
    );
}

prop_compose! {
    fn any_line()(
        id in 0_u32..9,
        tag in prop_oneof![Just(None), Just(Some(RUN)), Just(Some("other/1"))],
        kind in prop_oneof![Just(Kind::Machine), Just(Kind::Volume), Just(Kind::Other)],
        hour in 0_u64..40,
        nanos in -1_000_000_i64..9_000_000_000,
    ) -> Billed {
        Billed { kind, ..line(&format!("i-{id}"), tag, hour, nanos) }
    }
}

prop_compose! {
    fn any_machine()(id in 0_u32..6, ours in any::<bool>(), from in 0_u64..30, hours in 0_u64..9, nanos in 0_u64..9_000_000_000)
        -> (String, Estimated)
    {
        machine(&format!("i-{id}"), if ours { RUN } else { "other/1" }, from, from + hours, nanos)
    }
}

proptest! {
    /// Whatever is billed is somewhere, once; whatever was estimated of what is compared is billed by now, or not yet.
    #[test]
    fn what_is_matched_and_what_is_not_sum_to_all_lines(
        lines in proptest::collection::vec(any_line(), 0..40),
        machines in proptest::collection::vec(any_machine(), 0..6),
        is_feed in any::<bool>(),
        until in proptest::option::of(0_u64..45),
    ) {
        let source = if is_feed { Source::SpotDataFeed } else { Source::Cur };
        let all: BTreeMap<String, Estimated> = machines.into_iter().collect();
        let sum: i64 = lines.iter().map(|line| line.nanos).sum();
        let bill = Bill { until_ms: until.map(|hour| hour * HOUR), ..bill(source, lines, 0) };
        let found = reconcile(bill, &all, |run, _| run == RUN);
        prop_assert_eq!(found.all_nanos(), sum + 70);
        let estimate: u64 = found.machines.iter().map(|m| m.estimate_nanos + m.not_billed_yet_nanos).sum();
        let expected: u64 = all.values().filter(|m| m.run.as_str() == RUN).map(|m| m.nanos).sum();
        prop_assert_eq!(estimate, expected);
        for by in [Period::Run, Period::Day, Period::Month] {
            let (lines, total) = compared(by, &found);
            let machines: i64 = found.machines.iter().map(|machine| machine.billed_nanos).sum();
            prop_assert_eq!(lines.iter().map(|line| line.billed_usd_nanos).sum::<i64>(), machines);
            prop_assert_eq!((total.billed_usd_nanos, total.machines), (machines, found.machines.len() as u64));
            let differences: i64 = lines.iter().map(|line| line.difference_usd_nanos).sum();
            prop_assert_eq!(differences, total.difference_usd_nanos);
        }
    }
}
