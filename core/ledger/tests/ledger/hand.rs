//! A scripted fleet of four machines whose ledger was computed by hand, to the nano-dollar. The sums stand beside the
//! rows.

use spotmill_core::ids::RunId;
use spotmill_core::item::FailureClass;
use spotmill_ledger::{
    Attempt, By, Category, Charge, Class, Counted, ItemCounts, Life, Market, Place, PriceSource, Rates, class_of,
    lines, of_machine, of_services, total,
};

fn life(id: &str, kind: &str, market: Market, vcpus: u32, slots: u32, times: [u64; 3]) -> Life {
    Life {
        id: id.to_owned(),
        kind: kind.to_owned(),
        zone: "us-east-1a".to_owned(),
        market,
        vcpus,
        memory_bytes: None,
        slots,
        launched_ms: times[0] * 1_000,
        ready_ms: Some(times[1] * 1_000),
        ended_ms: times[2] * 1_000,
        vanished: false,
        noticed: false,
        usd_per_hour: Some(0.16).filter(|_| market == Market::Spot),
    }
}

fn attempt(item: u32, class: Class, ended_secs: u64, slot_secs: u64) -> Attempt {
    Attempt { item, class, ended_ms: ended_secs * 1_000, slot_ms: slot_secs * 1_000 }
}

/// `class item`, milliseconds of the machine, nano-dollars.
fn rows(life: &Life, attempts: &[Attempt]) -> (Vec<Charge>, Vec<(String, u64, u64)>) {
    let (rows, over_ms) = of_machine(&"s".into(), 1, life, attempts, &Rates::default());
    assert_eq!(over_ms, 0);
    let row = |row: &Charge| {
        let item = row.item.map_or(String::new(), |item| format!(" {item}"));
        (format!("{}{item}", row.category.name()), row.quantity, row.cost.expect("a price"))
    };
    let shown = rows.iter().map(row).collect();
    (rows, shown)
}

#[track_caller]
fn equal(shown: &[(String, u64, u64)], expected: &[(&str, u64, u64)]) {
    let shown: Vec<_> = shown.iter().map(|(name, ms, nanos)| (name.as_str(), *ms, *nanos)).collect();
    assert_eq!(shown, expected);
}

/// $0.16 an hour for 1,840 s of 4 slots: 81,777,778 of 7,360 slot-seconds.
fn worker() -> (Vec<Charge>, Vec<(String, u64, u64)>) {
    let attempts = [
        attempt(0, Class::Useful, 1_840, 1_800),
        attempt(1, Class::Useful, 1_300, 1_200),
        attempt(2, Class::Retried, 700, 600),
        attempt(2, Class::Useful, 1_700, 900),
    ];
    rows(&life("i-a", "r7g.2xlarge", Market::Spot, 8, 4, [0, 40, 1_840]), &attempts)
}

/// Taken by EC2 after 20 minutes: its first hour is free, its volume and address are not.
fn taken() -> (Vec<Charge>, Vec<(String, u64, u64)>) {
    let attempts = [attempt(3, Class::Lost, 1_260, 1_000), attempt(4, Class::Useful, 800, 500)];
    let life = Life { noticed: true, ..life("i-b", "r7g.2xlarge", Market::Spot, 8, 4, [60, 100, 1_260]) };
    rows(&life, &attempts)
}

/// On demand, 4 vCPUs at 0.0504 by the table; it vanished 250 s after the last thing it recorded.
fn vanished() -> (Vec<Charge>, Vec<(String, u64, u64)>) {
    let life = Life { vanished: true, ..life("i-c", "m7i.xlarge", Market::OnDemand, 4, 2, [0, 50, 900]) };
    rows(&life, &[attempt(5, Class::Useful, 650, 500)])
}

/// No price, no entry of the table, no worker: 0.10 a vCPU-hour for the minute that EC2 bills at least.
fn stillborn() -> (Vec<Charge>, Vec<(String, u64, u64)>) {
    let life = Life { ready_ms: None, usd_per_hour: None, ..life("i-d", "x9z.large", Market::Spot, 2, 1, [10, 0, 40]) };
    rows(&life, &[])
}

#[test]
fn each_part_of_each_life_costs_what_was_computed_by_hand() {
    equal(
        &worker().1,
        &[
            ("useful 0", 450_000, 20_000_000),
            ("useful 1", 300_000, 13_333_333),
            ("useful 2", 225_000, 10_000_000),
            ("boot", 40_000, 1_777_778),
            ("idle", 675_000, 30_000_000),
            ("retried 2", 150_000, 6_666_667),
            ("volume", 1_840_000, 5_181_126),
            ("address", 1_840_000, 2_555_556),
        ],
    );
    equal(
        &taken().1,
        &[
            ("useful 4", 125_000, 0),
            ("boot", 40_000, 0),
            ("idle", 785_000, 0),
            ("lost 3", 250_000, 0),
            ("volume", 1_200_000, 3_378_995),
            ("address", 1_200_000, 1_666_667),
        ],
    );
    equal(
        &vanished().1,
        &[
            ("useful 5", 250_000, 14_000_000),
            ("boot", 50_000, 2_800_000),
            ("idle", 350_000, 19_600_000),
            ("lost", 250_000, 14_000_000),
            ("volume", 900_000, 2_534_247),
            ("address", 900_000, 1_250_000),
        ],
    );
    equal(&stillborn().1, &[("boot", 30_000, 3_333_333), ("volume", 30_000, 168_950), ("address", 30_000, 83_333)]);
}

#[test]
fn each_price_says_where_it_is_from() {
    let source = |rows: &[Charge]| rows[0].source;
    assert_eq!(source(&worker().0), PriceSource::Spot);
    assert_eq!(source(&taken().0), PriceSource::FirstHour);
    assert_eq!(source(&vanished().0), PriceSource::Table);
    assert_eq!(source(&stillborn().0), PriceSource::Bound);
    // On demand the first machine would have cost 8 x 0.05355 an hour.
    let list: u64 =
        worker().0.iter().filter(|r| matches!(r.category, Category::Machine(_))).filter_map(|r| r.list).sum();
    assert_eq!(list, 218_960_000);
}

#[test]
fn the_fleet_and_its_services_sum_to_the_run() {
    let items = vec![ItemCounts { item: 0, attempts: 1, inputs: 2, writes: 3, bytes: 1_000_000_000 }];
    let counted =
        Counted { step: "s".into(), generation: 1, epochs: 2, rounds: 3, items, start_ms: 0, end_ms: 1_840_000 };
    let services = of_services(Place::Aws, &counted, &Rates::default());
    let shown: Vec<_> = services.iter().map(|r| (r.category.name(), r.quantity, r.cost.expect("a price"))).collect();
    assert_eq!(
        shown,
        [
            ("s3_requests", 4, 1_600),
            ("s3_requests", 3, 15_000),
            ("s3_storage", 15_000_000_000, 11_348_684),
            ("sqs", 3, 1_200),
            ("step_functions", 25, 625_000),
            ("lambda", 14, 2_800),
        ]
    );
    assert_eq!(of_services(Place::LocalOnS3, &counted, &Rates::default()).len(), 3);
    assert_eq!(of_services(Place::Local, &counted, &Rates::default()), []);

    let all: Vec<Charge> = [worker().0, taken().0, vanished().0, stillborn().0, services].concat();
    let summary = total(&all, 2_000_000_000_000);
    assert_eq!((summary.total.usd_nanos, summary.total.machine_usd_nanos), (164_324_269, 135_511_111));
    assert_eq!(summary.usd_nanos_per_tb, Some(82_162_134));
    assert_eq!((summary.total.machine_ms, summary.total.useful_ms), (3_970_000, 1_350_000));
    let run = RunId::from("p/1");
    let by = |by| lines(by, all.iter().map(|row| (&run, row)));
    let names: Vec<String> = by(By::Pool).into_iter().map(|line| line.name).collect();
    let pools =
        ["m7i.xlarge us-east-1a on demand", "r7g.2xlarge us-east-1a spot", "services", "x9z.large us-east-1a spot"];
    assert_eq!(names, pools);
    let items = by(By::Item);
    assert_eq!((items[0].name.as_str(), items[1].name.as_str()), ("s shared", "s 0"));
    assert_eq!(items[3].usd_nanos, 10_000_000 + 6_666_667, "item 2, the try that failed included");
}

#[test]
fn an_attempt_is_judged_by_how_it_and_its_item_ended() {
    let cases = [
        (None, true, Class::Useful),
        (Some(FailureClass::Lost), true, Class::Lost),
        (Some(FailureClass::Lost), false, Class::Lost),
        (Some(FailureClass::Memory), true, Class::Retried),
        (Some(FailureClass::BadData), false, Class::Failed),
    ];
    for (failure, has_receipt, class) in cases {
        assert_eq!(class_of(failure, has_receipt), class, "{failure:?} {has_receipt}");
    }
}

#[test]
fn on_this_machine_there_are_seconds_and_dollars_only_at_a_price_that_is_set() {
    let life = life("local-1", "x86_64", Market::Local, 4, 2, [0, 0, 10]);
    let attempts = [attempt(0, Class::Useful, 8, 8)];
    let (rows, _) = of_machine(&"s".into(), 1, &life, &attempts, &Rates::default());
    assert!(rows.iter().all(|row| row.cost.is_none() && row.service() == "this machine"));
    let summary = total(&rows, 1);
    assert_eq!((summary.total.unpriced_ms, summary.usd_nanos_per_tb, summary.useful_share), (10_000, None, Some(0.4)));
    let mut rates = Rates::default();
    rates.set("vcpu_hour", 0.036).expect("a rate");
    let (rows, _) = of_machine(&"s".into(), 1, &life, &attempts, &rates);
    assert_eq!(total(&rows, 1).total.usd_nanos, 400_000, "4 vCPUs, 10 s, $0.036 an hour");
}
