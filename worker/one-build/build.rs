//! What build scripts and macros are built with is a set of features of its own.

fn main() {}
