//! Adapters for one machine: a directory as the store, queues in the process.
