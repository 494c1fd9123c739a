//! Where the state of this machine's runs is: in the project's directory, or with `--state` in a bucket that other
//! machines share. Whatever needs a real file (locks, the workers' temporary files) stays in the directory.

use crate::answers::of_store;
use crate::args::Global;
use crate::exit::{Code, Stop, io};
use spotmill_core::destination::FOLDER;
use spotmill_core::ids::Uri;
use spotmill_core::keys;
use spotmill_core::location::normal;
use spotmill_core::model::Source;
use spotmill_lambdas::Program;
use spotmill_platform::aws::{S3Store, Unusable};
use spotmill_platform::ports::{Store, StoreError};
use spotmill_platform::routed::RoutedStore;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What this program keeps in a project's directory.
const LOCAL: &str = ".spotmill";

/// Below the project's directory.
pub fn local() -> Result<PathBuf, Stop> {
    let directory = std::env::current_dir().map_err(io("find", Path::new(".")))?;
    Ok(directory.join(LOCAL))
}

/// Where runs are kept.
pub fn root(global: &Global) -> Result<Uri, Stop> {
    let named = global.state.clone().or_else(|| std::env::var("SPOTMILL_STATE").ok());
    match named.filter(|state| !state.is_empty()) {
        None => Ok(Uri::new(local()?.to_string_lossy())),
        Some(state) => shared(&state),
    }
}

/// A prefix in a bucket. A directory is no such place: two machines that share one share no locks.
fn shared(state: &str) -> Result<Uri, Stop> {
    match bucket(state).filter(|bucket| !bucket.is_empty()) {
        Some(_) => Ok(Uri::new(normal(state))),
        None => Err(Stop::usage(format!("--state {state}: expected s3://BUCKET/PREFIX"))
            .remedy("without --state it is kept in .spotmill, in the project's directory")),
    }
}

pub fn store() -> Arc<RoutedStore> {
    Arc::new(RoutedStore::new())
}

/// Tries every bucket that a run will use, before the run does anything: each must answer a listing, and one that is written
/// to must keep conditional writes, which is tried once a bucket and remembered with the state.
pub async fn usable(store: &RoutedStore, root: &Uri, programs: &[Program], id: &str) -> Result<(), Stop> {
    let places = places(root, programs)?;
    for (location, is_written) in &places {
        let s3 = store.s3().await;
        s3.usable(location).await.map_err(stopped)?;
        if *is_written {
            conditional(store, s3, root, location, id).await?;
        }
    }
    Ok(())
}

/// The same for commands that only read runs.
pub async fn readable(store: &RoutedStore, root: &Uri) -> Result<(), Stop> {
    if !root.is_s3() {
        return Ok(());
    }
    store.s3().await.usable(root).await.map_err(stopped)
}

/// A location of each bucket, and whether anything is written there.
fn places(root: &Uri, programs: &[Program]) -> Result<BTreeMap<Uri, bool>, Stop> {
    let mut all: Vec<(Uri, bool)> = vec![(root.clone(), true)];
    for program in programs {
        for step in &program.pipeline.steps {
            all.extend(program.destination(step).map_err(Stop::from)?.map(|to| (to, true)));
            let step = program.bind(step).map_err(Stop::from)?;
            let marker = step.input.wait_for.as_ref().and_then(|wait| wait.exists.clone());
            all.extend(marker.map(|at| (Uri::new(at), false)));
            all.extend(step.sources().filter_map(|source| match source {
                Source::Path(path) => Some((Uri::new(path.clone()), false)),
                Source::Step { .. } => None,
            }));
        }
    }
    let mut buckets: BTreeMap<String, (Uri, bool)> = BTreeMap::new();
    for (location, is_written) in all.into_iter().filter(|(location, _)| location.is_s3()) {
        let bucket = bucket(location.as_str()).unwrap_or_default().to_owned();
        let held = buckets.entry(bucket).or_insert_with(|| (without_pattern(&location), is_written));
        if is_written && !held.1 {
            *held = (without_pattern(&location), true);
        }
    }
    Ok(buckets.into_values().collect())
}

/// The bucket of a location in S3, perhaps an empty name.
fn bucket(location: &str) -> Option<&str> {
    location.strip_prefix("s3://")?.split('/').next()
}

/// What stands before the first wildcard, up to its last slash.
fn without_pattern(location: &Uri) -> Uri {
    let text = location.as_str();
    match text.find('*') {
        Some(at) => Uri::new(&text[..text[..at].rfind('/').map_or(at, |slash| slash + 1)]),
        None => location.clone(),
    }
}

async fn conditional(store: &RoutedStore, s3: &S3Store, root: &Uri, at: &Uri, id: &str) -> Result<(), Stop> {
    let tried = keys::bucket_tried(root, bucket(at.as_str()).unwrap_or_default());
    match store.head(&tried).await {
        Ok(_) => return Ok(()),
        Err(StoreError::NotFound(_)) => {}
        Err(e) => return Err(of_store(e)),
    }
    let name: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let folder = if at == root { keys::buckets(root) } else { at.join(FOLDER) };
    s3.keeps_conditions(&folder.join(&format!("probe-{name}"))).await.map_err(stopped)?;
    store.put(&tried, b"keeps conditional writes\n").await.map_err(of_store)
}

fn stopped(unusable: Unusable) -> Stop {
    Stop::new(Code::Permission, unusable.what).remedy(unusable.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bucket_can_be_shared() {
        assert_eq!(shared("s3://b/p/").expect("a prefix"), Uri::new("s3://b/p"));
        assert_eq!(shared("s3://b").expect("a bucket"), Uri::new("s3://b"));
        for wrong in ["/mnt/share", "b/p", "s3://", "s3:///p"] {
            assert!(shared(wrong).expect_err("refused").message.contains("s3://BUCKET/PREFIX"), "{wrong}");
        }
    }

    #[test]
    fn a_pattern_is_looked_for_below_its_folder() {
        assert_eq!(without_pattern(&Uri::new("s3://b/in/2013-*.csv")), Uri::new("s3://b/in/"));
        assert_eq!(without_pattern(&Uri::new("s3://b/in/x.csv")), Uri::new("s3://b/in/x.csv"));
    }
}
