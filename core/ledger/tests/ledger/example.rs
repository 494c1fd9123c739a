//! A worked example of a day of 500 GB in four steps. On EMR: five core nodes on demand and five task nodes on spot, all
//! r5.4xlarge with 1 TB of gp3 each, for five hours, that is 800 vCPU-hours, with an m5.xlarge as master. Here: the same
//! vCPU-hours at $0.021 with 5% lost to interruptions, 4,000 items of 200 reads and 50 writes, and 1.5 TB kept for a day
//! and a half. Prices are those of docs/cost.md; r5.4xlarge is $1.008 an hour by https://aws.amazon.com/ec2/pricing/.

use spotmill_ledger::{
    Category, Charge, Class, Counted, Elsewhere, ItemCounts, Life, Market, Place, Rates, Work, elsewhere, emr,
    of_machine, of_services,
};

const HOUR_MS: u64 = 3_600_000;
const NODE_HOURS: f64 = 10.0 * 5.0;
const LIST_USD: f64 = NODE_HOURS * 1.008;
const VCPU_HOURS: f64 = NODE_HOURS * 16.0;

#[track_caller]
fn near(is: f64, expected: f64) {
    assert!((is - expected).abs() < 0.005, "{is} is not {expected}");
}

fn rates() -> Rates {
    let mut rates = Rates::default();
    for (name, value) in [("scratch_days", 1.5), ("volume_gb", 20.0), ("volume_mibps", 125.0)] {
        rates.set(name, value).expect("a rate");
    }
    rates
}

#[test]
fn the_cluster_costs_what_the_example_says() {
    let cluster = emr(LIST_USD, VCPU_HOURS, 5.0, &Rates::default());
    near(cluster.on_demand, 25.20);
    near(cluster.spot, 10.08);
    near(cluster.fee, 12.60);
    near(cluster.master, 1.20);
    near(cluster.disks, 5.48);
    near(cluster.usd(), 54.56);
    let mut on_demand = Rates::default();
    on_demand.set("emr_core_share", 1.0).expect("a rate");
    near(emr(LIST_USD, VCPU_HOURS, 5.0, &on_demand).usd(), 69.68);
}

/// An hour of 8 vCPUs.
fn machine(hours: f64) -> Life {
    Life {
        id: "i".to_owned(),
        kind: "r7g.2xlarge".to_owned(),
        zone: "us-east-1a".to_owned(),
        market: Market::Spot,
        vcpus: 8,
        memory_bytes: Some(64_000_000_000),
        slots: 1,
        launched_ms: 0,
        ready_ms: Some(0),
        ended_ms: (hours * HOUR_MS as f64) as u64,
        vanished: false,
        noticed: false,
        usd_per_hour: Some(8.0 * 0.021),
    }
}

fn usd(rows: &[Charge], of: impl Fn(Category) -> bool) -> f64 {
    rows.iter().filter(|row| of(row.category)).filter_map(|row| row.cost).sum::<u64>() as f64 / 1e9
}

/// An engine `factor` times as fast needs that many fewer hours here.
fn here(factor: f64) -> [f64; 4] {
    let rates = rates();
    let machines = |hours: f64| of_machine(&"s".into(), 1, &machine(hours), &[], &rates).0;
    let (work, waste) = (machines(100.0 / factor), machines(5.0 / factor));
    let compute = |rows: &[Charge]| usd(rows, |c| matches!(c, Category::Machine(_)));
    let item = |item| ItemCounts { item, attempts: 1, inputs: 100, writes: 50, bytes: 375_000_000 };
    let counted = Counted {
        step: "s".into(),
        generation: 1,
        epochs: 4,
        rounds: 4,
        items: (0..4_000).map(item).collect(),
        start_ms: 0,
        end_ms: 1,
    };
    let services = of_services(Place::Aws, &counted, &rates);
    let others = usd(&services, |c| matches!(c, Category::Sqs | Category::Lambda | Category::StepFunctions));
    // The example allows 13 cents for these and for logs, which no record counts.
    assert!(others > 0.0 && others < 0.13, "{others}");
    [
        compute(&work) + compute(&waste),
        usd(&services, |c| c == Category::S3Requests),
        usd(&services, |c| c == Category::S3Storage),
        // The example counts disks and addresses without the waste.
        usd(&work, |c| matches!(c, Category::Volume | Category::Address)),
    ]
}

#[test]
fn the_ledger_of_the_same_work_costs_what_the_example_says() {
    let table = [
        (1.0, [17.64, 1.32, 1.70, 0.72], 21.51, 0.61),
        (2.5, [7.06, 1.32, 1.70, 0.29], 10.50, 0.81),
        (4.0, [4.41, 1.32, 1.70, 0.18], 7.74, 0.86),
    ];
    for (factor, parts, total, saving) in table {
        let found = here(factor);
        found.iter().zip(parts).for_each(|(is, expected)| near(*is, expected));
        let sum = found.iter().sum::<f64>() + 0.13;
        assert!((sum - total).abs() < 0.01, "{sum} is not {total}");
        assert!((1.0 - sum / 54.56 - saving).abs() < 0.005, "{}", 1.0 - sum / 54.56);
    }
}

fn find<'a>(all: &'a [Elsewhere], name: &str) -> &'a Elsewhere {
    all.iter().find(|line| line.name == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn each_comparison_is_its_formula_and_the_engine_factor_is_one_until_it_is_set() {
    let rows = of_machine(&"s".into(), 1, &machine(100.0), &[], &rates()).0;
    let work = Work::of(&[machine(100.0)], &rows);
    assert_eq!((work.vcpu_hours, work.gb_hours, work.wall_hours), (800.0, 6_400.0, 100.0));
    let all = elsewhere(&work, &rates());
    near(find(&all, "on demand, as it ran").usd.expect("known"), 800.0 * 0.05355 + work.other_usd);
    near(find(&all, "AWS Batch, the same machines").usd.expect("known"), 16.80 + work.other_usd);
    near(find(&all, "EMR Serverless").usd.expect("known"), 800.0 * 0.052624 + 6_400.0 * 0.0057785);
    near(find(&all, "Glue Flex").usd.expect("known"), 400.0 * 0.29);
    assert_eq!(find(&all, "EMR Serverless Flex").usd, None, "its price is not known until it is set");
    assert!(all.iter().skip(1).all(|line| line.terms["engine_factor"] == Some(1.0)));
    for line in &all {
        let unknown = line.terms.values().any(Option::is_none);
        assert_eq!(line.usd.is_none(), unknown, "{line:?}");
    }

    let mut faster = rates();
    for (name, value) in
        [("engine_factor", 2.0), ("emr_serverless_flex_vcpu_hour", 0.03), ("emr_serverless_flex_gb_hour", 0.0)]
    {
        faster.set(name, value).expect("a rate");
    }
    let twice = elsewhere(&work, &faster);
    for name in ["EMR, fee and disks", "EMR Serverless", "Glue Flex"] {
        near(find(&twice, name).usd.expect("known"), 2.0 * find(&all, name).usd.expect("known"));
    }
    near(find(&twice, "EMR Serverless Flex").usd.expect("known"), 2.0 * 800.0 * 0.03);
    assert_eq!(find(&twice, "on demand, as it ran"), find(&all, "on demand, as it ran"), "nothing else runs it");
    assert!(rows.iter().any(|row| row.category == Category::Machine(Class::Idle)));
}
