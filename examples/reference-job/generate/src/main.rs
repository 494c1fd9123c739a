//! Makes the reference job's input: TPC-H lineitem as headerless, comma-separated day drops
//! `lineitem.{part}.csv`. Each file is written whole under another name first, so a killed run leaves no short one.

use clap::Parser;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tpchgen::csv::LineItemCsv;
use tpchgen::generators::LineItemGenerator;

#[derive(Parser)]
#[command(about = "Write TPC-H lineitem as headerless CSV files")]
struct Args {
    /// Directory to write to.
    out: PathBuf,
    /// TPC-H scale factor; 1 is 6.0 million rows, 731 MB.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Number of files.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(i32).range(1..))]
    parts: i32,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    fs::create_dir_all(&args.out)?;
    for part in 1..=args.parts {
        write_part(&args, part, &args.out.join(format!("lineitem.{part:03}.csv")))?;
    }
    Ok(())
}

fn write_part(args: &Args, part: i32, path: &Path) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
    for row in LineItemGenerator::new(args.scale, part, args.parts).iter() {
        writeln!(out, "{}", LineItemCsv::new(row))?;
    }
    out.into_inner()?.sync_all()?;
    fs::rename(&unfinished, path)
}
