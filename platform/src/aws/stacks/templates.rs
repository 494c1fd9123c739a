//! A launch template as it stands: how many versions, and which is the latest.

use super::account::ABSENT;
use super::{Account, AwsError};
use crate::aws::error::RequestError;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateNow {
    pub id: String,
    /// The number of the latest version, which LaunchFleet makes its own of.
    pub latest: i64,
    /// How many there are.
    pub versions: usize,
    /// Of the latest: the image by its id.
    pub image: Option<String>,
}

impl Account {
    /// Nothing if it is gone.
    pub async fn template(&self, id: &str) -> Result<Option<TemplateNow>, AwsError> {
        let mut pages = self.ec2.describe_launch_template_versions().launch_template_id(id).into_paginator().send();
        let mut now = TemplateNow { id: id.to_owned(), ..TemplateNow::default() };
        while let Some(page) = pages.next().await {
            let found = match page.map_err(RequestError::from) {
                Ok(page) => page.launch_template_versions.unwrap_or_default(),
                Err(e) if e.is(ABSENT) => return Ok(None),
                Err(e) => {
                    return Err(AwsError::of("looking at launch templates", "ec2:DescribeLaunchTemplateVersions", e));
                }
            };
            now.versions += found.len();
            for version in found {
                let number = version.version_number.unwrap_or_default();
                if number > now.latest {
                    now.latest = number;
                    now.image = version.launch_template_data.and_then(|data| data.image_id);
                }
            }
        }
        Ok(Some(now).filter(|now| now.versions > 0))
    }
}
