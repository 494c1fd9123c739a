//! A store in memory that can lose power. What is created, swapped or put outlasts a cut; what is copied, deleted or
//! written by a worker outlasts one only once it was flushed. It can stop at any write, hold a copy back and let it
//! land late, and keep one publisher out while another holds a location.

use async_trait::async_trait;
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Created, Hold, Object, ObjectMeta, Store, StoreError, Swapped};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Clone, Debug, PartialEq)]
struct Stored {
    body: Vec<u8>,
    version: u64,
}

#[derive(Default)]
struct State {
    now: BTreeMap<String, Stored>,
    /// As it is after a power cut.
    durable: BTreeMap<String, Stored>,
    /// Names of which `now` and `durable` differ.
    loose: BTreeSet<String>,
    versions: u64,
    /// Writes until nothing works any more.
    dies_in: Option<u64>,
    dead: bool,
    writes: u64,
    /// Copies until one is held back, and it.
    late_in: Option<u64>,
    late: Option<(String, Vec<u8>)>,
}

#[derive(Clone, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    held: Arc<Mutex<BTreeSet<String>>>,
    /// Whether nobody keeps others out, as in an object store.
    pub open: Arc<std::sync::atomic::AtomicBool>,
}

struct Held(Arc<Mutex<BTreeSet<String>>>, String);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.lock().unwrap().remove(&self.1);
    }
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Dies after `writes` more writes; `None`: lives.
    pub fn dies_in(&self, writes: Option<u64>) {
        let mut state = self.state();
        (state.dies_in, state.dead) = (writes, false);
    }

    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Holds back the copy after `copies` more: its caller dies, and it lands when `land` is called.
    pub fn late_in(&self, copies: Option<u64>) {
        self.state().late_in = copies;
    }

    pub fn land(&self) {
        let mut state = self.state();
        if let Some((to, body)) = state.late.take() {
            state.set(&to, Some(body), false);
        }
    }

    /// What was not flushed is as it was; of deletions, which no file system orders with writes, all or none outlast it.
    pub fn cut_power(&self, keeps_deletions: bool) {
        let mut guard = self.state();
        let state = &mut *guard;
        if keeps_deletions {
            let gone = state.loose.iter().filter(|name| !state.now.contains_key(*name));
            gone.for_each(|name| drop(state.durable.remove(name)));
        }
        state.now = state.durable.clone();
        state.loose.clear();
    }

    /// As a user writes, long ago.
    pub fn own(&self, uri: &str, body: &[u8]) {
        self.state().set(uri, Some(body.to_vec()), true);
    }

    /// As a worker writes: not on the disk before it is flushed.
    pub fn write(&self, uri: &str, body: &[u8]) {
        self.state().set(uri, Some(body.to_vec()), false);
    }

    pub fn remove(&self, uri: &str) {
        self.state().set(uri, None, true);
    }

    pub fn remove_below(&self, prefix: &str) {
        for name in self.names(prefix) {
            self.remove(&name);
        }
    }

    pub fn rename(&self, from: &str, to: &str) {
        let mut state = self.state();
        let state = &mut *state;
        for all in [&mut state.now, &mut state.durable] {
            let names: Vec<String> = all.range(from.to_owned()..).map(|(n, _)| n.clone()).collect();
            for name in names.into_iter().take_while(|n| n.starts_with(from)) {
                let stored = all.remove(&name).unwrap();
                all.insert(format!("{to}{}", &name[from.len()..]), stored);
            }
        }
        state.loose = state.loose.iter().map(|n| n.replacen(from, to, 1)).collect();
    }

    pub fn names(&self, prefix: &str) -> Vec<String> {
        let state = self.state();
        let from = state.now.range(prefix.to_owned()..);
        from.map(|(name, _)| name.clone()).take_while(|n| n.starts_with(prefix)).collect()
    }

    pub fn text(&self, uri: &str) -> Option<String> {
        self.state().now.get(uri).map(|s| String::from_utf8_lossy(&s.body).into_owned())
    }

    /// A write of a function: none once it has died.
    fn writing(&self, uri: &Uri, act: impl FnOnce(&mut State)) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.dead {
            return Err(gone(uri));
        }
        if state.dies_in == Some(0) {
            state.dead = true;
            return Err(gone(uri));
        }
        state.dies_in = state.dies_in.map(|n| n - 1);
        state.writes += 1;
        act(&mut state);
        Ok(())
    }

    fn find(&self, uri: &Uri) -> Result<Stored, StoreError> {
        let state = self.state();
        if state.dead {
            return Err(gone(uri));
        }
        state.now.get(uri.as_str()).cloned().ok_or_else(|| StoreError::NotFound(uri.clone()))
    }
}

impl State {
    fn set(&mut self, name: &str, body: Option<Vec<u8>>, durable: bool) {
        self.versions += 1;
        let version = self.versions;
        match body {
            Some(body) => drop(self.now.insert(name.to_owned(), Stored { body, version })),
            None => drop(self.now.remove(name)),
        }
        self.loose.insert(name.to_owned());
        if durable {
            self.keep(name);
        }
    }

    fn keep(&mut self, name: &str) {
        match self.now.get(name) {
            Some(stored) => drop(self.durable.insert(name.to_owned(), stored.clone())),
            None => drop(self.durable.remove(name)),
        }
        self.loose.remove(name);
    }
}

fn gone(uri: &Uri) -> StoreError {
    StoreError::Transient { uri: uri.clone(), what: "the process died".into(), source: "test".into() }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        let Stored { body, version } = self.find(uri)?;
        Ok(Object { etag: version.to_string(), body })
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        let body = self.find(uri)?.body;
        let (from, to) = ((from as usize).min(body.len()), (to as usize).min(body.len()));
        Ok(body[from..to].to_vec())
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        let Stored { body, version } = self.find(uri)?;
        Ok(ObjectMeta {
            uri: uri.clone(),
            etag: version.to_string(),
            bytes: body.len() as u64,
            modified_ms: 1,
            file: None,
        })
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        if self.find(uri).is_ok() {
            return Ok(Created::Already);
        }
        self.writing(uri, |state| state.set(uri.as_str(), Some(body.to_vec()), true))?;
        Ok(Created::Now)
    }
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        match self.find(uri) {
            Ok(there) if there.version.to_string() == etag => {}
            Ok(_) | Err(StoreError::NotFound(_)) => return Ok(Swapped::No),
            Err(e) => return Err(e),
        }
        self.writing(uri, |state| state.set(uri.as_str(), Some(body.to_vec()), true))?;
        Ok(Swapped::Yes(self.find(uri)?.version.to_string()))
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        self.writing(uri, |state| state.set(uri.as_str(), Some(body.to_vec()), true))
    }
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        let state = self.state();
        if state.dead {
            return Err(gone(prefix));
        }
        let from = state.now.range(prefix.as_str().to_owned()..);
        let found = from.take_while(|(name, _)| name.starts_with(prefix.as_str()));
        let meta = |(name, s): (&String, &Stored)| ObjectMeta {
            uri: Uri::new(name.clone()),
            etag: s.version.to_string(),
            bytes: s.body.len() as u64,
            modified_ms: 1,
            file: None,
        };
        Ok(found.map(meta).collect())
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        let body = self.find(from)?.body;
        let held_back = {
            let mut state = self.state();
            let now = state.late_in == Some(0);
            state.late_in = state.late_in.and_then(|n| n.checked_sub(1));
            if now {
                state.late = Some((to.as_str().to_owned(), body.clone()));
            }
            now
        };
        if held_back {
            return Err(StoreError::Unknown { uri: to.clone(), source: "the copy is under way".into() });
        }
        self.writing(to, |state| state.set(to.as_str(), Some(body), false))?;
        Ok(None)
    }
    async fn copy_range(
        &self,
        from: &Uri,
        range: std::ops::Range<u64>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        let _ = (range, to);
        Err(gone(from))
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        self.writing(uri, |state| state.set(uri.as_str(), None, false))
    }
    /// Of the whole file system, as syncfs does.
    async fn flush(&self, uri: &Uri) -> Result<(), StoreError> {
        self.writing(uri, |state| {
            for name in std::mem::take(&mut state.loose) {
                state.keep(&name);
            }
        })
    }
    async fn hold(&self, location: &Uri) -> Result<Hold, StoreError> {
        if self.open.load(std::sync::atomic::Ordering::SeqCst) {
            return Ok(Hold::default());
        }
        let name = location.as_str().to_owned();
        match self.held.lock().unwrap().insert(name.clone()) {
            true => Ok(Hold::new(Held(self.held.clone(), name))),
            false => Err(StoreError::Busy(location.clone())),
        }
    }
    async fn download(&self, uri: &Uri, _: &str, _: &Path) -> Result<u64, StoreError> {
        Err(gone(uri))
    }
    async fn download_range(
        &self,
        uri: &Uri,
        etag: &str,
        range: std::ops::Range<u64>,
        to: &Path,
    ) -> Result<(), StoreError> {
        let _ = (etag, range, to);
        Err(gone(uri))
    }
    async fn upload(&self, _: &Path, to: &Uri) -> Result<(), StoreError> {
        Err(gone(to))
    }
}
