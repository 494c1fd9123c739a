//! How a smoke test ends: what it made is removed, whatever was pressed before. A second Ctrl-C ends that too; then it is said what
//! is left behind, and whoever removes it need not wait for signs of life. Nobody ends one that lives.

use super::record::{self, Begun};
use super::{clean, show};
use crate::args::Global;
use crate::aws::World;
use crate::commands::run::signalled;
use crate::exit::{Code, Stop};
use spotmill_core::ids::Uri;
use std::cell::RefCell;
use std::future::pending;
use std::time::Duration;

/// For a last look at what is left behind.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// What became of it.
pub struct Removed {
    pub left: Vec<String>,
    /// It was not let to the end.
    pub broken_off: bool,
}

/// `at`: this program's own record, if it has one. `warned`: the next Ctrl-C is the last.
pub async fn remove(global: &Global, world: &World, at: Option<&str>, mut warned: bool) -> Removed {
    let seen = RefCell::new(Vec::new());
    let removed = {
        let cleaning = clean::clean(world, &seen);
        let living = living(world, at);
        tokio::pin!(cleaning, living);
        loop {
            tokio::select! {
                left = &mut cleaning => break Some(left.unwrap_or_else(failed)),
                () = &mut living => {}
                () = signalled(), if warned => break None,
                () = signalled(), if !warned => {
                    warned = true;
                    show::say_to(global, format!("{REMOVING} (Ctrl-C again: at once, and the rest stays)"));
                }
            }
        }
    };
    let broken_off = removed.is_none();
    let left = match removed {
        Some(left) => left,
        None => last_look(world, seen.into_inner()).await,
    };
    if let Some(at) = at.filter(|_| !left.is_empty()) {
        record::leave(&world.ctx, at).await;
    }
    Removed { left, broken_off }
}

pub const REMOVING: &str = "removing what was made";

/// Refuses while another smoke test lives: two would end each other's runs.
pub async fn nobody_lives(global: &Global, world: &World, begun: &[(Uri, Begun)]) -> Result<(), Stop> {
    let now_ms = world.ctx.clock.now_ms();
    let Some((_, living)) = begun.iter().find(|(_, begun)| begun.lives(now_ms)) else { return Ok(()) };
    // What of it lives is told as far as it can be seen.
    let found = clean::find(world).await.unwrap_or_default();
    Err(show::lives(global, living, now_ms, &found))
}

/// `--clean` alone.
pub async fn clean_only(global: &Global, world: &World) -> Result<Code, Stop> {
    earlier(global, world).await?;
    show::cleaned(global);
    Ok(Code::Done)
}

/// Removes what earlier ones left; anything left of that is an error.
pub async fn earlier(global: &Global, world: &World) -> Result<(), Stop> {
    let removed = remove(global, world, None, true).await;
    let stop = || show::remains(global, &removed.left);
    match removed.broken_off {
        true => Err(Stop { code: Code::Interrupted, ..stop() }),
        false if removed.left.is_empty() => Ok(()),
        false => Err(stop()),
    }
}

fn failed(stop: Stop) -> Vec<String> {
    vec![format!("what could not be looked at: {}", stop.message)]
}

/// Signs of life until all is removed. That the record is gone is no news here: the end removes it.
async fn living(world: &World, at: Option<&str>) {
    if let Some(at) = at {
        record::keep(&world.ctx, at).await;
    }
    pending().await
}

/// What is there now; without an answer in time, or at a further Ctrl-C, what was there before. The record is, in any case.
async fn last_look(world: &World, seen: Vec<String>) -> Vec<String> {
    let found = tokio::select! {
        found = tokio::time::timeout(LAST_LOOK, clean::find(world)) => found.ok().and_then(Result::ok),
        () = signalled() => None,
    };
    let mut left = found.unwrap_or(seen);
    left.push("its record in the bucket".to_owned());
    left
}
