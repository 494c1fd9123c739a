//! The KMS keys that the stack was given: whether they are enabled, whether their policies let the stack's roles use them, and
//! whether EC2's own roles have a grant for the volumes of machines.

use super::super::finding::{Finding, fine, problem, unasked, unchecked};
use super::Deep;
use super::roles::{RoleNow, Roles};
use crate::aws::policy::{Asked, Policy};
use spotmill_platform::aws::stacks::Key;
use std::collections::BTreeMap;

const WHAT: &str = "keys";
/// By which EC2 starts machines of a fleet: with a volume of a key of yours, each needs a grant on it.
const LAUNCHERS: [(&str, &str); 2] =
    [("ec2fleet.amazonaws.com", "AWSServiceRoleForEC2Fleet"), ("spot.amazonaws.com", "AWSServiceRoleForEC2Spot")];
const OPERATIONS: &str =
    "Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext CreateGrant DescribeKey ReEncryptFrom ReEncryptTo";

pub(super) async fn check(of: &Deep<'_>, roles: &Roles) -> Vec<Finding> {
    let scene = &roles.scene;
    let mut found = Vec::new();
    let volumes = scene.key.iter().map(|key| (key, true));
    for (arn, of_volumes) in volumes.chain(scene.data_keys.iter().map(|key| (key, false))) {
        match of.world.aws.keys().find(arn).await {
            Err(e) => found.push(unasked(WHAT, e)),
            Ok(None) => {
                found.push(problem(WHAT, format!("{arn} does not exist"), "give one that does: KmsKeyArn, DataKeyArns"))
            }
            Ok(Some(key)) => {
                let mut judged = judge(arn, &key, &scene.account, &roles.all);
                if of_volumes {
                    judged.extend(judge_grants(arn, &key, of.partition(), &scene.account));
                }
                if judged.is_empty() {
                    judged.push(fine(WHAT, format!("{arn}: enabled, and its policy lets the stack's roles use it")));
                }
                found.extend(judged);
            }
        }
    }
    found
}

fn judge(arn: &str, key: &Key, account: &str, roles: &[RoleNow]) -> Vec<Finding> {
    if key.state != "Enabled" {
        let remedy = format!("enable it: aws kms enable-key --key-id {arn}");
        return vec![problem(WHAT, format!("{arn} is {}", key.state), remedy)];
    }
    let Some(policy) = Policy::read(&key.policy) else {
        return vec![unchecked(WHAT, format!("the policy of {arn} is not read here"), "read it by hand")];
    };
    let mut found = Vec::new();
    for role in roles {
        let uses = role.trials.iter().filter(|t| t.resources.iter().any(|r| r == arn));
        for action in uses.flat_map(|t| &t.actions) {
            found.extend(judge_use(arn, &policy, account, &role.arn, action));
        }
    }
    // A policy that is wrong for one role is wrong for most: the first two show how.
    found.sort_by_key(|f: &Finding| std::cmp::Reverse(f.grade));
    found.truncate(2);
    found
}

/// A key's policy has to allow the role, or the account, which then lets IAM decide.
fn judge_use(arn: &str, policy: &Policy, account: &str, role: &str, action: &str) -> Option<Finding> {
    let bears = [("aws:PrincipalArn", role), ("aws:PrincipalAccount", account), ("kms:CallerAccount", account)];
    let asked = Asked {
        role: role.to_owned(),
        account: account.to_owned(),
        action: action.to_owned(),
        resource: arn.to_owned(),
        context: bears.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    };
    let name = role.rsplit('/').next().unwrap_or_default();
    let remedy = format!(
        "let the policy of the key allow kms:Decrypt and kms:GenerateDataKey to {role}, or the account's root kms:*"
    );
    match (policy.hit("Deny", &asked), policy.hit("Allow", &asked)) {
        (Some(hit), _) if hit.depends.is_empty() => {
            Some(problem(WHAT, format!("{arn}: {} of its policy denies {name} {action}", hit.statement), remedy))
        }
        (Some(hit), _) => {
            let why = format!(
                "whether {} of the policy of {arn} denies {name} {action} depends on {}",
                hit.statement,
                hit.depends.join(", ")
            );
            Some(unchecked(WHAT, why, remedy))
        }
        (None, None) => Some(problem(WHAT, format!("{arn}: its policy allows {name} no {action}"), remedy)),
        (None, Some(hit)) if !hit.depends.is_empty() => {
            let why =
                format!("whether the policy of {arn} allows {name} {action} depends on {}", hit.depends.join(", "));
            Some(unchecked(WHAT, why, remedy))
        }
        _ => None,
    }
}

fn judge_grants(arn: &str, key: &Key, partition: &str, account: &str) -> Vec<Finding> {
    let policy = Policy::read(&key.policy);
    let lacks = |(service, role): &(&str, &str)| {
        let role_arn = format!("arn:{partition}:iam::{account}:role/aws-service-role/{service}/{role}");
        let granted = key.grantees.contains(&role_arn);
        let asked = Asked {
            role: role_arn.clone(),
            // The account as a whole lets IAM decide, and a service's role has no policy for a key of yours.
            account: String::new(),
            action: "kms:CreateGrant".to_owned(),
            resource: arn.to_owned(),
            context: BTreeMap::from([("aws:PrincipalArn".to_owned(), role_arn.clone())]),
        };
        let allowed = policy.as_ref().and_then(|p| p.hit("Allow", &asked)).is_some();
        (!granted && !allowed).then(|| {
            let create =
                format!("aws kms create-grant --key-id {arn} --grantee-principal {role_arn} --operations {OPERATIONS}");
            problem(WHAT, format!("{arn}: {role} has no grant on it, so that volumes of machines are not made"), create)
        })
    };
    LAUNCHERS.iter().filter_map(lacks).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Grade;
    use super::*;
    use spotmill_platform::aws::stacks::Trial;

    const ARN: &str = "arn:aws:kms:eu-west-1:1:key/1";
    const ROLE: &str = "arn:aws:iam::1:role/etl-WorkerRole-1";

    fn judged(state: &str, policy: &str) -> Vec<(Grade, String)> {
        judged_of(state, policy, &["kms:Decrypt"])
    }

    fn judged_of(state: &str, policy: &str, actions: &[&str]) -> Vec<(Grade, String)> {
        let key = Key { state: state.to_owned(), policy: policy.to_owned(), grantees: Vec::new() };
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        let trial = Trial { actions, resources: vec![ARN.to_owned()], context: Vec::new() };
        let role = RoleNow { name: String::new(), callers: Vec::new(), arn: ROLE.to_owned(), trials: vec![trial] };
        judge(ARN, &key, "1", &[role]).into_iter().map(|f| (f.grade, f.text)).collect()
    }

    fn policy(effect: &str, principal: &str, action: &str, condition: &str) -> String {
        format!(
            r#"{{"Statement": [{{"Sid": "K", "Effect": "{effect}", "Principal": {{"AWS": "{principal}"}}, "Action": "{action}", "Resource": "*"{condition}}}]}}"#
        )
    }

    #[test]
    fn a_keys_policy_lets_a_role_use_it_itself_or_by_the_account() {
        let root = "arn:aws:iam::1:root";
        assert_eq!(judged("Enabled", &policy("Allow", root, "kms:*", "")), []);
        assert_eq!(judged("Enabled", &policy("Allow", ROLE, "kms:Decrypt", "")), []);
        for (state, policy, grade, text) in [
            ("Disabled", policy("Allow", root, "kms:*", ""), Grade::Problem, "is Disabled"),
            (
                "Enabled",
                policy("Allow", "arn:aws:iam::1:role/admin", "kms:*", ""),
                Grade::Problem,
                "its policy allows etl-WorkerRole-1 no kms:Decrypt",
            ),
            (
                "Enabled",
                policy("Allow", root, "kms:Encrypt", ""),
                Grade::Problem,
                "allows etl-WorkerRole-1 no kms:Decrypt",
            ),
            ("Enabled", policy("Deny", ROLE, "kms:*", ""), Grade::Problem, "K of its policy denies"),
            (
                "Enabled",
                policy(
                    "Allow",
                    root,
                    "kms:*",
                    r#", "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}"#,
                ),
                Grade::Unchecked,
                "depends on kms:ViaService",
            ),
            ("Enabled", "?".to_owned(), Grade::Unchecked, "not read"),
        ] {
            let found = judged(state, &policy);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!(found[0].0, grade);
            assert!(found[0].1.contains(text), "{}", found[0].1);
        }
    }

    #[test]
    fn of_what_a_keys_policy_refuses_the_first_two_are_named() {
        let admin = policy("Allow", "arn:aws:iam::1:role/admin", "kms:*", "");
        let named = |actions: &[&str]| -> Vec<String> {
            let found = judged_of("Enabled", &admin, actions).into_iter();
            found.map(|(_, text)| text.rsplit(' ').next().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(named(&["kms:Decrypt"]), ["kms:Decrypt"]);
        assert_eq!(named(&["kms:Decrypt", "kms:GenerateDataKey"]), ["kms:Decrypt", "kms:GenerateDataKey"]);
        assert_eq!(named(&["kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt"]).len(), 2);
    }

    #[test]
    fn ec2s_roles_need_a_grant_on_the_key_of_volumes() {
        let role = |service: &str, name: &str| format!("arn:aws:iam::1:role/aws-service-role/{service}/{name}");
        let (fleet, spot) = (role(LAUNCHERS[0].0, LAUNCHERS[0].1), role(LAUNCHERS[1].0, LAUNCHERS[1].1));
        let of = |policy: String, grantees: &[&str]| {
            let grantees = grantees.iter().map(|g| (*g).to_owned()).collect();
            judge_grants(ARN, &Key { state: "Enabled".to_owned(), policy, grantees }, "aws", "1").len()
        };
        let root = || policy("Allow", "arn:aws:iam::1:root", "kms:*", "");
        assert_eq!(of(root(), &[]), 2, "the account's right is none of theirs");
        assert_eq!(of(root(), &[&fleet]), 1);
        assert_eq!(of(root(), &[&fleet, &spot]), 0);
        assert_eq!(of(policy("Allow", &spot, "kms:*", ""), &[&fleet]), 0);
    }
}
