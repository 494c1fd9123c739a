//! Events in any order.

use super::*;

/// Every input in every phase, many times over: a slot is never used twice, a child is never signalled without
/// being started, and a stopped supervisor always comes to its end.
#[test]
fn no_order_of_events_breaks_it() {
    for seed in 0..400 {
        random_walk(seed);
    }
}

fn random_walk(seed: u64) {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = move |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    let (mut state, mut now_ms, mut next_id) = (State::new(RULES), 1_000_000, 0);
    let (mut preparing, mut running, mut settling) = (Vec::new(), Vec::new(), Vec::new());
    let mut asked = 0u32;
    for round in 0..3_000 {
        let pick = |from: &[TryId], n: u64| from.get(n as usize % from.len().max(1)).copied();
        let n = below(1_000);
        let input = match below(12) {
            0 | 1 if asked > 0 => {
                let most = std::mem::take(&mut asked);
                let ids: Vec<(TryId, u32)> =
                    (0..n as u32 % (most + 1)).map(|i| (next_id + u64::from(i), 1 + (n as u32 + i) % 8)).collect();
                next_id += ids.len() as u64;
                Input::Received(ids)
            }
            2 if asked > 0 && n < 100 => {
                asked = 0;
                Input::ReceiveFailed
            }
            3 | 4 => match pick(&preparing, n) {
                Some(id) if n < 900 => Input::Ready(id, LIMITS),
                Some(id) => Input::Over(id),
                None => Input::Tick,
            },
            5 => pick(&running, n).map_or(Input::Tick, |id| Input::Memory(id, n * 2)),
            6 | 7 => match (pick(&running, n), n % 4) {
                (Some(id), 0) => signalled(id, 9),
                (Some(id), 1) => exited(id, 1, said(FailureClass::Transform)),
                (Some(id), _) => exited(id, 0, done()),
                (None, _) => Input::Tick,
            },
            8 => pick(&settling, n).map_or(Input::Tick, Input::Over),
            9 if round > 1_500 && n < 2 => Input::Notice { deadline_ms: now_ms + 30_000 },
            10 if round > 2_000 && n < 20 => Input::Stop,
            _ => {
                now_ms += n * 10;
                Input::Tick
            }
        };
        if let Input::Over(id) = &input {
            preparing.retain(|p| p != id);
            settling.retain(|s| s != id);
        }
        if let Input::Exited(id, ..) = &input {
            running.retain(|r| r != id);
        }
        let (after, commands) = step(state, input, now_ms);
        state = after;
        for command in commands {
            match command {
                Command::Receive { most } => {
                    assert_eq!(asked, 0, "seed {seed}: two receives at once");
                    asked = most;
                }
                Command::Prepare(id) => preparing.push(id),
                Command::Start(id) => {
                    assert!(preparing.contains(&id), "seed {seed}");
                    preparing.retain(|p| *p != id);
                    running.push(id);
                }
                Command::Signal(id, _) => assert!(running.contains(&id), "seed {seed}: {id} is not running"),
                Command::Commit(id, _) | Command::Settle(id, _) => {
                    preparing.retain(|p| *p != id);
                    settling.push(id);
                }
                Command::Extend(_) | Command::Alive(_) | Command::GiveBack(_) => {}
            }
        }
        assert!(state.tries.len() <= RULES.slots as usize, "seed {seed}: more tries than slots");
        assert!(running.len() <= RULES.slots as usize);
    }
    let (after, _) = step(state, Input::Stop, now_ms);
    state = after;
    for id in state.tries.keys().copied().collect::<Vec<_>>() {
        if running.contains(&id) {
            state = step(state, signalled(id, 9), now_ms).0;
        }
        state = step(state, Input::Over(id), now_ms).0;
    }
    assert!(state.has_ended(), "seed {seed}");
}
