//! The buckets that the stack's roles use, beside what the roles themselves may: whether they are in this region, what their own
//! policies deny, and that what they encrypt with is among the keys that the roles may use.

use super::super::finding::{Finding, fine, problem, unasked, unchecked, warning};
use super::Deep;
use super::roles::Roles;
use crate::aws::calls::Scene;
use crate::aws::policy::{Asked, Hit, Policy};
use spotmill_platform::aws::stacks::{Encryption, Trial, Whereabouts};
use std::collections::{BTreeMap, BTreeSet};

const WHAT: &str = "buckets";
/// What our requests to S3 certainly bear, whoever makes them: TLS of rustls, and no header of encryption or ACLs.
const BEARS: [(&str, &str); 8] = [
    ("aws:SecureTransport", "true"),
    ("s3:TlsVersion", "1.3"),
    ("aws:PrincipalIsAWSService", "false"),
    ("s3:x-amz-server-side-encryption", ""),
    ("s3:x-amz-server-side-encryption-aws-kms-key-id", ""),
    ("s3:x-amz-acl", ""),
    ("s3:x-amz-storage-class", ""),
    ("s3:if-none-match", ""),
];

/// A bucket, and by which parameter of the stack its key is given.
struct Bucket {
    name: String,
    arn: String,
    key_parameter: &'static str,
}

pub(super) async fn check(of: &Deep<'_>, roles: &Roles) -> Vec<Finding> {
    let account = &roles.scene.account;
    // Every call to S3 of every role.
    let calls: Vec<Asked> = roles.all.iter().flat_map(|role| asked(&role.arn, account, &role.trials)).collect();
    let mut found = Vec::new();
    for bucket in all(&roles.scene) {
        let before = found.len();
        one(of, &bucket, &calls, &mut found).await;
        if found.len() == before {
            found.push(fine(
                WHAT,
                format!("{}: in this region, its policy lets the stack's roles through", bucket.name),
            ));
        }
    }
    found
}

/// The stack's own, and those that it was given.
fn all(scene: &Scene) -> Vec<Bucket> {
    let given: BTreeSet<&String> = scene.inputs.iter().chain(&scene.outputs).collect();
    let of = |arn: &str, key_parameter| Bucket {
        name: arn.rsplit(':').next().unwrap_or_default().to_owned(),
        arn: arn.to_owned(),
        key_parameter,
    };
    let own = scene.named("bucket").into_iter().flatten().map(|arn| of(&arn, "KmsKeyArn"));
    let mut all: Vec<Bucket> = own.collect();
    all.extend(given.into_iter().map(|arn| of(arn, "DataKeyArns")));
    all
}

fn asked(role: &str, account: &str, trials: &[Trial]) -> Vec<Asked> {
    let bears = BEARS.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let who = [("aws:PrincipalArn", role), ("aws:PrincipalAccount", account)];
    let always: BTreeMap<String, String> = bears.chain(who.map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    let one = |trial: &Trial, action: &str, resource: &str| {
        let mut context = always.clone();
        context.extend(trial.context.iter().cloned());
        let (role, account) = (role.to_owned(), account.to_owned());
        Asked { role, account, action: action.to_owned(), resource: resource.to_owned(), context }
    };
    let mut all = Vec::new();
    for trial in trials {
        for action in trial.actions.iter().filter(|action| action.starts_with("s3:")) {
            all.extend(trial.resources.iter().map(|resource| one(trial, action, resource)));
        }
    }
    all
}

async fn one(of: &Deep<'_>, bucket: &Bucket, calls: &[Asked], found: &mut Vec<Finding>) {
    let buckets = of.world.aws.buckets();
    match buckets.whereabouts(&bucket.name).await {
        Ok(Whereabouts::Here) => {}
        Ok(at) => return found.extend(judge_place(&bucket.name, &at)),
        Err(e) => found.push(unasked(WHAT, e)),
    }
    match buckets.policy(&bucket.name).await {
        Ok(text) => found.extend(judge_policy(bucket, text.as_deref(), calls)),
        Err(e) => found.push(unasked(WHAT, e)),
    }
    match buckets.encryption(&bucket.name).await {
        Ok(encryption) => {
            let keys = of.parameters(bucket.key_parameter);
            let given = of.given(&format!("{}=…", bucket.key_parameter));
            found.extend(judge_encryption(bucket, &encryption, &keys, &given));
        }
        Err(e) => found.push(unasked(WHAT, e)),
    }
}

fn judge_place(bucket: &str, at: &Whereabouts) -> Option<Finding> {
    match at {
        Whereabouts::Here => None,
        Whereabouts::Absent => {
            Some(problem(WHAT, format!("{bucket} does not exist"), format!("make it: aws s3 mb s3://{bucket}")))
        }
        Whereabouts::Elsewhere(region) => Some(warning(
            WHAT,
            format!("{bucket} is in {region}: each read and write crosses regions, at 0.02 dollars a GB and slowly"),
            format!("run the stack in {region}, or copy what is read"),
        )),
    }
}

fn judge_policy(bucket: &Bucket, text: Option<&str>, calls: &[Asked]) -> Vec<Finding> {
    let Some(text) = text else { return Vec::new() };
    let Some(policy) = Policy::read(text) else {
        return vec![unchecked(WHAT, format!("the policy of {} is not read here", bucket.name), "read it by hand")];
    };
    let of_bucket = |a: &&Asked| a.resource == bucket.arn || a.resource.starts_with(&format!("{}/", bucket.arn));
    // By statement: whose calls it meets.
    let mut met: BTreeMap<Hit, Met> = BTreeMap::new();
    for call in calls.iter().filter(of_bucket) {
        if let Some(hit) = policy.hit("Deny", call) {
            let role = call.role.rsplit('/').next().unwrap_or_default().to_owned();
            met.entry(hit).or_default().insert((role, call.action.clone()));
        }
    }
    met.iter().filter_map(|(hit, who)| denial(&bucket.name, hit, who)).collect()
}

/// Roles, and what they do.
type Met = BTreeSet<(String, String)>;

fn denial(bucket: &str, Hit { statement, depends }: &Hit, who: &Met) -> Option<Finding> {
    let (role, action) = who.first()?;
    let more = if who.len() > 1 { format!(" and {} other calls", who.len() - 1) } else { String::new() };
    let remedy = format!("except the stack's roles in {statement} of the policy of {bucket}");
    Some(match depends.is_empty() {
        true => problem(WHAT, format!("{bucket}: {statement} of its policy denies {role} {action}{more}"), remedy),
        false => {
            let on = depends.join(", ");
            let why =
                format!("whether {statement} of the policy of {bucket} denies {role} {action}{more} depends on {on}");
            unchecked(WHAT, why, format!("see that it lets the stack's functions and machines through, or {remedy}"))
        }
    })
}

/// Keys are given by ARN; a bucket may name its own by id or alias.
fn judge_encryption(bucket: &Bucket, of: &Encryption, keys: &[String], given: &str) -> Option<Finding> {
    let key = of.key.as_deref().filter(|_| of.kms)?;
    let is_it = |arn: &String| arn == key || arn.ends_with(&format!(":key/{key}"));
    if keys.iter().any(is_it) {
        return None;
    }
    let (name, parameter) = (&bucket.name, bucket.key_parameter);
    if key.contains("alias/") {
        if key.ends_with("alias/aws/s3") {
            return None;
        }
        let why = format!("{name} encrypts by {key}, an alias, and {parameter} holds ARNs of keys");
        return Some(unchecked(WHAT, why, format!("see that {parameter} has the key of {key}, or {given}")));
    }
    Some(problem(
        WHAT,
        format!("{name} encrypts with {key}, which is not in {parameter}: nobody may decrypt it"),
        given,
    ))
}

#[cfg(test)]
mod tests;
