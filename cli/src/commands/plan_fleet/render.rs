//! Renders one step's machines: lines for people, an event for programs.

use super::{Prices, machines};
use crate::event::{Event, FleetAsked, FleetSize, LeftOut};
use crate::ui::format::{bytes, plural};
use spotmill_core::format::{bytes_of, duration};
use spotmill_core::model;
use spotmill_ec2::machines::Machines;
use spotmill_ec2::prices::{SpotPrices, guess_on_demand, spot};
use spotmill_lambdas::fleet_preview::{Asks, Fleet, FleetPreview};

/// One step, ready to be rendered.
pub(super) struct Rendered<'a> {
    step: &'a str,
    fleet: Option<&'a Fleet>,
    max_vcpus: Option<u32>,
    limit: Option<f64>,
    spot: Result<SpotPrices, String>,
    on_demand: Option<f64>,
}

impl<'a> Rendered<'a> {
    pub(super) fn of(preview: &'a FleetPreview, knobs: &model::Fleet, prices: &Prices) -> Rendered<'a> {
        let limit = knobs.max_price_per_vcpu_hour;
        let chosen = machines(preview);
        let spot = match prices {
            Prices::Unknown(why) => Err(why.clone()),
            Prices::Known(all) => chosen
                .and_then(|chosen| spot(chosen, all, limit))
                .ok_or_else(|| "no pool of it has a price under the limit".to_owned()),
        };
        let fleet = match &preview.asks {
            Asks::Machines(fleet) => Some(&**fleet),
            Asks::Nothing => None,
        };
        let on_demand = chosen.and_then(guess_on_demand);
        Rendered { step: &preview.step, fleet, max_vcpus: knobs.max_vcpus, limit, spot, on_demand }
    }

    pub(super) fn text(&self) -> String {
        let Some(fleet) = self.fleet else {
            return format!("{}: nothing to do, no machines\n", self.step);
        };
        let request = &fleet.request;
        let chosen = match &fleet.machines {
            Ok(chosen) => chosen,
            Err(e) => return format!("{}: no machines: {e}\n", self.step),
        };
        let most = self.max_vcpus.map_or(String::new(), |most| format!(" (max {most})"));
        let mut lines = vec![format!(
            "{}: {}{} × {}, {} → {}{most}",
            self.step,
            if fleet.items.is_none() { "up to " } else { "" },
            plural(u64::from(request.max_slots), "slot"),
            plural(u64::from(fleet.slot_vcpus), "vCPU"),
            bytes_of(request.memory_bytes_per_item),
            plural(u64::from(chosen.total_vcpus), "vCPU"),
        )];
        let mut line = |what: &str, text: String| lines.push(format!("  {what:9} {text}"));
        line("work", work(fleet));
        line("size", request.because.clone());
        fleet.memory.iter().for_each(|why| line("memory", why.clone()));
        line("machines", render_machines(chosen));
        line("left out", chosen.describe_left_out());
        line("$/vCPU-h", self.render_prices());
        line("about", self.render_estimate(fleet));
        lines.join("\n") + "\n"
    }

    fn render_prices(&self) -> String {
        let limit = self.limit.map_or(String::new(), |usd| format!(", limit {usd:.4}"));
        let on_demand = self.on_demand.map_or(String::new(), |usd| format!("; on demand about {usd:.4} (guessed)"));
        match &self.spot {
            Err(why) => format!("spot prices are not known: {why}{limit}{on_demand}"),
            Ok(p) => {
                let above = match p.above_limit {
                    0 => String::new(),
                    n => format!("; {} above the limit", plural(n as u64, "pool")),
                };
                format!(
                    "lowest {:.4} ({} {}), median {:.4} of {}{limit}{above}{on_demand}",
                    p.lowest,
                    p.cheapest.kind,
                    p.cheapest.zone,
                    p.median,
                    plural(p.pools as u64, "pool"),
                )
            }
        }
    }

    fn render_estimate(&self, fleet: &Fleet) -> String {
        let Some(e) = fleet.estimate else {
            return "not known before a run of this pipeline has succeeded".to_owned();
        };
        let time = format!("{}, {:.1} vCPU-hours", duration(e.secs), e.vcpu_hours);
        let spot = self.spot.as_ref().ok().map(|p| format!("${:.2} on spot, ", e.vcpu_hours * p.median));
        let on_demand = self.on_demand.map(|usd| format!("; on demand ${:.2} (guessed)", e.vcpu_hours * usd));
        format!("{}{time}{}", spot.unwrap_or_default(), on_demand.unwrap_or_default())
    }

    pub(super) fn event(&self) -> Event {
        let machines = self.fleet.map(|fleet| (fleet, fleet.machines.as_ref()));
        let (problem, request) = match machines {
            None => (None, None),
            Some((_, Err(e))) => (Some(e.to_string()), None),
            Some((fleet, Ok(machines))) => (None, Some(self.size(fleet, machines))),
        };
        let (step, asks) = (self.step.to_owned(), self.fleet.is_some());
        Event::Fleet(Box::new(FleetAsked { step, asks, problem, request }))
    }

    fn size(&self, fleet: &Fleet, of: &Machines) -> FleetSize {
        let (spot, spot_unknown) = (self.spot.clone().ok(), self.spot.clone().err());
        FleetSize {
            slots: fleet.request.max_slots,
            slot_vcpus: fleet.slot_vcpus,
            memory_bytes: fleet.request.memory_bytes_per_item,
            vcpus: of.total_vcpus,
            because: fleet.request.because.clone(),
            items: fleet.items,
            bytes: fleet.input_bytes,
            foreseen: fleet.foreseen,
            types: of.types.iter().map(|(a, types)| (a.to_string(), types.clone())).collect(),
            min_vcpus: of.min_vcpus,
            max_vcpus: of.max_vcpus,
            zones: of.zones,
            pools: of.pools(),
            left_out: of.left_out.iter().map(|l| LeftOut { what: l.what.clone(), why: l.why.clone() }).collect(),
            usd: fleet.estimate.zip(spot.as_ref()).map(|(e, p)| e.vcpu_hours * p.median),
            spot,
            spot_unknown,
            limit_usd_per_vcpu_hour: self.limit,
            on_demand_usd_per_vcpu_hour_guessed: self.on_demand,
            secs: fleet.estimate.map(|e| e.secs),
            vcpu_hours: fleet.estimate.map(|e| e.vcpu_hours),
        }
    }
}

fn work(fleet: &Fleet) -> String {
    let of = if fleet.foreseen { ", as in the last runs" } else { "" };
    match fleet.items {
        Some(items) if fleet.foreseen && fleet.input_bytes == 0 => plural(u64::from(items), "item"),
        Some(items) => format!("{} of {}{of}", plural(u64::from(items), "item"), bytes(fleet.input_bytes)),
        None => "known once the steps before it are complete".to_owned(),
    }
}

fn render_machines(of: &Machines) -> String {
    let by: Vec<String> = of.types.iter().map(|(a, types)| format!("{a} {}", types.len() * of.zones)).collect();
    let types = of.types.values().map(Vec::len).sum::<usize>() as u64;
    format!(
        "{}: {} of {} to {} vCPUs, {}; {}",
        plural(of.pools() as u64, "pool"),
        plural(types, "type"),
        of.min_vcpus,
        of.max_vcpus,
        plural(of.zones as u64, "zone"),
        by.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotmill_core::fleet::{Architecture, FleetRequest};
    use spotmill_core::history::Estimate;
    use spotmill_ec2::Allowed;
    use spotmill_ec2::machines::{Need, choose};
    use spotmill_ec2::prices::PoolPrice;

    fn preview(estimate: Option<Estimate>) -> FleetPreview {
        let mut allowed = Allowed::on(&[Architecture::Arm64]);
        (allowed.families, allowed.generations) = (vec!["r7g".to_owned()], Vec::new());
        let machines = choose(&Need { vcpus: 2, memory_mib: 16 << 10, slots: 15 }, &allowed, 5);
        let request = FleetRequest {
            v: 1,
            name: String::new(),
            queue: String::new(),
            callbacks: String::new(),
            run: "".into(),
            step: "by_site".into(),
            vcpus_per_item: 2,
            memory_bytes_per_item: 16 << 30,
            max_slots: 15,
            execution: "".into(),
            workers: Default::default(),
            instances: None,
            valid_until_ms: 0,
            knobs: model::Fleet::default(),
            because: "15 slots: one an item".to_owned(),
        };
        let fleet = Fleet {
            items: Some(15),
            input_bytes: 48 << 30,
            foreseen: false,
            request,
            slot_vcpus: 2,
            memory: None,
            machines,
            estimate,
        };
        FleetPreview { step: "by_site".to_owned(), asks: Asks::Machines(Box::new(fleet)) }
    }

    fn render(preview: &FleetPreview, prices: &Prices) -> (String, serde_json::Value) {
        let knobs =
            model::Fleet { max_vcpus: Some(64), max_price_per_vcpu_hour: Some(0.04), ..model::Fleet::default() };
        let rendered = Rendered::of(preview, &knobs, prices);
        (rendered.text(), serde_json::to_value(rendered.event()).expect("JSON"))
    }

    #[test]
    fn prices_are_shown_where_there_are_any() {
        let price =
            |instance_type: &str, usd| PoolPrice { kind: instance_type.to_owned(), zone: "use1-a".to_owned(), usd };
        let all = vec![price("r7g.xlarge", 0.08), price("r7g.2xlarge", 0.136), price("r7g.4xlarge", 9.0)];
        let (text, json) = render(&preview(Some(Estimate { secs: 1_260, vcpu_hours: 10.0 })), &Prices::Known(all));
        for part in [
            "by_site: 15 slots × 2 vCPUs, 16.0 GiB → 30 vCPUs (max 64)",
            "work      15 items of 48.0 GiB",
            "lowest 0.0170 (r7g.2xlarge use1-a), median 0.0170 of 2 pools, limit 0.0400; 1 pool above the limit",
            "; on demand about 0.0536 (guessed)",
            "about     $0.17 on spot, 21 min, 10.0 vCPU-hours; on demand $0.54 (guessed)",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!((json["slots"].as_u64(), json["spot"]["pools"].as_u64()), (Some(15), Some(2)));
        assert_eq!(json["usd"].as_f64(), Some(0.17));
    }

    #[test]
    fn what_is_unknown_is_reported() {
        let (text, json) = render(&preview(None), &Prices::Unknown("nobody is signed in".to_owned()));
        assert!(text.contains("$/vCPU-h  spot prices are not known: nobody is signed in, limit 0.0400"), "{text}");
        assert!(text.contains("about     not known before a run of this pipeline has succeeded"), "{text}");
        assert!(json["spot"].is_null() && json["spot_unknown"] == "nobody is signed in" && json["usd"].is_null());
        let nothing = FleetPreview { step: "s".to_owned(), asks: Asks::Nothing };
        assert_eq!(render(&nothing, &Prices::Known(Vec::new())).0, "s: nothing to do, no machines\n");
    }
}
