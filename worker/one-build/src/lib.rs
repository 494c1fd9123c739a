//! Nothing but features. Cargo builds a crate once for every set of features it is asked for; other rooms of this
//! workspace ask more of some crates than the engine does, so building one worker, the whole workspace or its tests
//! would each compile Polars again. This crate asks for the union, and the item crate depends on it. `.ci/walls`
//! holds it to its word.
