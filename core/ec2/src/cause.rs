//! Why a fleet has no machine that works: read from its history and from how its machines ended. Each cause has its own
//! message and remedy, so that nobody waits for capacity while a permission is missing, or searches for a permission
//! while there is no capacity.

use spotmill_core::calls::errors;
use spotmill_core::command::Caller;
use spotmill_core::fleet::{FleetEvent, FleetNow, FleetRequest, MachineNow, Target};
use spotmill_core::format::{clip, count, duration};

/// All standard machine types (A, C, D, H, I, M, R, T, Z) on spot together, in vCPUs. A fleet never asks for X types,
/// so their own quota (L-E3A00192) does not matter.
pub const SPOT_QUOTA: &str = "L-34B43A08";
/// The same on demand.
pub const ON_DEMAND_QUOTA: &str = "L-1216C47A";

/// Words of messages that are about the quota of spot machines, whatever else a fleet asks for.
const SPOT_LIMITS: [&str; 2] = ["spotInstanceCountLimitExceeded", "MaxSpotInstanceCountExceeded"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Capacity,
    /// There are machines, above the pipeline's price.
    Price,
    Quota,
    Image,
    Permission,
    Template,
    /// Machines start, and take no work.
    Silent,
}

/// A cause, and EC2's message that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub cause: Cause,
    pub message: String,
}

/// What EC2 writes, by what it means; the first row with a pattern that the text contains counts.
const PATTERNS: &[(Cause, &[&str])] = &[
    (Cause::Image, &["InvalidAMI", "Not authorized for images", "The image id"]),
    (
        Cause::Permission,
        &[
            "iamFleetRoleInvalid",
            "UnauthorizedOperation",
            "not authorized to perform",
            "AccessDenied",
            "AuthFailure",
            "ServiceLinkedRole",
            "service-linked role",
            "IAM Instance Profile",
            "iamInstanceProfile",
            "Client.InternalError",
            "InvalidKmsKey",
        ],
    ),
    (Cause::Quota, &[SPOT_LIMITS[0], SPOT_LIMITS[1], "VcpuLimitExceeded", "InstanceLimitExceeded"]),
    (Cause::Price, &["SpotMaxPriceTooLow", "launchSpecUnusable"]),
    (
        Cause::Template,
        &[
            "spotFleetRequestConfigurationInvalid",
            "InvalidLaunchTemplate",
            "InvalidSubnet",
            "InvalidGroup",
            "InvalidParameter",
            "InvalidBlockDevice",
            "InvalidUserData",
            "InvalidFleetConfig",
            "MissingParameter",
        ],
    ),
    (
        Cause::Capacity,
        &["InsufficientInstanceCapacity", "UnfulfillableCapacity", "allLaunchSpecsTemporarilyBlacklisted"],
    ),
];

/// EC2's reasons for a machine's end that do not explain why there is none: ended by us, by itself, taken away.
const NO_CAUSE: &[&str] =
    &["UserInitiated", "InstanceInitiatedShutdown", "SpotInstanceTermination", "SpotInstanceShutdown", "Fleet"];

/// The gravest cause that the history names since a machine was last launched: a mistake stays, capacity comes back.
pub fn cause(events: &[FleetEvent], machines: &[MachineNow]) -> Option<Finding> {
    let launched = events.iter().filter(|e| e.sub_kind == "launched").map(|e| e.at_ms).max().unwrap_or(0);
    let reported = events.iter().filter(|e| e.at_ms >= launched && !is_change(&e.kind));
    let mut texts: Vec<String> = reported.map(|e| format!("{}: {}", e.sub_kind, e.text)).collect();
    let ended = machines.iter().filter(|m| !m.works && !NO_CAUSE.iter().any(|word| m.reason.contains(word)));
    texts.extend(ended.filter(|m| !m.reason.is_empty()).map(|m| m.reason.clone()));
    PATTERNS.iter().find_map(|(cause, patterns)| {
        let meant = texts.iter().rev().find(|text| patterns.iter().any(|pattern| text.contains(pattern)))?;
        Some(Finding { cause: *cause, message: clip(meant, 500) })
    })
}

/// A change of a fleet or a machine, which explains nothing. EC2's model spells kinds of events like `instance-change`, its
/// samples like `fleetRequestChange`, as Spot Fleet does. An event of any other kind may explain something.
fn is_change(kind: &str) -> bool {
    matches!(kind, "instance-change" | "fleet-change" | "instanceChange" | "fleetRequestChange")
}

/// What a finding is about, for people.
pub struct Story<'a> {
    pub request: &'a FleetRequest,
    pub fleet: &'a FleetNow,
    /// How long there was no machine, or no call from any.
    pub waited_secs: u64,
    /// The end of a machine's console: its id, and its last lines.
    pub console: Option<(&'a str, &'a str)>,
    /// The account's value of the quota that the fleet is held to, in vCPUs, if it could be read.
    pub quota_vcpus: Option<f64>,
    /// Whose commands are named.
    pub caller: &'a Caller,
}

/// The command that asks for more.
pub fn raise_quota(code: &str, vcpus: u32) -> String {
    format!(
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code {code} --desired-value {vcpus}"
    )
}

impl Finding {
    /// The quota that the message is about, or the one that a fleet of this target is held to where the message names
    /// neither: its code, and its name.
    pub fn quota(&self, target: Target) -> (&'static str, &'static str) {
        let is_spot = SPOT_LIMITS.iter().any(|limit| self.message.contains(limit));
        match is_spot || target.on_demand == 0 {
            true => (SPOT_QUOTA, "of Standard Spot vCPUs"),
            false => (ON_DEMAND_QUOTA, "of Standard On-Demand vCPUs"),
        }
    }

    /// What a state machine and an exit code make of it.
    pub fn error(&self) -> &'static str {
        match self.cause {
            Cause::Capacity | Cause::Price => errors::NO_CAPACITY,
            Cause::Silent => errors::WORKERS_SILENT,
            Cause::Quota | Cause::Image | Cause::Permission | Cause::Template => errors::REFUSED,
        }
    }

    /// Does only a person's change help, so that there is no use in waiting?
    pub fn is_mistake(&self) -> bool {
        matches!(self.cause, Cause::Image | Cause::Permission | Cause::Template)
    }

    pub fn text(&self, of: &Story<'_>) -> String {
        let message = match self.message.as_str() {
            "" => String::new(),
            message => format!(" EC2 says: {}.", message.trim_end_matches('.')),
        };
        match self.cause {
            Cause::Capacity => format!("{}.{message} {}", of.capacity(), of.capacity_remedy()),
            Cause::Price => format!("{}.{message} Raise or remove `fleet.max_price_per_vcpu_hour`", of.price()),
            Cause::Quota => {
                let (code, name) = self.quota(of.fleet.target);
                format!("{}.{message} {}", of.quota(code, name), of.quota_remedy(code))
            }
            Cause::Image => format!(
                "the machines' image cannot be booted.{message} Check the stack's parameters ImageX86 and ImageArm64 \
                 (is the image there, in this region, and may this account use it?), then: `{}`",
                of.caller.command("deploy")
            ),
            Cause::Permission => format!(
                "a role or a permission is missing for launching machines.{message} `{}` checks the \
                 service-linked roles (aws iam create-service-linked-role --aws-service-name ec2fleet.amazonaws.com); \
                 a key of your own has to admit them, and a permissions boundary what the stack's roles do",
                of.caller.command("doctor")
            ),
            Cause::Template => format!(
                "the launch template, or what it names, is not valid.{message} The stack's templates, subnets and \
                 security group are not what they were: `{}`",
                of.caller.command("deploy")
            ),
            Cause::Silent => of.silent(),
        }
    }
}

impl Story<'_> {
    fn market(&self) -> &'static str {
        if self.fleet.target.on_demand > 0 { "spot or on-demand" } else { "spot" }
    }

    fn capacity(&self) -> String {
        let (types, zones) = (self.fleet.types, self.fleet.zones);
        format!(
            "no {} capacity for {}: {} asked for in {} ({} in {})",
            self.market(),
            duration(self.waited_secs),
            count(u64::from(self.fleet.target.vcpus), "vCPU"),
            count((types * zones) as u64, "pool"),
            count(types as u64, "machine type"),
            count(zones as u64, "zone"),
        )
    }

    fn capacity_remedy(&self) -> &'static str {
        match (self.request.knobs.on_demand_after_secs, self.request.knobs.architectures.len()) {
            (None, 0) => "Start again later, or let `fleet.on_demand_after` take on-demand machines instead",
            (None, _) => "Start again later, allow more `fleet.architectures`, or set `fleet.on_demand_after`",
            (Some(_), _) => "Start again later",
        }
    }

    fn price(&self) -> String {
        let most = self.request.knobs.max_price_per_vcpu_hour;
        let at = most.map_or("the price the fleet may pay".to_owned(), |usd| format!("${usd} a vCPU-hour"));
        format!("no spot machine for {} at {at} or less", duration(self.waited_secs))
    }

    fn quota(&self, code: &str, name: &str) -> String {
        let value = self.quota_vcpus.map(|vcpus| format!("{vcpus}: ")).unwrap_or_default();
        format!(
            "the account's quota {name} ({code}) is {value}too small, or used up: this step asks for {}",
            count(u64::from(self.fleet.target.vcpus), "vCPU")
        )
    }

    fn quota_remedy(&self, code: &str) -> String {
        // What a few steps of this size at once need.
        let wanted = (self.fleet.target.vcpus * 2).next_power_of_two().max(32);
        format!("Raise it: {}; or lower `fleet.max_vcpus`", raise_quota(code, wanted))
    }

    fn silent(&self) -> String {
        let console = match self.console {
            Some((id, tail)) => format!("The console of {id} ends: {}", clip(tail.trim(), 1_500)),
            None => "No console can be read yet (aws ec2 get-console-output)".to_owned(),
        };
        format!(
            "{} started, and none took any work for {}. Machines must reach S3 and SQS (subnets, security group), and \
             their role the bucket and the queues. {}",
            count(self.fleet.machines.len() as u64, "machine"),
            duration(self.waited_secs),
            console.trim_end_matches('.')
        )
    }
}
