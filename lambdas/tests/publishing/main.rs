//! Publishing under everything that can happen to it: random sequences of edits, renames, moves, kills, lost state, two
//! stacks, stalled publishers and late copies on one and on two destinations, and a power cut at every write. After
//! each, what whoever waits for the success mark reads is what one definition makes of one state of its inputs; where
//! that cannot be, the start was refused and nothing had changed.

mod bench;
mod marks;
mod memory;
mod power;
mod sequences;
mod stalled;
