//! A worker whose transforms go wrong on purpose, each in one way, for the tests of what happens then. On no rows they
//! behave, as validation asks of every transform.

use spotmill_worker::polars::prelude::{col, lit};
use spotmill_worker::{TransformContext, TransformResult, Worker};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
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
        let supervisor = std::os::unix::process::parent_id().to_string();
        let killed = std::process::Command::new("kill").args(["-KILL", &supervisor]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the supervisor {supervisor} could not be killed");
    }
    Ok(context.input)
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
