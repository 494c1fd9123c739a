//! A run's lease, as the commands read it: who holds the run, under which definition, and how it ended.

use crate::answers;
use crate::exit::Stop;
use spotmill_core::ids::{RunId, Uri};
use spotmill_core::keys::RunKeys;
use spotmill_core::records::Lease;
use spotmill_platform::ports::Store;
use spotmill_platform::records;

/// Nothing of a run that never began.
pub async fn read(store: &dyn Store, root: &Uri, run: &RunId) -> Result<Option<Lease>, Stop> {
    let found = records::load::<Lease>(store, &RunKeys::new(root, run).lease()).await;
    Ok(found.map_err(answers::of_record)?.map(|(lease, _)| lease))
}
