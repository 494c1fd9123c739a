//! Statements by whom, what and under which conditions they apply.

use super::*;
use serde_json::json;

const ROLE: &str = "arn:aws:iam::123456789012:role/etl-WorkerRole-1";

fn asked() -> Asked {
    let context = [
        ("aws:SecureTransport", "true"),
        ("s3:TlsVersion", "1.3"),
        ("aws:PrincipalArn", ROLE),
        ("s3:x-amz-server-side-encryption", ""),
    ];
    Asked {
        role: ROLE.to_owned(),
        account: "123456789012".to_owned(),
        action: "s3:PutObject".to_owned(),
        resource: "arn:aws:s3:::lake/output/x".to_owned(),
        context: context.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    }
}

fn hit(statement: Value) -> Option<Vec<String>> {
    let mut whole = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/*"});
    for (key, value) in statement.as_object().expect("an object") {
        whole[key] = value.clone();
    }
    if !statement["NotPrincipal"].is_null() {
        whole["Principal"] = Value::Null;
    }
    let policy = Policy::read(&json!({"Statement": [whole]}).to_string()).expect("a policy");
    policy.hit("Deny", &asked()).map(|hit| hit.depends)
}

#[test]
fn a_statement_applies_to_who_and_what_it_names() {
    let yes = Some(Vec::new());
    for (statement, expected) in [
        (json!({}), yes.clone()),
        (json!({"Action": "S3:put*"}), yes.clone()),
        (json!({"Action": ["s3:GetObject", "s3:DeleteObject"]}), None),
        (json!({"Resource": "arn:aws:s3:::lake"}), None),
        (json!({"Resource": ["arn:aws:s3:::lake/in/*", "arn:aws:s3:::lake/outpu?/*"]}), yes.clone()),
        (json!({"Resource": "arn:aws:s3:::lake/${aws:username}/*"}), Some(vec!["Resource".to_owned()])),
        (json!({"Resource": ["arn:aws:s3:::lake/${aws:username}/*", "arn:aws:s3:::lake/output/*"]}), yes.clone()),
        (json!({"Resource": null, "NotResource": "arn:aws:s3:::${aws:username}/*"}), Some(vec!["Resource".to_owned()])),
        (json!({"Principal": {"AWS": ROLE}}), yes.clone()),
        (json!({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}), yes.clone()),
        (json!({"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}), None),
        (json!({"Principal": {"Service": "logging.s3.amazonaws.com"}}), None),
        (json!({"NotPrincipal": {"AWS": ROLE}}), None),
        (json!({"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:role/admin"}}), yes.clone()),
    ] {
        assert_eq!(hit(statement.clone()), expected, "{statement}");
    }
}

#[test]
fn conditions_hold_do_not_or_depend_on_what_only_aws_knows() {
    let yes = Some(Vec::new());
    let on = |key: &str| Some(vec![key.to_owned()]);
    for (condition, expected) in [
        (json!({"Bool": {"aws:SecureTransport": "false"}}), None),
        (json!({"Bool": {"aws:SecureTransport": false}}), None),
        (json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}}), None),
        (json!({"NumericLessThan": {"s3:TlsVersion": 1.4}}), yes.clone()),
        (json!({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}), yes.clone()),
        (json!({"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption": "aws:kms"}}), yes.clone()),
        (json!({"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}), None),
        (json!({"Null": {"s3:x-amz-server-side-encryption": "true"}}), yes.clone()),
        (json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/etl-*"}}), None),
        (json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}), on("aws:SourceVpce")),
        (json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), on("aws:SourceIp")),
        (json!({"ForAllValues:StringEquals": {"aws:PrincipalArn": "x"}}), on("aws:PrincipalArn")),
        (
            json!({"ForAllValues:StringEquals": {"s3:x-amz-server-side-encryption": "x"}}),
            on("s3:x-amz-server-side-encryption"),
        ),
        (json!({"StringNotEquals": {"aws:PrincipalArn": "${aws:PrincipalTag/owner}"}}), on("aws:PrincipalArn")),
        (json!({"StringLike": {"aws:PrincipalArn": ["${aws:PrincipalTag/owner}", "*etl*"]}}), yes.clone()),
        (json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}, "Bool": {"aws:SecureTransport": "false"}}), None),
    ] {
        assert_eq!(hit(json!({"Condition": condition})), expected, "{condition}");
    }
}

#[test]
fn what_certainly_applies_comes_before_what_perhaps_does() {
    let text = json!({"Statement": [
        {"Sid": "A", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceVpc": "x"}}},
        {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    ]});
    let found = Policy::read(&text.to_string()).expect("a policy").hit("Deny", &asked());
    assert_eq!(found, Some(Hit { statement: "statement 2".to_owned(), depends: Vec::new() }));
    assert!(Policy::read("{}").is_none() && Policy::read("x").is_none());
}
