//! The bucket that code is deployed from, which must be there before the stack; and whether the stack's own is, because
//! a previous stack left it. A bucket's name is global: each request states whose it has to be, so that nobody's
//! bucket of the same name is ever written to.

use super::AwsError;
use crate::aws::endpoint;
use crate::aws::error::RequestError;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint, CreateBucketConfiguration,
    ExpirationStatus, LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration, Tag, Tagging,
};

#[derive(Clone, Debug)]
pub struct Buckets {
    pub(super) client: Client,
    pub(super) region: String,
    endpoint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    Now,
    Before,
}

impl Buckets {
    pub fn new(config: &SdkConfig) -> Buckets {
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(endpoint::is_own(config)).build();
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Buckets { client: Client::from_conf(s3), region, endpoint: config.endpoint_url().map(str::to_owned) }
    }

    /// Is it there, and this account's? Another's is an error.
    pub async fn exists(&self, bucket: &str, account: &str) -> Result<bool, AwsError> {
        match self.client.head_bucket().bucket(bucket).expected_bucket_owner(account).send().await {
            Ok(_) => Ok(true),
            Err(e) => match RequestError::from(e) {
                e if e.status == Some(404) => Ok(false),
                e if e.elsewhere() => Err(elsewhere(bucket, e)),
                e => Err(AwsError::of(&format!("looking at bucket {bucket}"), "s3:ListBucket", e)),
            },
        }
    }

    /// A private bucket of this account, tagged with what it is for.
    pub async fn make(&self, bucket: &str, account: &str, tags: &[(&str, &str)]) -> Result<Made, AwsError> {
        if self.exists(bucket, account).await? {
            return Ok(Made::Before);
        }
        let doing = format!("making bucket {bucket}");
        // In its first region S3 takes no location.
        let place = (self.region != "us-east-1").then(|| {
            let region = BucketLocationConstraint::from(self.region.as_str());
            CreateBucketConfiguration::builder().location_constraint(region).build()
        });
        let call = self.client.create_bucket().bucket(bucket).set_create_bucket_configuration(place);
        match call.send().await.map_err(RequestError::from) {
            Ok(_) => {}
            Err(e) if e.is(&["BucketAlreadyOwnedByYou"]) => {}
            Err(e) => return Err(AwsError::of(&doing, "s3:CreateBucket", e)),
        }
        let closed = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .block_public_policy(true)
            .ignore_public_acls(true)
            .restrict_public_buckets(true)
            .build();
        let call = self.client.put_public_access_block().bucket(bucket).expected_bucket_owner(account);
        let done = call.public_access_block_configuration(closed).send().await;
        done.map_err(|e| AwsError::of(&doing, "s3:PutBucketPublicAccessBlock", e))?;
        self.tag(bucket, account, tags, &doing).await?;
        self.end_uploads(bucket, account, &doing).await?;
        self.demand_tls(bucket, account, &doing).await?;
        Ok(Made::Now)
    }

    /// What an interrupted upload left costs money and is shown nowhere. Releases themselves stay: a stack that rolls back
    /// fetches the one before, however old.
    async fn end_uploads(&self, bucket: &str, account: &str, doing: &str) -> Result<(), AwsError> {
        let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(1).build();
        let rule = LifecycleRule::builder().id("uploads-end").status(ExpirationStatus::Enabled);
        let rule = rule.filter(LifecycleRuleFilter::builder().prefix("").build());
        let rule = rule.abort_incomplete_multipart_upload(abort).build().map_err(|e| impossible(doing, e))?;
        let rules = BucketLifecycleConfiguration::builder().rules(rule).build().map_err(|e| impossible(doing, e))?;
        let call = self.client.put_bucket_lifecycle_configuration().bucket(bucket).expected_bucket_owner(account);
        let done = call.lifecycle_configuration(rules).send().await;
        done.map(drop).map_err(|e| AwsError::of(doing, "s3:PutLifecycleConfiguration", e))
    }

    async fn demand_tls(&self, bucket: &str, account: &str, doing: &str) -> Result<(), AwsError> {
        let call = self.client.put_bucket_policy().bucket(bucket).expected_bucket_owner(account);
        let done = call.policy(only_tls(bucket, &self.region)).send().await;
        done.map(drop).map_err(|e| AwsError::of(doing, "s3:PutBucketPolicy", e))
    }

    async fn tag(&self, bucket: &str, account: &str, tags: &[(&str, &str)], doing: &str) -> Result<(), AwsError> {
        let mut tagging = Tagging::builder();
        for (key, value) in tags {
            let tag = Tag::builder().key(*key).value(*value).build();
            tagging = tagging.tag_set(tag.map_err(|e| impossible(doing, e))?);
        }
        let tagging = tagging.build().map_err(|e| impossible(doing, e))?;
        let call = self.client.put_bucket_tagging().bucket(bucket).expected_bucket_owner(account);
        let done = call.tagging(tagging).send().await;
        done.map(drop).map_err(|e| AwsError::of(doing, "s3:PutBucketTagging", e))
    }

    /// The URL by which CloudFormation finds a template.
    pub fn url(&self, bucket: &str, key: &str) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            None if self.region.starts_with("cn-") => {
                format!("https://{bucket}.s3.{}.amazonaws.com.cn/{key}", self.region)
            }
            None => format!("https://{bucket}.s3.{}.amazonaws.com/{key}", self.region),
        }
    }
}

fn only_tls(bucket: &str, region: &str) -> String {
    let partition = match region {
        china if china.starts_with("cn-") => "aws-cn",
        gov if gov.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let arn = format!("arn:{partition}:s3:::{bucket}");
    let deny = |sid: &str, condition: serde_json::Value| {
        serde_json::json!({"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [&arn, format!("{arn}/*")], "Condition": condition})
    };
    let only_tls = deny("OnlyTls", serde_json::json!({"Bool": {"aws:SecureTransport": "false"}}));
    let only_tls12 = deny("OnlyTls12", serde_json::json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}}));
    serde_json::json!({"Version": "2012-10-17", "Statement": [only_tls, only_tls12]}).to_string()
}

fn elsewhere(bucket: &str, e: RequestError) -> AwsError {
    let region = e.region.as_deref().unwrap_or("another region");
    let what = format!("bucket {bucket} is in {region}; set AWS_REGION to where the bucket is, or name another");
    AwsError::Refused { what, source: e.source }
}

fn impossible(doing: &str, e: impl std::error::Error + Send + Sync + 'static) -> AwsError {
    AwsError::Refused { what: format!("{doing}: the request cannot be made"), source: Box::new(e) }
}

#[cfg(test)]
mod tests {
    use super::only_tls;

    #[test]
    fn the_code_bucket_demands_tls_wherever_it_is() {
        let policy: serde_json::Value = serde_json::from_str(&only_tls("code", "eu-west-1")).expect("JSON");
        assert_eq!(policy["Statement"][0]["Resource"][1], "arn:aws:s3:::code/*");
        assert_eq!(policy["Statement"][1]["Condition"]["NumericLessThan"]["s3:TlsVersion"], "1.2");
        assert!(only_tls("code", "cn-north-1").contains("arn:aws-cn:s3:::code"));
    }
}
