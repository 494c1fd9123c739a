//! The real programs against Lambda's runtime API over HTTP: what they ask, what they answer, and how an error is
//! spelled on the wire, which is what Retry and Catch of the state machines match.

mod calls;
mod runtime;
