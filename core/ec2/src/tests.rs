use super::machines::{Machines, Need, choose};
use super::user_data::filled;
use super::*;
use base64::Engine;
use spotmill_core::fleet::{FleetProblem, FleetRequest};
use spotmill_core::model;

const GIB: u64 = 1 << 30;

fn place() -> FleetPlace {
    FleetPlace {
        stack: "etl".to_owned(),
        root: "s3://etl-bucket".into(),
        region: "eu-west-1".to_owned(),
        templates: BTreeMap::from([
            (Architecture::X86_64, "lt-0aaa".to_owned()),
            (Architecture::Arm64, "lt-0bbb".to_owned()),
        ]),
        subnets: ["subnet-1", "subnet-2", "subnet-3"].map(str::to_owned).to_vec(),
        visibility_secs: 120,
    }
}

fn request() -> FleetRequest {
    FleetRequest {
        v: 1,
        name: "0123456789abcdef0123456789abcdef".to_owned(),
        queue: "0123456789abcdef0123456789abcdef".to_owned(),
        callbacks: "callbacks".to_owned(),
        run: "flights/2013-01-01".into(),
        step: "normalize".into(),
        vcpus_per_item: 2,
        memory_bytes_per_item: 8 * GIB,
        max_slots: 20,
        execution: "arn:aws:states:eu-west-1:123456789012:execution:etl-step:7f".into(),
        workers: BTreeMap::from([("x86_64".to_owned(), "a".repeat(64)), ("aarch64".to_owned(), "b".repeat(64))]),
        instances: Some("s3://etl-bucket/runs/flights/2013-01-01/normalize/g1/e1/instances".into()),
        valid_until_ms: 1_796_000_000_999,
        knobs: model::Fleet::default(),
        because: String::new(),
    }
}

fn versions() -> BTreeMap<Architecture, i64> {
    BTreeMap::from([(Architecture::X86_64, 7), (Architecture::Arm64, 4)])
}

fn need(vcpus: u32, gib: u64, slots: u32) -> Need {
    Need { vcpus, memory_mib: gib * 1_024, slots }
}

fn machines(need: Need, zones: usize) -> Machines {
    choose(&need, &Allowed::on(&Architecture::ALL), zones).expect("there are such machines")
}

fn refused<T: std::fmt::Debug>(result: Result<T, FleetProblem>, word: &str) {
    let problem = result.expect_err("refused").to_string();
    assert!(problem.contains(word), "{problem}");
}

#[test]
fn the_request_as_ec2_gets_it() {
    let mut fleet = create_fleet(&request(), &place(), &versions()).expect("a request");
    // Which types they are has tests of its own.
    for config in &mut fleet.launch_template_configs {
        config.overrides[0].instance_requirements.allowed_instance_types.truncate(2);
    }
    insta::assert_json_snapshot!("create-fleet", fleet);
}

#[test]
fn a_narrowed_request_as_ec2_gets_it() {
    let mut narrow = knobs(|k| {
        (k.families, k.generations) = (vec!["r".to_owned(), "m7i".to_owned()], vec![7]);
        k.max_price_per_vcpu_hour = Some(0.035);
    });
    (narrow.vcpus_per_item, narrow.memory_bytes_per_item, narrow.max_slots) = (8, 24 * GIB, 1);
    insta::assert_json_snapshot!("create-fleet-narrow", create_fleet(&narrow, &place(), &versions()).expect("fleet"));
}

#[test]
fn machines_on_demand_are_a_fleet_of_their_own_as_ec2_gets_it() {
    let mut request = request();
    request.knobs.max_price_per_vcpu_hour = Some(0.035);
    let mut fleet = create_on_demand(&request, &place(), &versions(), 6).expect("a request");
    let spot = create_fleet(&request, &place(), &versions()).expect("a request");
    assert_ne!(fleet.client_token, spot.client_token);
    assert_eq!(fleet.tag_specifications, spot.tag_specifications, "found and ended together");
    for config in &mut fleet.launch_template_configs {
        config.overrides[0].instance_requirements.allowed_instance_types.truncate(2);
    }
    insta::assert_json_snapshot!("create-fleet-on-demand", fleet);
}

#[test]
fn the_versions_as_ec2_gets_them() {
    let mut all = template_versions(&request(), &place()).expect("versions");
    let version = all.get_mut(&Architecture::Arm64).expect("arm64");
    version.launch_template_data.user_data.truncate(8);
    insta::assert_json_snapshot!("template-version", version);
}

#[test]
fn the_same_question_bears_the_same_token_and_no_other_does() {
    let tokens = |r: &FleetRequest, place: &FleetPlace| {
        let mut all: Vec<String> = vec![create_fleet(r, place, &versions()).expect("fleet").client_token];
        all.extend(template_versions(r, place).expect("versions").into_values().map(|v| v.client_token));
        all
    };
    let mut other = request();
    other.name = "another".to_owned();
    // The same pipeline and date in another stack of the account.
    let mut neighbour = place();
    neighbour.stack = "neighbour".to_owned();
    let asked = [(request(), place()), (other, place()), (request(), neighbour)];
    let all: std::collections::BTreeSet<String> = asked.iter().flat_map(|(r, place)| tokens(r, place)).collect();
    assert_eq!(all.len(), 9);
    assert!(all.iter().all(|t| t.len() == 64));
    assert_eq!(tokens(&request(), &place()), tokens(&request(), &place()));
}

#[test]
fn only_architectures_with_worker_template_and_permission() {
    let templates = |r: &FleetRequest, p: &FleetPlace| -> Vec<Architecture> {
        template_versions(r, p).expect("versions").into_keys().collect()
    };
    assert_eq!(templates(&request(), &place()), Architecture::ALL);
    let mut one_worker = request();
    one_worker.workers.remove("aarch64");
    assert_eq!(templates(&one_worker, &place()), [Architecture::X86_64]);
    let mut one_allowed = request();
    one_allowed.knobs.architectures = vec![Architecture::Arm64];
    assert_eq!(templates(&one_allowed, &place()), [Architecture::Arm64]);
    let mut one_template = place();
    one_template.templates.remove(&Architecture::X86_64);
    assert_eq!(templates(&request(), &one_template), [Architecture::Arm64]);
    one_allowed.workers.remove("aarch64");
    refused(create_fleet(&one_allowed, &place(), &versions()), "worker programs: x86_64;");
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_the_remedy() {
    let mut nowhere = place();
    nowhere.subnets.clear();
    refused(create_fleet(&request(), &nowhere, &versions()), "no subnet");
    refused(create_fleet(&request(), &place(), &BTreeMap::new()), "no version");
    let mut long = request();
    long.run = format!("flights/{}", "x".repeat(300)).as_str().into();
    refused(create_fleet(&long, &place(), &versions()), "shorten");
    let mut huge = request();
    huge.memory_bytes_per_item = 4_000 * GIB;
    refused(create_fleet(&huge, &place(), &versions()), "`item_bytes`");
    let mut never = request();
    never.valid_until_ms = u64::MAX;
    refused(create_fleet(&never, &place(), &versions()), "no moment");
}

#[test]
fn a_fleet_stays_within_its_quotas() {
    for zones in 1..=6 {
        for (vcpus, gib) in [(1, 1), (1, 8), (2, 8), (4, 8), (8, 64), (2, 1_400), (64, 64)] {
            for slots in [1, 3, 500, 1_000_000] {
                let machines = machines(need(vcpus, gib, slots), zones);
                assert!(machines.pools() <= 300, "{}", machines.explain());
                assert!(machines.types.values().all(|t| !t.is_empty() && t.len() <= 400));
            }
        }
    }
    let mut many = request();
    many.max_slots = 1_000_000;
    let fleet = create_fleet(&many, &place(), &versions()).expect("fleet");
    assert_eq!(fleet.target_capacity_specification.total_target_capacity, 10_000);
    assert!(fleet.launch_template_configs.iter().map(|c| c.overrides.len()).sum::<usize>() <= 4);
}

#[test]
fn no_type_of_another_quota_and_no_burstable_one() {
    let all = machines(need(1, 1, 1_000), 1).types;
    for name in all.values().flatten() {
        let (family, size) = name.split_once('.').expect("family.size");
        assert!(family.starts_with(['c', 'm', 'r']) && !family.contains("flex") && size != "metal", "{name}");
    }
    assert!(all[&Architecture::Arm64].iter().all(|t| t.split('.').next().is_some_and(|f| f.contains('g'))));
    assert!(!all[&Architecture::X86_64].iter().any(|t| t.split('.').next().is_some_and(|f| f.contains('g'))));
}

#[test]
fn an_item_fits_on_every_type_even_after_the_system_took_its_part() {
    // 8 GiB at 2 GiB a vCPU: an 8 GiB machine with 4 vCPUs has the number, not the room.
    let tight = machines(need(4, 8, 4), 3);
    assert!(tight.min_memory_mib > 8 * 1_024);
    assert!(!tight.types.values().flatten().any(|t| t.starts_with('c') && t.ends_with(".xlarge")));
    assert!(tight.types.values().flatten().any(|t| t.starts_with('c') && t.ends_with(".2xlarge")));
    assert!(tight.types.values().flatten().any(|t| t.starts_with('m') && t.ends_with(".xlarge")));
}

#[test]
fn memory_a_vcpu_follows_the_step_up_to_what_there_is() {
    assert_eq!(machines(need(1, 4, 10), 3).mib_per_vcpu, 4_096);
    let rich = machines(need(1, 64, 3), 3);
    assert_eq!((rich.mib_per_vcpu, rich.total_vcpus), (8_192, 24), "a slot of 64 GiB takes 8 vCPUs of any machine");
    assert!(rich.types.values().flatten().all(|t| t.starts_with('r')));
    let big = machines(need(4, 1_400, 1), 3);
    assert!(big.min_vcpus >= 192 && big.types.values().flatten().any(|t| t == "r8g.48xlarge"), "{}", big.explain());
}

#[test]
fn little_work_takes_little_machines() {
    let one = machines(need(2, 4, 1), 3);
    assert_eq!((one.min_vcpus, one.max_vcpus, one.total_vcpus), (2, 4, 2));
    let many = machines(need(2, 4, 100), 3);
    assert_eq!((many.min_vcpus, many.max_vcpus), (4, 16));
}

#[test]
fn the_choice_explains_itself() {
    let text = machines(need(2, 8, 20), 5).explain();
    assert!(text.starts_with("300 pools in 5 zones (36 x86_64, 24 arm64 types) of 4 to 16 vCPUs"), "{text}");
    assert!(text.contains("c* (under 4.0 GiB a vCPU); t* (burstable); x* (a spot quota of their own"), "{text}");
    assert!(text.ends_with("42 further types (a fleet takes 300 pools)"), "{text}");
}

fn knobs(edit: impl FnOnce(&mut model::Fleet)) -> FleetRequest {
    let mut request = request();
    edit(&mut request.knobs);
    request
}

fn types(request: &FleetRequest) -> Vec<String> {
    let chosen = machines_for(request, &place()).expect("machines");
    chosen.types.into_values().flatten().collect()
}

#[test]
fn a_pipeline_narrows_families_and_generations() {
    let all = |names: &[String], fits: &dyn Fn(&str) -> bool| assert!(names.iter().all(|n| fits(n)), "{names:?}");
    all(&types(&knobs(|k| k.families = vec!["r".to_owned()])), &|n| n.starts_with('r'));
    all(&types(&knobs(|k| k.families = vec!["m7g".to_owned()])), &|n| n.starts_with("m7g."));
    all(&types(&knobs(|k| k.generations = vec![7])), &|n| n[1..].starts_with('7'));
    let both = knobs(|k| (k.families, k.generations) = (vec!["r".to_owned(), "m7i".to_owned()], vec![7, 8]));
    assert!(types(&both).contains(&"m7i.xlarge".to_owned()) && !types(&both).contains(&"m8g.xlarge".to_owned()));
    let none = knobs(|k| (k.families, k.generations) = (vec!["m7g".to_owned()], vec![8]));
    refused(machines_for(&none, &place()), "`fleet.families` leaves no machine type");
    refused(machines_for(&knobs(|k| k.generations = vec![4]), &place()), "`fleet.generations`");
}

#[test]
fn poor_families_give_an_item_more_vcpus() {
    let lean = knobs(|k| k.families = vec!["c".to_owned()]);
    let chosen = machines_for(&lean, &place()).expect("machines");
    assert_eq!((chosen.mib_per_vcpu, chosen.total_vcpus), (2_048, 4 * 20), "8 GiB are 4 vCPUs of 2 GiB");
    assert_eq!(machines::slot_vcpus(&lean) * lean.max_slots, 80);
}

#[test]
fn what_is_left_out_is_reported_with_its_reason() {
    let mut narrow = knobs(|k| (k.generations, k.max_price_per_vcpu_hour) = (vec![6, 7, 8], Some(0.04)));
    narrow.workers.remove("aarch64");
    let left_out = machines_for(&narrow, &place()).expect("machines").describe_left_out();
    for part in [
        "arm64 (no worker program was deployed for it)",
        "pools above $0.04 a vCPU-hour (`fleet.max_price_per_vcpu_hour`)",
        "generations 5, 9 (`fleet.generations`)",
    ] {
        assert!(left_out.contains(part), "{left_out}");
    }
    narrow.knobs.architectures = vec![Architecture::X86_64];
    let left_out = machines_for(&narrow, &place()).expect("machines").describe_left_out();
    assert!(left_out.starts_with("arm64 (`fleet.architectures`); "), "{left_out}");
}

#[test]
fn images_and_tags_come_with_the_template() {
    // A fleet that replaces its machines takes no `resolve:ssm:` image and no tags for machines in the request.
    let fleet = serde_json::to_string(&create_fleet(&request(), &place(), &versions()).expect("fleet")).expect("JSON");
    assert!(!fleet.contains("resolve:ssm") && !fleet.contains("ImageId"), "{fleet}");
    assert_eq!(fleet.matches("ResourceType").count(), 1, "tags of the fleet alone");
    for version in template_versions(&request(), &place()).expect("versions").into_values() {
        let resource_types: Vec<_> =
            version.launch_template_data.tag_specifications.iter().map(|t| &t.resource_type).collect();
        assert_eq!(resource_types, ["instance", "volume"]);
    }
}

fn script(settings: impl FnOnce(&mut FleetRequest, &mut FleetPlace)) -> Result<String, FleetProblem> {
    let (mut request, mut place) = (request(), place());
    settings(&mut request, &mut place);
    let versions = template_versions(&request, &place)?;
    let data = &versions.values().next().expect("a version").launch_template_data.user_data;
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
    Ok(String::from_utf8(bytes).expect("text"))
}

#[test]
fn user_data_carries_the_settings_and_no_mark_is_left() {
    let script = script(|_, _| ()).expect("a script");
    assert!(script.starts_with("#!"));
    let line = script.lines().find(|l| l.starts_with('{')).expect("a line of settings");
    let settings: spotmill_core::records::WorkerSettings = serde_json::from_str(line).expect("settings");
    assert_eq!((settings.fleet, settings.queue), (request().name, request().queue));
    assert_eq!((settings.root.as_str(), settings.stack.as_str()), ("s3://etl-bucket", "etl"));
    assert!(script.contains(&"b".repeat(64)));
    for mark in ["@SETTINGS@", "@ROOT@", "@X86_64@", "@AARCH64@"] {
        assert!(!script.contains(mark), "{mark}");
    }
}

#[test]
fn no_value_breaks_out_of_the_script() {
    let evil = "a'\nSPOTMILL_SETTINGS\n$(reboot) `reboot` @ROOT@ \"\\";
    let script = script(|request, _| request.step = evil.into()).expect("a script");
    let line = script.lines().find(|l| l.starts_with('{')).expect("a line of settings");
    let settings: spotmill_core::records::WorkerSettings = serde_json::from_str(line).expect("one line of JSON");
    assert_eq!(settings.step.as_str(), evil);
    refused(self::script(|_, place| place.root = "s3://b'; reboot #".into()), "state root");
    refused(self::script(|_, place| place.root = "/tmp/here".into()), "state root");
    let worker = |r: &mut FleetRequest| r.workers.insert("x86_64".to_owned(), "'$(reboot)'".to_owned());
    refused(self::script(|request, _| drop(worker(request))), "no sha256");
}

#[test]
fn user_data_has_a_limit() {
    refused(script(|request, _| request.callbacks = "q".repeat(16_384)), "EC2 takes 16384");
}

#[test]
fn marks_are_filled_in_one_pass() {
    assert_eq!(filled("a @ b@A@@B@ @C@ @", &[("@A@", "@B@"), ("@B@", "b")]), "a @ b@B@b @C@ @");
}
