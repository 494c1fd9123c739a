//! A local EC2 endpoint for tests: fleets whose instances are processes on this machine. It speaks EC2's query protocol,
//! so the same adapters, Lambdas and command line that talk to EC2 talk to it (`AWS_ENDPOINT_URL_EC2`); it is what proves
//! that fleets are found again, that interruptions are survived and that nothing is left behind. Never in production.
//!
//! Simulated: launch templates with versions (source, merge, client token, default, deletion one by one); fleets of type
//! maintain (several templates, comma-separated subnets, types by name or by attributes, vCPUs, memory or units, client
//! token, tags, expiry, change of target, which may put a part on demand, deletion), their history and states; instances (user data, tags, notices,
//! rebalance recommendations, metadata version 2, console); filters and pages; spot prices; EC2's limits and names of
//! errors; and by `/_local/` or the Rust handle: interruption with and without notice, no capacity, quota,
//! failing launches, refused, throttled and unanswered calls, a list of all that is and was.
//!
//! An instance runs its user data with bash as its main process, in a session and a directory of its own; when that
//! process ends, the instance is terminated, and its fleet replaces it. (On EC2 user data that ends leaves the machine
//! running.) Termination is SIGTERM to the process group, a grace, SIGKILL to every process that belongs to the instance.
//! Only types of this machine's own architecture are launched; others match, count as pools, and are skipped.
//!
//! Not simulated, and refused by name where a request asks for it: fleets of type instant and request, fleets
//! that begin with on-demand capacity, capacity rebalancing, stop and hibernate, placement and attributes the catalogue does not know. Not
//! simulated, silently: signatures and permissions (everybody may do everything, DryRun always says it would succeed),
//! delays of eventual consistency, automatic price protection, moving prices, a quota of on-demand vCPUs apart from spot's, volumes, security groups, the size of a
//! machine (a process sees the whole host). Guessed, because EC2 does not document it: the error of more than 300 pools,
//! and when two sets of attributes overlap.

mod adopt;
mod catalogue;
mod config;
mod control;
mod faults;
mod fleets;
mod handle;
mod instances;
mod listener;
mod network;
mod prices;
mod requirements;
mod server;
mod snapshot;
mod tags;
mod templates;
mod wire;
mod world;

pub use adopt::{Adopt, AdoptSubnet, AdoptTemplate};
pub use catalogue::Arch;
pub use config::LocalEc2Config;
pub use faults::{Capacity, Effect, Fault, LaunchError, Spelling};
pub use fleets::{Event, FleetState};
pub use handle::LocalEc2;
pub use instances::InstanceState;
pub use snapshot::{FleetView, InstanceView, Snapshot, TemplateView};
pub use wire::Ec2Error;
