//! A destination as it lies there: its manifest, one listing, and the destinations above it; and what a step that is
//! to publish there would do. Begin, plan and publish ask the same question here, so that what would be refused in the
//! end is refused before any work.

use crate::update::replace;
use crate::{Ctx, HandlerError, Program, contract};
use spotmill_core::calls::errors;
use spotmill_core::destination::{
    Contents, Decision, Existing, FileList, Lying, Me, Publication, Seen, State, above, decide, manifest_uri, whole,
};
use spotmill_core::ids::{Generation, Uri};
use spotmill_core::keys::StepKeys;
use spotmill_core::location::is_below;
use spotmill_core::model::Step;
use spotmill_core::publish::{latest, run_hash, success_mark};
use spotmill_core::records::{Manifest, RECORD_VERSION};
use spotmill_core::types::Column;
use spotmill_platform::ports::{Store, StoreError};
use spotmill_platform::records::{self, RecordError};
use std::collections::BTreeMap;

pub struct Place {
    pub uri: Uri,
    pub contents: Option<Contents>,
    etag: Option<String>,
    pub listed: BTreeMap<String, Lying>,
    above: Option<(Uri, Contents)>,
}

impl Place {
    pub async fn inspect(ctx: &Ctx, uri: &Uri) -> Result<Place, HandlerError> {
        let (contents, etag) = contents(ctx, uri).await?.unzip();
        let folder = uri.join("");
        let listed = ctx.store.list(&folder).await?;
        let relative = |uri: &Uri| uri.as_str().strip_prefix(folder.as_str()).map(str::to_owned);
        let listed = listed
            .into_iter()
            .filter_map(|o| Some((relative(&o.uri)?, Lying { bytes: o.bytes, etag: o.etag })))
            .collect();
        let above = holder_above(ctx, uri).await?;
        Ok(Place { uri: uri.clone(), contents, etag, listed, above })
    }

    pub fn seen(&self) -> Seen<'_> {
        Seen {
            destination: &self.uri,
            contents: self.contents.as_ref(),
            listed: &self.listed,
            above: self.above.as_ref().map(|(uri, contents)| (uri, contents)),
        }
    }

    /// Puts the manifest in the place of the one that was seen; false if another came first, or may have.
    pub async fn write(&self, ctx: &Ctx, next: &Contents) -> Result<bool, HandlerError> {
        if self.contents.as_ref() == Some(next) {
            return Ok(true);
        }
        replace(ctx, &manifest_uri(&self.uri), self.etag.as_deref(), next).await
    }

    /// Returns whether the publication lies in a folder of its own.
    fn has_folder(&self, id: &str) -> bool {
        let found = self.contents.as_ref().and_then(|contents| contents.find(id));
        found.is_some_and(|p| p.folder.is_some())
    }

    /// Returns whether all files of this publication are there and its mark is on.
    pub fn holds(&self, id: &str, files: &[spotmill_core::destination::ListedFile]) -> bool {
        let publication = self.contents.as_ref().and_then(|c| c.find(id)).filter(|p| p.state == State::Stands);
        publication.is_some_and(|p| self.listed.contains_key(&p.mark)) && whole(files, &self.listed)
    }
}

/// The manifest of a destination, if it has one.
pub async fn contents(ctx: &Ctx, uri: &Uri) -> Result<Option<(Contents, String)>, HandlerError> {
    records::load::<Contents>(&*ctx.store, &manifest_uri(uri)).await.map_err(unreadable)
}

/// A manifest that nobody can read says nothing about the files beside it: a person decides.
fn unreadable(e: RecordError) -> HandlerError {
    match e {
        RecordError::Corrupt { .. } => HandlerError::new(
            errors::DESTINATION_REFUSED,
            format!(
                "{e}: what the destination holds cannot be known. Put it back as it was; or delete it, and start with \
                 --adopt, which replaces the files beside it"
            ),
        ),
        other => other.into(),
    }
}

/// The nearest destination above this one that holds anything. Where listing is not allowed, none can be.
async fn holder_above(ctx: &Ctx, uri: &Uri) -> Result<Option<(Uri, Contents)>, HandlerError> {
    for folder in above(uri) {
        match contents_quietly(&*ctx.store, &folder).await? {
            Some(found) if found.publications.iter().any(|p| p.state != State::Going) => {
                return Ok(Some((folder, found)));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The manifest of a folder that may be no destination; of one that may not be read, none.
pub async fn contents_quietly(store: &dyn Store, uri: &Uri) -> Result<Option<Contents>, HandlerError> {
    match records::load::<Contents>(store, &manifest_uri(uri)).await {
        Ok(found) => Ok(found.map(|(contents, _)| contents)),
        Err(RecordError::Store(StoreError::Denied { .. })) => Ok(None),
        Err(e) => Err(unreadable(e)),
    }
}

/// What a step's run is to its destination.
pub struct Intended {
    pub destination: Uri,
    /// The destination before params stand in it.
    pub template: String,
    pub publication: Publication,
    pub replace_all: bool,
}

/// Nothing if the step has no destination. Of a step that is not sealed yet the id, files and columns are empty.
pub fn intended(program: &Program, step: &Step, generation: Generation) -> Result<Option<Intended>, HandlerError> {
    let (Some(destination), Some(template)) = (program.destination(step)?, &step.output.destination) else {
        return Ok(None);
    };
    let (run, name) = (program.run_id(), step.name.as_str().into());
    let key = &program.pipeline.key;
    let mark = success_mark(template, key, &run_hash(&run, &name));
    let publication = Publication {
        id: String::new(),
        pipeline: program.pipeline.name.clone(),
        latest: latest(key, &program.params),
        run,
        step: name,
        generation,
        state: State::Coming,
        files: 0,
        bytes: 0,
        rows: 0,
        columns: Vec::new(),
        missing: Vec::new(),
        folder: None,
        signature: None,
        since_ms: 0,
        mark,
    };
    let replace_all = step.output.replace_all && publication.mark != "_SUCCESS";
    Ok(Some(Intended { destination, template: template.clone(), publication, replace_all }))
}

/// Returns whether a step that is to run is still to be published. It is not where it has no destination, or where what
/// this generation sealed stands whole, or a later publication replaced it. What would be refused in the end is refused
/// at once; of its columns, where they are foreseen.
pub async fn is_open(
    ctx: &Ctx,
    program: &Program,
    step: &Step,
    keys: &StepKeys,
    existing: Existing,
    columns: Option<&[Column]>,
) -> Result<bool, HandlerError> {
    let Some(intended) = intended(program, step, keys.generation)? else { return Ok(false) };
    let Intended { destination, template, mut publication, replace_all } = intended;
    if let Some(why) = overlaps(&ctx.root, ctx.settings.base.as_ref(), &destination) {
        return Err(refused(&step.name, &why));
    }
    let place = Place::inspect(ctx, &destination).await?;
    let before = records::load::<Manifest>(&*ctx.store, &keys.manifest()).await?.map(|(m, _)| m);
    let files = before.as_ref().map(|m| m.files.clone()).unwrap_or_default();
    if let Some(before) = &before {
        publication.id.clone_from(&before.publication);
        let is_catalogued = step.output.catalog.is_some();
        if place.holds(&before.publication, &files) && place.has_folder(&before.publication) == is_catalogued {
            return Ok(false);
        }
    }
    let list = FileList { v: RECORD_VERSION, id: publication.id.clone(), files };
    let published_before = before.is_some();
    let me = Me { publication, list: &list, replace_all, published_before, existing };
    match decide(&me, &place.seen()) {
        Decision::Refuse(why) => Err(refused(&step.name, &why)),
        Decision::Superseded(_) => Ok(!published_before),
        Decision::Stands | Decision::Finish(_) | Decision::Put(_) => {
            let contract = contract::Place::of(program, step, &template)?;
            let foreseen = Publication { columns: columns.unwrap_or_default().to_vec(), ..me.publication };
            match contract.foreseen(ctx, &foreseen).await? {
                Some(why) => Err(refused(&step.name, &why)),
                None => Ok(true),
            }
        }
    }
}

/// Why nothing is published there: it lies in the records of runs, or it holds them or the project, which `--adopt` would
/// delete.
fn overlaps(root: &Uri, base: Option<&Uri>, destination: &Uri) -> Option<String> {
    let records = "where Spotmill keeps its records of runs";
    let (how, place, what) = if is_below(destination, root) && !is_bucket(root) {
        ("lies in", root, records)
    } else if is_below(root, destination) {
        ("holds", root, records)
    } else {
        ("holds", base.filter(|base| is_below(base, destination))?, "the project's directory")
    };
    Some(format!("{destination} {how} {place}, {what}. Choose another destination"))
}

/// A stack has a whole bucket, in which results have folders of their own beside the records.
fn is_bucket(root: &Uri) -> bool {
    root.as_str().strip_prefix("s3://").is_some_and(|rest| !rest.trim_end_matches('/').contains('/'))
}

pub fn refused(step: &str, why: &str) -> HandlerError {
    HandlerError::new(errors::DESTINATION_REFUSED, format!("`{step}` cannot be published: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_publications_lie_apart() {
        let check = |destination: &str, expected: Option<&str>| {
            check_at("/p/.spotmill", Some("/p"), destination, expected);
        };
        check("/p/out", None);
        check("/p/.spotmill2", None);
        check("/p/.spotmill/x", Some("/p/.spotmill/x lies in /p/.spotmill"));
        check("/p/.spotmill", Some("lies in"));
        check("/p", Some("/p holds /p/.spotmill"));
    }

    #[test]
    fn with_the_records_in_a_bucket_neither_they_nor_the_project_are_taken_over() {
        let check = |destination: &str, expected: Option<&str>| {
            check_at("s3://b/state", Some("/p"), destination, expected);
        };
        check("/p/out", None);
        check("/p", Some("/p holds /p, the project's directory"));
        check("/", Some("/ holds /p, the project's directory"));
        check("s3://b/out", None);
        check("s3://b/state2", None);
        check("s3://b2", None);
        check("s3://b", Some("s3://b holds s3://b/state, where Spotmill keeps its records"));
        check("s3://b/state", Some("s3://b/state lies in s3://b/state"));
        check("s3://b/state/out", Some("s3://b/state/out lies in s3://b/state"));
    }

    #[test]
    fn a_stack_publishes_in_folders_of_its_bucket() {
        for root in ["s3://b", "s3://b/"] {
            check_at(root, None, "s3://b/out", None);
            check_at(root, None, "s3://b", Some("s3://b holds s3://b"));
        }
    }

    fn check_at(root: &str, base: Option<&str>, destination: &str, expected: Option<&str>) {
        let found = overlaps(&Uri::new(root), base.map(Uri::new).as_ref(), &Uri::new(destination));
        match expected {
            None => assert_eq!(found, None, "{destination}"),
            Some(part) => assert!(found.as_ref().is_some_and(|f| f.contains(part)), "{found:?}"),
        }
    }
}
