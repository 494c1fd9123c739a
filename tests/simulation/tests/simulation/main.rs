//! Seeds in CI.
