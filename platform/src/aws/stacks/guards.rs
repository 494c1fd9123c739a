//! What guards data besides the roles' own policies: where a bucket is, its policy, how it encrypts, and the keys that it
//! encrypts with. Reads only.

use super::account::ABSENT;
use super::{AwsError, Buckets};
use crate::aws::error::RequestError;
use crate::aws::signed::{Ask, ask};
use aws_config::SdkConfig;
use serde_json::{Value, json};

/// A bucket as whoever asks finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// In this region, as far as S3 says.
    Here,
    Elsewhere(String),
    Absent,
}

/// How a bucket encrypts what is written to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encryption {
    /// By KMS; otherwise by S3 itself.
    pub kms: bool,
    /// Which key, if it is not AWS's own for S3: an ARN, an id or an alias.
    pub key: Option<String>,
}

impl Buckets {
    pub async fn whereabouts(&self, bucket: &str) -> Result<Whereabouts, AwsError> {
        let region_of = |region: Option<String>| match region {
            Some(region) if region != self.region => Whereabouts::Elsewhere(region),
            _ => Whereabouts::Here,
        };
        match self.client.head_bucket().bucket(bucket).send().await.map_err(RequestError::from) {
            Ok(found) => Ok(region_of(found.bucket_region)),
            Err(e) if e.status == Some(404) => Ok(Whereabouts::Absent),
            Err(e) if e.elsewhere() => {
                Ok(Whereabouts::Elsewhere(e.region.unwrap_or_else(|| "another region".to_owned())))
            }
            Err(e) => Err(AwsError::of(&format!("looking at bucket {bucket}"), "s3:ListBucket", e)),
        }
    }

    /// Its policy as JSON, if it has one.
    pub async fn policy(&self, bucket: &str) -> Result<Option<String>, AwsError> {
        match self.client.get_bucket_policy().bucket(bucket).send().await.map_err(RequestError::from) {
            Ok(found) => Ok(found.policy),
            Err(e) if e.is(&["NoSuchBucketPolicy"]) => Ok(None),
            Err(e) => Err(AwsError::of(&format!("reading the policy of {bucket}"), "s3:GetBucketPolicy", e)),
        }
    }

    pub async fn encryption(&self, bucket: &str) -> Result<Encryption, AwsError> {
        let found = match self.client.get_bucket_encryption().bucket(bucket).send().await.map_err(RequestError::from) {
            Ok(found) => found.server_side_encryption_configuration,
            Err(e) if e.is(&["ServerSideEncryptionConfigurationNotFoundError"]) => None,
            Err(e) => {
                return Err(AwsError::of(
                    &format!("looking at how {bucket} encrypts"),
                    "s3:GetEncryptionConfiguration",
                    e,
                ));
            }
        };
        let rule = found.into_iter().flat_map(|c| c.rules).find_map(|r| r.apply_server_side_encryption_by_default);
        Ok(rule.map_or_else(Encryption::default, |rule| Encryption {
            kms: rule.sse_algorithm.as_str().starts_with("aws:kms"),
            key: rule.kms_master_key_id.filter(|key| !key.is_empty()),
        }))
    }
}

/// A key as KMS describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// `Enabled`
    pub state: String,
    /// Its policy, as JSON.
    pub policy: String,
    /// Who has a grant on it.
    pub grantees: Vec<String>,
}

/// KMS, by its few calls.
#[derive(Clone, Debug)]
pub struct Keys {
    pub(super) config: SdkConfig,
}

impl Keys {
    /// Nothing if there is no such key.
    pub async fn find(&self, key: &str) -> Result<Option<Key>, AwsError> {
        let described = match self.call("TrentService.DescribeKey", &json!({"KeyId": key})).await {
            Ok(described) => described,
            Err(e) if e.is(ABSENT) || e.is(&["NotFoundException"]) => return Ok(None),
            Err(e) => return Err(AwsError::of(&format!("looking at key {key}"), "kms:DescribeKey", e)),
        };
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let policy = self.call("TrentService.GetKeyPolicy", &json!({"KeyId": key, "PolicyName": "default"})).await;
        let policy =
            policy.map_err(|e| AwsError::of(&format!("reading the policy of {key}"), "kms:GetKeyPolicy", e))?;
        let state = text(&described["KeyMetadata"]["KeyState"]);
        Ok(Some(Key { state, policy: text(&policy["Policy"]), grantees: self.grantees(key).await? }))
    }

    async fn grantees(&self, key: &str) -> Result<Vec<String>, AwsError> {
        let (mut all, mut marker) = (Vec::new(), Value::Null);
        loop {
            let mut asked = json!({"KeyId": key, "Limit": 100});
            if !marker.is_null() {
                asked["Marker"] = marker;
            }
            let page = self.call("TrentService.ListGrants", &asked).await;
            let page = page.map_err(|e| AwsError::of(&format!("listing grants of {key}"), "kms:ListGrants", e))?;
            let grants = page["Grants"].as_array().into_iter().flatten();
            all.extend(grants.filter_map(|g| Some(g["GranteePrincipal"].as_str()?.to_owned())));
            match page["NextMarker"].as_str() {
                Some(next) if page["Truncated"] == true => marker = next.into(),
                _ => return Ok(all),
            }
        }
    }

    async fn call(&self, target: &'static str, body: &Value) -> Result<Value, RequestError> {
        ask(&self.config, &Ask { service: "kms", method: "POST", path: "/", target: Some(target), body }).await
    }
}
