//! FleetEvents: what EC2 reports of fleets and machines by itself, put beside the records of the round that it is about.
//! A fleet that launches nothing is so explained within seconds and not at the watch's next look, and a report says how
//! many machines were taken back. EventBridge sends the events of the whole account: what is not this stack's, or of no
//! round any more, is passed over. It decides nothing and ends nothing: the watch, Verdict and the report read it.

use crate::{Ctx, HandlerError, machines, reap};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spotmill_ec2::notice::notice;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetEventsReply {
    /// The fleet of this stack that the event is about.
    pub fleet: Option<String>,
}

pub async fn handle(ctx: &Ctx, event: Value) -> Result<FleetEventsReply, HandlerError> {
    let Some((subject, notice)) = notice(&event) else { return Ok(FleetEventsReply::default()) };
    let Some(fleet) = ctx.fleets.owner(&subject).await? else { return Ok(FleetEventsReply::default()) };
    let Some((keys, epoch, round)) = reap::place(ctx, &fleet).await?.1 else {
        return Ok(FleetEventsReply::default());
    };
    tracing::info!(run = %fleet.run, step = %fleet.step, fleet = fleet.name, ?notice, "reported by EC2");
    machines::edit(ctx, &keys.machines(epoch, round), |life, _| life.report(notice.clone())).await?;
    Ok(FleetEventsReply { fleet: Some(fleet.name) })
}
