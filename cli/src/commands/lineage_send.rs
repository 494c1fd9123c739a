//! `lineage --send`: sends the lineage events of a run to the endpoint of the environment, as the run's records are now.
//! Sent again they have the same ids, so that nothing is there twice.

use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::lineage_endpoint::{of_environment, sent};
use crate::ui::format::plural;

pub async fn run(global: &Global, named: &str) -> Result<Code, Stop> {
    let endpoint = of_environment().map_err(Stop::usage)?.ok_or_else(|| {
        Stop::usage("where the events are to be sent is not set: OPENLINEAGE_URL").remedy(
            "OPENLINEAGE_URL=http://localhost:5000 is a Marquez on this machine; OPENLINEAGE_ENDPOINT is the path, \
             OPENLINEAGE_API_KEY a key",
        )
    })?;
    let inspector = Inspector::open(global).await?;
    let run = inspector.run(global, Some(named)).await?;
    let events = sent(&endpoint, &inspector.ctx, &run).await.map_err(|why| {
        Stop::failed(format!("the lineage events of {run} were not delivered: {why}"))
            .remedy("they stay in openlineage.ndjson beside the run's records; this command sends them again")
    })?;
    match global.json {
        true => Event::LineageSent { run: run.to_string(), url: endpoint.url.clone(), events }.print(),
        false => say!("✓ {} of {run} sent to {}", plural(events as u64, "event"), endpoint.url),
    }
    Ok(Code::Done)
}
