//! Between the command line and the emulator: it answers, by AWS's documentation, what the emulator does not know (IAM's simulator
//! by resource, quotas, the roles of EC2, Access Analyzer), and forwards everything else as it is. A test says what is denied.

use crate::front::Front;
use std::sync::{Arc, Mutex, PoisonError};

/// What a test wants of it.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The caller may not simulate.
    pub closed: bool,
    /// A role, an action and a part of a resource that IAM does not allow.
    pub missing: Option<(&'static str, &'static str, &'static str)>,
    /// What Access Analyzer finds: a type and a code.
    pub flaw: Option<(&'static str, &'static str)>,
    pub spot_quota: u32,
}

pub struct StandIn {
    front: Front,
    wanted: Arc<Mutex<Wanted>>,
}

impl StandIn {
    /// In front of the emulator's port; it lives as long as the test's process.
    pub fn before(emulator: u16) -> Self {
        let wanted = Arc::new(Mutex::new(Wanted { spot_quota: 640, ..Wanted::default() }));
        let shared = wanted.clone();
        let front = Front::before(emulator, move |head, body| {
            let wanted = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
            answer(head, body, &wanted)
        });
        Self { front, wanted }
    }

    pub fn env(&self, of: Vec<(String, String)>) -> Vec<(String, String)> {
        self.front.env(of)
    }

    pub fn want(&self, wanted: Wanted) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
    }
}

fn answer(head: &str, body: &[u8], wanted: &Wanted) -> Option<(u16, String)> {
    let form = String::from_utf8_lossy(body);
    if head.contains("/policy/validation") {
        let found = wanted.flaw.map(|(kind, code)| {
            format!(r#"{{"findingType":"{kind}","issueCode":"{code}","findingDetails":"as planted","learnMoreLink":"","locations":[]}}"#)
        });
        return Some((200, format!(r#"{{"findings":[{}]}}"#, found.unwrap_or_default())));
    }
    if head.contains("ServiceQuotasV20190624.GetServiceQuota") {
        let value = if form.contains("L-34B43A08") { wanted.spot_quota } else { 1_000 };
        return Some((200, format!(r#"{{"Quota":{{"Value":{value}}}}}"#)));
    }
    let of = fields(&form);
    let field = |name: &str| of.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
    match field("Action") {
        "GetRole" if field("RoleName").starts_with("AWSServiceRole") => {
            let role = "<Path>/</Path><RoleName>x</RoleName><RoleId>x</RoleId><Arn>arn:aws:iam::0:role/x</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>";
            Some((
                200,
                format!("<GetRoleResponse><GetRoleResult><Role>{role}</Role></GetRoleResult></GetRoleResponse>"),
            ))
        }
        "SimulatePrincipalPolicy" if wanted.closed => {
            let message =
                "User: arn:aws:iam::0:user/x is not authorized to perform: iam:SimulatePrincipalPolicy on resource: y";
            let error =
                format!("<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error>");
            Some((403, format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>")))
        }
        "SimulatePrincipalPolicy" => Some((200, simulated(&of, field("PolicySourceArn"), wanted))),
        _ => None,
    }
}

/// A result an action, with one for each resource in it.
fn simulated(of: &[(String, String)], role: &str, wanted: &Wanted) -> String {
    let list = |name: &str| -> Vec<&String> {
        let prefix = format!("{name}.member.");
        of.iter().filter(|(n, _)| n.starts_with(&prefix)).map(|(_, v)| v).collect()
    };
    let decision = |action: &str, resource: &str| match wanted.missing {
        Some((who, what, on)) if role.contains(who) && action == what && resource.contains(on) => "implicitDeny",
        _ => "allowed",
    };
    let mut results = String::new();
    for action in list("ActionNames") {
        let each: Vec<(&String, &str)> = list("ResourceArns").into_iter().map(|r| (r, decision(action, r))).collect();
        let whole = if each.iter().all(|(_, d)| *d == "allowed") { "allowed" } else { "implicitDeny" };
        let each: String = each
            .iter()
            .map(|(r, d)| format!("<member><EvalResourceName>{r}</EvalResourceName><EvalResourceDecision>{d}</EvalResourceDecision></member>"))
            .collect();
        results += &format!(
            "<member><EvalActionName>{action}</EvalActionName><EvalDecision>{whole}</EvalDecision><ResourceSpecificResults>{each}</ResourceSpecificResults></member>"
        );
    }
    let result = format!("<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>");
    format!(
        "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult>{result}</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
}

fn fields(form: &str) -> Vec<(String, String)> {
    form.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decoded(k), decoded(v))).collect()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => out.extend_from_slice(part.as_bytes()),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
