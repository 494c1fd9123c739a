//! How a key stands before it is started: the word by which a range's dates are picked and listed.

use spotmill_core::records::RunOutcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has no run, or one that was skipped because its input was late.
    Missing,
    /// Its run failed, was stopped, was interrupted, or goes on.
    Failed,
    /// Its run is finished, and a start would do something of it again.
    Stale,
    /// A start would do nothing.
    Done,
}

impl Standing {
    /// Of a key with the outcome of its run: none without a run, none in it of a run that has not ended. `redone` says
    /// whether a start would do something of a finished run again.
    pub fn of(outcome: Option<Option<RunOutcome>>, redone: bool) -> Standing {
        match outcome {
            None | Some(Some(RunOutcome::Skipped)) => Standing::Missing,
            Some(Some(RunOutcome::Failed) | None) => Standing::Failed,
            Some(Some(RunOutcome::Succeeded | RunOutcome::Warned)) => {
                if redone {
                    Standing::Stale
                } else {
                    Standing::Done
                }
            }
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Standing::Missing => "missing",
            Standing::Failed => "failed",
            Standing::Stale => "stale",
            Standing::Done => "done",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_by_its_run_and_by_what_a_start_would_do() {
        let table = [
            (None, true, Standing::Missing),
            (Some(Some(RunOutcome::Skipped)), true, Standing::Missing),
            (Some(None), true, Standing::Failed),
            (Some(Some(RunOutcome::Failed)), true, Standing::Failed),
            (Some(Some(RunOutcome::Succeeded)), false, Standing::Done),
            (Some(Some(RunOutcome::Warned)), false, Standing::Done),
            (Some(Some(RunOutcome::Succeeded)), true, Standing::Stale),
            (Some(Some(RunOutcome::Warned)), true, Standing::Stale),
        ];
        for (outcome, redone, expected) in table {
            assert_eq!(Standing::of(outcome, redone), expected, "{outcome:?} {redone}");
        }
    }
}
