//! What a person at a terminal needs of an account besides the ports: stacks, executions, the account's quotas and
//! roles, the machines of a run, and the bucket that code is deployed from. Each is a handful of queries and actions
//! with our own types; nothing decides here, and an error names the permission that was missing.

mod account;
mod buckets;
mod changes;
mod error;
mod faults;
mod guards;
mod lint;
mod machines;
mod network;
mod prices;
mod runs;
mod simulate;
mod stack;
mod templates;
mod topics;

pub use account::{Account, Identity, Image, Subnet};
pub use buckets::{Buckets, Made};
pub use changes::{Change, ChangeSet, Changes, Prepared};
pub use error::AwsError;
pub use faults::{Experiment, Faults};
pub use guards::{Encryption, Key, Keys, Whereabouts};
pub use lint::{Flaw, Linter};
pub use machines::{Machine, MachinesOf};
pub use network::{Endpoint, Network, Route, Table};
pub use prices::Prices;
pub use runs::{Happened, RunNow, RunStatus, Runs, Started};
pub use simulate::{Simulated, Trial};
pub use stack::{Phase, StackEvent, StackNow, Stacks};
pub use templates::TemplateNow;
pub use topics::{Subscription, Topics};

use super::config::Aws;

impl Aws {
    pub fn stacks(&self) -> Stacks {
        Stacks::new(self.config())
    }

    pub fn runs(&self) -> Runs {
        Runs::new(self.config())
    }

    pub fn account(&self) -> Account {
        Account::new(self.config())
    }

    pub fn machines(&self) -> MachinesOf {
        MachinesOf::new(self.config())
    }

    pub fn prices(&self) -> Prices {
        Prices::new(self.config())
    }

    pub fn buckets(&self) -> Buckets {
        Buckets::new(self.config())
    }

    pub fn keys(&self) -> Keys {
        Keys { config: self.config().clone() }
    }

    pub fn linter(&self) -> Linter {
        Linter { config: self.config().clone() }
    }

    pub fn faults(&self) -> Faults {
        Faults { config: self.config().clone() }
    }

    pub fn topics(&self) -> Topics {
        Topics { config: self.config().clone() }
    }

    /// The region that requests go to, if the environment or a profile names one.
    pub fn region(&self) -> Option<String> {
        self.config().region().map(ToString::to_string)
    }
}
