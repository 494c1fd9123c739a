//! A machine's own record, and the milestones it reports: its worker's start, the first work, the first item. A
//! background task writes the latest state only; it reports errors and blocks nobody.

use crate::attempt::Context;
use crate::events::WorkerEvent;
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_core::life::InstanceRecord;
use spotmill_platform::records;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub struct Life {
    context: Arc<Context>,
    record: watch::Sender<InstanceRecord>,
    writer: JoinHandle<()>,
}

impl Life {
    /// None where the settings ask for no record.
    pub fn begin(context: &Arc<Context>) -> Option<Life> {
        let (instances, mut record) = context.config.life.clone()?;
        record.seen_ms = context.ports.clock.now_ms();
        record.started_ms = record.seen_ms;
        let key = keys::instance(&instances, &record.id);
        let (sender, receiver) = watch::channel(record);
        let writer = tokio::spawn(write(Arc::clone(context), key, receiver));
        let life = Life { context: Arc::clone(context), record: sender, writer };
        life.milestone("the worker is ready");
        Some(life)
    }

    pub fn received(&self) {
        if self.record.borrow().first_receive_ms.is_none() {
            self.change(|record, now_ms| record.first_receive_ms = Some(now_ms));
            self.milestone("first work");
        }
    }

    pub fn item_begun(&self) {
        if self.record.borrow().first_item_ms.is_none() {
            self.change(|record, now_ms| record.first_item_ms = Some(now_ms));
            self.milestone("first item");
        }
    }

    /// Not worth a write of its own.
    pub fn item_done(&self) {
        self.record.send_if_modified(|record| {
            record.items += 1;
            false
        });
    }

    pub fn noticed(&self) {
        self.change(|record, now_ms| record.noticed_ms = Some(record.noticed_ms.unwrap_or(now_ms)));
    }

    /// It still runs.
    pub fn pulse(&self) {
        self.change(|_, _| ());
    }

    /// The last thing that is written, if there is time for it.
    pub async fn end(self, why: &str) {
        self.change(|record, now_ms| (record.ended_ms, record.why) = (Some(now_ms), Some(why.to_owned())));
        let most = Duration::from_millis(self.context.config.times.last_word_ms);
        let (context, mut writer) = (self.context, self.writer);
        drop(self.record);
        if tokio::time::timeout(most, &mut writer).await.is_err() {
            writer.abort();
            context.note("the machine's end was not written down in time");
        }
    }

    fn change(&self, change: impl FnOnce(&mut InstanceRecord, u64)) {
        let now_ms = self.context.ports.clock.now_ms();
        self.record.send_modify(|record| {
            record.seen_ms = now_ms;
            change(record, now_ms);
        });
    }

    fn milestone(&self, what: &'static str) {
        let record = self.record.borrow();
        let since_boot_ms = record.seen_ms.saturating_sub(record.booted_ms);
        self.context.emit(WorkerEvent::Milestone { what, since_boot_ms });
    }
}

/// Writes each latest state until the sender is dropped; the last state is always written.
async fn write(context: Arc<Context>, key: Uri, mut receiver: watch::Receiver<InstanceRecord>) {
    loop {
        let record = receiver.borrow_and_update().clone();
        if let Err(e) = records::put(&*context.ports.store, &key, &record).await {
            context.note(format!("the machine's life was not written down: {e}"));
        }
        if receiver.changed().await.is_err() {
            return;
        }
    }
}
