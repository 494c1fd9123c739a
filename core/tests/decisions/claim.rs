use spotmill_core::claim::{Claim, ExecutionState, Ticket, decide, fenced, frozen_params};
use spotmill_core::records::{Lease, RECORD_VERSION, StepGeneration};
use spotmill_core::types::Value;
use std::collections::BTreeMap;

pub fn lease(owner: Option<&str>) -> Lease {
    let generation = StepGeneration {
        generation: 2,
        signature: String::new(),
        parts: BTreeMap::new(),
        because: String::new(),
        reasons: Vec::new(),
        carries_over: None,
    };
    Lease {
        v: RECORD_VERSION,
        owner: owner.map(Into::into),
        epoch: 7,
        pipeline_digest: String::new(),
        worker: Default::default(),
        params: BTreeMap::from([("late".to_owned(), Value::String("15".into()))]),
        generations: BTreeMap::from([("s".to_owned(), generation)]),
        accept: BTreeMap::new(),
        over_budget: false,
        existing: Default::default(),
        reset_by: None,
        execution: None,
        selected: Vec::new(),
        started_ms: 0,
        renewed_ms: None,
        claimed_ms: 100_000,
        outcome: None,
    }
}

#[test]
fn a_lease_without_a_renewal_is_read_and_written_as_before() {
    let text = serde_json::to_string(&lease(None)).expect("JSON");
    assert!(!text.contains("renewed_ms"), "{text}");
    assert_eq!(serde_json::from_str::<Lease>(&text).expect("it is read"), lease(None));
}

/// `after` seconds after the claim; the answer in one word.
#[track_caller]
fn check(owner: Option<&str>, state: Option<ExecutionState>, after: u64, expected: &str) {
    let answer = match decide(Some(&lease(owner)), &"me".into(), state, 100_000 + after * 1000) {
        Claim::Take { .. } => "take",
        Claim::Mine => "mine",
        Claim::Refuse { .. } => "refuse",
    };
    assert_eq!(answer, expected, "{owner:?} {state:?} {after}");
}

#[test]
fn who_may_claim() {
    check(None, None, 0, "take");
    check(Some("me"), None, 0, "mine");
    check(Some("you"), Some(ExecutionState::Running), 1_000_000, "refuse");
    check(Some("you"), Some(ExecutionState::Ended), 0, "take");
    check(Some("you"), Some(ExecutionState::NotFound), 299, "refuse");
    check(Some("you"), Some(ExecutionState::NotFound), 300, "take");
    check(Some("you"), None, 1_000_000, "refuse");
    assert!(matches!(decide(None, &"me".into(), None, 0), Claim::Take { .. }));
}

#[test]
fn params_are_frozen_unless_all_is_fresh() {
    let param = |v: &str| BTreeMap::from([("late".to_owned(), Value::String(v.into()))]);
    let held = lease(None);
    assert_eq!(frozen_params(Some(&held), &param("15"), false), Ok(()));
    assert_eq!(frozen_params(Some(&held), &param("20"), true), Ok(()));
    assert_eq!(frozen_params(None, &param("20"), false), Ok(()));
    let why = frozen_params(Some(&held), &param("20"), false).unwrap_err();
    assert!(why.starts_with("param `late` was 15 when this run first started and is 20 now"), "{why}");
    let added = BTreeMap::from([("new".to_owned(), Value::Bool(true))]);
    assert_eq!(frozen_params(Some(&held), &added, false), Ok(()));
}

#[test]
fn who_is_fenced() {
    let root = "me".into();
    let ticket = Ticket { root: &root, step: "s", epoch: 7, generation: 2 };
    let mine = lease(Some("me"));
    assert_eq!(fenced(&mine, &ticket), None);
    assert!(fenced(&lease(Some("you")), &ticket).unwrap().contains("you does"));
    assert!(fenced(&lease(None), &ticket).unwrap().contains("nobody does"));
    assert!(fenced(&mine, &Ticket { epoch: 6, ..ticket.clone() }).unwrap().contains("overtaken by epoch 7"));
    assert!(fenced(&mine, &Ticket { generation: 1, ..ticket }).is_some());
}
