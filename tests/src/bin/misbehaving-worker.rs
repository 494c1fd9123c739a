//! A worker whose transforms go wrong on purpose, each in one way, for the tests of what happens then. On no rows they
//! behave, as validation asks of every transform.

use spotmill_worker::polars::prelude::{col, lit};
use spotmill_worker::{TransformContext, TransformResult, Worker};
use std::cell::Cell;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn main() -> ExitCode {
    // By the name of a link to it.
    if std::env::args().next().is_some_and(|name| name.ends_with("threaded-worker")) {
        std::thread::spawn(loops);
    }
    Worker::new()
        .version("misbehaving-1")
        .transform("copies", |context| Ok(context.input))
        .transform("panics", |context| on_rows(context, || panic!("the transform's own words")))
        .transform("loops", |context| on_rows(context, loops))
        .transform("naps", |context| on_rows(context, || std::thread::sleep(Duration::from_secs(6))))
        .transform("eats_memory", |context| on_rows(context, eats_memory))
        .transform("follows_notes", follows_notes)
        .transform("kills_the_machine", kills_the_machine)
        .transform("reaches_out", reaches_out)
        .transform("leaves_much_behind", leaves_much_behind)
        .transform("names_its_parent", names_its_parent)
        .main()
}

/// What is done where there are rows.
fn on_rows(context: TransformContext, act: fn()) -> TransformResult {
    if context.input.clone().collect()?.height() > 0 {
        act();
    }
    Ok(context.input)
}

fn loops() {
    loop {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// 64 MiB every 50 ms, touched, until somebody stops it.
fn eats_memory() {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1; 64 << 20]);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Where a row's note says `nap 1500` it takes so many milliseconds, where it says `eat 320` so many MiB.
fn follows_notes(context: TransformContext) -> TransformResult {
    let rows = context.input.clone().collect()?;
    for note in rows.column("note")?.str()?.iter().flatten() {
        match note.split_once(' ') {
            Some(("nap", ms)) => std::thread::sleep(Duration::from_millis(ms.parse()?)),
            Some(("eat", mib)) => hold(mib.parse()?),
            _ => {}
        }
    }
    Ok(context.input)
}

/// Long enough to be seen.
fn hold(mib: usize) {
    let eaten = std::hint::black_box(vec![1_u8; mib << 20]);
    std::thread::sleep(Duration::from_secs(3));
    drop(eaten);
}

/// Where a row's note says `poison`, the supervisor dies without a word, and the machine with it.
fn kills_the_machine(context: TransformContext) -> TransformResult {
    let poison = col("note").eq(lit("poison"));
    if context.input.clone().filter(poison).collect()?.height() > 0 {
        let supervisor = supervisor()?;
        let killed = std::process::Command::new("kill").args(["-KILL", &supervisor]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the supervisor {supervisor} could not be killed");
    }
    Ok(context.input)
}

/// The parent of the worker from which this process was forked.
fn supervisor() -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", std::os::unix::process::parent_id()))?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    Ok(parent.ok_or("the worker has no parent")?.trim().to_owned())
}

static ITEMS: AtomicU32 = AtomicU32::new(0);
static SHELF: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
thread_local! {
    static OF_THREAD: Cell<u32> = const { Cell::new(0) };
}

/// Wants a process in which no item has been, and leaves it as dirty as it can: memory, an environment, a working directory,
/// open files, threads, files.
#[expect(unsafe_code, reason = "a worker of users may")]
fn leaves_much_behind(context: TransformContext) -> TransformResult {
    if context.input.clone().collect()?.height() == 0 {
        return Ok(context.input);
    }
    let here = std::env::current_dir()?;
    let files = std::fs::read_dir("/proc/self/fd")?.count();
    let found = [
        ("statics", ITEMS.fetch_add(1, Ordering::Relaxed) == 0),
        ("memory", SHELF.lock().is_ok_and(|shelf| shelf.is_empty())),
        ("the thread's own", OF_THREAD.replace(1) == 0),
        ("the environment", std::env::var_os("LEFT_BEHIND").is_none()),
        ("the working directory", here == std::env::temp_dir() && std::fs::read_dir(&here)?.count() == 0),
        ("open files", files < 40),
        ("the process's number", std::fs::read_link("/proc/self")?.to_str() == Some(&std::process::id().to_string())),
    ];
    if let Some((what, _)) = found.iter().find(|(_, clean)| !clean) {
        return Err(format!("an item before this one has left something: {what} ({files} files, in {here:?})").into());
    }
    // SAFETY: nobody reads the environment meanwhile.
    unsafe { std::env::set_var("LEFT_BEHIND", "yes") };
    let deeper = here.join("deeper");
    std::fs::create_dir(&deeper)?;
    std::env::set_current_dir(&deeper)?;
    for at in 0..40 {
        std::mem::forget(std::fs::File::create(deeper.join(at.to_string()))?);
    }
    SHELF.lock().map_err(|_| "a poisoned lock")?.push(vec![1; 100 << 20]);
    std::thread::spawn(loops);
    Ok(context.input)
}

/// A column of what the parent of the item's process is called.
fn names_its_parent(context: TransformContext) -> TransformResult {
    let name = std::fs::read_to_string(format!("/proc/{}/comm", std::os::unix::process::parent_id()))?;
    Ok(context.input.with_column(lit(name.trim().to_owned()).alias("parent")))
}

/// Where a row's note says so, reaches for what is not an item's; each is an error where it is refused.
fn reaches_out(context: TransformContext) -> TransformResult {
    let rows = context.input.clone().collect()?;
    for note in rows.column("note")?.str()?.iter().flatten() {
        let (what, of) = note.split_once(' ').unwrap_or((note, ""));
        reach(what, of).map_err(|e| format!("{note}: {e}"))?;
    }
    Ok(context.input)
}

fn reach(what: &str, of: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let shell = |script: &str| std::process::Command::new("python3").args(["-c", script]).output();
    match what {
        "write" => std::fs::write(of, "mine")?,
        "temporary" => std::fs::write(std::env::temp_dir().join("own"), "mine")?,
        "connect" => drop(std::net::TcpStream::connect(of)?),
        "send" => drop(std::net::UdpSocket::bind("0.0.0.0:0")?.send_to(b"mine", of)?),
        "knock" => drop(std::os::unix::net::UnixStream::connect(of)?),
        "read" => drop(std::fs::read(of.replace("PARENT", &std::os::unix::process::parent_id().to_string()))?),
        // A program of its own is confined as well.
        "python" => {
            let ran = shell(of)?;
            if !ran.status.success() {
                let words = String::from_utf8_lossy(&ran.stderr).lines().last().unwrap_or_default().to_owned();
                return Err(words.into());
            }
        }
        "environment" => {
            let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            names.sort_unstable();
            return Err(names.join(" ").into());
        }
        _ => {}
    }
    Ok(())
}
