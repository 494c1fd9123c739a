//! What this build of `spotmill` is made of. The program is `main.rs`; as a library it lets the workspace's tests ask for a
//! build with every feature, so that what is tested is what is released.

/// Parts that may be left out of a build, and are in this one.
pub const FEATURES: &[&str] = if cfg!(feature = "aws") { &["aws"] } else { &[] };

/// The commit that a release was built of; a build of a checkout does not claim to be of one.
pub const COMMIT: Option<&str> = option_env!("SPOTMILL_COMMIT");

/// The repository of that commit, where it can be fetched.
pub const REPOSITORY: Option<&str> = option_env!("SPOTMILL_REPOSITORY");
