//! Whether a bucket can be used at all, asked once before any work, so that an error names credentials, region, clock,
//! endpoint or bucket where they are the cause. And whether it keeps conditional writes: a store that lets two processes
//! create the same object would lose work silently.

use super::S3Store;
use super::address::Address;
use super::errors::Unconditional;
use crate::aws::error::{Fate, RequestError};
use crate::ports::{Created, Store, StoreError, Swapped};
use spotmill_core::format;
use spotmill_core::ids::Uri;

/// Why a bucket cannot be used, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    pub what: String,
    pub remedy: String,
}

impl S3Store {
    /// Lists nothing but the first object below the location.
    pub async fn usable(&self, location: &Uri) -> Result<(), Unusable> {
        let at = Address::prefix(location).map_err(|e| unusable(format!("{e}"), "write s3://BUCKET/PREFIX"))?;
        let asked = self.client.list_objects_v2().bucket(&at.bucket).prefix(&at.key).max_keys(1).send().await;
        asked.map(drop).map_err(|e| reason(&at, &RequestError::from(e)))
    }

    /// Creates an object twice and swaps it for a version that it never had; both must be refused. `probe` is a name that
    /// nobody else uses; nothing is left there.
    pub async fn keeps_conditions(&self, probe: &Uri) -> Result<(), Unusable> {
        let at = Address::object(probe).map_err(|e| unusable(e.to_string(), "write s3://BUCKET/PREFIX"))?;
        let kept = self.conditions(probe).await;
        let left = self.delete(probe).await;
        match kept {
            Ok(None) => left.map_err(|e| failed(&at, &e)),
            Ok(Some(what)) => Err(unconditional(&at, what)),
            Err(StoreError::Broken { what, source, .. }) if source.is::<Unconditional>() => {
                Err(unconditional(&at, &what))
            }
            Err(e) => Err(failed(&at, &e)),
        }
    }

    async fn conditions(&self, probe: &Uri) -> Result<Option<&'static str>, StoreError> {
        // The reply of its own first try may be lost: then what is there already is its own.
        if self.create(probe, b"1").await? == Created::Already && !self.holds(probe, b"1").await? {
            return Ok(Some("it says that a new object exists already"));
        }
        if self.create(probe, b"2").await? == Created::Now {
            return Ok(Some("it creates an object that exists (If-None-Match)"));
        }
        let never = "00000000000000000000000000000000";
        match self.swap(probe, never, b"3").await {
            Ok(Swapped::No) => {}
            Ok(Swapped::Yes(_)) => return Ok(Some("it replaces a version that is not there (If-Match)")),
            Err(e) => return Err(e),
        }
        let object = self.get(probe).await?;
        if object.body != b"1" {
            return Ok(Some("a refused write was carried out"));
        }
        match self.swap(probe, &object.etag, b"4").await? {
            Swapped::Yes(_) => Ok(None),
            Swapped::No => Ok(Some("it refuses to replace the version that is there (If-Match)")),
        }
    }

    async fn holds(&self, uri: &Uri, body: &[u8]) -> Result<bool, StoreError> {
        match self.get(uri).await {
            Ok(object) => Ok(object.body == body),
            Err(StoreError::NotFound(_)) => Ok(false),
            Err(e) => Err(e),
        }
    }
}

fn unconditional(at: &Address, what: &str) -> Unusable {
    unusable(
        format!("bucket `{}` does not keep conditional writes: {what}", at.bucket),
        "results could be lost there: use a store that has If-None-Match and If-Match, as S3, MinIO, R2 and Ceph do in \
         their present releases; or keep the state in a directory",
    )
}

fn unusable(what: impl Into<String>, remedy: impl Into<String>) -> Unusable {
    Unusable { what: what.into(), remedy: remedy.into() }
}

fn failed(at: &Address, error: &StoreError) -> Unusable {
    let remedy = match error {
        StoreError::Denied { .. } => WRITES,
        _ => "it may pass: run the same command again",
    };
    unusable(format!("bucket `{}` cannot be written to: {error}", at.bucket), remedy)
}

const WRITES: &str = "allow s3:PutObject, s3:GetObject and s3:DeleteObject on what is below the prefix";

fn reason(at: &Address, error: &RequestError) -> Unusable {
    let bucket = &at.bucket;
    let chain = format::chain(&*error.source);
    let says = |words: &[&str]| words.iter().any(|word| chain.contains(word));
    if error.status.is_none()
        && says(&["no providers in chain", "not loaded", "CredentialsNotLoaded", "no credentials"])
    {
        return unusable(
            format!("there are no credentials for s3://{bucket}"),
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them",
        );
    }
    if error.status.is_none() && says(&["CredentialsError", "credentials provider", "ProviderError", "sso"]) {
        return unusable(
            format!("the credentials for s3://{bucket} cannot be had: {chain}"),
            "sign in again (aws sso login), or choose another profile: AWS_PROFILE",
        );
    }
    if error.status.is_none() && says(&["region must be set", "MissingRegion", "Invalid Configuration: Missing Region"])
    {
        return unusable("no AWS region is chosen", "set AWS_REGION, or a profile that has one: AWS_PROFILE");
    }
    if error.expired() {
        return unusable(
            format!("the session of the credentials for s3://{bucket} has expired"),
            "get new ones, such as by aws sso login, and run the same command again",
        );
    }
    if error.is(&["RequestTimeTooSkewed"]) {
        return unusable(
            format!("this machine's clock is off by more than s3://{bucket} accepts"),
            "set the clock (timedatectl set-ntp true) and run the same command again",
        );
    }
    if error.is(&["InvalidAccessKeyId", "SignatureDoesNotMatch"]) {
        return unusable(
            format!("s3://{bucket} does not know these credentials ({})", error.code),
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile that AWS_PROFILE names",
        );
    }
    if error.is(&["NoSuchBucket"]) || error.status == Some(404) {
        return unusable(format!("there is no bucket `{bucket}`"), "create it, or name another");
    }
    if error.elsewhere() {
        let region = error.region.as_deref().map_or("another region".to_owned(), |r| format!("region {r}"));
        let set = error.region.as_deref().map_or("AWS_REGION to where it is".to_owned(), |r| format!("AWS_REGION={r}"));
        return unusable(format!("bucket `{bucket}` is in {region}"), format!("set {set}"));
    }
    if matches!(error.status, Some(401 | 403)) {
        return unusable(
            format!("no permission to list s3://{bucket}/{}: {}", at.key, error.text("S3")),
            "allow s3:ListBucket on the bucket and s3:GetObject on what is below the prefix, or use another profile: \
             AWS_PROFILE",
        );
    }
    if error.fate == Fate::Unsent || error.status.is_none() {
        return unusable(
            format!("no answer for s3://{bucket}: {chain}"),
            "check the network, AWS_REGION, and AWS_ENDPOINT_URL if the store is not AWS's",
        );
    }
    unusable(format!("s3://{bucket} cannot be listed: {}", error.text("S3")), "it may pass: run the same command again")
}
