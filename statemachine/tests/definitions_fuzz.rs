//! Definitions that nobody wrote: one with other words and numbers in it is refused with its place, or is a machine whose
//! every step ends. The words are its own, so that many get past the parser. `PROPTEST_CASES` sets how many there are.

mod door;

use door::event_of;
use proptest::prelude::*;
use spotmill_statemachine::*;

/// Where the words and numbers of a JSON text are.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let (mut found, bytes, mut at) = (Vec::new(), text.as_bytes(), 0);
    while at < bytes.len() {
        let begin = at;
        at += 1;
        match bytes[begin] {
            b'"' => {
                while bytes[at] != b'"' {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                at += 1;
            }
            b'0'..=b'9' => {
                while bytes[at].is_ascii_digit() {
                    at += 1;
                }
            }
            _ => continue,
        }
        found.push(begin..at);
    }
    found
}

proptest! {
    #[test]
    fn a_definition_with_other_words_is_refused_or_ends(
        is_step: bool,
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::option::of(prop::sample::select(vec!["0", "-1", "1e99", "null", "\"{% 1 + %}\"", "\"{% $states.input.x[9] %}\"", "\"\""]))), 1..4),
    ) {
        let mut text = if is_step { STEP_ASL } else { PIPELINE_ASL }.to_owned();
        for (place, from, odd) in swaps {
            let all = tokens(&text);
            let put = odd.map_or_else(|| text[all[from.index(all.len())].clone()].to_owned(), str::to_owned);
            text.replace_range(all[place.index(all.len())].clone(), &put);
        }
        let names = text.match_indices("${").filter_map(|(at, _)| Some(text[at + 2..].split_once('}')?.0.to_owned()));
        let substitutions = names.map(|name| (name.clone(), name)).collect();
        let machine = match Machine::parse(&text, &substitutions) {
            Ok(machine) => machine,
            Err(problem) => {
                prop_assert!(!problem.to_string().is_empty());
                return Ok(());
            }
        };
        let mut execution = Execution::default();
        let mut event = event_of(r#"start {"run":"r","step":"s","root":"x"}"#);
        let mut now_ms = 0;
        // Whatever it waits for is late, so that it ends or waits for a moment that comes.
        for _ in 0..50 {
            execution = step(&machine, execution, event, Moment { now_ms, chance: 0.5 }).execution;
            let Some(due) = next_deadline(&execution) else { break };
            now_ms = now_ms.max(due);
            event = event_of("tick");
        }
    }
}
