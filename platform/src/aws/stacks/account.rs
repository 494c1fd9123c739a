//! What an account has and allows: who asks, spot quotas, service-linked roles, subnets, images. Reads only.

use super::AwsError;
use crate::aws::error::RequestError;
use crate::aws::filter::filter;
use crate::aws::quotas;
use aws_config::SdkConfig;

#[derive(Clone, Debug)]
pub struct Account {
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) iam: aws_sdk_iam::Client,
    quotas: aws_sdk_servicequotas::Client,
    sts: aws_sdk_sts::Client,
}

/// Whose credentials these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    pub arn: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    /// Its network.
    pub vpc: String,
    /// `us-east-1a`
    pub zone: String,
    /// Addresses left.
    pub free: i32,
    /// Machines get a public address.
    pub public: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub id: String,
    /// `x86_64`, `arm64`.
    pub architecture: String,
    pub name: String,
    /// `available`
    pub state: String,
}

pub(super) const ABSENT: &[&str] = &["NotFound", "NoSuchEntity", "NoSuchEntityException", "Malformed"];

impl Account {
    pub fn new(config: &SdkConfig) -> Account {
        Account {
            ec2: aws_sdk_ec2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            quotas: aws_sdk_servicequotas::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
        }
    }

    pub async fn identity(&self) -> Result<Identity, AwsError> {
        let found = self.sts.get_caller_identity().send().await;
        let found = found.map_err(|e| AwsError::of("asking who you are", "sts:GetCallerIdentity", e))?;
        Ok(Identity { account: found.account.unwrap_or_default(), arn: found.arn.unwrap_or_default() })
    }

    /// The account's value of a service's quota, or AWS's default where it never asked for another.
    pub async fn quota(&self, service: &str, code: &str) -> Result<Option<f64>, AwsError> {
        let needs = "servicequotas:GetServiceQuota and servicequotas:GetAWSDefaultServiceQuota";
        quotas::of(&self.quotas, service, code).await.map_err(|e| AwsError::of("looking at quotas", needs, e))
    }

    pub async fn has_role(&self, name: &str) -> Result<bool, AwsError> {
        match self.iam.get_role().role_name(name).send().await.map_err(RequestError::from) {
            Ok(_) => Ok(true),
            Err(e) if e.is(ABSENT) => Ok(false),
            Err(e) => Err(AwsError::of(&format!("looking for role {name}"), "iam:GetRole", e)),
        }
    }

    /// Makes the role by which a service of AWS acts in this account; one that is there is as good.
    pub async fn make_service_role(&self, service: &str) -> Result<(), AwsError> {
        let made = self.iam.create_service_linked_role().aws_service_name(service).send().await;
        match made.map_err(RequestError::from) {
            Ok(_) => Ok(()),
            Err(e) if e.text("IAM").contains("has been taken") => Ok(()),
            Err(e) => Err(AwsError::of(&format!("making the role for {service}"), "iam:CreateServiceLinkedRole", e)),
        }
    }

    /// Those of `ids` that exist.
    pub async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>, AwsError> {
        let found = self.ec2.describe_subnets().filters(filter("subnet-id", ids)).send().await;
        let found = found.map_err(|e| AwsError::of("looking at subnets", "ec2:DescribeSubnets", e))?;
        let of = |s: aws_sdk_ec2::types::Subnet| Subnet {
            id: s.subnet_id.unwrap_or_default(),
            vpc: s.vpc_id.unwrap_or_default(),
            zone: s.availability_zone.unwrap_or_default(),
            free: s.available_ip_address_count.unwrap_or_default(),
            public: s.map_public_ip_on_launch.unwrap_or_default(),
        };
        Ok(found.subnets.unwrap_or_default().into_iter().map(of).collect())
    }

    /// The image that machines of a launch template's latest version boot; nothing if template or image is gone.
    pub async fn image_of(&self, template: &str) -> Result<Option<Image>, AwsError> {
        let versions = self.ec2.describe_launch_template_versions().launch_template_id(template).versions("$Latest");
        let found = match versions.send().await.map_err(RequestError::from) {
            Ok(found) => found.launch_template_versions.unwrap_or_default(),
            Err(e) if e.is(ABSENT) => return Ok(None),
            Err(e) => {
                let needs = "ec2:DescribeLaunchTemplateVersions";
                return Err(AwsError::of("looking at launch templates", needs, e));
            }
        };
        let image = found.into_iter().find_map(|v| v.launch_template_data?.image_id);
        let Some(image) = image else { return Ok(None) };
        match self.ec2.describe_images().image_ids(&image).send().await.map_err(RequestError::from) {
            Ok(found) => Ok(found.images.unwrap_or_default().into_iter().next().map(|i| Image {
                id: i.image_id.unwrap_or_default(),
                architecture: i.architecture.map(|a| a.as_str().to_owned()).unwrap_or_default(),
                name: i.name.unwrap_or_default(),
                state: i.state.map(|s| s.as_str().to_owned()).unwrap_or_default(),
            })),
            Err(e) if e.is(ABSENT) => Ok(None),
            Err(e) => Err(AwsError::of("looking at images", "ec2:DescribeImages", e)),
        }
    }
}
