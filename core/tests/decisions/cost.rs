use crate::machines::fleet;
use spotmill_core::bounds::USD_PER_VCPU_HOUR;
use spotmill_core::command::Caller;
use spotmill_core::fleet::life::{Cost, RoundMachines, over_budget};

const HOUR: u64 = 3_600_000;

#[test]
fn a_machine_costs_from_its_launch_until_it_was_seen_to_be_gone() {
    let mut life = RoundMachines::default();
    life.see(&fleet("i-1 i-2@1800"), HOUR / 2);
    let pools = life.unpriced();
    assert_eq!(pools, [("r7g.xlarge".to_owned(), "us-east-1a".to_owned())], "asked once for both");
    life.price(&pools, &[Some(0.08)]);
    assert!(life.unpriced().is_empty());
    // The second is gone; the third came and went between two inspections.
    life.see(&fleet("i-1 i-2@1800:gone i-3@3600:gone"), 2 * HOUR);
    life.end(3 * HOUR);
    let cost = life.cost(9 * HOUR);
    assert_eq!((cost.machines, cost.machine_ms), (3, 3 * HOUR + 3 * HOUR / 2 + HOUR));
    let bound = 4.0 * USD_PER_VCPU_HOUR;
    assert!((cost.usd - (4.5 * 0.08 + bound)).abs() < 1e-9, "{cost:?}");
}

#[test]
fn one_inspection_that_missed_a_machine_is_corrected() {
    let mut life = RoundMachines::default();
    life.see(&fleet("i-1"), 0);
    life.see(&fleet(""), HOUR);
    life.see(&fleet("i-1"), 2 * HOUR);
    assert_eq!(life.cost(3 * HOUR).machine_ms, 3 * HOUR);
}

#[test]
fn the_tail_and_on_demand_machines_are_counted_apart() {
    let mut life = RoundMachines::default();
    life.see(&fleet("i-1 od-2"), 0);
    life.tail_ms = Some(HOUR);
    life.see(&fleet("i-1 od-2:ended"), HOUR * 3 / 2);
    life.end(2 * HOUR);
    let cost = life.cost(2 * HOUR);
    let hour = 4.0 * USD_PER_VCPU_HOUR;
    let near = |usd: f64, hours: f64| (usd - hours * hour).abs() < 1e-9;
    assert!(near(cost.usd, 3.5) && near(cost.tail_usd, 1.5) && near(cost.on_demand_usd, 1.5), "{cost:?}");
    assert_eq!((cost.tail_ms, cost.on_demand), (HOUR, 1));
    let mut sum = Cost::default();
    sum += cost;
    sum += cost;
    assert_eq!((sum.machines, sum.tail_ms), (4, 2 * HOUR));
}

#[test]
fn who_spent_the_budget_reads_what_to_do() {
    let message = over_budget(2.034, 2.0, &Caller::new("aws").run());
    assert!(message.starts_with("the run's machines have cost $2.03 of its budget of $2.00 (`budget.usd_per_run`)"));
    assert!(
        message.contains("start again as it is: `spotmill start` asks") && message.contains("\"over_budget\": true"),
        "{message}"
    );
}

#[test]
fn a_record_survives_json() {
    let mut life = RoundMachines::default();
    life.see(&fleet("i-1 od-2"), 5);
    life.note("why".into());
    life.note("why".into());
    let text = serde_json::to_string(&life).unwrap();
    assert_eq!(serde_json::from_str::<RoundMachines>(&text).unwrap(), life);
    assert_eq!(life.notes.len(), 1);
}
