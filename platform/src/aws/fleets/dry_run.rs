//! The calls that launch machines, as dry runs: EC2 answers whether the caller may make them, and makes nothing. CreateFleet is
//! the request that LaunchFleet sends, word for word; RunInstances is what EC2 does for a fleet, for one of its pools.

use super::Aws;
use super::convert::fleet_request;
use crate::aws::error::RequestError;
use aws_sdk_ec2::types::{
    InstanceMarketOptionsRequest, LaunchTemplateSpecification, MarketType, SpotInstanceType, SpotMarketOptions,
};
use spotmill_ec2::api::CreateFleet;

/// One machine of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// No answer that says anything: throttled, broken off, or without credentials.
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

    /// A dry run never succeeds: the error says whether it would have.
    async fn dry(&self, answer: Result<(), RequestError>) -> Dry {
        let e = match answer {
            Ok(()) => {
                let message = "it answered as if it were none, and may have launched something".to_owned();
                return Dry::Refused { code: "NoDryRun".to_owned(), message };
            }
            Err(e) => e,
        };
        match e.code.as_str() {
            "DryRunOperation" => Dry::Fine,
            "UnauthorizedOperation" => {
                let (message, encoded) = encoded(&e.message);
                let decoded = match encoded {
                    Some(encoded) => self.decode(encoded).await,
                    None => None,
                };
                Dry::Denied { message: message.to_owned(), decoded }
            }
            _ if e.status.is_none() || e.code.is_empty() || e.throttled() || e.status >= Some(500) => {
                Dry::Unanswered { message: e.text("EC2") }
            }
            code => Dry::Refused { code: code.to_owned(), message: e.message.clone() },
        }
    }

    /// Nothing where the caller may not: the plain message then has to do.
    async fn decode(&self, encoded: &str) -> Option<String> {
        let sts = aws_sdk_sts::Client::new(self.config());
        sts.decode_authorization_message().encoded_message(encoded).send().await.ok()?.decoded_message
    }
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
    use super::encoded;

    #[test]
    fn what_is_encrypted_is_told_apart_from_what_is_said() {
        let text = "You are not authorized to perform this operation. Encoded authorization failure message: 4sgt-_yC";
        assert_eq!(encoded(text), ("You are not authorized to perform this operation.", Some("4sgt-_yC")));
        assert_eq!(encoded("no"), ("no", None));
    }
}
