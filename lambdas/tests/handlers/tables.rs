//! The names that the state machines, the functions, their programs and the stack use are the same names.

use serde_json::Value;
use spotmill_core::calls::errors::{self, Reaction};
use spotmill_lambdas::{CalledBy, FUNCTIONS};
use std::path::Path;

const PIPELINE: &str = include_str!("../../../statemachine/pipeline.asl.json");
const STEP: &str = include_str!("../../../statemachine/step.asl.json");

/// Every state of both machines that calls a function, with its name.
fn tasks() -> Vec<(String, Value)> {
    let mut tasks = Vec::new();
    for text in [PIPELINE, STEP] {
        let machine: Value = serde_json::from_str(text).unwrap();
        for (name, state) in machine["States"].as_object().unwrap() {
            if state["Arguments"]["FunctionName"].is_string() {
                tasks.push((name.clone(), state.clone()));
            }
        }
    }
    tasks
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect()
}

/// The errors that a state tries again, and those it does not by name.
fn retried(state: &Value) -> (Vec<&str>, Vec<&str>) {
    let (mut again, mut never) = (Vec::new(), Vec::new());
    for retrier in state["Retry"].as_array().unwrap() {
        let into = if retrier["MaxAttempts"] == 0 { &mut never } else { &mut again };
        into.extend(names(&retrier["ErrorEquals"]));
    }
    (again, never)
}

#[test]
fn every_state_calls_the_function_of_its_name() {
    let mut called: Vec<String> = tasks()
        .iter()
        .map(|(name, state)| {
            assert_eq!(state["Arguments"]["FunctionName"], format!("${{{name}Function}}"));
            name.clone()
        })
        .collect();
    called.sort();
    let mut by_state: Vec<&str> =
        FUNCTIONS.iter().filter(|f| f.called_by == CalledBy::State).map(|f| f.title).collect();
    by_state.sort_unstable();
    assert_eq!(called, by_state);
}

#[test]
fn every_function_has_its_program_and_each_name_follows_from_the_other() {
    let bins = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    for f in FUNCTIONS {
        let text = std::fs::read_to_string(bins.join(format!("{}.rs", f.binary))).unwrap();
        assert!(text.contains(&format!("main(\"{}\")", f.name)), "{text}");
        assert_eq!(f.name.replace('_', "-"), f.binary);
        assert_eq!(f.title.to_lowercase(), f.binary.replace('-', ""));
    }
    assert_eq!(std::fs::read_dir(bins).unwrap().count(), FUNCTIONS.len());
}

#[test]
fn every_error_that_a_machine_names_is_one_of_ours() {
    for (name, state) in tasks() {
        let catches = state["Catch"].as_array().into_iter().flatten();
        let caught = catches.flat_map(|c| names(&c["ErrorEquals"])).collect::<Vec<_>>();
        let (again, never) = retried(&state);
        for error in again.iter().chain(&never).chain(&caught).filter(|e| e.starts_with("Spotmill.")) {
            assert!(errors::ALL.iter().any(|(known, _)| known == error), "{name}: {error}");
        }
    }
}

#[test]
fn what_may_pass_is_tried_again_and_what_cannot_is_not() {
    for (name, state) in tasks() {
        let (again, never) = retried(&state);
        let insists = again.contains(&"States.ALL");
        for (error, reaction) in errors::ALL {
            match reaction {
                Reaction::Retry => assert!(insists || again.contains(error), "{name}: {error}"),
                // Only LaunchFleet asks for room.
                Reaction::Wait => assert!(insists || again.contains(error) == (name == "LaunchFleet"), "{name}"),
                Reaction::Final => assert_eq!(insists, never.contains(error), "{name}: {error}"),
                Reaction::FinalUnlessItCosts => assert!(!never.contains(error), "{name}: {error}"),
            }
            let passes = matches!(reaction, Reaction::Retry | Reaction::Wait);
            assert!(passes || !again.contains(error), "{name}: {error}");
        }
    }
}

#[test]
fn every_constant_is_in_the_table() {
    let source = include_str!("../../../core/src/calls.rs");
    let constants: Vec<&str> =
        source.match_indices("\"Spotmill.").map(|(i, _)| source[i + 1..].split('"').next().unwrap()).collect();
    let mut table: Vec<&str> = errors::ALL.iter().map(|(name, _)| *name).collect();
    table.sort_unstable();
    let mut constants = constants;
    constants.sort_unstable();
    assert_eq!(constants, table);
}

/// The stack names every function as the table does.
#[test]
fn the_stack_has_every_function_and_its_program() {
    let template = include_str!("../../../infra/template.yaml");
    for f in FUNCTIONS {
        assert!(template.contains(&format!("\n  {}Function:\n", f.title)), "{}", f.title);
        assert!(template.contains(&format!("FunctionName: !Sub '${{AWS::StackName}}-{}'", f.binary)), "{}", f.binary);
        assert!(template.contains(&format!("/{}.zip'", f.binary)), "{}", f.binary);
    }
}
