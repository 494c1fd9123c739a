//! Checks of a whole machine: every transition leads to a state, every state is reached, and every variable was
//! assigned on every way to where it is read. It never inspects values.

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::{Machine, State, Task};
use crate::problem::ParseError;
use crate::query::Template;

pub fn check(machine: &Machine) -> Result<(), ParseError> {
    let dangling = |place: String, field: &str, target: &str| ParseError::Field {
        place,
        field: field.into(),
        problem: format!("names no state: `{target}`"),
    };
    if machine.state(&machine.start_at).is_none() {
        return Err(dangling("the machine".into(), "StartAt", &machine.start_at));
    }
    for (name, _) in machine.states() {
        for (field, target) in machine.successors(name) {
            if machine.state(target).is_none() {
                return Err(dangling(place(name), &field, target));
            }
        }
    }
    let assigned = assigned_on_every_way(machine);
    for (name, state) in machine.states() {
        let Some(available) = assigned.get(name) else {
            return Err(ParseError::Unreachable { place: place(name) });
        };
        for (field, template) in templates(state) {
            if let Some(missing) = template.reads().find(|variable| !available.contains(variable)) {
                let problem = format!("reads `${missing}`, which some way to it leaves unassigned");
                return Err(ParseError::Field { place: place(name), field, problem });
            }
        }
    }
    Ok(())
}

fn place(name: &str) -> String {
    format!("state `{name}`")
}

/// The variables that are surely assigned when a state is entered; a state without an entry is never reached.
fn assigned_on_every_way(machine: &Machine) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut assigned = BTreeMap::from([(machine.start_at(), BTreeSet::new())]);
    let mut open = vec![machine.start_at()];
    while let Some(name) = open.pop() {
        let current = assigned[name].clone();
        for (target, gained) in ways(machine, name) {
            let mut reached: BTreeSet<&str> = current.union(&gained).copied().collect();
            if let Some(before) = assigned.get(target) {
                reached = reached.intersection(before).copied().collect();
                if reached == *before {
                    continue;
                }
            }
            assigned.insert(target, reached);
            open.push(target);
        }
    }
    assigned
}

/// The ways out of a state, with the variables that each assigns.
fn ways<'m>(machine: &'m Machine, name: &str) -> Vec<(&'m str, BTreeSet<&'m str>)> {
    match machine.state(name) {
        Some(State::Task(Task { next, assign, catch, .. })) => {
            let names = |assign: &'m BTreeMap<String, Template>| assign.keys().map(String::as_str).collect();
            let next = next.iter().map(|next| (next.as_str(), names(assign)));
            next.chain(catch.iter().map(|catcher| (catcher.next.as_str(), names(&catcher.assign)))).collect()
        }
        _ => machine.successors(name).into_iter().map(|(_, target)| (target, BTreeSet::new())).collect(),
    }
}

/// The templates of a state, each with its field.
fn templates(state: &State) -> Vec<(String, &Template)> {
    let mut found: Vec<(String, &Template)> = Vec::new();
    match state {
        State::Task(task) => {
            found.push(("Arguments".into(), &task.payload));
            found.extend(task.assign.iter().map(|(name, template)| (format!("Assign.{name}"), template)));
            found.extend(task.output.iter().map(|template| ("Output".into(), template)));
            for (at, catcher) in task.catch.iter().enumerate() {
                let assign = catcher.assign.iter();
                found.extend(assign.map(|(name, template)| (format!("Catch[{at}].Assign.{name}"), template)));
                found.extend(catcher.output.iter().map(|template| (format!("Catch[{at}].Output"), template)));
            }
        }
        State::Choice(choice) => {
            let rules = choice.rules.iter().enumerate();
            found.extend(rules.map(|(at, rule)| (format!("Choices[{at}].Condition"), &rule.condition)));
        }
        State::Wait(wait) => {
            found.push(("Seconds".into(), &wait.seconds));
            found.extend(wait.output.iter().map(|template| ("Output".into(), template)));
        }
        State::Succeed { output } => found.extend(output.iter().map(|template| ("Output".into(), template))),
        State::Fail { error, cause } => found.extend([("Error".into(), error), ("Cause".into(), cause)]),
    }
    found
}
