//! How the worker binary is called: `… item --spec FILE --outcome FILE`, in a directory of its own. Its environment
//! holds what it needs and nothing of ours.

use crate::attempt::Job;
use crate::child::Launch;
use crate::config::SupervisorConfig;
use std::collections::BTreeMap;

pub fn launch(config: &SupervisorConfig, job: &Job) -> Launch {
    let mut args = config.program.args.clone();
    let file = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    args.extend([
        "item".to_owned(),
        "--spec".to_owned(),
        file(job.spec()),
        "--outcome".to_owned(),
        file(job.outcome()),
    ]);
    let inherited = |name: &str| std::env::var(name).ok();
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), inherited("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned())),
        ("LANG".to_owned(), inherited("LANG").unwrap_or_else(|| "C.UTF-8".to_owned())),
        ("TMPDIR".to_owned(), job.tmp().to_string_lossy().into_owned()),
        ("POLARS_MAX_THREADS".to_owned(), job.threads.to_string()),
        // For the worker's allocator. Huge pages are zeroed whole and used in part, and returned pages are zeroed
        // whenever they are reused: a child is short-lived, and all its memory is released at its end.
        ("MIMALLOC_ALLOW_THP".to_owned(), "0".to_owned()),
        ("MIMALLOC_PURGE_DELAY".to_owned(), "-1".to_owned()),
    ]);
    if let Some(home) = inherited("HOME") {
        env.insert("HOME".to_owned(), home);
    }
    env.extend(config.program.env.clone());
    Launch { program: config.program.path.clone(), args, env, directory: job.tmp(), log: job.log() }
}
