//! Fleets of EC2. `launch` makes a launch-template version an architecture and then the fleet; `end` undoes both in the
//! opposite order, so that a version stands exactly as long as something of the fleet may. Every call bears the
//! request's own token or description: whoever dies at any line is repeated, and finds what it made.

mod call;
mod convert;
mod dry_run;
mod end;
mod inspect;
mod launch;
mod now;
mod resize;

pub use dry_run::{Dry, OneMachine};

use super::config::Aws;
use super::error::{Fate, RequestError};
use super::quotas;
use crate::ports::{FleetError, FleetEvent, FleetNow, FleetRequest, Fleets, LivingFleet, Resize, Subject};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use spotmill_core::fleet::{Architecture, FleetProblem};
use spotmill_core::ids::Uri;
use spotmill_ec2::FleetPlace;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a stack has for its machines.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    pub stack: String,
    /// Launch template id by architecture.
    pub templates: BTreeMap<Architecture, String>,
    /// One subnet a zone, and no zone twice.
    pub subnets: Vec<String>,
    /// The state root.
    pub root: Uri,
    /// Seconds that an item is a machine's without a call from it.
    pub visibility_secs: u64,
}

/// How long we wait for EC2, which answers before it has done, and forgets for a moment what it just did.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until what exists is seen.
    pub seen: Duration,
    /// For machines to end; then the caller has to repeat the call.
    pub ended: Duration,
    /// Between two checks of machines, at first; it doubles to ten times as much.
    pub poll: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { seen: Duration::from_secs(3), ended: Duration::from_secs(120), poll: Duration::from_secs(1) }
    }
}

#[derive(Clone, Debug)]
pub struct Ec2Fleets {
    client: Client,
    quotas: aws_sdk_servicequotas::Client,
    place: FleetPlace,
    patience: Patience,
}

impl Aws {
    pub fn fleets(&self, settings: FleetSettings) -> Ec2Fleets {
        Ec2Fleets::new(self.config(), settings)
    }
}

impl Ec2Fleets {
    pub fn new(config: &SdkConfig, settings: FleetSettings) -> Ec2Fleets {
        let place = FleetPlace {
            stack: settings.stack,
            root: settings.root,
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            templates: settings.templates,
            subnets: settings.subnets,
            visibility_secs: settings.visibility_secs,
        };
        let quotas = aws_sdk_servicequotas::Client::new(config);
        Ec2Fleets { client: Client::new(config), quotas, place, patience: Patience::default() }
    }

    pub fn with_patience(self, patience: Patience) -> Ec2Fleets {
        Ec2Fleets { patience, ..self }
    }
}

#[async_trait]
impl Fleets for Ec2Fleets {
    async fn launch(&self, request: &FleetRequest) -> Result<(), FleetError> {
        self.launch_fleet(request).await
    }

    async fn end(&self, request: &FleetRequest) -> Result<(), FleetError> {
        self.end_fleet(request).await
    }

    async fn living(&self) -> Result<Vec<LivingFleet>, FleetError> {
        self.living_fleets().await
    }

    async fn owner(&self, subject: &Subject) -> Result<Option<LivingFleet>, FleetError> {
        self.owner_of(subject).await.map_err(|e| failed("that an event is about", "looking for it", e))
    }

    async fn inspect(&self, request: &FleetRequest) -> Result<Option<FleetNow>, FleetError> {
        self.fleet_now(&request.name).await.map_err(|e| failed(&request.name, "looking at the fleet", e))
    }

    async fn events(&self, request: &FleetRequest) -> Result<Vec<FleetEvent>, FleetError> {
        self.history(&request.name).await.map_err(|e| failed(&request.name, "reading its history", e))
    }

    async fn console(&self, machine: &str) -> Result<Option<String>, FleetError> {
        self.console_of(machine).await.map_err(|e| failed(machine, "reading its console", e))
    }

    async fn resize(&self, request: &FleetRequest, to: &Resize) -> Result<(), FleetError> {
        self.resize_fleet(request, to).await
    }

    async fn prices(&self, pools: &[(String, String)]) -> Result<Vec<Option<f64>>, FleetError> {
        self.spot_prices(pools).await.map_err(|e| failed("of machines", "asking for prices", e))
    }

    async fn quota(&self, code: &str) -> Result<Option<f64>, FleetError> {
        quotas::ec2(&self.quotas, code).await.map_err(|e| failed(code, "looking at the quota", e))
    }
}

/// What is asked for cannot be made a request.
fn impossible(name: &str, problem: FleetProblem) -> FleetError {
    FleetError::Refused { name: name.to_owned(), what: problem.to_string() }
}

/// What EC2's answer means to the caller: later, or never without a person.
fn failed(name: &str, doing: &str, e: RequestError) -> FleetError {
    let what = format!("{doing}: {}", e.text("EC2"));
    if e.fate == Fate::Refused && !e.throttled() && !e.is(LATER) {
        let remedy = remedy(&e.code);
        return FleetError::Refused { name: name.to_owned(), what: format!("{what}; {remedy}") };
    }
    FleetError::Transient { name: name.to_owned(), what, source: e.source }
}

/// EC2 answers these with a client error's status, and they pass: it is busy, has not yet heard of a version it just
/// made, or the credentials ran out on the way.
const LATER: &[&str] =
    &["RequestLimitExceeded", "Unavailable", "InternalError", "VersionNotFound", "RequestExpired", "ExpiredToken"];

/// What a person can do, by EC2's code. `RequestError` keeps the last word of a dotted one.
pub fn remedy(code: &str) -> &'static str {
    match code {
        "UnauthorizedOperation" | "AccessDenied" | "AuthFailure" => {
            "the function's role may not do this: deploy the stack again, or allow it in the permissions boundary"
        }
        "ServiceLinkedRoleCreationNotPermitted" => {
            "create the role once: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
        }
        "MaxSpotInstanceCountExceeded" | "VcpuLimitExceeded" | "InstanceLimitExceeded" => {
            "ask for more spot vCPUs in Service Quotas (L-34B43A08), or lower `fleet.max_vcpus`"
        }
        "MaxSpotFleetRequestCountExceeded" | "FleetLimitExceeded" | "LimitExceeded" => {
            "too many fleets live in this account: end some, or raise the quota of EC2 fleets"
        }
        "VersionLimitExceeded" => "the launch template has too many versions: delete old ones",
        "NotFound" | "NotFoundException" | "Malformed" => {
            "the stack's templates or subnets are not what they were: deploy the stack again"
        }
        "IdempotentParameterMismatch" => "the stack was changed while this fleet was asked for: start the run again",
        "SpotMaxPriceTooLow" => "raise `fleet.max_price_per_vcpu_hour` of the pipeline, or remove it",
        _ => {
            "EC2 does not take the request: check the pipeline's `[fleet]` and the step's `resources`, then start again"
        }
    }
}
