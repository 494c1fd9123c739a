//! Workers that a test directs: commit what their item reads, fail, vanish, lie.

use crate::world::World;
use spotmill_core::bundle;
use spotmill_core::calls::RoundRequest;
use spotmill_core::digest::{Content, sha256};
use spotmill_core::ids::{AttemptId, ItemIndex, Uri};
use spotmill_core::item::{FailureClass, OutputFile, RowCounts, Usage};
use spotmill_core::records::*;
use spotmill_core::types::Column;
use spotmill_lambdas::{HandlerError, tally};
use spotmill_platform::ports::{Clock, Store};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// What workers do with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Commit,
    /// Fails for good: three counted records and the callback.
    Fail,
    NeedMemory,
    /// The receipt is written and the worker dies before its callback.
    CommitSilently,
    /// The machine goes away.
    Vanish,
    /// A callback without a receipt behind it.
    ForgeDone,
}

impl World {
    /// Works every message as `how` directs, and gives the callbacks to the tally until it takes them.
    pub async fn work(&self, round: &RoundRequest, how: &impl Fn(ItemIndex) -> Work) -> Result<(), HandlerError> {
        for message in self.messages(round).await {
            let kinds = self.one(&message, how(message.item)).await?;
            self.call_back(round, message.item, &kinds).await?;
        }
        Ok(())
    }

    pub async fn call_back(
        &self,
        round: &RoundRequest,
        item: ItemIndex,
        kinds: &[CallbackKind],
    ) -> Result<(), HandlerError> {
        for kind in kinds {
            let body = serde_json::to_string(&self.callback(round, item, *kind)).unwrap();
            // Two deliveries suffice for any one fault; a dead function is given up.
            if tally::handle(&self.ctx, std::slice::from_ref(&body)).await.contains(&0)
                && tally::handle(&self.ctx, &[body]).await.contains(&0)
            {
                return Err(HandlerError::transient("the tally takes nothing"));
            }
        }
        Ok(())
    }

    pub fn callback(&self, round: &RoundRequest, item: ItemIndex, kind: CallbackKind) -> Callback {
        Callback {
            v: RECORD_VERSION,
            run: round.run.clone(),
            step: round.step.clone(),
            generation: round.generation,
            epoch: round.epoch,
            round: round.round,
            item,
            attempt: attempt(item),
            kind,
            worker: "w".into(),
        }
    }

    async fn one(&self, message: &WorkMessage, work: Work) -> Result<Vec<CallbackKind>, HandlerError> {
        match work {
            Work::Vanish => Ok(vec![]),
            Work::ForgeDone => Ok(vec![CallbackKind::Done]),
            Work::Commit | Work::CommitSilently => {
                self.commit(message).await?;
                Ok(if work == Work::Commit { vec![CallbackKind::Done] } else { vec![] })
            }
            Work::Fail => {
                for n in 0..3 {
                    self.fail(message, FailureClass::Transform, &format!("t{n}")).await?;
                }
                Ok(vec![CallbackKind::Failed])
            }
            Work::NeedMemory => {
                self.run_out_of_memory(message).await?;
                Ok(vec![CallbackKind::NeedsMemory])
            }
        }
    }

    /// The callback as the supervisor sends it.
    async fn run_out_of_memory(&self, m: &WorkMessage) -> Result<(), HandlerError> {
        let (limit, attempt) = (1u64 << m.rung, AttemptId::new(format!("m{}", m.rung)));
        let mut record = self.failure(m, FailureClass::Memory, attempt.as_str());
        record.message = format!("out of memory: peak {limit}.1 GiB, limit {limit}.0 GiB");
        record.remedy = Some("raise `max_memory` of the step, or make its items or partitions smaller".into());
        self.put_failure(m, &record).await
    }

    async fn fail(&self, m: &WorkMessage, class: FailureClass, attempt: &str) -> Result<(), HandlerError> {
        self.put_failure(m, &self.failure(m, class, attempt)).await
    }

    async fn put_failure(&self, m: &WorkMessage, record: &FailureRecord) -> Result<(), HandlerError> {
        let keys = self.keys(m.step.as_str(), m.generation);
        let body = serde_json::to_vec(record).unwrap();
        Ok(self.store.put(&keys.failure(m.epoch, m.item, &record.attempt), &body).await?)
    }

    fn failure(&self, m: &WorkMessage, class: FailureClass, attempt: &str) -> FailureRecord {
        FailureRecord {
            v: RECORD_VERSION,
            item: m.item,
            attempt: attempt.into(),
            epoch: m.epoch,
            round: m.round,
            rung: m.rung,
            class,
            message: "there is no column `w`".into(),
            remedy: None,
            file: None,
            log_tail: String::new(),
            ended: "exit code 1".into(),
            worker: "w".into(),
            usage: Usage::default(),
            failed_ms: 0,
        }
    }

    /// What an item's worker leaves: files by the first column, and a receipt that adds up.
    pub async fn commit(&self, m: &WorkMessage) -> Result<(), HandlerError> {
        let keys = self.keys(m.step.as_str(), m.generation);
        let line = self.store.get_range(&keys.work(&m.work_digest), m.from, m.to).await?;
        let item: WorkItem = serde_json::from_slice(&line).unwrap();
        let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut read = 0;
        for input in &item.inputs {
            let from = input.bundled.map_or(0, |bundled| bundled.offset);
            let body = self.store.get_range(&input.object(), from, from + input.bytes).await?;
            for row in String::from_utf8(body).unwrap().lines() {
                let key = row.split(',').next().unwrap().to_owned();
                rows.entry(key).or_default().push(row.to_owned());
                read += 1;
            }
        }
        let scratch = keys.scratch(m.item, &attempt(m.item));
        let (mut files, mut contents, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        for (key, rows) in rows {
            let partition = if m.step.as_str() == "a" { format!("k={key}") } else { String::new() };
            let part = if partition.is_empty() { files.len() as u32 } else { 0 };
            let path = format!("{partition}/{part:05}.parquet").trim_start_matches('/').to_owned();
            let body = rows.join("\n");
            bodies.push(body.clone());
            let mut content = Content::default();
            content.update(body.as_bytes());
            contents.push(content.hex());
            files.push(OutputFile {
                partition,
                part,
                path,
                rows: rows.len() as u64,
                bytes: body.len() as u64,
                offset: None,
            });
        }
        if m.step.as_str() == "a" && self.bundles.load(Ordering::SeqCst) && bundle::lay_out(&mut files) {
            self.store.put(&scratch.join(bundle::NAME), bodies.concat().as_bytes()).await?;
        } else {
            for (file, body) in files.iter().zip(&bodies) {
                self.store.put(&scratch.join(&file.path), body.as_bytes()).await?;
            }
        }
        let receipt =
            Receipt { contents, committed_ms: self.clock.now_ms(), ..receipt(m, sha256(&line), scratch, files, read) };
        let body = serde_json::to_vec(&receipt).unwrap();
        // As the supervisor does: whatever the reply, the receipt that stands is the answer.
        let _ = self.store.create(&keys.receipt(m.item), &body).await;
        let _ = self.store.create(&keys.receipt(m.item), &body).await;
        Ok(self.store.head(&keys.receipt(m.item)).await.map(drop)?)
    }
}

pub fn attempt(item: ItemIndex) -> AttemptId {
    AttemptId::new(format!("w{item}"))
}

fn receipt(m: &WorkMessage, digest: String, scratch: Uri, files: Vec<OutputFile>, read: u64) -> Receipt {
    let column = |name: &str, ty: &str| Column { name: name.into(), ty: ty.parse().unwrap(), parse: None };
    Receipt {
        v: RECORD_VERSION,
        item: m.item,
        attempt: attempt(m.item),
        item_digest: digest,
        worker_digest: "d".into(),
        epoch: m.epoch,
        scratch,
        rows: RowCounts { raw: read, read, rejected: 0, written: files.iter().map(|f| f.rows).sum() },
        contents: Vec::new(),
        files,
        rejects: None,
        columns: vec![column("k", "string"), column("v", "int32")],
        violations: Vec::new(),
        notes: Vec::new(),
        usage: Usage::default(),
        rung: m.rung,
        worker: "w".into(),
        committed_ms: 0,
    }
}
