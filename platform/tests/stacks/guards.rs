//! What a deep check of an account reads, over the wire: buckets and their guards, keys by signed requests, definitions, policies
//! of roles. What a service does not know is an error that says so, and nothing else.

use super::{ACCOUNT, aws, emulator};
use serde_json::{Value, json};
use spotmill_platform::aws::stacks::{AwsError, Encryption, Whereabouts};

/// The AWS command line's answer.
fn cli(args: &[&str]) -> Value {
    let output = emulator().aws(&[&["--output", "json"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[tokio::test]
async fn a_bucket_is_read_with_its_policy_and_its_key() {
    let (aws, key) = (aws().await, "arn:aws:kms:us-east-1:000000000000:key/1");
    let buckets = aws.buckets();
    assert_eq!(buckets.whereabouts("guarded").await.expect("asked"), Whereabouts::Absent);
    cli(&["s3", "mb", "s3://guarded"]);
    assert_eq!(buckets.whereabouts("guarded").await.expect("asked"), Whereabouts::Here);
    assert_eq!(buckets.policy("guarded").await.expect("asked"), None);
    assert_eq!(buckets.encryption("guarded").await.expect("asked"), Encryption::default());
    let rules =
        json!({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]});
    let rules = rules.to_string();
    cli(&["s3api", "put-bucket-encryption", "--bucket", "guarded", "--server-side-encryption-configuration", &rules]);
    let encryption = Encryption { kms: true, key: Some(key.to_owned()) };
    assert_eq!(buckets.encryption("guarded").await.expect("asked"), encryption);
    buckets.make("tls-only", ACCOUNT, &[("a", "b")]).await.expect("made");
    assert!(buckets.policy("tls-only").await.expect("asked").is_some_and(|text| text.contains("OnlyTls12")));
}

#[tokio::test]
async fn a_key_is_read_with_its_policy_and_its_grants() {
    let keys = aws().await.keys();
    let absent = keys.find("arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000").await;
    assert_eq!(absent.expect("asked"), None);
    let made = cli(&["kms", "create-key"]);
    let arn = made["KeyMetadata"]["Arn"].as_str().expect("an ARN");
    let key = keys.find(arn).await.expect("asked").expect("there");
    assert_eq!((key.state.as_str(), key.grantees.len()), ("Enabled", 0));
    assert!(key.policy.contains("\"Statement\""), "{}", key.policy);
    let role = "arn:aws:iam::000000000000:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
    cli(&["kms", "create-grant", "--key-id", arn, "--grantee-principal", role, "--operations", "Decrypt"]);
    cli(&["kms", "disable-key", "--key-id", arn]);
    let key = keys.find(arn).await.expect("asked").expect("there");
    assert_eq!((key.state.as_str(), key.grantees), ("Disabled", vec![role.to_owned()]));
}

#[tokio::test]
async fn texts_are_read_and_what_nobody_lints_is_no_yes() {
    let aws = aws().await;
    assert_eq!(aws.linter().parameter("/nobody/has/it").await.expect("asked"), None);
    cli(&["ssm", "put-parameter", "--name", "/image", "--type", "String", "--value", "ami-1"]);
    assert_eq!(aws.linter().parameter("/image").await.expect("asked").as_deref(), Some("ami-1"));
    // The emulator has no Access Analyzer.
    let linted = aws.linter().policy("{}").await;
    assert!(matches!(linted, Err(AwsError::Refused { .. } | AwsError::Transient { .. })), "{linted:?}");

    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    cli(&["iam", "create-role", "--role-name", "reader", "--assume-role-policy-document", &trust]);
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]});
    let policy = policy.to_string();
    cli(&["iam", "put-role-policy", "--role-name", "reader", "--policy-name", "read", "--policy-document", &policy]);
    let all = aws.account().policies_of("reader").await.expect("asked");
    assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["reader/read"]);
    assert_eq!(serde_json::from_str::<Value>(&all[0].1).expect("JSON")["Statement"][0]["Action"], "s3:GetObject");
}
