//! What a path means: the one way to it for whoever reads rows, a step, a check or a person's query. Of publications in folders
//! of their own only what stands is data, whatever else still lies beside it. The destination's manifest says which stands,
//! and a list of files belongs to it if it was the same before and after.

use crate::HandlerError;
use crate::destination::contents_quietly;
use crate::update::pause;
use spotmill_core::destination::{Contents, State, foldered};
use spotmill_core::ids::Uri;
use spotmill_core::listing::PathPattern;
use spotmill_platform::ports::{ObjectMeta, Store};
use std::collections::BTreeMap;

/// Lists, against those who publish meanwhile.
const TRIES: u32 = 10;

/// By destination; None where there is no manifest.
type Manifests = BTreeMap<String, Option<Contents>>;

/// The files that match and are data: of a publication that is replaced while they are listed, the old or the new.
pub async fn matching(store: &dyn Store, pattern: &PathPattern) -> Result<Vec<ObjectMeta>, HandlerError> {
    let mut objects = list(store, pattern).await?;
    let mut before = manifests(store, &objects).await?;
    for tries in 0..TRIES {
        if before.is_empty() {
            return Ok(objects);
        }
        objects = list(store, pattern).await?;
        let after = manifests(store, &objects).await?;
        if after == before {
            return only(objects, &after);
        }
        before = after;
        pause(tries).await;
    }
    Err(HandlerError::transient(format!("{}: it is published to again and again", pattern.prefix)))
}

async fn list(store: &dyn Store, pattern: &PathPattern) -> Result<Vec<ObjectMeta>, HandlerError> {
    let listed = store.list(&pattern.prefix).await?;
    Ok(listed.into_iter().filter(|o| pattern.matches(&o.uri)).collect())
}

async fn manifests(store: &dyn Store, objects: &[ObjectMeta]) -> Result<Manifests, HandlerError> {
    let mut manifests = Manifests::new();
    for object in objects {
        if let Some((destination, _)) = foldered(object.uri.as_str())
            && !manifests.contains_key(destination)
        {
            let found = contents_quietly(store, &Uri::new(destination)).await?;
            manifests.insert(destination.to_owned(), found);
        }
    }
    Ok(manifests)
}

/// Without the files of publications that do not stand.
fn only(objects: Vec<ObjectMeta>, manifests: &Manifests) -> Result<Vec<ObjectMeta>, HandlerError> {
    let mut unexplained: BTreeMap<&str, &str> = BTreeMap::new();
    let mut stands: Vec<bool> = Vec::with_capacity(objects.len());
    for object in &objects {
        let Some((destination, id)) = foldered(object.uri.as_str()) else {
            stands.push(true);
            continue;
        };
        match manifests.get(destination).and_then(Option::as_ref) {
            Some(contents) => stands.push(contents.find(id).is_some_and(|p| p.state == State::Stands)),
            None => {
                if *unexplained.entry(destination).or_insert(id) != id {
                    return Err(HandlerError::invalid(format!(
                        "{destination} has files of two publications, and there is no manifest there, or none that may \
                         be read, to say which of them stands: give the right to read {destination}/_spotmill/, or \
                         delete the folder of the older one"
                    )));
                }
                stands.push(true);
            }
        }
    }
    let mut stands = stands.into_iter();
    Ok(objects.into_iter().filter(|_| stands.next().unwrap_or(true)).collect())
}
