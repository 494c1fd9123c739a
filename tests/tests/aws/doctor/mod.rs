//! `doctor --deep` on the deployed stack: each thing that would make a start fail is found by name, what may not be looked at
//! never passes, and nothing is launched by looking.

mod stand_in;

use super::*;
use spotmill_local_ec2::Fault;
use spotmill_tests::Ran;
use stand_in::{StandIn, Wanted};

const WORKS: &str = "\n`start` would work\n";

fn wanted() -> Wanted {
    Wanted { spot_quota: 640, ..Wanted::default() }
}

fn deep(aws: &LocalAws, project: &Project, before: &StandIn, more: &[&str]) -> Ran {
    project.spotmill_with(&[more, &["doctor", "--deep"]].concat(), &before.env(aws.env()))
}

#[test]
fn a_deep_check_finds_what_would_make_a_start_fail() {
    let project = copying("examined", "copies", 1);
    let aws = aws();
    aws.deploy_project(&project, "examined");
    let (before, machines_before) = (StandIn::before(aws.emulator.port()), machines(&aws));

    let good = deep(&aws, &project, &before, &[]);
    assert!(good.stdout.ends_with(WORKS), "{}\n{}", good.stdout, good.stderr);
    good.code(0).says("✓ permissions   IAM allows all ").says("✓ dry run       EC2 would take the fleets");
    launches_nothing(&aws);

    // A role lacks a right that CI's check would have found in the template.
    before.want(Wanted { missing: Some(("FleetRole", "ec2:CreateFleet", "instance/")), ..wanted() });
    let found = deep(&aws, &project, &before, &[]);
    found.code(5).says("FleetRole (launch-fleet, kill-fleet) may not ec2:CreateFleet on arn:aws:ec2:");
    found.says("\n`start` would be refused: permissions\n");

    // Who may not ask learns which right that takes, and nothing counts as passed.
    before.want(Wanted { closed: true, ..wanted() });
    let found = deep(&aws, &project, &before, &[]);
    found.code(5).says("? permissions   could not be checked: needs iam:SimulatePrincipalPolicy");
    found.says("\n`start` may work: permissions could not be checked\n");

    before.want(Wanted { spot_quota: 1, flaw: Some(("ERROR", "MISSING_RESOURCE")), ..wanted() });
    let found = deep(&aws, &project, &before, &[]);
    found.code(5).says("MISSING_RESOURCE: as planted");
    found.says("\n`start` would be refused: spot quota, policies\n");
    before.want(wanted());

    networks_and_launches(&aws, &project, &before);
    policies_of_buckets(&aws, &project, &before);
    assert!(deep(&aws, &project, &before, &[]).stdout.ends_with(WORKS), "everything is mended");
    assert_eq!(machines(&aws), machines_before, "a machine was launched by looking");
}

/// The real requests went out as dry runs, and only as such.
#[track_caller]
fn launches_nothing(aws: &LocalAws) {
    let seen = aws.ec2.snapshot();
    let of =
        |action: &str| seen.dry_runs.iter().filter(|d| d.action == action).map(|d| &d.parameters).collect::<Vec<_>>();
    let (fleets, machines) = (of("CreateFleet"), of("RunInstances"));
    let fleet = fleets.first().expect("a fleet was tried");
    assert_eq!(fleet["Type"], "maintain");
    assert_eq!(fleet["LaunchTemplateConfigs.1.Overrides.1.SubnetId"], aws.output("Subnets"));
    let template = &fleet["LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId"];
    assert!([aws.output("TemplateX86"), aws.output("TemplateArm64")].contains(&template.as_str()), "{template}");
    let tried: BTreeSet<&String> = machines.iter().map(|m| &m["SubnetId"]).collect();
    assert_eq!(tried.len(), aws.output("Subnets").split(',').count(), "a machine in each subnet");
    assert!(machines.iter().all(|m| m["InstanceMarketOptions.MarketType"] == "spot"), "{machines:?}");
    assert!(seen.fleets.iter().all(|f| f.tags.get("spotmill:run").is_none_or(|run| run != "examined/doctor")));
}

fn networks_and_launches(aws: &LocalAws, project: &Project, before: &StandIn) {
    aws.ec2.set_internet(false);
    let found = deep(aws, project, before, &[]);
    aws.ec2.set_internet(true);
    found.code(5).says("does not reach S3: ").says("does not reach SQS: ").says("has no default route");
    found.says("\n`start` would be refused: routes\n");

    aws.ec2.fault(Fault::refuse(
        "CreateFleet",
        None,
        "UnauthorizedOperation",
        "You are not authorized to perform this operation.",
    ));
    let found = deep(aws, project, before, &["--json"]);
    aws.ec2.clear_faults();
    let events = found.code(5).events();
    let dry: Vec<_> = events.iter().filter(|e| e["event"] == "finding" && e["what"] == "dry run").collect();
    assert_eq!(dry.len(), 1, "{dry:?}");
    assert_eq!(dry[0]["grade"], "unchecked", "the functions' role may, whoever asks here");
    assert!(dry[0]["message"].as_str().is_some_and(|m| m.contains("needs ec2:CreateFleet")), "{dry:?}");
    let end = events.last().expect("an end");
    assert_eq!((&end["event"], &end["start"], &end["unchecked"]), (&json!("examined"), &json!("unknown"), &json!(1)));
}

fn policies_of_buckets(aws: &LocalAws, project: &Project, before: &StandIn) {
    let deny = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "OnlyEncrypted", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{LAKE}/*"),
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
    }]});
    aws.try_aws(&["s3api", "put-bucket-policy", "--bucket", LAKE, "--policy", &deny.to_string()])
        .expect("a policy is put");
    let found = deep(aws, project, before, &[]);
    aws.try_aws(&["s3api", "delete-bucket-policy", "--bucket", LAKE]).expect("it is deleted");
    found.code(5).says("lake: OnlyEncrypted of its policy denies").says("PublishRole").says("s3:PutObject");
    found.says("\n`start` would be refused: buckets\n");
}
