//! Every price and assumption by name, with its date and source; any of them can be set, in `[rates]` of a pipeline file or
//! on the command line, which is stronger. `docs/cost.md` holds the same table, and a test compares the two.

use std::collections::BTreeMap;

/// A price, or an assumption of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub name: &'static str,
    /// Nothing: not known until it is set.
    pub value: Option<f64>,
    pub unit: &'static str,
    /// Date and source.
    pub source: &'static str,
}

const fn rate(name: &'static str, value: f64, unit: &'static str, source: &'static str) -> Rate {
    Rate { name, value: Some(value), unit, source }
}

const fn unknown(name: &'static str, unit: &'static str, source: &'static str) -> Rate {
    Rate { name, value: None, unit, source }
}

const S3: &str = "2026-11, https://aws.amazon.com/s3/pricing/";
const EBS: &str = "2026-11, https://aws.amazon.com/ebs/pricing/";
const EMR: &str = "2026-11, https://aws.amazon.com/emr/pricing/";
const OURS: &str = "an assumption";
const STACK: &str = "the stack's default";

/// us-east-1, dollars.
pub const RATES: &[Rate] = &[
    unknown("vcpu_hour", "$ a vCPU-hour of a machine without a price of its own", "yours to set"),
    rate("volume_gb_month", 0.08, "$ a GB-month of a machine's gp3 volume", EBS),
    rate("volume_gb", 30.0, "GB of that volume", STACK),
    rate("volume_mibps_month", 0.04, "$ a month of each MiB/s above 125", EBS),
    rate("volume_mibps", 250.0, "MiB/s of that volume", STACK),
    rate(
        "address_hour",
        0.005,
        "$ an hour of a machine's public IPv4 address",
        "2026-11, https://aws.amazon.com/vpc/pricing/",
    ),
    rate("s3_write_1000", 0.005, "$ for 1,000 writes or lists", S3),
    rate("s3_read_1000", 0.0004, "$ for 1,000 reads", S3),
    rate("s3_gb_month", 0.023, "$ a GB-month", S3),
    rate("scratch_days", 15.0, "days that intermediate files are kept", STACK),
    rate("sqs_million", 0.40, "$ for a million requests", "2026-11, https://aws.amazon.com/sqs/pricing/"),
    rate("lambda_million", 0.20, "$ for a million calls", "2026-11, https://aws.amazon.com/lambda/pricing/"),
    rate(
        "transition_1000",
        0.025,
        "$ for 1,000 transitions",
        "2026-11, https://aws.amazon.com/step-functions/pricing/",
    ),
    rate("engine_factor", 1.0, "vCPU-hours there for one here", OURS),
    rate("emr_fee", 0.25, "of the on-demand price, also on spot", EMR),
    rate("emr_core_share", 0.5, "of the nodes are core nodes on demand, the others task nodes on spot", OURS),
    rate("emr_task_discount", 0.6, "of the on-demand price saved by task nodes on spot", OURS),
    rate(
        "emr_master_hour",
        0.192,
        "$ an hour of the master node, an m5.xlarge",
        "2026-11, https://aws.amazon.com/ec2/pricing/on-demand/",
    ),
    rate("emr_disk_gb_vcpu", 62.5, "GB of gp3 a vCPU of the nodes: 1 TB for 16", OURS),
    rate("emr_serverless_vcpu_hour", 0.052624, "$ a vCPU-hour", EMR),
    rate("emr_serverless_gb_hour", 0.0057785, "$ a GB-hour", EMR),
    unknown("emr_serverless_flex_vcpu_hour", "$ a vCPU-hour of the Flex option", EMR),
    unknown("emr_serverless_flex_gb_hour", "$ a GB-hour of the Flex option", EMR),
    rate(
        "glue_flex_dpu_hour",
        0.29,
        "$ a DPU-hour: 4 vCPUs and 16 GB",
        "2026-11, https://aws.amazon.com/glue/pricing/",
    ),
];

/// Who set a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    Pipeline,
    CommandLine,
}

/// The table with what was set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    set: BTreeMap<String, (f64, SetBy)>,
}

impl Rates {
    /// Sets a rate on the command line; an unknown name gets the nearest one.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), String> {
        check(name, value)?;
        self.set.insert(name.to_owned(), (value, SetBy::CommandLine));
        Ok(())
    }

    /// The same with what a pipeline file sets, where nothing stronger is set.
    pub fn over(mut self, pipeline: &BTreeMap<String, f64>) -> Rates {
        for (name, value) in pipeline.iter().filter(|(name, value)| check(name, **value).is_ok()) {
            self.set.entry(name.clone()).or_insert((*value, SetBy::Pipeline));
        }
        self
    }

    /// Who set it; nobody where the table has it.
    pub fn set_by(&self, name: &str) -> Option<SetBy> {
        self.set.get(name).map(|(_, by)| *by)
    }

    /// Nothing where none is known.
    pub fn known(&self, name: &str) -> Option<f64> {
        let listed = || RATES.iter().find(|r| r.name == name).and_then(|r| r.value);
        self.set.get(name).map(|(value, _)| *value).or_else(listed)
    }

    /// Of a rate that the table always has a value for.
    pub fn get(&self, name: &str) -> f64 {
        self.known(name).unwrap_or_default()
    }
}

/// Whether a rate of this name may have this value.
pub fn check(name: &str, value: f64) -> Result<(), String> {
    let names: Vec<&str> = RATES.iter().map(|r| r.name).collect();
    if !names.contains(&name) {
        return Err(format!("there is no rate `{name}`; {}", crate::format::instead(name, "rates", &names)));
    }
    if !value.is_finite() || value < 0.0 {
        return Err(format!("`{name}` must be 0 or more"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_set_by_its_name_and_never_to_nonsense() {
        let mut rates = Rates::default();
        assert_eq!((rates.known("vcpu_hour"), rates.known("sqs_million")), (None, Some(0.40)));
        rates.set("vcpu_hour", 0.05).expect("a rate");
        assert_eq!(rates.known("vcpu_hour"), Some(0.05));
        let wrong = rates.set("vcpu_hours", 1.0).expect_err("no rate");
        assert!(wrong.starts_with("there is no rate `vcpu_hours`; did you mean `vcpu_hour`?"), "{wrong}");
        for value in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(rates.set("vcpu_hour", value).is_err(), "{value}");
        }
    }

    #[test]
    fn the_command_line_is_stronger_than_the_pipeline_and_both_than_the_table() {
        let pipeline =
            BTreeMap::from([("vcpu_hour".to_owned(), 0.03), ("sqs_million".to_owned(), 0.5), ("odd".to_owned(), 1.0)]);
        let mut rates = Rates::default();
        rates.set("vcpu_hour", 0.05).expect("a rate");
        let rates = rates.over(&pipeline).over(&BTreeMap::from([("sqs_million".to_owned(), 9.0)]));
        let of = |name| (rates.known(name), rates.set_by(name));
        assert_eq!(of("vcpu_hour"), (Some(0.05), Some(SetBy::CommandLine)));
        assert_eq!(of("sqs_million"), (Some(0.5), Some(SetBy::Pipeline)));
        assert_eq!((of("s3_gb_month"), of("odd")), ((Some(0.023), None), (None, None)));
    }

    /// The page is what a reader checks prices against.
    #[test]
    fn the_page_holds_the_same_table() {
        let page = include_str!("../../docs/cost.md");
        for Rate { name, value, unit, source } in RATES {
            let value = value.map_or_else(|| "not known".to_owned(), |v| v.to_string());
            let row = format!("| `{name}` | {value} | {unit} | {source} |");
            assert!(page.lines().any(|line| line == row), "docs/cost.md lacks\n{row}");
        }
    }
}
