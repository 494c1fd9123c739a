//! `completions` and `man`: a shell's completions and the manual pages, made from the command line.

use crate::args;
use crate::exit::{Code, Stop};
use clap_complete::Shell;
use spotmill_core::format::instead;

pub fn completions(shell: Shell) -> Result<Code, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "spotmill", &mut script);
    say_part!("{}", String::from_utf8_lossy(&script));
    Ok(Code::Done)
}

pub fn page(of: Option<&str>) -> Result<Code, Stop> {
    let mut all = args::command();
    all.build();
    let command = match of {
        None => all,
        Some(name) => all.find_subcommand(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = all.get_subcommands().map(clap::Command::get_name).collect();
            Stop::usage(format!("there is no command `{name}`; {}", instead(name, "commands", &names)))
        })?,
    };
    let mut page = Vec::new();
    let written = clap_mangen::Man::new(command).render(&mut page);
    written.map_err(|e| Stop::failed(format!("cannot write the page: {e}")))?;
    say_part!("{}", String::from_utf8_lossy(&page));
    Ok(Code::Done)
}
