use super::judge::{Facts, RunSeen, Verdict, judge};
use super::plan::Part;
use Verdict::{Different, NotTried, Ok};
use spotmill_core::calls::errors;

fn good() -> RunSeen {
    RunSeen {
        status: "SUCCEEDED".to_owned(),
        items: 1,
        committed: 1,
        machines: 1,
        at_once: 1,
        architectures: ["x86_64".to_owned()].into(),
        ..RunSeen::default()
    }
}

fn but(edit: impl Fn(&mut RunSeen)) -> RunSeen {
    let mut run = good();
    edit(&mut run);
    run
}

fn failed(error: &str) -> RunSeen {
    but(|r| (r.status, r.error, r.committed) = ("FAILED".to_owned(), error.to_owned(), 0))
}

fn verdict(part: Part, facts: Facts) -> Verdict {
    let judged = judge(part, &facts);
    assert_eq!(judged.expected, part.expected());
    assert!(judged.verdict != NotTried || judged.remedy.is_some(), "{judged:?}");
    judged.verdict
}

#[test]
fn a_run_is_good_where_it_did_what_its_part_is_for() {
    let arm = |r: &mut RunSeen| r.architectures = ["arm64".to_owned()].into();
    for (part, run, expected) in [
        (Part::X86, good(), Ok),
        (Part::X86, but(arm), Different),
        (Part::X86, but(|r| r.architectures.clear()), Different),
        (Part::X86, but(|r| r.on_demand = 1), Different),
        (Part::X86, but(|r| r.committed = 0), Different),
        (Part::X86, failed(errors::NO_CAPACITY), NotTried),
        (Part::X86, failed(errors::REFUSED), Different),
        (Part::X86, but(|r| r.status = "ENDED BY US".to_owned()), Different),
        (Part::Arm, but(arm), Ok),
        (Part::Arm, good(), Different),
        (Part::OnDemand, but(|r| r.on_demand = 1), Ok),
        (Part::OnDemand, good(), Different),
        (Part::OnDemand, failed(errors::NO_CAPACITY), Different),
        (Part::Shrink, but(|r| (r.at_once, r.ended_early) = (3, 2)), Ok),
        (Part::Shrink, but(|r| r.at_once = 3), Different),
        (Part::Shrink, good(), NotTried),
        (Part::Interruption, but(|r| (r.noticed, r.reported) = (1, 1)), Ok),
        (Part::Interruption, but(|r| (r.noticed, r.failed_tries) = (1, 1)), Different),
        (Part::Interruption, but(|r| r.reported = 1), Different),
        (Part::Interruption, good(), NotTried),
        (Part::Interruption, but(|r| (r.noticed, r.status) = (1, "FAILED".to_owned())), Different),
    ] {
        assert_eq!(verdict(part, Facts::Run { run: run.clone() }), expected, "{} {run:?}", part.name());
    }
}

#[test]
fn a_second_execution_keeps_what_the_first_did() {
    let of = |part, first: &RunSeen, second: &RunSeen, kept, new_receipts| {
        verdict(part, Facts::Twice { first: first.clone(), second: second.clone(), kept, new_receipts })
    };
    let bad = failed(errors::ITEMS_FAILED);
    let more = but(|r| r.machines = 2);
    for (part, first, second, kept, new_receipts, expected) in [
        (Part::Restart, &good(), &good(), true, 0, Ok),
        (Part::Restart, &good(), &more, true, 0, Different),
        (Part::Restart, &good(), &good(), false, 0, Different),
        (Part::Restart, &good(), &good(), true, 1, Different),
        (Part::Restart, &good(), &bad, true, 0, Different),
        (Part::Redrive, &bad, &more, true, 1, Ok),
        (Part::Redrive, &good(), &more, true, 1, Different),
        (Part::Redrive, &failed(errors::REFUSED), &more, true, 1, Different),
        (Part::Redrive, &bad, &more, false, 1, Different),
        (Part::Redrive, &bad, &more, true, 0, Different),
        (Part::Redrive, &bad, &bad, true, 0, Different),
    ] {
        assert_eq!(
            of(part, first, second, kept, new_receipts),
            expected,
            "{} {second:?} {kept} {new_receipts}",
            part.name()
        );
    }
}

#[test]
fn a_mail_is_seen_by_nobody_but_its_reader() {
    for (failed, email, confirmed, seen, expected) in [
        (false, 1, 1, Some(true), NotTried),
        (true, 0, 0, None, NotTried),
        (true, 1, 0, None, Different),
        (true, 1, 1, None, NotTried),
        (true, 1, 1, Some(true), Ok),
        (true, 1, 1, Some(false), Different),
    ] {
        let facts = Facts::Mail { failed, email, confirmed, seen };
        assert_eq!(verdict(Part::Mail, facts.clone()), expected, "{facts:?}");
    }
}

#[test]
fn what_could_not_be_tried_is_never_good() {
    for part in Part::ALL {
        let facts = Facts::Blocked { why: "no right".to_owned(), remedy: "grant it".to_owned() };
        assert_eq!(verdict(part, facts), NotTried);
    }
}
