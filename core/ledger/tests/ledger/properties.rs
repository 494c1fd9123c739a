//! Sums that hold for any lives and attempts: classes to lives, items to steps, steps to runs, runs to a month.

use proptest::prelude::*;
use spotmill_core::ids::RunId;
use spotmill_ledger::{
    Attempt, By, Category, Charge, Class, Life, Market, PriceSource, Rates, apportion, lines, of_machine, split, total,
};

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Useful), Just(Class::Lost), Just(Class::Retried), Just(Class::Failed)]
}

prop_compose! {
    fn attempt()(item in 0_u32..6, class in class(), ended_ms in 0_u64..9_000_000, slot_ms in 0_u64..2_000_000) -> Attempt {
        Attempt { item, class, ended_ms, slot_ms }
    }
}

prop_compose! {
    /// Also such as no machine lives: ready after its end, ended before its launch.
    fn life()(
        market in prop_oneof![Just(Market::Spot), Just(Market::OnDemand), Just(Market::Local)],
        kind in prop_oneof![Just("r7g.2xlarge"), Just("m7i.xlarge"), Just("x9z.large")],
        slots in 0_u32..5,
        launched_ms in 0_u64..5_000_000,
        ready_ms in proptest::option::of(0_u64..9_000_000),
        ended_ms in 0_u64..9_000_000,
        (vanished, noticed) in any::<(bool, bool)>(),
        usd_per_hour in proptest::option::of(0.0_f64..3.0),
    ) -> Life {
        Life {
            id: "i".to_owned(),
            kind: kind.to_owned(),
            zone: "us-east-1a".to_owned(),
            market,
            vcpus: 4,
            memory_bytes: None,
            slots,
            launched_ms,
            ready_ms,
            ended_ms,
            vanished,
            noticed,
            usd_per_hour,
        }
    }
}

fn machines(rows: &[Charge]) -> impl Iterator<Item = &Charge> {
    rows.iter().filter(|row| matches!(row.category, Category::Machine(_)))
}

proptest! {
    #[test]
    fn parts_sum_to_the_whole(total in any::<u64>(), weights in proptest::collection::vec(any::<u64>(), 1..9)) {
        let parts = apportion(total, &weights);
        prop_assert_eq!(parts.iter().map(|p| u128::from(*p)).sum::<u128>(), u128::from(total));
        let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
        for (part, weight) in parts.iter().zip(&weights).filter(|_| sum > 0) {
            let share = u128::from(total) * u128::from(*weight) / sum;
            prop_assert!((share..=share + 1).contains(&u128::from(*part)), "{} of {}", part, share);
        }
    }

    #[test]
    fn classes_sum_to_lives(life in life(), attempts in proptest::collection::vec(attempt(), 0..9)) {
        let (slices, over_ms) = split(&life, &attempts);
        let slot_ms: u64 = slices.iter().map(|s| s.slot_ms).sum();
        prop_assert_eq!(slot_ms, life.lived_ms() * u64::from(life.slots.max(1)));
        let asked: u64 = attempts.iter().map(|a| a.slot_ms).sum();
        let given: u64 = slices.iter().filter(|s| s.item.is_some()).map(|s| s.slot_ms).sum();
        prop_assert_eq!(given + over_ms, asked);

        let (rows, _) = of_machine(&"s".into(), 1, &life, &attempts, &Rates::default());
        prop_assert_eq!(machines(&rows).map(|row| row.quantity).sum::<u64>(), life.lived_ms());
        let unknown = life.market == Market::Local;
        prop_assert!(rows.iter().all(|row| row.cost.is_none() == unknown));
        prop_assert!(rows.iter().all(|row| (row.source == PriceSource::Unknown) == unknown));
    }

    #[test]
    fn items_sum_to_steps_and_steps_to_runs_and_runs_to_a_month(
        fleet in proptest::collection::vec((0_usize..3, 0_usize..3, life(), proptest::collection::vec(attempt(), 0..5)), 0..12),
    ) {
        let runs = ["p/1", "p/2", "q/1"].map(RunId::from);
        let steps = ["a", "b", "c"];
        let mut all: Vec<(usize, Charge)> = Vec::new();
        for (run, step, life, attempts) in &fleet {
            let (rows, _) = of_machine(&steps[*step].into(), 1, life, attempts, &Rates::default());
            all.extend(rows.into_iter().map(|row| (*run, row)));
        }
        let whole = total(all.iter().map(|(_, row)| row), 0).total;
        for by in [By::Run, By::Step, By::Item, By::Pool, By::Class] {
            let groups = lines(by, all.iter().map(|(run, row)| (&runs[*run], row)));
            prop_assert_eq!(groups.iter().map(|l| l.usd_nanos).sum::<u64>(), whole.usd_nanos);
            prop_assert_eq!(groups.iter().map(|l| l.machine_ms).sum::<u64>(), whole.machine_ms);
            for class in Class::ALL {
                prop_assert_eq!(groups.iter().map(|l| l.of(class)).sum::<u64>(), whole.of(class));
            }
            for group in &groups {
                prop_assert_eq!(Class::ALL.into_iter().map(|c| group.of(c)).sum::<u64>(), group.machine_ms);
            }
        }
        for step in steps {
            let rows = || all.iter().filter(|(_, row)| row.step.as_str() == step);
            let items = lines(By::Item, rows().map(|(run, row)| (&runs[*run], row)));
            let of_step = total(rows().map(|(_, row)| row), 0).total;
            prop_assert_eq!(items.iter().map(|l| l.usd_nanos).sum::<u64>(), of_step.usd_nanos);
        }
    }
}
