//! Where lineage events are sent to, by the variables of OpenLineage's own clients, and the sending: each event once, all of
//! them within a bounded time. No run waits for it longer or fails with it.

use crate::args::Global;
use crate::ui::format::plural;
use spotmill_core::ids::RunId;
use spotmill_lambdas::{Ctx, openlineage, report};
use spotmill_platform::aws::post::Poster;
use spotmill_report::openlineage::LineageEvent;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Of all events of a run.
const PATIENCE: Duration = Duration::from_secs(10);
const PATH: &str = "api/v1/lineage";
/// The namespace of jobs where none is named.
const NAMESPACE: &str = "spotmill";

/// An address, and the key that it asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub url: String,
    key: Option<String>,
}

/// The one of this process's environment; none where events are not to be sent.
pub fn of_environment() -> Result<Option<Endpoint>, String> {
    endpoint(|name| std::env::var(name).ok())
}

/// The namespace that jobs have in events.
pub fn namespace() -> String {
    let named = std::env::var("OPENLINEAGE_NAMESPACE").ok();
    named.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| NAMESPACE.to_owned())
}

fn endpoint(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Endpoint>, String> {
    let set = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let is_off = set("OPENLINEAGE_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let Some(base) = set("OPENLINEAGE_URL").filter(|_| !is_off) else { return Ok(None) };
    if !base.starts_with("http://") && !base.starts_with("https://") {
        return Err("OPENLINEAGE_URL is no address: it begins with http:// or https://".to_owned());
    }
    if base.split("://").nth(1).is_some_and(|rest| rest.split('/').next().is_some_and(|host| host.contains('@'))) {
        return Err("OPENLINEAGE_URL holds a user or a password: put the key into OPENLINEAGE_API_KEY".to_owned());
    }
    let path = set("OPENLINEAGE_ENDPOINT").unwrap_or_else(|| PATH.to_owned());
    let url = format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'));
    Ok(Some(Endpoint { url, key: set("OPENLINEAGE_API_KEY") }))
}

impl Endpoint {
    /// Sends events in their order, up to the first that is not taken.
    pub async fn send(&self, events: &[LineageEvent]) -> Result<(), String> {
        let poster = Poster::default();
        let all = async {
            for event in events {
                let json = serde_json::to_vec(event).map_err(|e| e.to_string())?;
                poster.post(&self.url, self.key.as_deref(), json).await?;
            }
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, all).await {
            Ok(sent) => sent,
            Err(_) => {
                Err(format!("it did not take {} within {} s", plural(events.len() as u64, "event"), PATIENCE.as_secs()))
            }
        }
    }
}

/// After a run on this machine: sends its events where an endpoint is set. The answer is why they are not there. An endpoint
/// that has not taken those of an earlier run of this command is not waited for again.
pub async fn after(global: &Global, ctx: &Ctx, run: &RunId, is_away: &AtomicBool) -> Option<String> {
    let sent = match of_environment() {
        Ok(None) => return None,
        Ok(Some(_)) if is_away.load(Ordering::Relaxed) => Err("those of an earlier run were not taken".to_owned()),
        Ok(Some(endpoint)) => sent(&endpoint, ctx, run).await.map(drop),
        Err(why) => Err(why),
    };
    is_away.fetch_or(sent.is_err(), Ordering::Relaxed);
    let why = sent.err()?;
    let command = global.command("lineage").option("--send", run.as_str());
    Some(format!("the lineage events of {run} were not delivered: {why}; the run is not affected; again: `{command}`"))
}

/// Sends the events of a run as its records are now, and returns how many.
pub async fn sent(endpoint: &Endpoint, ctx: &Ctx, run: &RunId) -> Result<usize, String> {
    let of_records = |e: spotmill_lambdas::HandlerError| e.cause;
    let found = report::summarize(ctx, run).await.map_err(of_records)?;
    let events = openlineage::compile(ctx, &found).await.map_err(of_records)?;
    endpoint.send(&events).await.map_err(|why| format!("{}: {why}", endpoint.url))?;
    Ok(events.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address and the key, nothing, or a refusal.
    type Expected = Result<Option<(&'static str, Option<&'static str>)>, ()>;

    #[test]
    fn an_endpoint_follows_from_the_variables_of_the_clients() {
        let cases: [(&[(&str, &str)], Expected); 9] = [
            (&[], Ok(None)),
            (&[("URL", " ")], Ok(None)),
            (&[("URL", "http://m:5000")], Ok(Some(("http://m:5000/api/v1/lineage", None)))),
            (&[("URL", "https://m/"), ("ENDPOINT", "/in")], Ok(Some(("https://m/in", None)))),
            (&[("URL", "http://m"), ("API_KEY", "k")], Ok(Some(("http://m/api/v1/lineage", Some("k"))))),
            (&[("URL", "http://m"), ("DISABLED", "True")], Ok(None)),
            (&[("ENDPOINT", "in"), ("API_KEY", "k")], Ok(None)),
            (&[("URL", "m:5000")], Err(())),
            (&[("URL", "http://me:secret@m:5000")], Err(())),
        ];
        for (variables, expected) in cases {
            let of = |name: &str| {
                let bare = name.strip_prefix("OPENLINEAGE_")?;
                variables.iter().find(|(n, _)| *n == bare).map(|(_, value)| (*value).to_owned())
            };
            let found = endpoint(of).map_err(drop);
            let expected =
                expected.map(|e| e.map(|(url, key)| Endpoint { url: url.to_owned(), key: key.map(str::to_owned) }));
            assert!(found == expected, "{variables:?}");
        }
    }
}
