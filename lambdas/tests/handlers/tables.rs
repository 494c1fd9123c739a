//! The names that the state machines, the functions, their programs and the stack use are the same names.

use serde_json::Value;
use spotmill_core::calls::errors::{self, Reaction};
use spotmill_lambdas::{CalledBy, FUNCTIONS};

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

/// The errors that a state retries, and those that it excludes by name.
fn retried(state: &Value) -> (Vec<&str>, Vec<&str>) {
    let (mut retries, mut never) = (Vec::new(), Vec::new());
    for retrier in state["Retry"].as_array().unwrap() {
        let into = if retrier["MaxAttempts"] == 0 { &mut never } else { &mut retries };
        into.extend(names(&retrier["ErrorEquals"]));
    }
    (retries, never)
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
fn the_names_of_a_function_follow_from_each_other() {
    for f in FUNCTIONS {
        assert_eq!(f.name.replace('_', "-"), f.handler);
        assert_eq!(f.title.to_lowercase(), f.handler.replace('-', ""));
    }
}

#[test]
fn every_error_that_a_machine_names_is_one_of_ours() {
    for (name, state) in tasks() {
        let catches = state["Catch"].as_array().into_iter().flatten();
        let caught = catches.flat_map(|c| names(&c["ErrorEquals"])).collect::<Vec<_>>();
        let (retries, never) = retried(&state);
        for error in retries.iter().chain(&never).chain(&caught).filter(|e| e.starts_with("Spotmill.")) {
            assert!(errors::ALL.iter().any(|(listed, _)| listed == error), "{name}: {error}");
        }
    }
}

#[test]
fn what_may_pass_is_retried_and_what_cannot_is_not() {
    for (name, state) in tasks() {
        let (retries, never) = retried(&state);
        let insists = retries.contains(&"States.ALL");
        for (error, reaction) in errors::ALL {
            match reaction {
                Reaction::Retry => assert!(insists || retries.contains(error), "{name}: {error}"),
                // Only LaunchFleet asks for room.
                Reaction::Wait => assert!(insists || retries.contains(error) == (name == "LaunchFleet"), "{name}"),
                Reaction::Final => assert_eq!(insists, never.contains(error), "{name}: {error}"),
                Reaction::FinalUnlessItCosts => assert!(!never.contains(error), "{name}: {error}"),
            }
            let passes = matches!(reaction, Reaction::Retry | Reaction::Wait);
            assert!(passes || !retries.contains(error), "{name}: {error}");
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
fn the_stack_has_every_function_with_its_handler() {
    let template = include_str!("../../../infra/template.yaml");
    for f in FUNCTIONS {
        let (_, function) = template.split_once(&format!("\n  {}Function:\n", f.title)).expect(f.title);
        let function = function.split("\n\n").next().unwrap();
        assert!(function.contains(&format!("FunctionName: !Sub '${{AWS::StackName}}-{}'\n", f.handler)), "{function}");
        assert!(function.contains(&format!("\n      Handler: {}\n", f.handler)), "{function}");
        assert!(function.contains("/functions.zip'"), "{function}");
    }
}
