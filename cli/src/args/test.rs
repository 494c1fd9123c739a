//! What `spotmill test` takes.

use clap::Args;

#[derive(Args, Clone)]
#[command(after_help = HELP)]
pub struct TestArgs {
    /// Tests of these names, or whose names contain these texts; by default all
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Tests of this step
    #[arg(long, value_name = "S")]
    pub step: Option<String>,
    /// Write what the steps make now into the tests that fail by it
    #[arg(long)]
    pub update: bool,
    /// Write a test from an item of a run: its first rows, and what its step makes of them now
    #[arg(long, num_args = 3, value_names = ["RUN", "STEP", "ITEM"], conflicts_with_all = ["names", "step", "update"])]
    pub from: Vec<String>,
    /// How many rows of the item's input are taken
    #[arg(long, value_name = "N", default_value_t = 5, requires = "from")]
    pub rows: u64,
}

const HELP: &str = "\
Tests are in tests/*.toml; docs/tests.md has every key:
  [[test]]
  name = \"cancelled orders are left out\"
  step = \"clean\"
  given.input = [ { order_id = 1, status = \"cancelled\" } ]
  expect.rows = []

Exit codes: 0 all passed · 1 one failed · 2 usage · 3 a test is invalid";
