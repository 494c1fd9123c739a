//! The version of records. A program refuses a record of another version by name, and guesses nothing.

pub const RECORD_VERSION: u32 = 1;
