//! How the worker binary is called, or forked: `… item --spec FILE --outcome FILE`, in a directory of its own. Its environment
//! holds what it needs and nothing of ours.

use crate::attempt::Job;
use crate::child::{Launch, Owned};
use crate::config::SupervisorConfig;
use crate::stage;
use spotmill_core::model::ItemProcesses;
use std::collections::BTreeMap;
use std::path::Path;

pub fn launch(config: &SupervisorConfig, job: &Job) -> Launch {
    let file = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let args =
        vec!["item".to_owned(), "--spec".to_owned(), file(job.spec()), "--outcome".to_owned(), file(job.outcome())];
    let mut env = environment(&job.tmp(), job.threads);
    env.extend(config.program.env.clone());
    let owned = config.users.clone().map(|users| Owned {
        users,
        attempt: job.claim.directory.clone(),
        folders: vec![job.tmp(), job.answer(), stage::written(job)],
    });
    Launch {
        program: config.program.path.clone(),
        program_args: config.program.args.clone(),
        args,
        fork_servers: config.program.fork_servers.clone().filter(|_| job.processes == ItemProcesses::Reuse),
        env,
        directory: job.tmp(),
        log: job.log(),
        owned,
    }
}

/// The whole environment of an item's process, wherever it is run: nothing of ours but where programs and the home are, and
/// the language.
pub fn environment(tmp: &Path, threads: u32) -> BTreeMap<String, String> {
    let inherited = |name: &str| std::env::var(name).ok();
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), inherited("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned())),
        ("LANG".to_owned(), inherited("LANG").unwrap_or_else(|| "C.UTF-8".to_owned())),
        ("TMPDIR".to_owned(), tmp.to_string_lossy().into_owned()),
        ("POLARS_MAX_THREADS".to_owned(), threads.to_string()),
        // For the worker's allocator. Huge pages are zeroed whole and used in part, and returned pages are zeroed
        // whenever they are reused: a child is short-lived, and all its memory is released at its end.
        ("MIMALLOC_ALLOW_THP".to_owned(), "0".to_owned()),
        ("MIMALLOC_PURGE_DELAY".to_owned(), "-1".to_owned()),
    ]);
    if let Some(home) = inherited("HOME") {
        env.insert("HOME".to_owned(), home);
    }
    env
}
