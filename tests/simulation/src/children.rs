//! Children that are a few lines: they read the copies that the supervisor made, make rows as their query says, and end
//! as the seed has it: done, failed, out of memory, crashed, hanging until their time-out.

use crate::fate::Fate;
use crate::line::Actor;
use crate::model::{BAD, Rows, row, transform};
use crate::shared::Shared;
use crate::watch;
use spotmill_core::item::{
    FailureClass, ITEM_VERSION, ItemFailure, ItemOutcome, ItemReport, ItemSpec, OutputFile, RowCounts, Usage,
};
use spotmill_core::model::{Layout, Transform};
use spotmill_core::types::Column;
use spotmill_supervisor::state::{Exit, Signal};
use spotmill_supervisor::{Ended, Launch, Process, Processes, Started};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub struct Children {
    pub shared: Arc<Shared>,
    pub actor: Arc<Actor>,
}

struct Child(Arc<Mutex<Option<Ended>>>);

impl Processes for Children {
    fn spawn(&self, launch: Launch, started: Started, ended: Ended) -> Box<dyn Process> {
        let file = |name: &str| launch.args.iter().skip_while(|a| *a != name).nth(1).cloned().unwrap_or_default();
        let outcome = PathBuf::from(file("--outcome"));
        let spec: ItemSpec = match std::fs::read(file("--spec")).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(spec)) => spec,
            other => panic!("the supervisor wrote no spec: {other:?}"),
        };
        started(1);
        let ended = Arc::new(Mutex::new(Some(ended)));
        let (of_child, shared, actor) = (Arc::clone(&ended), Arc::clone(&self.shared), Arc::clone(&self.actor));
        let (fate, ms) = watch::begun(&shared, &actor, &spec, holds_bad(&spec));
        tokio::spawn(async move {
            shared.pass(ms).await;
            let Some(ended) = of_child.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
            if actor.is_dead() {
                return;
            }
            watch::ends(&shared, &spec);
            ended(finish(&spec, &outcome, fate));
        });
        Box::new(Child(ended))
    }
}

impl Process for Child {
    fn group(&self) -> Option<i32> {
        None
    }
    fn signal(&self, signal: Signal) {
        let number = if signal == Signal::Kill { 9 } else { 15 };
        if let Some(ended) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            ended(Exit::Signal { number, oom: false });
        }
    }
}

fn rows_read(spec: &ItemSpec) -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    spec.inputs.iter().flat_map(|file| read(file.uri.as_str()).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn holds_bad(spec: &ItemSpec) -> bool {
    rows_read(spec).iter().any(|line| row(line).0 == BAD)
}

fn finish(spec: &ItemSpec, outcome: &Path, fate: Fate) -> Exit {
    let failed = |class, message: &str| {
        let failure = ItemFailure { class, message: message.to_owned(), remedy: None, file: None };
        write(outcome, &ItemOutcome::Failed(failure));
        Exit::Code(1)
    };
    match fate {
        Fate::Crashes => Exit::Signal { number: 11, oom: false },
        Fate::Fails => failed(FailureClass::Transform, "it was to fail"),
        Fate::NeedsMemory => failed(FailureClass::Memory, "it was to need more memory"),
        Fate::Hangs => Exit::Signal { number: 6, oom: false },
        Fate::Done | Fate::Lies => {
            let mut report = report(spec);
            if let (Fate::Lies, Some(file)) = (fate, report.files.first_mut()) {
                file.bytes += 1;
            }
            write(outcome, &ItemOutcome::Done(report));
            Exit::Code(0)
        }
    }
}

fn write(outcome: &Path, what: &ItemOutcome) {
    let text = serde_json::to_vec(what).unwrap_or_default();
    if let Err(e) = std::fs::write(outcome, text) {
        panic!("{}: {e}", outcome.display());
    }
}

/// Does the item, file by file and row by row.
fn report(spec: &ItemSpec) -> ItemReport {
    let lines = rows_read(spec);
    let mut rows = Rows::new();
    for line in &lines {
        *rows.entry(row(line)).or_default() += 1;
    }
    let Transform::Sql { text, .. } = &spec.transform else { panic!("a query") };
    let factor = text.split("* ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse().ok());
    let made = transform(text.contains("GROUP BY"), factor.unwrap_or_default(), &rows);
    let mut partitions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((key, text), n) in &made {
        let partition = match spec.output.layout {
            Layout::Partition { .. } => format!("k={key}"),
            _ => String::new(),
        };
        partitions.entry(partition).or_default().extend((0..*n).map(|_| format!("{key},{text}")));
    }
    let files: Vec<OutputFile> = partitions.into_iter().map(|(partition, rows)| put(spec, partition, &rows)).collect();
    let (read, written) = (lines.len() as u64, files.iter().map(|f| f.rows).sum());
    let column = |name: &str, ty: &str| Column { name: name.into(), ty: ty.parse().expect("a type"), parse: None };
    ItemReport {
        v: ITEM_VERSION,
        rows: RowCounts { raw: read, read, rejected: 0, written },
        files,
        rejects: None,
        columns: vec![column("k", "string"), column("v", "int32")],
        violations: Vec::new(),
        notes: Vec::new(),
        usage: Usage::default(),
    }
}

fn put(spec: &ItemSpec, partition: String, rows: &[String]) -> OutputFile {
    let path = format!("{partition}/00000.parquet").trim_start_matches('/').to_owned();
    let at = Path::new(spec.scratch.as_str()).join(&path);
    let body = rows.iter().map(|row| format!("{row}\n")).collect::<String>();
    let written = std::fs::create_dir_all(at.parent().unwrap_or(&at)).and_then(|()| std::fs::write(&at, &body));
    if let Err(e) = written {
        panic!("{}: {e}", at.display());
    }
    OutputFile { partition, part: 0, path, rows: rows.len() as u64, bytes: body.len() as u64, offset: None }
}
