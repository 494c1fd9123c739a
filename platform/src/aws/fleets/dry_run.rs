//! The calls that launch machines, as dry runs: EC2 answers whether the caller may make them, and makes nothing. CreateFleet is
//! the request that LaunchFleet sends, word for word; RunInstances is what EC2 does for a fleet, for one of its pools.

use super::convert::fleet_request;
use super::{Aws, LATER};
use crate::aws::error::{RequestError, UNKNOWN};
use aws_sdk_ec2::types::{
    InstanceMarketOptionsRequest, LaunchTemplateSpecification, MarketType, SpotInstanceType, SpotMarketOptions,
};
use spotmill_ec2::api::CreateFleet;

/// One machine of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OneMachine {
    pub template: String,
    pub version: String,
    pub subnet: String,
    /// `r7g.2xlarge`
    pub instance_type: String,
}

/// What EC2 answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dry {
    /// The caller may, and the request would have been carried out.
    Fine,
    /// The caller may not; what EC2 says, and STS's decoding of the part that it encrypts, as JSON, where the caller may have it.
    Denied { message: String, decoded: Option<String> },
    /// EC2 names something else about it.
    Refused { code: String, message: String },
    /// No answer that says anything: throttled, broken off, or without credentials that AWS accepts.
    Unanswered { message: String },
}

impl Aws {
    pub async fn dry_fleet(&self, asked: &CreateFleet) -> Dry {
        let ec2 = aws_sdk_ec2::Client::new(self.config());
        let answer = fleet_request(asked, ec2.create_fleet().dry_run(true)).send().await;
        self.dry(answer.map(drop).map_err(RequestError::from)).await
    }

    pub async fn dry_machine(&self, asked: &OneMachine) -> Dry {
        let ec2 = aws_sdk_ec2::Client::new(self.config());
        let template =
            LaunchTemplateSpecification::builder().launch_template_id(&asked.template).version(&asked.version);
        let once = SpotMarketOptions::builder().spot_instance_type(SpotInstanceType::OneTime).build();
        let spot = InstanceMarketOptionsRequest::builder().market_type(MarketType::Spot).spot_options(once).build();
        let call = ec2.run_instances().dry_run(true).launch_template(template.build()).subnet_id(&asked.subnet);
        let call = call.instance_type(asked.instance_type.as_str().into()).instance_market_options(spot);
        let answer = call.min_count(1).max_count(1).send().await;
        self.dry(answer.map(drop).map_err(RequestError::from)).await
    }

    async fn dry(&self, answer: Result<(), RequestError>) -> Dry {
        match read(answer) {
            Dry::Denied { message, .. } => {
                let (message, encoded) = encoded(&message);
                let decoded = match encoded {
                    Some(encoded) => self.decode(encoded).await,
                    None => None,
                };
                Dry::Denied { message: message.to_owned(), decoded }
            }
            answered => answered,
        }
    }

    /// Nothing where the caller may not: the plain message then has to do.
    async fn decode(&self, encoded: &str) -> Option<String> {
        let sts = aws_sdk_sts::Client::new(self.config());
        sts.decode_authorization_message().encoded_message(encoded).send().await.ok()?.decoded_message
    }
}

/// A dry run never succeeds: the error says whether it would have. A denial keeps its message as it came.
fn read(answer: Result<(), RequestError>) -> Dry {
    let e = match answer {
        Ok(()) => {
            let message = "it answered as if it were none, and may have launched something".to_owned();
            return Dry::Refused { code: "NoDryRun".to_owned(), message };
        }
        Err(e) => e,
    };
    if e.is(&["DryRunOperation"]) {
        return Dry::Fine;
    }
    if e.is(&["UnauthorizedOperation", "AccessDenied"]) {
        return Dry::Denied { message: e.message, decoded: None };
    }
    let says_nothing = e.status.is_none() || e.code.is_empty() || e.status >= Some(500);
    // Who asks is not who would launch: credentials that are over, or none, say nothing of a start.
    if says_nothing || e.throttled() || e.is(LATER) || e.expired() || e.is(UNKNOWN) {
        return Dry::Unanswered { message: e.text("EC2") };
    }
    Dry::Refused { code: e.code, message: e.message }
}

/// `You are not authorized to perform this operation. Encoded authorization failure message: 4sgtyC…`
fn encoded(message: &str) -> (&str, Option<&str>) {
    match message.split_once("Encoded authorization failure message:") {
        Some((plain, encoded)) => (plain.trim(), Some(encoded.trim())),
        None => (message, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error::Fate;

    #[test]
    fn the_encrypted_part_of_a_message_is_separated_from_its_text() {
        let text = "You are not authorized to perform this operation. Encoded authorization failure message: 4sgt-_yC";
        assert_eq!(encoded(text), ("You are not authorized to perform this operation.", Some("4sgt-_yC")));
        assert_eq!(encoded("no"), ("no", None));
    }

    #[test]
    fn an_answer_is_a_yes_a_denial_a_refusal_or_none() {
        let of = |status: Option<u16>, code: &str| {
            let (code, message) = (code.to_owned(), "m".to_owned());
            read(Err(RequestError { fate: Fate::Refused, status, code, message, region: None, source: "x".into() }))
        };
        assert_eq!(of(Some(412), "DryRunOperation"), Dry::Fine);
        for (status, code) in [(Some(403), "UnauthorizedOperation"), (Some(403), "AccessDenied")] {
            assert_eq!(of(status, code), Dry::Denied { message: "m".to_owned(), decoded: None }, "{code}");
        }
        for (status, code) in [
            (Some(400), "RequestExpired"),
            (Some(400), "ExpiredToken"),
            (Some(400), "ExpiredTokenException"),
            (Some(401), "AuthFailure"),
            (Some(403), "InvalidClientTokenId"),
            (Some(403), "SignatureDoesNotMatch"),
            (Some(400), "Unavailable"),
            (Some(503), "RequestLimitExceeded"),
            (Some(500), "Something"),
            (Some(403), ""),
            (None, ""),
        ] {
            assert!(matches!(of(status, code), Dry::Unanswered { .. }), "{status:?} {code}: {:?}", of(status, code));
        }
        let refused = Dry::Refused { code: "NotFound".to_owned(), message: "m".to_owned() };
        assert_eq!(of(Some(400), "NotFound"), refused);
        assert!(matches!(read(Ok(())), Dry::Refused { code, .. } if code == "NoDryRun"));
    }
}
