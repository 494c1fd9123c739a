//! Every bound, with its name, unit and reason.

/// A step's work list: seven digits in keys, and bitmaps of a megabit.
pub const MAX_ITEMS: u32 = 1_000_000;
/// Objects one item may read: its line in the work list stays well under an SQS message.
pub const MAX_ITEM_INPUTS: usize = 10_000;
/// Items × partitions: beyond it S3 requests cost more than the machines.
pub const MAX_STEP_FILES: u64 = 500_000;
/// The same where the files of an item are one object: what later steps read is listed file by file, in a work list of
/// at most `MAX_WORK_BYTES`; a name with its version and its place takes up to about 320 bytes.
pub const MAX_BUNDLED_FILES: u64 = 800_000;
const _: () = assert!(MAX_BUNDLED_FILES * 320 <= MAX_WORK_BYTES, "a reader's plan would be refused after the work");
/// Fleet, dispatch, kill cycles of a step: twelve of about 35 events stay far below 25,000.
pub const MAX_ROUNDS: u32 = 12;
/// Bytes of an execution's input: Step Functions' limit of any payload.
pub const MAX_INPUT_BYTES: usize = 256 << 10;
/// Rounds on one rung that may pass without an item gaining a receipt or a counted failure.
pub const MAX_IDLE_ROUNDS: u32 = 3;
/// Bytes of a work list: it passes a function's disk once.
pub const MAX_WORK_BYTES: u64 = 256 << 20;
/// Bytes of a large object that are read or written at once.
pub const PAGE_BYTES: u64 = 8 << 20;
/// Dollars for a thousand S3 writes, to state what too many files would cost.
pub const USD_PER_1000_PUTS: f64 = 0.005;
/// Failures listed one by one in a report or an error.
pub const REPORTED_FAILURES: usize = 50;
/// Failures that a verdict reads in words; of the others it knows what decides.
pub const WORDED_FAILURES: usize = 10_000;
/// Machines of a step that are listed one by one.
pub const SHOWN_MACHINES: usize = 500;
/// Receipts read to count the rows of a step that is not complete.
pub const REPORTED_RECEIPTS: u64 = 2_000;
/// Seconds after which an owner that cannot be found is taken for ended (descriptions are eventually consistent).
pub const NOT_FOUND_SECS: u64 = 300;
/// Messages sent between two writes of dispatch's cursor.
pub const DISPATCH_PAGE: u32 = 10_000;
/// Seconds before its end at which a function stops, so that it can still return where the next call goes on.
pub const HAND_OVER_SECS: u64 = 60;
/// Seconds that files stay after a catalog's readers were sent to others: the longest query that Athena allows takes four
/// hours at most.
pub const OLD_FILES_SECS: u64 = 6 * 3_600;
/// Seconds that a command after publishing may take, unless it states another time.
pub const HOOK_SECS: u64 = 60;
/// Files copied or deleted by one call of publish.
pub const PUBLISH_PAGE: usize = 500;
/// Seconds a dispatched step may be silent: `HeartbeatSeconds` of DispatchWork.
pub const HEARTBEAT_SECS: u64 = 1_200;
/// Seconds after which a fleet ends whatever happens: `TimeoutSeconds` of DispatchWork and an hour.
pub const FLEET_LIFE_SECS: u64 = 129_600 + 3_600;
/// Seconds between two `alive` of an item: a tail is seen within a minute.
pub const ALIVE_SECS: u64 = 20;
/// Seconds after which an item that was not heard of is worked on by nobody: two of its `alive`, and the way to the
/// tally.
pub const HOLDER_SECS: u64 = 60;
/// Seconds between two inspections of the machines of a tail.
pub const TAIL_INSPECT_SECS: u64 = 20;
/// Items left from which on the tally notes who works on them: it is written whole each time.
pub const TAIL_ITEMS: u64 = 500;
/// Seconds between two inspections of every fleet: the rate of the stack's watch rule.
pub const WATCH_SECS: u64 = 300;
/// Seconds a fleet may have no machine when its history names a mistake: EC2 reports it at once, and once more to be
/// sure.
pub const MISTAKE_SECS: u64 = 240;
/// Seconds a fleet may have no machine for want of capacity or quota: less than `HEARTBEAT_SECS` and one watch.
pub const CAPACITY_SECS: u64 = 840;
/// Seconds a machine may run without a call from any worker: boot, fetch, and the inputs of a large item.
pub const SILENT_SECS: u64 = 840;
/// Machines that ended by themselves, none of which took any work: the next would as well.
pub const CHURN_MACHINES: usize = 4;
/// Dollars a vCPU-hour that no machine of ours costs, on demand included; used where a price is missing.
pub const USD_PER_VCPU_HOUR: f64 = 0.10;
/// Seconds a heartbeat is remembered before it is written again.
pub const BEAT_SECS: u64 = 60;
/// Seconds a message is invisible; extended while the child lives. They are lost for an item whose machine vanished.
pub const VISIBILITY_SECS: u64 = 120;
/// What a stack may set instead: less is not outlasted by a pause of the network, more is waited for in vain.
pub const VISIBILITY_RANGE_SECS: std::ops::RangeInclusive<u64> = 10..=600;
/// Extensions while a message is invisible once.
pub const EXTENSIONS: u64 = 4;
/// Seconds for which an item that is ready may wait on a machine for its turn; none is made ready ahead where the last
/// one took longer. With the `held` before it and the first `alive` after it, it is heard of within `HOLDER_SECS`.
pub const AHEAD_SECS: u64 = 10;
/// Seconds between two writes of a machine's own record.
pub const LIFE_SECS: u64 = 300;
/// Seconds between two polls for a notice: EC2 recommends this.
pub const NOTICE_POLL_SECS: u64 = 5;
/// Seconds from a machine's boot to its first item, as far as it is ours: docs/deploy.md lists where they go.
pub const FIRST_ITEM_SECS: u64 = 60;
/// Seconds an item may take by default, and at most (SQS: 12 h a receive).
pub const DEFAULT_TIMEOUT_SECS: u64 = 3_600;
pub const MAX_TIMEOUT_SECS: u64 = 11 * 3_600;
/// Counted failures of an item in one epoch.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 3;
/// Receives that nothing on record explains after which an item runs isolated on its machine, and after which it is
/// poison.
pub const LONE_RECEIVES: u32 = 5;
pub const POISON_RECEIVES: u32 = 15;
/// Of the receives that nothing explains: isolated ones, which prove something, before an item is poison.
pub const POISON_ALONE: u32 = POISON_RECEIVES - LONE_RECEIVES;
/// Receives after which a message is a dead letter: far above the last, because interruptions count as well.
pub const MAX_RECEIVES: u32 = 100;
/// Bytes an item packs by default.
pub const DEFAULT_ITEM_BYTES: u64 = 256_000_000;
/// Lines of a child's output kept in a failure record.
pub const LOG_TAIL_LINES: usize = 20;
/// Open sinks: one for this much memory, at most the second number (cloud sinks buffer 6 MiB twice).
pub const SINK_MEMORY_BYTES: u64 = 12 << 20;
pub const MAX_OPEN_SINKS: u64 = 512;
/// Bytes of an item that was packed smaller than by default, at least: below it requests and processes cost more.
pub const LEAST_ITEM_BYTES: u64 = DEFAULT_ITEM_BYTES / 16;
/// Bytes of memory that a child takes before it reads anything.
pub const ENGINE_MEMORY_BYTES: u64 = 128 << 20;
/// Bytes of an item's input from which on its memory depends on its input.
pub const MEASURED_ITEM_BYTES: u64 = 1 << 20;
/// Seconds that a run waits for its input at most: a week, so that checks stay within an execution's history.
pub const MAX_WAIT_SECS: u64 = 7 * 86_400;
/// Seconds between two checks of an input that is not there.
pub const CHECK_SECS: u64 = 300;
/// Checks in the time that a run may wait, at least, and at most: each is nine of an execution's 25,000 events.
pub const LEAST_CHECKS: u64 = 24;
pub const MAX_CHECKS: u64 = 2_000;
/// Runs that a pipeline's history keeps: a week of days.
pub const HISTORY_RUNS: usize = 7;
/// Milliseconds that a gigabyte of input holds a slot, at least: no child reads faster.
pub const LEAST_MS_PER_GB: f64 = 1_000.0;
/// Seconds from asking for a machine to its first item.
pub const BOOT_SECS: u64 = 60;
/// Seconds of work that a slot should have, once that can be estimated: twice a boot.
pub const SLOT_WORK_SECS: u64 = 2 * BOOT_SECS;
/// Seconds of a step's `deadline`, at least and at most: a boot and some work; a round's time-out.
pub const MIN_DEADLINE_SECS: u64 = 300;
pub const MAX_DEADLINE_SECS: u64 = 129_600;
/// Pools (machine types × zones) of a fleet: EC2's quota for one that replaces its machines.
pub const MAX_POOLS: usize = 300;
/// vCPUs of the smallest machine where there is work for more: below it boot and system cost too much.
pub const MIN_MACHINE_VCPUS: u32 = 4;
/// MiB of a machine that the system and the supervisor keep.
pub const SYSTEM_MEMORY_MIB: u64 = 512;
/// vCPUs of a fleet: EC2's quota of units.
pub const MAX_FLEET_VCPUS: u32 = 10_000;
/// Seconds that a grant of vCPUs counts without its fleet to be seen: EC2 shows a new fleet after seconds.
pub const GRANT_SECS: u64 = 300;
/// Bytes of a machine's user data before base64: EC2's limit.
pub const MAX_USER_DATA_BYTES: usize = 16_384;
/// Characters of a tag's value: EC2's limit.
pub const MAX_TAG_CHARS: usize = 256;
