//! Text files, without an engine: how rows and fields are split, what a field's text means, which columns a file
//! seems to have. The row check reads a file once before the engine does, and every row that is not what the pipeline
//! declares, in the columns that are to be checked, is reported with file, line, byte, column and reason; what is
//! accepted is what the engine yields.

pub mod checked;
pub mod chunks;
pub mod copy;
pub mod count;
pub mod csv;
pub mod encoding;
pub mod failure;
pub mod field;
pub mod guess;
pub mod header;
pub mod infer;
pub mod iso;
pub mod json;
pub mod keep;
mod members;
pub mod ndjson;
pub mod nulls;
pub mod pattern;
pub mod reader;
pub mod rule;
mod show;
pub mod source;
pub mod split;
mod tail;
pub mod temporal;

pub use checked::{Bad, Checked, Sink};
pub use reader::grammar;
pub use show::{printable, shorten};
