//! The list that is frozen: an item a line. It is made twice and never held: once for its digest, which is its name,
//! and once in pages, to be written.

use super::PlanError;
use crate::bounds::MAX_WORK_BYTES;
use crate::digest::Sha256;
use crate::records::WorkItem;
use std::borrow::Borrow;

/// What a work list will be, before it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkList {
    /// Of every line, and of the end.
    pub offsets: Vec<u64>,
    pub digest: String,
}

pub fn work_list<I: Borrow<WorkItem>>(items: impl IntoIterator<Item = I>) -> Result<WorkList, PlanError> {
    let (mut digest, mut offsets, mut end) = (Sha256::default(), vec![0], 0);
    let mut line = Vec::new();
    for item in items {
        let item = item.borrow();
        line.clear();
        write(item, &mut line).map_err(|e| PlanError::TooMuch(format!("item {}: {e}", item.item)))?;
        digest.update(&line);
        end += line.len() as u64;
        offsets.push(end);
        if end > MAX_WORK_BYTES {
            let at = item.item;
            let message =
                format!("the work list passes {MAX_WORK_BYTES} bytes at item {at}: the items name too many files");
            return Err(PlanError::TooMuch(message));
        }
    }
    Ok(WorkList { offsets, digest: digest.hex() })
}

/// The list's bytes, in pages of about `page_bytes`. Of items that `work_list` accepted.
pub fn work_pages<I: Borrow<WorkItem>>(
    items: impl IntoIterator<Item = I>,
    page_bytes: usize,
) -> impl Iterator<Item = Vec<u8>> {
    let mut items = items.into_iter();
    std::iter::from_fn(move || {
        let mut page = Vec::new();
        while page.len() < page_bytes
            && let Some(item) = items.next()
        {
            write(item.borrow(), &mut page).ok()?;
        }
        (!page.is_empty()).then_some(page)
    })
}

fn write(item: &WorkItem, to: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *to, item)?;
    to.push(b'\n');
    Ok(())
}
