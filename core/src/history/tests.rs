use super::*;
use crate::model::Resources;
use crate::records::ItemSizes;

const GB: u64 = 1_000_000_000;
const GIB: u64 = 1 << 30;

/// A run whose only step read `gb` and held slots for `secs`.
fn run(name: &str, gb: u64, secs: u64) -> PastRun {
    let step = PastStep {
        items: 40,
        input_bytes: gb * GB,
        vcpus: 2,
        cpu_ms: secs * 1_000,
        slot_ms: secs * 1_000,
        peak_bytes: GIB,
        peak_per_byte: Some(3.0),
    };
    PastRun { run: name.into(), ended_ms: 0, steps: [("s".to_owned(), step)].into() }
}

fn history(runs: impl IntoIterator<Item = PastRun>) -> History {
    runs.into_iter().fold(History::default(), History::with)
}

fn measured(runs: impl IntoIterator<Item = PastRun>) -> Measured {
    history(runs).measured("s", 2).expect("measured")
}

fn question(measured: Option<&Measured>) -> Question<'_> {
    Question {
        items: 40,
        input_bytes: 60 * GB,
        slot_vcpus: 2,
        max_vcpus: Some(64),
        measured,
        deadline_secs: None,
        spent_secs: 0,
        boot_secs: 60,
    }
}

#[test]
fn each_run_counts_once_and_old_ones_are_forgotten() {
    let many = history((0..100).map(|i| run(&format!("p/{i}"), 1, 1)));
    assert_eq!(many.runs.len(), HISTORY_RUNS);
    assert_eq!(many.runs.last().unwrap().run.as_str(), "p/99");
    let repeated = history([run("p/1", 1, 1), run("p/2", 1, 1), run("p/1", 1, 9)]);
    assert_eq!(repeated.runs.iter().map(|r| r.run.as_str()).collect::<Vec<_>>(), ["p/2", "p/1"]);
    assert_eq!(repeated.runs[1].steps["s"].slot_ms, 9_000);
}

#[test]
fn one_strange_run_hardly_counts() {
    let sound = measured([run("1", 60, 3_600), run("2", 60, 3_600), run("3", 60, 3_600)]);
    let strange = measured([run("1", 60, 3_600), run("2", 60, u64::MAX / 2_000), run("3", 60, 3_600)]);
    assert_eq!(sound.slot_ms_per_byte, strange.slot_ms_per_byte);
    let mut wild = [run("1", 60, 1), run("2", 60, 1), run("3", 60, 1)];
    wild[1].steps.get_mut("s").unwrap().peak_per_byte = Some(1e12);
    assert_eq!(measured(wild).peak_per_byte, Some(12.0), "four times the median");
}

#[test]
fn what_measured_nothing_counts_for_nothing() {
    assert_eq!(history([]).measured("s", 2), None);
    assert_eq!(history([run("1", 60, 0)]).measured("s", 2), None, "no time");
    assert_eq!(history([run("1", 0, 9)]).measured("s", 2), None, "no input");
    assert_eq!(history([run("1", 60, 9)]).measured("s", 4), None, "slots of another size");
    assert_eq!(history([run("1", 60, 9)]).measured("t", 2), None);
    let mut broken = run("1", 60, 9);
    broken.steps.get_mut("s").unwrap().peak_per_byte = Some(f64::NAN);
    assert_eq!(measured([broken]).peak_per_byte, None);
    // Nothing reads faster than a gigabyte a second: one wrong sample must not make a fleet vanish either.
    assert_eq!(measured([run("1", 1_000_000, 1)]).slot_ms_per_byte, 1_000.0 / 1e9);
}

#[test]
fn without_a_measure_items_and_max_vcpus_decide() {
    let sized = |question: Question<'_>| size(&question);
    assert_eq!(sized(question(None)).slots, 32);
    assert_eq!(sized(question(None)).because, "32 slots: `max_vcpus` is 64 and a slot takes 2");
    assert_eq!(sized(Question { max_vcpus: None, ..question(None) }).because, "40 slots: one an item");
    assert_eq!(sized(Question { max_vcpus: Some(1), ..question(None) }).slots, 1, "one item has to run");
    let hopeful = sized(Question { deadline_secs: Some(600), ..question(None) });
    assert!(hopeful.slots == 32 && hopeful.because.ends_with("its deadline counts once a run was measured"));
}

#[test]
fn with_a_measure_no_slot_works_for_seconds_only() {
    let m = measured([run("1", 60, 1_200)]);
    let chosen = size(&question(Some(&m)));
    assert_eq!(chosen.slots, 10);
    let why = "10 slots of at most 32: 55.9 GiB hold a slot for about 20 min (median of 1 run); each slot should have \
               2 min of work";
    assert_eq!(chosen.because, why);
    assert_eq!(size(&Question { input_bytes: 1, ..question(Some(&m)) }).slots, 1);
}

#[test]
fn a_deadline_decides_how_many() {
    let m = measured([run("1", 60, 36_000)]);
    let within =
        |deadline, spent_secs| size(&Question { deadline_secs: Some(deadline), spent_secs, ..question(Some(&m)) });
    assert_eq!(within(7_260, 0).slots, 8, "10 h of work and half as much again, in 2 h");
    assert!(within(7_260, 0).because.ends_with("; the deadline leaves 2 h"), "{}", within(7_260, 0).because);
    assert_eq!(within(7_260, 3_600).slots, 15, "in the hour that is left");
    let late = within(1_260, 0);
    assert_eq!(late.slots, 32);
    let end =
        "the deadline leaves 20 min, which is too little (`max_vcpus` is 64 and a slot takes 2): expect about 28 min";
    assert!(late.because.ends_with(end), "{}", late.because);
    assert_eq!(within(7_260, 9_000).slots, 32, "it has passed");
}

#[test]
fn no_measure_makes_a_fleet_explode() {
    for slot_ms_per_byte in [0.0, 1e-9, 1.0, 1e300, f64::INFINITY, f64::NAN] {
        let m = Measured { runs: 1, slot_ms_per_byte, peak_per_byte: None, items: 1, input_bytes: 1 };
        for deadline_secs in [None, Some(1), Some(61), Some(u64::MAX)] {
            let base = question(Some(&m));
            let chosen = size(&Question { deadline_secs, input_bytes: u64::MAX, ..base });
            assert!((1..=32).contains(&chosen.slots), "{chosen:?}");
        }
    }
}

fn thirsty(peak_per_byte: f64) -> Measured {
    Measured { runs: 3, slot_ms_per_byte: 1.0, peak_per_byte: Some(peak_per_byte), items: 1, input_bytes: 1 }
}

#[test]
fn a_step_begins_where_most_of_its_items_fit() {
    let resources = Resources {
        vcpus: 1,
        memory_bytes: GIB,
        max_memory_bytes: 6 * GIB,
        timeout_secs: 1,
        max_attempts: 1,
        network: false,
        processes: Default::default(),
    };
    let of = |gb: u64| ItemSizes { median: GB / 10, nine_of_ten: gb * GB, largest: 100 * GB };
    let rung = |gb: u64| first_rung(&resources, Some(&of(gb)), Some(&thirsty(1.0)));
    assert_eq!(rung(0), (0, None));
    assert_eq!(rung(1).0, 1, "a gigabyte and the engine pass a GiB");
    assert_eq!(rung(4).0, 2);
    assert_eq!(rung(5).0, 3, "6 GiB, the most it may have");
    assert_eq!(rung(50).0, 3, "never above it");
    assert!(rung(1).1.unwrap().starts_with("items begin with 2.0 GiB instead of 1.0 GiB: 953.7 MiB of input"));
    assert_eq!(first_rung(&resources, None, Some(&thirsty(1.0))), (0, None));
    assert_eq!(first_rung(&resources, Some(&of(50)), None), (0, None));
}

#[test]
fn small_inputs_measure_no_memory() {
    assert_eq!(peak_per_byte(GIB, 100), None);
    assert_eq!(peak_per_byte(0, GB), None, "it was not measured");
    assert_eq!(peak_per_byte(100 << 20, GB), Some(0.0), "no more than the engine");
    let measured = peak_per_byte(GIB, 100 << 20).unwrap();
    assert!(expected_peak(measured, 100 << 20) >= GIB - 1, "never below what was measured");
}

#[test]
fn time_and_vcpu_hours_are_foreseen() {
    let m = measured([run("1", 60, 36_000)]);
    let estimated = estimate(&m, 30 * GB, 10, 2, 60);
    assert_eq!(estimated, Estimate { secs: 1_860, vcpu_hours: 10.0 + 1.0 / 3.0 });
    assert_eq!(estimate(&m, 0, 1, 2, 60).secs, 60, "the boot alone");
}

#[test]
fn a_span_is_that_of_the_quickest_the_middle_and_the_slowest_run() {
    let past = history([run("1", 1, 10), run("2", 1, 20), run("3", 1, 90)]);
    let band = past.band("s", 2).expect("measured");
    assert_eq!(span(&band, GB / 2), Span { low: 5_000, median: 10_000, high: 45_000 });
    assert_eq!((band.runs, band.median), (3, past.measured("s", 2).expect("measured").slot_ms_per_byte));
    assert_eq!(past.band("s", 4), None, "never measured on such slots");
    assert_eq!(span(&band, 0), Span::default());
}
