//! `report`: writes a run's page, from its records as they are now, and says where. The page is there whole or not at all.
//! It changes nothing of the run.

mod items;

use crate::args::{Global, ReportArgs};
use crate::event::Event;
use crate::exit::{Code, Stop, io};
use crate::inspect::Inspector;
use crate::project::Project;
use crate::rates::of_project;
use spotmill_core::ids::RunId;
use spotmill_lambdas::page::{self, Stands};
use spotmill_lambdas::report;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where pages are written that nobody named, in the project's directory.
const PAGES: &str = ".spotmill/reports";

pub async fn run(global: &Global, args: &ReportArgs) -> Result<Code, Stop> {
    let rates = args.rates.all()?;
    let inspector = Inspector::open(global).await?;
    let run = inspector.run(global, args.run.as_deref()).await?;
    let summary = report::summarize(&inspector.ctx, &run).await?;
    let stood = inspector.state(&summary).await?;
    let stands = Stands { state: stood.state.to_owned(), cause: stood.cause };
    let rates = of_project(&rates, Project::find().as_ref(), &run);
    let report = page::compile(&inspector.ctx, summary, stands, &rates).await?;
    let wants_page = args.output.is_some() || args.open;
    let file = (wants_page || !(global.json || args.items.is_some())).then(|| place(&run, args.output.as_deref()));
    if let Some(file) = &file {
        let page = spotmill_report::page(&report).map_err(Stop::failed)?;
        write(file, page.as_bytes())?;
    }
    if let Some(to) = &args.items {
        return items::write(global, &report, to).await;
    }
    if global.json {
        let file = file.as_ref().map(|file| file.to_string_lossy().into_owned());
        Event::Report { file, report: Box::new(report) }.print();
    } else if let Some(file) = &file {
        say!("{}", file.display());
    }
    match &file {
        Some(file) if args.open => open(file),
        _ => Ok(Code::Done),
    }
}

fn place(run: &RunId, named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| Path::new(PAGES).join(format!("{run}.html")), Path::to_path_buf)
}

/// Beside its place first: whoever is killed leaves the page that was there.
fn write(file: &Path, page: &[u8]) -> Result<(), Stop> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(io("create", folder))?;
    let mut new = tempfile::Builder::new().prefix(".report-").tempfile_in(folder).map_err(io("write below", folder))?;
    new.write_all(page).map_err(io("write", file))?;
    new.persist(file).map_err(|e| io("write", file)(e.error))?;
    readable(file)
}

/// As any new file is: others may be shown it.
fn readable(file: &Path) -> Result<(), Stop> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).map_err(io("make readable", file))
}

fn open(file: &Path) -> Result<Code, Stop> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let asked = Command::new(program).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match asked {
        Ok(status) if status.success() => Ok(Code::Done),
        _ => {
            Err(Stop::failed(format!("`{program}` opened nothing")).remedy(format!("open {} yourself", file.display())))
        }
    }
}
