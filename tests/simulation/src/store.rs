//! The store as an actor sees it over its line.

use crate::line::{Actor, Line, Turn};
use crate::lock::lock;
use crate::objects::{Objects, Stored};
use crate::shared::Shared;
use crate::watch;
use async_trait::async_trait;
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Clock, Created, Object, ObjectMeta, Store, StoreError, Swapped};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

#[derive(Clone)]
pub struct SimulatedStore(pub Line);

fn transient(uri: &Uri, what: &str) -> StoreError {
    StoreError::Transient { uri: uri.clone(), what: what.to_owned(), source: "simulated".into() }
}

fn unknown(uri: &Uri) -> StoreError {
    StoreError::Unknown { uri: uri.clone(), source: "simulated".into() }
}

fn lost(uri: &Uri) -> StoreError {
    transient(uri, "no answer")
}

fn meta(uri: &str, stored: &Stored) -> ObjectMeta {
    ObjectMeta {
        uri: Uri::new(uri),
        etag: stored.etag.clone(),
        bytes: stored.body.len() as u64,
        modified_ms: stored.modified_ms,
        file: None,
    }
}

/// What a write does to the objects, and what it answers.
type Effect<T> = Box<dyn FnOnce(&mut Objects, u64) -> Result<T, StoreError> + Send>;

/// Does it at once, and lets the watch look at what became of it.
fn act<T>(line: &Line, operation: &str, uri: &Uri, effect: Effect<T>) -> Result<T, StoreError> {
    let shared: &Shared = &line.shared;
    let before = lock(&shared.objects).get(uri.as_str()).cloned();
    let done = effect(&mut lock(&shared.objects), shared.now_ms());
    let refused = done.as_ref().err().map(|e| format!(": {e}")).unwrap_or_default();
    shared.tell(&line.actor.name, &format!("{operation} {uri}{refused}"));
    watch::written(shared, &line.actor, uri.as_str(), before.as_ref());
    done
}

impl SimulatedStore {
    async fn read<T>(
        &self,
        operation: &'static str,
        uri: &Uri,
        read: impl FnOnce(&Objects) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.0.turn(operation, uri.as_str(), false).await {
            Turn::Act | Turn::ActAndDie => read(&lock(&self.0.shared.objects)),
            Turn::Refuse => Err(transient(uri, "503 SlowDown")),
            Turn::Lose | Turn::ActAndLose | Turn::ActLater(_) => Err(lost(uri)),
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        uri: &Uri,
        unanswered: fn(&Uri) -> StoreError,
        effect: Effect<T>,
    ) -> Result<T, StoreError> {
        match self.0.turn(operation, uri.as_str(), true).await {
            Turn::Act => act(&self.0, operation, uri, effect),
            Turn::Refuse => Err(transient(uri, "503 SlowDown")),
            Turn::Lose => Err(unanswered(uri)),
            Turn::ActAndLose => {
                // A client repeats what was not answered, and may hear that its own object stands there.
                act(&self.0, operation, uri, effect).and(Err(unanswered(uri)))
            }
            Turn::ActAndDie => {
                let _ = act(&self.0, operation, uri, effect);
                self.0.die().await
            }
            Turn::ActLater(ms) => {
                // Nobody stands behind it any more.
                let actor = Actor::new(&self.0.shared, "late", format!("late of {}", self.0.actor.name), None);
                let (line, uri_later) = (Line { actor, ..self.0.clone() }, uri.clone());
                tokio::spawn(async move {
                    line.shared.pass(ms).await;
                    let _ = act(&line, "lands late:", &uri_later, effect);
                });
                Err(unanswered(uri))
            }
        }
    }
}

impl SimulatedStore {
    async fn copied(
        &self,
        operation: &'static str,
        from: &Uri,
        range: Option<Range<u64>>,
        to: &Uri,
    ) -> Result<Option<String>, StoreError> {
        let (source, target) = (from.clone(), to.clone());
        // What is under way holds the bytes that it began with.
        let held = lock(&self.0.shared.objects).get(from.as_str()).cloned();
        let effect: Effect<Option<String>> = Box::new(move |objects, now_ms| {
            let found = held.ok_or_else(|| StoreError::NotFound(source.clone()))?;
            let whole = 0..found.body.len() as u64;
            let part = cut(&found.body, range.unwrap_or(whole)).ok_or(StoreError::Changed(source))?;
            objects.put(target.as_str(), part, now_ms);
            Ok(None)
        });
        self.write(operation, to, lost, effect).await
    }
}

/// A range of a body that has all of it.
fn cut(body: &[u8], range: Range<u64>) -> Option<&[u8]> {
    body.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

fn find<'o>(objects: &'o Objects, uri: &Uri) -> Result<&'o Stored, StoreError> {
    objects.get(uri.as_str()).ok_or_else(|| StoreError::NotFound(uri.clone()))
}

#[async_trait]
impl Store for SimulatedStore {
    async fn get(&self, uri: &Uri) -> Result<Object, StoreError> {
        let read = |objects: &Objects| {
            find(objects, uri).map(|found| Object { etag: found.etag.clone(), body: found.body.to_vec() })
        };
        let found = self.read("store.get", uri, read).await?;
        if uri.as_str().ends_with("/lease.json") {
            watch::lease_read(&self.0.actor, &found.body);
        }
        Ok(found)
    }
    async fn get_range(&self, uri: &Uri, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
        let cut = |body: &[u8]| {
            let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(body.len());
            body[at(from)..at(to)].to_vec()
        };
        self.read("store.get_range", uri, |objects| find(objects, uri).map(|found| cut(&found.body))).await
    }
    async fn head(&self, uri: &Uri) -> Result<ObjectMeta, StoreError> {
        self.read("store.head", uri, |objects| find(objects, uri).map(|found| meta(uri.as_str(), found))).await
    }
    async fn create(&self, uri: &Uri, body: &[u8]) -> Result<Created, StoreError> {
        let (body, to) = (body.to_vec(), uri.clone());
        let effect: Effect<Created> = Box::new(move |objects, now_ms| {
            if objects.get(to.as_str()).is_some() {
                return Ok(Created::Already);
            }
            objects.put(to.as_str(), &body, now_ms);
            Ok(Created::Now)
        });
        self.write("store.create", uri, unknown, effect).await
    }
    async fn swap(&self, uri: &Uri, etag: &str, body: &[u8]) -> Result<Swapped, StoreError> {
        let (body, to, etag) = (body.to_vec(), uri.clone(), etag.to_owned());
        let effect: Effect<Swapped> = Box::new(move |objects, now_ms| match objects.get(to.as_str()) {
            Some(found) if found.etag == etag => Ok(Swapped::Yes(objects.put(to.as_str(), &body, now_ms))),
            _ => Ok(Swapped::No),
        });
        self.write("store.swap", uri, unknown, effect).await
    }
    async fn put(&self, uri: &Uri, body: &[u8]) -> Result<(), StoreError> {
        let (body, to) = (body.to_vec(), uri.clone());
        let effect: Effect<()> = Box::new(move |objects, now_ms| {
            objects.put(to.as_str(), &body, now_ms);
            Ok(())
        });
        self.write("store.put", uri, lost, effect).await
    }
    async fn list(&self, prefix: &Uri) -> Result<Vec<ObjectMeta>, StoreError> {
        let list =
            |objects: &Objects| Ok(objects.below(prefix.as_str()).map(|(uri, found)| meta(uri, found)).collect());
        self.read("store.list", prefix, list).await
    }
    async fn copy(&self, from: &Uri, to: &Uri) -> Result<Option<String>, StoreError> {
        self.copied("store.copy", from, None, to).await
    }
    async fn copy_range(&self, from: &Uri, range: Range<u64>, to: &Uri) -> Result<Option<String>, StoreError> {
        self.copied("store.copy_range", from, Some(range), to).await
    }
    async fn delete(&self, uri: &Uri) -> Result<(), StoreError> {
        let gone = uri.clone();
        let effect: Effect<()> = Box::new(move |objects, _| {
            objects.remove(gone.as_str());
            Ok(())
        });
        self.write("store.delete", uri, lost, effect).await
    }
    async fn download(&self, uri: &Uri, etag: &str, to: &Path) -> Result<u64, StoreError> {
        let read = |objects: &Objects| match find(objects, uri)? {
            found if found.etag != etag => Err(StoreError::Changed(uri.clone())),
            found => Ok(Arc::clone(&found.body)),
        };
        let body = self.read("store.download", uri, read).await?;
        std::fs::write(to, &*body).map_err(|e| transient(uri, &format!("{}: {e}", to.display())))?;
        Ok(body.len() as u64)
    }
    async fn download_range(&self, uri: &Uri, etag: &str, range: Range<u64>, to: &Path) -> Result<(), StoreError> {
        let read = |objects: &Objects| match find(objects, uri)? {
            found if found.etag != etag => Err(StoreError::Changed(uri.clone())),
            found => cut(&found.body, range).map(<[u8]>::to_vec).ok_or_else(|| StoreError::Changed(uri.clone())),
        };
        let body = self.read("store.download_range", uri, read).await?;
        std::fs::write(to, body).map_err(|e| transient(uri, &format!("{}: {e}", to.display())))
    }
    async fn upload(&self, from: &Path, to: &Uri) -> Result<(), StoreError> {
        let body = std::fs::read(from).map_err(|e| transient(to, &format!("{}: {e}", from.display())))?;
        let target = to.clone();
        let effect: Effect<()> = Box::new(move |objects, now_ms| {
            objects.put(target.as_str(), &body, now_ms);
            Ok(())
        });
        self.write("store.upload", to, lost, effect).await
    }
}
