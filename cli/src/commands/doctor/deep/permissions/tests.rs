//! What IAM may answer, and what it comes to.

use super::super::super::finding::Grade;
use super::*;
use spotmill_platform::aws::stacks::{Simulated, Trial};

fn trial(resources: &[&str]) -> Trial {
    let all = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Trial { actions: all(&["ec2:CreateFleet"]), resources: all(resources), context: Vec::new() }
}

fn answer(resource: &str) -> Simulated {
    Simulated { action: "ec2:createfleet".to_owned(), resource: resource.to_owned(), ..Simulated::default() }
}

fn judged(answers: &[Simulated]) -> Vec<Finding> {
    let remedies = Remedies { deploy: "spotmill deploy".to_owned(), boundary: "allow it in B".to_owned() };
    judge("FleetRole (launch-fleet)", &[(trial(&["arn:a", "arn:b"]), answers.to_vec())], &remedies)
}

#[test]
fn what_iam_refuses_is_named_with_role_action_and_resource() {
    let yes = Simulated { allowed: true, ..answer("arn:a") };
    let missing = |key: &str| vec![key.to_owned()];
    let cases = [
        (answer("arn:b"), Grade::Problem, "may not ec2:CreateFleet on arn:b: no policy allows it"),
        (
            Simulated { denied: true, policies: vec!["NoFleets".to_owned()], ..answer("arn:b") },
            Grade::Problem,
            "on arn:b: NoFleets denies it",
        ),
        (
            Simulated { boundary: Some(false), ..answer("arn:b") },
            Grade::Problem,
            "its permissions boundary does not allow it",
        ),
        (
            Simulated { organization: Some(false), denied: true, ..answer("arn:b") },
            Grade::Problem,
            "a policy of the organization (SCP) forbids it",
        ),
        (
            Simulated { missing: missing("aws:SourceVpce"), ..answer("arn:b") },
            Grade::Unchecked,
            "depends on aws:SourceVpce",
        ),
        (
            Simulated { missing: missing("aws:RequestTag/CostCenter"), ..answer("arn:b") },
            Grade::Problem,
            "no policy allows it (a policy asks for aws:RequestTag/CostCenter, which the call does not bear)",
        ),
    ];
    for (second, grade, text) in cases {
        let found = judged(&[yes.clone(), second]);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].grade, grade, "{text}");
        assert!(
            found[0].text.contains(text) && found[0].text.contains("FleetRole (launch-fleet)"),
            "{}",
            found[0].text
        );
        assert!(found[0].remedy.as_ref().is_some_and(|r| !r.is_empty()));
    }
    assert_eq!(judged(&[yes.clone(), Simulated { resource: "arn:b".to_owned(), ..yes }]), []);
}

#[test]
fn what_iam_leaves_out_never_passes() {
    let yes = Simulated { allowed: true, ..answer("arn:a") };
    let found = judged(&[yes]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].grade, Grade::Unchecked);
    assert!(
        found[0].text.contains("whether FleetRole (launch-fleet) may ec2:CreateFleet on arn:b"),
        "{}",
        found[0].text
    );
}

#[test]
fn one_resource_under_two_contexts_has_to_be_allowed_under_both() {
    let yes = |resource| Simulated { allowed: true, ..answer(resource) };
    let remedies = Remedies { deploy: String::new(), boundary: String::new() };
    let under = |answers: Vec<Simulated>| (trial(&["arn:a"]), answers);
    for (second, grade) in [(vec![answer("arn:a")], Grade::Problem), (Vec::new(), Grade::Unchecked)] {
        let found = judge("X", &[under(vec![yes("arn:a")]), under(second)], &remedies);
        assert_eq!(found.iter().map(|f| f.grade).collect::<Vec<_>>(), [grade]);
    }
}

/// Of such calls IAM names the kind of resource, if it names any.
#[test]
fn a_call_that_knows_no_resource_has_one_answer() {
    let remedies = Remedies { deploy: String::new(), boundary: String::new() };
    let of = |allowed| Simulated { allowed, ..answer("arn:${Partition}:servicequotas:::") };
    let judged = |allowed| judge("X", &[(trial(&["*"]), vec![of(allowed)])], &remedies).len();
    assert_eq!((judged(true), judged(false)), (0, 1));
}

#[test]
fn many_resources_are_one_finding() {
    let names: Vec<String> = (0..5).map(|n| format!("arn:{n}")).collect();
    let named: Vec<&str> = names.iter().map(String::as_str).collect();
    let remedies = Remedies { deploy: String::new(), boundary: String::new() };
    let found = judge("X", &[(trial(&named), named.iter().map(|n| answer(n)).collect())], &remedies);
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains("arn:0, arn:1, arn:2 and 2 more: "), "{}", found[0].text);
}

#[test]
fn only_a_scheduled_stack_has_a_role_for_its_schedule() {
    assert!(!absent("ScheduleRole", false) && absent("ScheduleRole", true) && absent("FleetRole", false));
}
