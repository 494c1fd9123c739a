//! The frozen work list, read in pages and never held: a step may have a million lines. Its last page is given out only
//! if all of them were what the plan was made with.

use crate::{Ctx, HandlerError};
use spotmill_core::bounds::PAGE_BYTES;
use spotmill_core::digest::Sha256;
use spotmill_core::ids::{ItemIndex, Uri};
use spotmill_core::keys::StepKeys;
use spotmill_core::plan::line_range;
use spotmill_core::records::{Plan, WorkItem};

pub struct WorkPages<'a> {
    plan: &'a Plan,
    uri: Uri,
    next: ItemIndex,
    digest: Sha256,
}

/// Lines of consecutive items.
pub struct WorkPage<'a> {
    plan: &'a Plan,
    bytes: Vec<u8>,
    pub from: ItemIndex,
    /// Not included.
    pub to: ItemIndex,
}

impl<'a> WorkPages<'a> {
    pub fn open(keys: &StepKeys, plan: &'a Plan) -> Self {
        Self { plan, uri: keys.work(&plan.work_digest), next: 0, digest: Sha256::default() }
    }

    /// The next page; nothing after the last.
    pub async fn next(&mut self, ctx: &Ctx) -> Result<Option<WorkPage<'a>>, HandlerError> {
        let (plan, from) = (self.plan, self.next);
        if from >= plan.items {
            return Ok(None);
        }
        let offset = |item: ItemIndex| plan.offsets.get(item as usize).copied().ok_or_else(|| self.wrong());
        let begin = offset(from)?;
        let mut to = from + 1;
        while to < plan.items && offset(to + 1)?.saturating_sub(begin) <= PAGE_BYTES {
            to += 1;
        }
        let end = offset(to)?;
        let bytes = ctx.store.get_range(&self.uri, begin, end).await?;
        if bytes.len() as u64 != end.saturating_sub(begin) {
            return Err(self.wrong());
        }
        self.digest.update(&bytes);
        self.next = to;
        if to == plan.items && std::mem::take(&mut self.digest).hex() != plan.work_digest {
            return Err(self.wrong());
        }
        Ok(Some(WorkPage { plan, bytes, from, to }))
    }

    fn wrong(&self) -> HandlerError {
        HandlerError::corrupt(format!("{} is not what its plan was made with", self.uri))
    }
}

impl WorkPage<'_> {
    /// The item's line, without its newline.
    pub fn line(&self, item: ItemIndex) -> Result<&[u8], HandlerError> {
        let begin = self.plan.offsets.get(self.from as usize).copied().unwrap_or_default();
        let range = line_range(&self.plan.offsets, item);
        let range = range.map(|(from, to)| from.saturating_sub(begin) as usize..to.saturating_sub(begin) as usize);
        range.and_then(|range| self.bytes.get(range)).ok_or_else(|| unreadable(item, "is not there"))
    }

    pub fn item(&self, item: ItemIndex) -> Result<WorkItem, HandlerError> {
        serde_json::from_slice(self.line(item)?).map_err(|e| unreadable(item, &format!("cannot be read: {e}")))
    }
}

fn unreadable(item: ItemIndex, why: &str) -> HandlerError {
    HandlerError::corrupt(format!("the line of item {item} in the work list {why}"))
}

/// Every item: for people who inspect, not for functions.
pub async fn all(ctx: &Ctx, keys: &StepKeys, plan: &Plan) -> Result<Vec<WorkItem>, HandlerError> {
    let (mut pages, mut items) = (WorkPages::open(keys, plan), Vec::new());
    while let Some(page) = pages.next(ctx).await? {
        for item in page.from..page.to {
            items.push(page.item(item)?);
        }
    }
    Ok(items)
}
