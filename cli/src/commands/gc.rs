//! `gc`: lists what nobody needs any more, on this machine or on AWS, and removes it when asked to.

use crate::args::Global;
use crate::event::Event;
use crate::exit::{Code, Stop};
use crate::inspect::Inspector;
use crate::lock;
use crate::result::{indent, table};
use crate::ui::format::{bytes, plural};
use spotmill_core::ids::{ExecutionId, RunId};
use spotmill_lambdas::gc::{Waste, collect};
use spotmill_platform::local::lock::RunLock;
use std::cell::RefCell;

pub async fn run(global: &Global, delete: bool) -> Result<Code, Stop> {
    let inspector = Inspector::open(global).await?;
    // On this machine a run is held while it is inspected, so that nobody starts it meanwhile.
    let held: RefCell<Vec<RunLock>> = RefCell::default();
    // Where the state is shared, a lock of this machine says nothing of the others.
    let (is_local, shared) = (inspector.is_local(), inspector.ctx.root.is_s3());
    let may_touch = |run: &RunId, is_owned: bool| match is_local {
        true if shared && is_owned => false,
        true => lock::take(run, &ExecutionId::new("local:gc")).map(|lock| held.borrow_mut().push(lock)).is_ok(),
        false => !is_owned,
    };
    let (found, left) = collect(&inspector.ctx, delete, may_touch).await.map_err(Stop::from)?;
    if global.json {
        for Waste { what, files, bytes } in found {
            Event::Waste { what, files, bytes, deleted: delete }.print();
        }
        return Ok(Code::Done);
    }
    left.iter().for_each(|run| say!("! {run}"));
    if found.is_empty() {
        say!("nothing to remove");
        return Ok(Code::Done);
    }
    let mut shown = table(&["what", "files", "size"], &[1, 2]);
    for waste in &found {
        shown.add_row([waste.what.clone(), waste.files.to_string(), bytes(waste.bytes)]);
    }
    say!("{}", indent(&shown));
    let (files, size) = (found.iter().map(|w| w.files).sum::<u64>(), found.iter().map(|w| w.bytes).sum::<u64>());
    match delete {
        true => say!("{} removed, {}", plural(files, "file"), bytes(size)),
        false => {
            let remove = global.command("gc").word("--delete");
            say!("{}, {} could go; remove them: {remove}", plural(files, "file"), bytes(size));
        }
    }
    Ok(Code::Done)
}
