//! Every bound has a name, a unit and a reason, here.

/// A step's work list: seven digits in keys, and bitmaps of a megabit.
pub const MAX_ITEMS: u32 = 1_000_000;
/// Objects one item may read: its line in the work list stays well under an SQS message.
pub const MAX_ITEM_INPUTS: usize = 10_000;
/// Items × partitions: beyond it S3 requests cost more than the machines.
pub const MAX_STEP_FILES: u64 = 500_000;
/// Fleet, dispatch, kill cycles of a step: twelve of about 35 events stay far below 25,000.
pub const MAX_ROUNDS: u32 = 12;
/// Rounds on one rung that may pass without an item gaining a receipt or a counted failure.
pub const MAX_IDLE_ROUNDS: u32 = 3;
/// Seconds a message is invisible; extended while the child lives.
pub const VISIBILITY_SECS: u64 = 120;
/// Seconds between extensions.
pub const EXTEND_SECS: u64 = 30;
/// Seconds an item may take by default, and at most (SQS: 12 h a receive).
pub const DEFAULT_TIMEOUT_SECS: u64 = 3_600;
pub const MAX_TIMEOUT_SECS: u64 = 11 * 3_600;
/// Counted failures of an item in one epoch.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 3;
/// Receives after which an item runs alone on its machine, and after which it is poison.
pub const LONE_RECEIVES: u32 = 5;
pub const POISON_RECEIVES: u32 = 15;
/// Bytes an item packs by default.
pub const DEFAULT_ITEM_BYTES: u64 = 256_000_000;
/// Lines of a child's output kept in a failure record.
pub const LOG_TAIL_LINES: usize = 20;
/// Open sinks: one for this much memory, at most the second number (cloud sinks buffer 6 MiB twice).
pub const SINK_MEMORY_BYTES: u64 = 12 << 20;
pub const MAX_OPEN_SINKS: u64 = 512;
