//! What EC2 may answer to a dry run, and what is asked.

use super::super::super::finding::Grade;
use super::*;
use spotmill_core::model::Fleet;
use spotmill_platform::aws::fleets::Dry;

const IMPLICIT: &str = r#"{"allowed":false,"explicitDeny":false,"matchedStatements":{"items":[]},
    "context":{"action":"ec2:CreateFleet","resource":"arn:aws:ec2:us-east-1:1:fleet/*"}}"#;
const EXPLICIT: &str = r#"{"allowed":false,"explicitDeny":true,"matchedStatements":{"items":[{"statementId":"OnlyGp3"}]},
    "context":{"action":"ec2:RunInstances","resource":"arn:aws:ec2:us-east-1:1:volume/*"}}"#;

#[test]
fn each_answer_of_ec2_to_a_dry_run_is_a_finding_of_its_own() {
    let denied = |decoded: Option<&str>| Dry::Denied {
        message: "You are not authorized to perform this operation.".to_owned(),
        decoded: decoded.map(str::to_owned),
    };
    let refused = |code: &str| Dry::Refused { code: code.to_owned(), message: "m".to_owned() };
    for (answer, grade, text, remedy) in [
        (
            denied(Some(IMPLICIT)),
            Grade::Unchecked,
            "needs ec2:CreateFleet (etl/s: no policy of yours allows ec2:CreateFleet on arn:aws:ec2:us-east-1:1:fleet/*)",
            "be allowed ec2:CreateFleet",
        ),
        (
            denied(Some(EXPLICIT)),
            Grade::Problem,
            "etl/s: ec2:RunInstances on arn:aws:ec2:us-east-1:1:volume/* is denied expressly (OnlyGp3)",
            "SCP",
        ),
        (
            denied(None),
            Grade::Unchecked,
            "needs ec2:CreateFleet (etl/s: You are not authorized",
            "sts:DecodeAuthorizationMessage",
        ),
        (refused("NotFound"), Grade::Problem, "etl/s: EC2 answered NotFound: m", "deploy the stack again"),
        (refused("NoDryRun"), Grade::Problem, "NoDryRun", ""),
        (
            Dry::Unanswered { message: "no answer from EC2".to_owned() },
            Grade::Unchecked,
            "etl/s: no answer from EC2",
            "again",
        ),
    ] {
        let found = judge("ec2:CreateFleet", "etl/s", &answer).expect("a finding");
        assert_eq!(found.grade, grade, "{text}");
        assert!(found.text.contains(text), "{}", found.text);
        assert!(found.remedy.as_ref().is_some_and(|r| r.contains(remedy)), "{:?}", found.remedy);
    }
    assert_eq!(judge("ec2:CreateFleet", "etl/s", &Dry::Fine), None);
}

#[test]
fn tries_with_one_answer_are_one_finding() {
    let tries =
        ["a", "b", "c"].map(|s| ("ec2:CreateFleet", s.to_owned(), Dry::Unanswered { message: s.min("b").to_owned() }));
    let found: Vec<String> = grouped(tries.to_vec()).into_iter().map(|(_, subjects, _)| subjects).collect();
    assert_eq!(found, ["a", "b, c"]);
}

#[test]
fn a_dry_run_names_the_latest_version_of_each_template_and_every_subnet() {
    let template = |id: &str, latest| TemplateNow { id: id.to_owned(), latest, versions: 1, image: None };
    let templates =
        BTreeMap::from([(Architecture::X86_64, template("lt-x86", 3)), (Architecture::Arm64, template("lt-arm", 7))]);
    let place = FleetPlace {
        stack: "etl".to_owned(),
        root: "s3://etl-data".into(),
        region: "eu-west-1".to_owned(),
        templates: templates.iter().map(|(a, now)| (*a, now.id.clone())).collect(),
        subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
        visibility_secs: 120,
    };
    let request = FleetRequest {
        v: 1,
        name: "0".repeat(32),
        queue: "etl-0".to_owned(),
        callbacks: "etl-callbacks".to_owned(),
        run: "flights/doctor".into(),
        step: "copy".into(),
        vcpus_per_item: 2,
        memory_bytes_per_item: 4 << 30,
        max_slots: 1,
        execution: ExecutionId::new("arn:aws:states:eu-west-1:1:execution:etl-step:doctor"),
        workers: BTreeMap::from([("x86_64".to_owned(), "a".repeat(64)), ("aarch64".to_owned(), "b".repeat(64))]),
        instances: None,
        valid_until_ms: 1_800_000_000_000,
        knobs: Fleet { on_demand_after_secs: Some(60), ..Fleet::default() },
        because: String::new(),
    };
    let tried = tried(&request, &place, &templates).expect("a request");
    assert_eq!((tried.name.as_str(), tried.fleets.len()), ("flights/copy", 2), "spot, and on demand");
    let named = |fleet: &CreateFleet| -> Vec<(String, String)> {
        let of = fleet.launch_template_configs.iter().map(|c| &c.launch_template_specification);
        of.map(|t| (t.launch_template_id.clone(), t.version.clone())).collect()
    };
    for fleet in &tried.fleets {
        let mut named = named(fleet);
        named.sort();
        assert_eq!(named, [("lt-arm".to_owned(), "7".to_owned()), ("lt-x86".to_owned(), "3".to_owned())]);
        assert_eq!(fleet.launch_template_configs[0].overrides[0].subnet_id, "subnet-a,subnet-b");
    }
    let subnets: BTreeSet<&str> = tried.machines.iter().map(|machine| machine.subnet.as_str()).collect();
    assert_eq!((tried.machines.len(), subnets.len()), (4, 2), "{:?}", tried.machines);
}
