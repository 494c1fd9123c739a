//! Between the command line and the emulator: it answers, by AWS's documentation, what the emulator does not know (IAM's simulator
//! by resource, quotas, the roles of EC2, Access Analyzer), and forwards everything else as it is. A test says what is denied.

use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

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
    port: u16,
    wanted: Arc<Mutex<Wanted>>,
}

impl StandIn {
    /// In front of the emulator's port; it lives as long as the test's process.
    pub fn before(emulator: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let wanted = Arc::new(Mutex::new(Wanted { spot_quota: 640, ..Wanted::default() }));
        let shared = wanted.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let wanted = shared.clone();
                // A client that goes away is no concern of ours.
                thread::spawn(move || serve(client, emulator, &wanted).ok());
            }
        });
        Self { port, wanted }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn want(&self, wanted: Wanted) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
    }
}

/// One request a connection.
fn serve(mut client: TcpStream, emulator: u16, wanted: &Mutex<Wanted>) -> Result<()> {
    let (head, body) = read(&mut client)?;
    let wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((status, answer)) = answer(&head, &body, &wanted) {
        let kind = if answer.starts_with('<') { "text/xml" } else { "application/x-amz-json-1.1" };
        let length = answer.len();
        return write!(
            client,
            "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
        );
    }
    let mut upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, emulator))?;
    let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
    let kept = rest.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head = format!("{first}\r\nConnection: close\r\n{}", kept.collect::<Vec<_>>().join("\r\n"));
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(&body)?;
    std::io::copy(&mut upstream, &mut client).map(drop)
}

/// Headers with the empty line after them, and the body.
fn read(client: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8_192]);
    let end = loop {
        let n = client.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..n]);
        match bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            Some(at) => break at + 4,
            None if n == 0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            None => {}
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    while body.len() < length.unwrap_or(0) {
        let n = client.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        body.extend_from_slice(&buffer[..n]);
    }
    Ok((head, body))
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
