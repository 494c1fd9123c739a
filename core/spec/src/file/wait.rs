//! The keys of `[step.input.wait_for]`: what must lie there before anything of a run is launched, and for how long it is
//! waited for.

use schemars::JsonSchema;
use serde::Deserialize;
use spotmill_core::model::OnLate;

/// All of it must hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct WaitTable {
    /// Something must lie there, such as a marker: a template, of one object or with `*` and `**`.
    pub exists: Option<String>,
    pub files: Option<WaitFiles>,
    pub bytes: Option<WaitBytes>,
    /// No file is newer than this: `"10m"`.
    pub quiet: Option<String>,
    /// How long it is waited for, from the first check on, at most `"7d"`.
    #[schemars(required)]
    pub up_to: Option<String>,
    /// What becomes of a run whose input is not there by then: `fail` (the default) ends it as late, `run` goes on with what
    /// is there, `skip` runs nothing.
    pub on_late: Option<OnLate>,
}

/// One of the two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct WaitFiles {
    pub min: Option<u64>,
    pub exactly: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct WaitBytes {
    /// A size, `"10 GB"`, or a share of what the middle one of the last runs read, `"70% of median(7)"`.
    #[schemars(required)]
    pub min: Option<String>,
}
