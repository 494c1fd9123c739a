//! What a machine runs when it boots: `infra/user-data.sh` with this round's settings in it. One pass over the script
//! fills the marks, so that nothing in a value is taken for a mark, and no value can end the quoting it stands in.

use spotmill_core::bounds::MAX_USER_DATA_BYTES;
use spotmill_core::fleet::{Architecture, FleetProblem};
use spotmill_core::records::WorkerSettings;

const SCRIPT: &str = include_str!("../../../infra/user-data.sh");

/// The script for these settings; refused where EC2 would refuse it.
pub fn user_data(settings: &WorkerSettings) -> Result<String, FleetProblem> {
    // One line that begins with a brace: it cannot be the line that ends a here-document.
    let json = serde_json::to_string(settings).map_err(|e| FleetProblem(format!("worker settings: {e}")))?;
    let root = settings.root.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    if !root.strip_prefix("s3://").is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain)) {
        return Err(FleetProblem(format!(
            "the state root `{root}` is not `s3://` and a bucket (letters, digits, `-`, `.`, `_`, `/`)"
        )));
    }
    let values = [
        ("@SETTINGS@", json.as_str()),
        ("@ROOT@", root),
        ("@X86_64@", digest(settings, Architecture::X86_64)?),
        ("@AARCH64@", digest(settings, Architecture::Arm64)?),
    ];
    let script = filled(SCRIPT, &values);
    match script.len() {
        0..=MAX_USER_DATA_BYTES => Ok(script),
        bytes => Err(FleetProblem(format!(
            "a machine's user data would have {bytes} bytes, and EC2 takes {MAX_USER_DATA_BYTES}; shorten the values \
             of the pipeline's `key`"
        ))),
    }
}

/// Empty where there is no worker: the script reports it on such a machine.
fn digest(settings: &WorkerSettings, architecture: Architecture) -> Result<&str, FleetProblem> {
    let digest = settings.workers.get(architecture.machine()).map_or("", String::as_str);
    let fine = digest.is_empty() || (digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()));
    if fine {
        return Ok(digest);
    }
    Err(FleetProblem(format!("the worker for {architecture} is named `{digest}`, which is no sha256; deploy again")))
}

pub(super) fn filled(script: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(script.len() + 1_024);
    let mut rest = script;
    while let Some(at) = rest.find('@') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (mark, value) = values.iter().find(|(mark, _)| rest.starts_with(mark)).unwrap_or(&("@", "@"));
        out.push_str(value);
        rest = &rest[mark.len()..];
    }
    out + rest
}
