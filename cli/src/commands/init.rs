//! `init`: a small pipeline with its data that runs as it is. Existing files are never touched.

use crate::exit::{Code, Stop, io};
use std::path::Path;

const FILES: &[(&str, &str)] = &[
    ("sql/clean.sql", include_str!("../../template/sql/clean.sql")),
    ("data/orders-2026-01-01.csv", include_str!("../../template/data/orders-2026-01-01.csv")),
    // Last: a directory without it is no pipeline yet, so a killed `init` can be repeated.
    ("pipeline.toml", include_str!("../../template/pipeline.toml")),
];

pub fn run(dir: Option<&Path>) -> Result<Code, Stop> {
    let dir = dir.unwrap_or(Path::new("."));
    if dir.join("pipeline.toml").exists() {
        return Err(Stop::usage(format!("{} already holds a pipeline.toml", dir.display()))
            .remedy("name another directory: spotmill init DIR"));
    }
    for (name, text) in FILES {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io("create", parent))?;
        }
        match std::fs::read_to_string(&path) {
            Ok(found) if found == *text => continue,
            Ok(_) => return Err(Stop::usage(format!("{} exists and is not ours", path.display()))),
            Err(_) => std::fs::write(&path, text).map_err(io("write", &path))?,
        }
    }
    let change = if dir == Path::new(".") { String::new() } else { format!("-C {} ", dir.display()) };
    say!("wrote {}", FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "));
    say!("Next: spotmill {change}run --date 2026-01-01");
    Ok(Code::Done)
}
