//! How an instance begins, and how it is ordered to end.

use super::instance::{Instance, InstanceState, Order};
use crate::fleets::Pool;
use crate::ids::{fresh_id, now_ms};
use crate::tags::Tags;
use crate::templates::{Version, user_data};
use crate::world::{State, World};
use std::path::PathBuf;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What an instance's task needs to begin.
pub struct Birth {
    pub id: String,
    pub dir: PathBuf,
    pub user_data: Option<Vec<u8>>,
    pub orders: UnboundedReceiver<Order>,
}

/// Puts a pending instance of the fleet on record; its task is the caller's to start.
pub fn birth(world: &World, state: &mut State, fleet: &str, pool: Pool, on_demand: bool) -> Result<Birth, String> {
    let (template, number) = &pool.template;
    let version = state.templates.iter().find(|t| t.id == *template).and_then(|t| t.versions.get(number)).cloned();
    let Some(Version { data, .. }) = version else {
        return Err(format!("InvalidLaunchTemplateId.VersionNotFound: version {number} of {template} was deleted"));
    };
    let user_data = user_data(&data).map_err(|error| error.message)?;
    let mut tags = Tags::specified(&data, "instance").map_err(|error| error.message)?;
    tags.0.insert("aws:ec2:fleet-id".to_owned(), fleet.to_owned());
    tags.0.insert("aws:ec2launchtemplate:id".to_owned(), template.clone());
    tags.0.insert("aws:ec2launchtemplate:version".to_owned(), number.to_string());
    let count = state.next_number();
    let id = fresh_id("i");
    let dir = world.root.join(&id);
    let (orders, receiver) = unbounded_channel();
    state.tags.insert(id.clone(), tags);
    state.instances.push(Instance {
        number: count,
        id: id.clone(),
        fleet: fleet.to_owned(),
        weight: pool.weight,
        on_demand,
        spot_request: fresh_id("sir"),
        reservation: fresh_id("r"),
        ip: format!("10.0.{}.{}", pool.zone, 4 + count % 250),
        pool,
        state: InstanceState::Pending,
        reason: None,
        launched_ms: now_ms(),
        running_ms: None,
        ended_ms: None,
        notice_ms: None,
        rebalance_ms: None,
        pid: None,
        imds_port: None,
        dir: dir.clone(),
        metadata_tags: data.text("MetadataOptions.InstanceMetadataTags") == Some("enabled"),
        orders,
    });
    if let Some(fleet) = state.fleet_mut(fleet) {
        let purchase = if on_demand { "on-demand" } else { "spot" };
        fleet.record("instance-change", "launched", format!("{{\"instanceType\":\"{purchase}\"}}"), Some(&id));
    }
    Ok(Birth { id, dir, user_data, orders: receiver })
}

impl State {
    /// Passes an order on; an instance that is to end counts no longer from this moment on. Repeating is harmless.
    pub fn order(&mut self, id: &str, order: Order) {
        let Some(instance) = self.instance_mut(id).filter(|i| i.ended_ms.is_none()) else { return };
        let reason = match order {
            Order::Terminate { code, message } => Some((code, message)),
            Order::Kill => Some(("Server.SpotInstanceTermination", "the machine was taken away without notice")),
            Order::Interrupt { at_ms } => {
                instance.notice_ms = Some(at_ms);
                None
            }
        };
        // Its task may have ended this moment: then there is nobody left to order.
        let _ = instance.orders.send(order);
        if let Some((code, message)) = reason {
            self.leaves(id, code, message);
        }
    }

    /// It counts no longer; its fleet replaces it after a while. The first reason is the one that is kept.
    pub fn leaves(&mut self, id: &str, code: &str, message: &str) {
        let next_launch_ms = now_ms() + self.replace_after_ms;
        let Some(instance) = self.instance_mut(id) else { return };
        instance.reason.get_or_insert((code.to_owned(), message.to_owned()));
        if !instance.state.counts() {
            return;
        }
        instance.state = InstanceState::ShuttingDown;
        let fleet = instance.fleet.clone();
        if let Some(fleet) = self.fleet_mut(&fleet) {
            fleet.next_launch_ms = fleet.next_launch_ms.max(next_launch_ms);
        }
    }
}
