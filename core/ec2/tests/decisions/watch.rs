use crate::machines::fleet;
use crate::requests::{event, request};
use spotmill_core::bounds::{CAPACITY_SECS, CHURN_MACHINES, HEARTBEAT_SECS, MISTAKE_SECS, SILENT_SECS, WATCH_SECS};
use spotmill_core::calls::errors;
use spotmill_core::command::Caller;
use spotmill_core::fleet::life::RoundMachines;
use spotmill_core::fleet::{FleetEvent, FleetNow, FleetRequest, Target};
use spotmill_ec2::cause::{Cause, Story, cause};
use spotmill_ec2::watch::{Watch, Watched, after_silence, decide, needed};

struct Case {
    request: FleetRequest,
    fleet: FleetNow,
    events: Vec<FleetEvent>,
    life: RoundMachines,
    heard: bool,
}

impl Case {
    fn of(machines: &str) -> Case {
        let (request, fleet, life) = (request(), fleet(machines), RoundMachines::default());
        Case { request, fleet, events: Vec::new(), life, heard: false }
    }

    fn with_error(mut self, sub_kind: &str, text: &str) -> Case {
        self.events.push(event(1, "service-error", sub_kind, text));
        self
    }

    /// Inspected at this second, as the watch does.
    fn at(&mut self, secs: u64) -> Watch {
        let needs = needed(&self.fleet, &self.request, u64::MAX);
        self.life.see(&self.fleet, secs * 1000);
        self.life.watch(self.fleet.vcpus(), needs, self.request.asked_ms(), secs * 1000);
        decide(&self.watched(secs), needs)
    }

    fn watched(&self, secs: u64) -> Watched<'_> {
        let Case { request, fleet, events, life, heard } = self;
        Watched { request, fleet, events, life, heard: *heard, now_ms: secs * 1000 }
    }

    #[track_caller]
    fn expects(&mut self, secs: u64, expected: &str) {
        let answer = match self.at(secs) {
            Watch::Wait { .. } => "wait".into(),
            Watch::Beat { .. } => "beat".into(),
            Watch::OnDemand { resize, .. } => format!("{} of {}", resize.target.on_demand, resize.target.vcpus),
            Watch::Stop { finding, secs } => format!("{:?} {secs}", finding.cause),
        };
        assert_eq!(answer, expected, "at {secs} s");
    }
}

const NO_ROOM: &str = "InsufficientInstanceCapacity: There is no Spot capacity available that matches your request.";
const BLACKLISTED: &str = "allLaunchSpecsTemporarilyBlacklisted";
const INVALID: &str = "spotFleetRequestConfigurationInvalid";

#[test]
fn each_cause_is_distinguished_from_the_others() {
    for (sub_kind, text, expected) in [
        (BLACKLISTED, NO_ROOM, Cause::Capacity),
        (BLACKLISTED, "Error Code: UnfulfillableCapacity", Cause::Capacity),
        (BLACKLISTED, "SpotMaxPriceTooLow: Your Spot request price is lower", Cause::Price),
        ("spotInstanceCountLimitExceeded", "MaxSpotInstanceCountExceeded", Cause::Quota),
        (BLACKLISTED, "VcpuLimitExceeded: more than 5 vCPUs", Cause::Quota),
        (BLACKLISTED, "InvalidAMIID.NotFound: The image id '[ami-1]' does not exist", Cause::Image),
        (INVALID, "Not authorized for images: [ami-1]", Cause::Image),
        ("iamFleetRoleInvalid", "The fleet does not have the required permissions", Cause::Permission),
        (BLACKLISTED, "UnauthorizedOperation: You are not authorized", Cause::Permission),
        (INVALID, "InvalidLaunchTemplateId.VersionNotFound: version 3", Cause::Template),
        (BLACKLISTED, "InvalidSubnetID.NotFound", Cause::Template),
    ] {
        for kind in ["service-error", "error"] {
            let found = cause(&[event(1, kind, sub_kind, text)], &[]);
            assert_eq!(found.map(|f| f.cause), Some(expected), "{kind} {sub_kind}: {text}");
        }
        for change in ["instance-change", "instanceChange", "fleet-change", "fleetRequestChange"] {
            assert_eq!(cause(&[event(1, change, sub_kind, text)], &[]), None, "{change} explains nothing");
        }
    }
    // A machine that could not decrypt its volume reports it itself.
    let dead = fleet("i-1:Client.InternalError").machines;
    assert_eq!(cause(&[], &dead).map(|f| f.cause), Some(Cause::Permission));
    for ordinary in
        ["Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown", "Server.SpotInstanceTermination"]
    {
        assert_eq!(cause(&[], &fleet(&format!("i-1:{ordinary}")).machines), None);
    }
}

#[test]
fn what_was_before_the_last_launch_is_over_and_a_mistake_outranks_a_shortage() {
    let quota = event(1, "service-error", "spotInstanceCountLimitExceeded", "MaxSpotInstanceCountExceeded");
    let launched = event(2, "instance-change", "launched", "{}");
    let room = event(3, "service-error", BLACKLISTED, NO_ROOM);
    let of = |events: &[FleetEvent]| cause(events, &[]).map(|f| f.cause);
    assert_eq!(of(&[quota.clone(), launched.clone()]), None);
    assert_eq!(of(&[quota.clone(), launched, room.clone()]), Some(Cause::Capacity));
    assert_eq!(of(&[room, quota]), Some(Cause::Quota));
}

#[test]
fn a_shortage_is_waited_for_and_a_mistake_is_not() {
    let mut short = Case::of("").with_error(BLACKLISTED, NO_ROOM);
    short.expects(MISTAKE_SECS, "wait");
    short.expects(CAPACITY_SECS - 1, "wait");
    short.expects(CAPACITY_SECS, &format!("Capacity {CAPACITY_SECS}"));
    let mut quota = Case::of("").with_error("spotInstanceCountLimitExceeded", "MaxSpotInstanceCountExceeded");
    quota.expects(MISTAKE_SECS, "wait");
    quota.expects(CAPACITY_SECS, &format!("Quota {CAPACITY_SECS}"));
    let mut image = Case::of("").with_error(INVALID, "InvalidAMIID.NotFound");
    image.expects(MISTAKE_SECS - 1, "wait");
    image.expects(MISTAKE_SECS, &format!("Image {MISTAKE_SECS}"));
    // EC2 reports nothing at all: a shortage can appear like that, too.
    Case::of("").expects(CAPACITY_SECS, &format!("Capacity {CAPACITY_SECS}"));
    // A tick comes before the waiting execution takes the silence for a stall.
    const { assert!(CAPACITY_SECS + WATCH_SECS < HEARTBEAT_SECS && SILENT_SECS < HEARTBEAT_SECS) };
}

#[test]
fn a_fleet_that_has_some_machines_goes_on_and_one_that_lost_them_gets_the_same_time() {
    let mut case = Case::of("i-1").with_error(BLACKLISTED, NO_ROOM);
    case.heard = true;
    case.expects(CAPACITY_SECS * 3, "wait");
    case.fleet = fleet("i-1:Server.SpotInstanceTermination");
    case.expects(CAPACITY_SECS * 3 + 300, "wait");
    case.expects(CAPACITY_SECS * 4 + 300, &format!("Capacity {CAPACITY_SECS}"));
}

#[test]
fn on_demand_comes_when_its_time_has_come_and_only_for_what_is_missing() {
    let mut case = Case::of("").with_error(BLACKLISTED, NO_ROOM);
    case.request.knobs.on_demand_after_secs = Some(7_200);
    case.expects(300, "beat");
    case.expects(7_199, "beat");
    case.expects(7_200, "32 of 32");
    case.fleet.target = Target { vcpus: 32, on_demand: 32 };
    case.life.on_demand_ms = Some(7_200_000);
    case.expects(7_500, "beat");
    case.expects(7_200 + CAPACITY_SECS, &format!("Capacity {CAPACITY_SECS}"));

    let mut part = Case::of("i-1 i-2").with_error(BLACKLISTED, NO_ROOM);
    (part.heard, part.request.knobs.on_demand_after_secs) = (true, Some(600));
    part.expects(599, "wait");
    part.expects(600, "24 of 32");
    // Full at one inspection: the time begins anew.
    let mut full = Case::of("i-1 i-2 i-3 i-4 i-5 i-6 i-7 i-8");
    (full.heard, full.request.knobs.on_demand_after_secs) = (true, Some(600));
    full.expects(300, "wait");
    full.fleet = fleet("i-1");
    full.expects(800, "wait");
    full.expects(1_399, "wait");
    full.expects(1_400, "28 of 32");
}

#[test]
fn fewer_items_need_fewer_machines() {
    assert_eq!([0, 1, 8, 16, 99].map(|left| needed(&fleet(""), &request(), left)), [0, 2, 16, 32, 32]);
}

#[test]
fn machines_that_take_no_work_are_found_out() {
    let mut booting = Case::of("i-1@100");
    booting.expects(100 + SILENT_SECS - 1, "wait");
    booting.expects(100 + SILENT_SECS, &format!("Silent {SILENT_SECS}"));
    booting.heard = true;
    booting.expects(100 + SILENT_SECS, "wait");
    let ended: Vec<String> = (0..CHURN_MACHINES).map(|i| format!("i-{i}:Client.InstanceInitiatedShutdown")).collect();
    Case::of(&ended[1..].join(" ")).expects(60, "wait");
    Case::of(&ended.join(" ")).expects(60, "Silent 60");
    let taken: Vec<String> = (0..9).map(|i| format!("i-{i}:Server.SpotInstanceTermination")).collect();
    Case::of(&taken.join(" ")).expects(60, "wait");
}

#[test]
fn a_round_that_fell_silent_is_explained_only_if_it_had_nobody() {
    let found = |case: &Case| after_silence(&case.watched(1_300)).map(|(f, _)| f.cause);
    let short = |machines: &str| Case::of(machines).with_error(BLACKLISTED, NO_ROOM);
    assert_eq!(found(&short("")), Some(Cause::Capacity));
    assert_eq!(found(&Case::of("")), Some(Cause::Capacity));
    assert_eq!(found(&Case::of("i-1:Client.UserInitiatedShutdown")), Some(Cause::Silent));
    let mut worked = short("i-1:Client.UserInitiatedShutdown");
    worked.heard = true;
    assert_eq!(found(&worked), None, "more machines were wanted, but some worked");
    worked.life.empty_since_ms = Some(200_000);
    assert_eq!(found(&worked), Some(Cause::Capacity));
}

/// The message for a cause, as the person on call reads it.
fn text(case: &Case, secs: u64, console: Option<(&str, &str)>) -> (String, &'static str) {
    let (finding, _) = after_silence(&case.watched(secs)).expect("a cause");
    let caller = Caller::new("aws");
    let story = Story {
        request: &case.request,
        fleet: &case.fleet,
        waited_secs: secs,
        console,
        quota_vcpus: Some(5.0),
        caller: &caller,
    };
    (finding.text(&story), finding.error())
}

#[test]
fn six_causes_six_messages_each_with_its_remedy() {
    let (message, error) = text(&Case::of("").with_error(BLACKLISTED, NO_ROOM), 900, None);
    assert_eq!(
        message,
        "no spot capacity for 15 min: 32 vCPUs asked for in 145 pools (29 machine types in 5 zones). EC2 says: \
         allLaunchSpecsTemporarilyBlacklisted: InsufficientInstanceCapacity: There is no Spot capacity available that \
         matches your request. Start again later, or let `fleet.on_demand_after` take on-demand machines instead"
    );
    assert_eq!(error, errors::NO_CAPACITY);

    let (message, error) = text(
        &Case::of("").with_error("spotInstanceCountLimitExceeded", "MaxSpotInstanceCountExceeded: 5 of 5"),
        900,
        None,
    );
    assert!(message.starts_with("the account's quota of Standard Spot vCPUs (L-34B43A08) is 5: too small, or used up"));
    assert!(message.contains("asks for 32 vCPUs. EC2 says") && message.contains("--desired-value 64;"), "{message}");
    assert_eq!(error, errors::REFUSED);

    let (message, error) = text(&Case::of("").with_error(INVALID, "InvalidAMIID.NotFound"), 300, None);
    assert!(
        message.starts_with("the machines' image cannot be booted. EC2 says: ") && message.contains("ImageX86"),
        "{message}"
    );
    assert_eq!(error, errors::REFUSED);

    let (message, error) = text(&Case::of("").with_error("iamFleetRoleInvalid", "no right to launch"), 300, None);
    assert!(message.starts_with("a role or a permission is missing") && message.contains("create-service-linked-role"));
    assert_eq!(error, errors::REFUSED);

    let (message, error) = text(&Case::of("").with_error(INVALID, "InvalidLaunchTemplateId.NotFound"), 300, None);
    assert!(
        message.starts_with("the launch template, or what it names, is not valid")
            && message.contains("spotmill deploy")
    );
    assert_eq!(error, errors::REFUSED);

    let silent = Case::of("i-1:Client.UserInitiatedShutdown i-2:Client.UserInitiatedShutdown");
    let (message, error) = text(&silent, 900, Some(("i-1", "spotmill: fetching the worker\nAccess Denied\n")));
    assert_eq!(
        message,
        "2 machines started, and none took any work for 15 min. Machines must reach S3 and SQS (subnets, security \
         group), and their role the bucket and the queues. The console of i-1 ends: spotmill: fetching the worker \
         Access Denied"
    );
    assert_eq!(error, errors::WORKERS_SILENT);
}

#[test]
fn a_price_limit_and_on_demand_machines_have_messages_of_their_own() {
    let mut cheap = Case::of("").with_error(BLACKLISTED, "SpotMaxPriceTooLow");
    cheap.request.knobs.max_price_per_vcpu_hour = Some(0.01);
    let (message, error) = text(&cheap, 900, None);
    assert!(message.starts_with("no spot machine for 15 min at $0.01 a vCPU-hour or less"), "{message}");
    assert!(message.ends_with("Raise or remove `fleet.max_price_per_vcpu_hour`") && error == errors::NO_CAPACITY);
    let mut quota = Case::of("").with_error(BLACKLISTED, "VcpuLimitExceeded");
    quota.fleet.target.on_demand = 32;
    assert!(text(&quota, 900, None).0.contains("of Standard On-Demand vCPUs (L-1216C47A)"));
    // The spot fleet beside it met a quota of its own.
    let mut spot = Case::of("").with_error("spotInstanceCountLimitExceeded", "MaxSpotInstanceCountExceeded");
    spot.fleet.target.on_demand = 32;
    let (message, _) = text(&spot, 900, None);
    assert!(message.contains("of Standard Spot vCPUs (L-34B43A08)"), "{message}");
    assert!(message.contains("--quota-code L-34B43A08 "), "{message}");
}
