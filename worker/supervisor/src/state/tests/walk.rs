//! Events in any order.

use super::*;

/// Every input in every phase, many times over: a slot is never used twice, a child is never signalled without
/// being started, and a stopped supervisor always comes to its end.
#[test]
fn no_order_of_events_breaks_it() {
    for seed in 0..400 {
        random_walk(seed, RULES);
        random_walk(seed, Rules { ahead_ms: 20_000, ..RULES });
    }
}

fn random_walk(seed: u64, rules: Rules) {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = move |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    let (mut state, mut now_ms, mut next_id) = (State::new(rules), 1_000_000, 0);
    let (mut preparing, mut running, mut settling) = (Vec::new(), Vec::new(), Vec::new());
    let (mut announcing, mut uploading) = (Vec::new(), Vec::new());
    let mut asked = 0u32;
    for round in 0..3_000 {
        let pick = |from: &[TryId], n: u64| from.get(n as usize % from.len().max(1)).copied();
        let n = below(1_000);
        let input = match below(14) {
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
                Some(id) if n < 900 => Input::Ready { id, limits: LIMITS, isolated: n % 5 == 0 },
                Some(id) => Input::Refused(id),
                None => Input::Tick,
            },
            5 => pick(&running, n).map_or(Input::Tick, |id| Input::Memory(id, n * 2)),
            6 | 7 => match (pick(&running, n), n % 4) {
                (Some(id), 0) => signalled(id, 9),
                (Some(id), 1) => exited(id, 1, failed(FailureClass::Transform)),
                (Some(id), _) => exited(id, 0, done()),
                (None, _) => Input::Tick,
            },
            8 => pick(&settling, n).map_or(Input::Tick, Input::Over),
            9 if round > 1_500 && n < 2 => Input::Notice { deadline_ms: now_ms + 30_000 },
            10 if round > 2_000 && n < 20 => Input::Stop,
            11 => pick(&announcing, n).map_or(Input::Tick, Input::Announced),
            12 => match pick(&uploading, n) {
                Some(id) if n < 900 => Input::Uploaded(id),
                Some(id) => Input::NotUploaded(id, Ending::new(FailureClass::Crash, "", "")),
                None => Input::Tick,
            },
            _ => {
                now_ms += n * 10;
                Input::Tick
            }
        };
        if let Input::Over(id) = &input {
            settling.retain(|s| s != id);
        }
        let announced = if let Input::Announced(id) = &input { Some(*id) } else { None };
        match &input {
            Input::Exited(id, ..) => running.retain(|r| r != id),
            Input::Announced(id) => announcing.retain(|a| a != id),
            Input::Uploaded(id) | Input::NotUploaded(id, _) => uploading.retain(|u| u != id),
            _ => {}
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
                Command::Announce(id) => {
                    assert!(running.is_empty() && announcing.is_empty(), "seed {seed}: {id} is not alone");
                    preparing.retain(|p| *p != id);
                    announcing.push(id);
                }
                Command::Start(id) => {
                    assert!(announcing.is_empty(), "seed {seed}: {id} joins one that is alone");
                    assert!(preparing.contains(&id) || announced == Some(id), "seed {seed}");
                    preparing.retain(|p| *p != id);
                    running.push(id);
                }
                Command::Signal(id, _) => assert!(running.contains(&id), "seed {seed}: {id} is not running"),
                Command::Upload(id, _) => uploading.push(id),
                Command::Commit(id) => settling.push(id),
                Command::Refuse(id) | Command::Settle(id, _) => {
                    preparing.retain(|p| *p != id);
                    announcing.retain(|a| *a != id);
                    uploading.retain(|u| *u != id);
                    settling.push(id);
                }
                Command::LetGo(id) => assert!(settling.contains(&id), "seed {seed}: {id} is not being settled"),
                Command::Extend(_) | Command::Alive(_) | Command::GiveBack(_) => {}
            }
        }
        // One for each slot that runs, that is ready ahead, and that is being kept.
        let (slots, ahead) = (rules.slots as usize, if rules.ahead_ms > 0 { 2 } else { 1 });
        assert!(running.len() <= slots, "seed {seed}: more children than slots");
        assert!(preparing.len() + running.len() <= ahead * slots, "seed {seed}: more is made ready than slots");
        assert!(state.tries.len() <= (ahead + 1) * slots, "seed {seed}: more is being kept than slots");
        // One more tick may be due at once, for a last moment that is now; never one after it.
        let ticked = step(state.clone(), Input::Tick, now_ms).0;
        assert!(next_deadline(&ticked).is_none_or(|at| at > now_ms), "seed {seed}: it ticks for nothing");
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
