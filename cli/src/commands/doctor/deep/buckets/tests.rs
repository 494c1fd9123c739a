//! Places, policies and keys of buckets.

use super::super::super::finding::Grade;
use super::*;
use crate::aws::calls::Calls;

fn bucket() -> Bucket {
    Bucket { name: "acme-lake".to_owned(), arn: "arn:aws:s3:::acme-lake".to_owned(), key_parameter: "DataKeyArns" }
}

fn calls() -> Vec<Asked> {
    let (table, scene) = (Calls::of_release(), Scene::example());
    let of = |name: &str| {
        let (_, role) = table.roles().find(|(n, _)| *n == name).expect("a role");
        asked(&format!("arn:aws:iam::123456789012:role/etl-{name}-1"), &scene.account, &table.trials(role, &scene))
    };
    of("PublishRole").into_iter().chain(of("WorkerRole")).collect()
}

fn judged(statement: &str) -> Vec<(Grade, String)> {
    let text = format!(r#"{{"Statement": [{{"Sid": "S", "Effect": "Deny", "Principal": "*", {statement}}}]}}"#);
    judge_policy(&bucket(), Some(&text), &calls()).into_iter().map(|f| (f.grade, f.text)).collect()
}

#[test]
fn a_buckets_policy_is_held_against_every_call_of_the_roles() {
    let object = r#""Action": "s3:PutObject", "Resource": "arn:aws:s3:::acme-lake/*""#;
    let kms = r#""Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}"#;
    let vpce = r#""Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}"#;
    let tls = r#""Condition": {"Bool": {"aws:SecureTransport": "false"}}"#;
    let denied = judged(&format!("{object}, {kms}"));
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0].0, Grade::Problem);
    assert_eq!(denied[0].1, "acme-lake: S of its policy denies etl-PublishRole-1 s3:PutObject");
    let perhaps = judged(&format!(r#""Action": "s3:*", "Resource": "arn:aws:s3:::acme-lake/*", {vpce}"#));
    assert_eq!(perhaps[0].0, Grade::Unchecked);
    assert!(perhaps[0].1.contains("depends on aws:SourceVpce"), "{}", perhaps[0].1);
    assert_eq!(
        judged(&format!(
            r#""Action": "s3:*", "Resource": ["arn:aws:s3:::acme-lake", "arn:aws:s3:::acme-lake/*"], {tls}"#
        )),
        []
    );
    assert_eq!(judged(r#""Action": "s3:*", "Resource": "arn:aws:s3:::another/*""#), []);
    assert_eq!(judge_policy(&bucket(), None, &calls()), []);
    assert_eq!(judge_policy(&bucket(), Some("?"), &calls())[0].grade, Grade::Unchecked);
}

#[test]
fn the_stacks_own_policy_lets_its_roles_through() {
    let own =
        Bucket { name: "etl-data".to_owned(), arn: "arn:aws:s3:::etl-data".to_owned(), key_parameter: "KmsKeyArn" };
    let receipts = r#"{"Statement": [
        {"Sid": "OnlyTls12", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::etl-data", "arn:aws:s3:::etl-data/*"], "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
        {"Sid": "ReceiptsAreCreatedOnce", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::etl-data/runs/*/receipts/*", "Condition": {"Null": {"s3:if-none-match": "true"}}}]}"#;
    assert_eq!(judge_policy(&own, Some(receipts), &calls()), [], "a receipt is written only if absent");
}

#[test]
fn a_bucket_is_in_this_region_another_or_none() {
    let of = |at: Whereabouts| judge_place("acme-lake", &at).map(|f| f.grade);
    assert_eq!(of(Whereabouts::Here), None);
    assert_eq!(of(Whereabouts::Elsewhere("eu-west-1".to_owned())), Some(Grade::Warning));
    assert_eq!(of(Whereabouts::Absent), Some(Grade::Problem));
}

#[test]
fn what_a_bucket_encrypts_with_is_among_the_keys_that_were_given() {
    let arn = "arn:aws:kms:eu-west-1:123456789012:key/2";
    let of = |kms, key: Option<&str>| {
        let encryption = Encryption { kms, key: key.map(str::to_owned) };
        judge_encryption(&bucket(), &encryption, &[arn.to_owned()], "give it").map(|f| f.grade)
    };
    assert_eq!(of(false, None), None);
    assert_eq!(of(true, None), None, "AWS's own key");
    assert_eq!((of(true, Some(arn)), of(true, Some("2"))), (None, None));
    assert_eq!(of(true, Some("arn:aws:kms:eu-west-1:123456789012:key/3")), Some(Grade::Problem));
    assert_eq!(of(true, Some("alias/lake")), Some(Grade::Unchecked));
    assert_eq!(of(true, Some("arn:aws:kms:eu-west-1:123456789012:alias/aws/s3")), None);
}
