//! A table of Glue is made to name what stands at a destination. The manifest there says before each call where readers
//! may be sent from now on, and after it where they are, so that no file is removed under them; and what stands is read
//! again in the end, so that of two who move one location the last moves it to the right place.

use crate::destination::contents;
use crate::update::{pause, replace};
use crate::{Ctx, HandlerError, Program, glue, lease};
use serde_json::Value;
use spotmill_core::calls::{RoundRequest, errors};
use spotmill_core::catalog::{Found, Next, Wanted, fields, named, next};
use spotmill_core::destination::{Contents, Publication, State, manifest_uri};
use spotmill_core::ids::Uri;
use spotmill_core::model::Catalog;
use spotmill_core::records::GlueTable;
use spotmill_platform::ports::{CatalogError, Catalogs};
use std::collections::BTreeMap;

/// Tries against others who write the same manifest or table: a table takes at most three calls.
const TRIES: u32 = 20;

pub struct Table<'a> {
    pub program: &'a Program,
    pub catalog: &'a Catalog,
    pub destination: &'a Uri,
    /// The folder that all runs' destinations lie in.
    pub base: &'a Uri,
    pub mine: &'a Publication,
    /// The step's `schema_change = "allow"`.
    pub may_change: bool,
    pub of: &'a RoundRequest,
}

/// What of this step stands there: of one destination that is this run's, or one that replaced it.
pub fn standing<'c>(contents: &'c Contents, mine: &Publication) -> Option<&'c Publication> {
    let same = |p: &&Publication| p.pipeline == mine.pipeline && p.step == mine.step && p.state == State::Stands;
    contents.publications.iter().filter(same).find(|p| p.run == mine.run || p.mark != "_SUCCESS")
}

/// Where its files lie, and no others.
pub fn location(destination: &Uri, p: &Publication) -> Uri {
    p.folder.as_ref().map_or_else(|| destination.clone(), |folder| destination.join(folder))
}

/// A table that names what stands.
pub struct Kept {
    /// For people.
    pub note: String,
    /// Nothing where Glue does not say which it is.
    pub table: Option<GlueTable>,
}

/// Returns once the table names what stands, or nothing does.
pub async fn keep(ctx: &Ctx, table: &Table<'_>) -> Result<Option<Kept>, HandlerError> {
    let Some(glue) = ctx.catalogs.clone() else {
        let why = format!("{} cannot be told of it: this place has no Glue", table.catalog.name());
        return Err(table.refused(&why));
    };
    let mut called = false;
    for tries in 0..TRIES {
        // Whoever has called sees to it that the table names what stands then, also where another has the run by now.
        if !called {
            lease::fence(ctx, &table.of.run, &lease::ticket(table.of)).await?;
        }
        let Some((contents, etag)) = contents(ctx, table.destination).await? else { return Ok(None) };
        let Some(p) = standing(&contents, table.mine).filter(|p| p.folder.is_some()) else { return Ok(None) };
        let (name, now) = (table.catalog.name(), ctx.clock.now_ms());
        let wanted = table.wanted(p).map_err(|why| table.refused(&why))?;
        let seen = (&contents, etag.as_str());
        let found = found(&*glue, table.catalog, &wanted).await.map_err(|e| table.failed(e))?;
        match next(&found, &wanted) {
            Next::Refuse(why) => return Err(table.refused(&why)),
            Next::Done => {
                if table.write(ctx, seen, &contents.announced(&name, &p.id, now)).await? {
                    let (region, holder) = (glue.region().await, found.table.unwrap_or_default());
                    return Ok(Some(Kept {
                        note: format!("{name} names {}", location(table.destination, p)),
                        table: region.and_then(|region| named(table.catalog, &region, &holder)),
                    }));
                }
            }
            // Both places stay until it is known which one it is.
            Next::Call { action, body } => {
                if table.write(ctx, seen, &contents.announcing(&name, &p.id, now)).await? {
                    called = true;
                    table.call(&*glue, action, &body).await?;
                    // It is read again at once: this was no rival's doing.
                    continue;
                }
            }
        }
        pause(tries).await;
    }
    Err(HandlerError::transient(format!("{}: others keep writing it", table.catalog.name())))
}

/// The table and the partition as they are now.
async fn found(glue: &dyn Catalogs, catalog: &Catalog, wanted: &Wanted) -> Result<Found, CatalogError> {
    let table = glue::table(glue, catalog).await?;
    let partition = match table.is_some() && !wanted.keys.is_empty() {
        true => glue::partition(glue, catalog, &wanted.values).await?,
        false => None,
    };
    Ok(Found { table, partition })
}

impl Table<'_> {
    /// Puts the manifest in the place of the one that was seen; false if another came first, or may have.
    async fn write(&self, ctx: &Ctx, seen: (&Contents, &str), next: &Contents) -> Result<bool, HandlerError> {
        match next == seen.0 {
            true => Ok(true),
            false => replace(ctx, &manifest_uri(self.destination), Some(seen.1), next).await,
        }
    }

    /// What another did meanwhile is found by the next read.
    async fn call(&self, glue: &dyn Catalogs, action: &str, body: &Value) -> Result<(), HandlerError> {
        match glue.call(action, body).await {
            Ok(_) => Ok(()),
            // Only CreateTable finds out that there is no database.
            Err(CatalogError::NotFound(why)) if action == "CreateTable" => {
                let database = &self.catalog.database;
                let command = format!("aws glue create-database --database-input Name={database}");
                Err(self.refused(&format!("there is no database `{database}` ({why}): make it with `{command}`")))
            }
            Err(CatalogError::Changed(why) | CatalogError::NotFound(why)) => {
                tracing::info!(table = self.catalog.name(), why, "another writes the table");
                Ok(())
            }
            Err(e) => Err(self.failed(e)),
        }
    }

    fn wanted(&self, p: &Publication) -> Result<Wanted, String> {
        let value = |name| self.program.params.get(name).map(ToString::to_string);
        let values: Option<Vec<String>> = self.catalog.partition.iter().map(value).collect();
        let facts = [
            ("spotmill.run", Some(p.run.to_string())),
            ("spotmill.generation", Some(p.generation.to_string())),
            ("spotmill.signature", p.signature.clone()),
            ("numFiles", Some(p.files.to_string())),
            ("numRows", Some(p.rows.to_string())),
            ("totalSize", Some(p.bytes.to_string())),
        ];
        let facts: BTreeMap<String, String> =
            facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        Ok(Wanted {
            database: self.catalog.database.clone(),
            table: self.catalog.table.clone(),
            keys: glue::keys(self.program, self.catalog)?,
            values: values.ok_or("a partition key has no value")?,
            columns: fields(&p.columns, &self.catalog.partition)?,
            location: location(self.destination, p).join("").to_string(),
            base: self.base.join("").to_string(),
            step: format!("{}/{}", p.pipeline, p.step),
            may_change: self.may_change,
            publication: p.id.clone(),
            facts,
        })
    }

    fn refused(&self, why: &str) -> HandlerError {
        let (step, name) = (&self.of.step, self.catalog.name());
        HandlerError::new(
            errors::NOT_ANNOUNCED,
            format!(
                "`{step}` is published, but {name} does not name it: {why}. Start again when it is mended: only that is done"
            ),
        )
    }

    fn failed(&self, e: CatalogError) -> HandlerError {
        match e {
            CatalogError::Transient { what, source } => {
                HandlerError { error: errors::TRANSIENT, cause: what, source: Some(source) }
            }
            other => self.refused(&other.to_string()),
        }
    }
}
