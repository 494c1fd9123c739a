//! The columns that a table's readers count on: written by whoever published last, in the folder that all runs of the
//! step publish below, and held against what is about to be published.

use crate::update::{Change, update};
use crate::{Ctx, HandlerError, Program, glue};
use spotmill_core::calls::errors;
use spotmill_core::catalog::{Claim, Field, fields, fit, merged};
use spotmill_core::destination::{
    Contract, Difference, Publication, changes, changes_of_files, contract_uri, table_prefix,
};
use spotmill_core::ids::Uri;
use spotmill_core::model::{Catalog, Format, Step};
use spotmill_core::records::RECORD_VERSION;
use spotmill_platform::records;

/// What else there is to do than to allow a change.
fn otherwise(in_columns: bool) -> &'static str {
    match in_columns {
        true => "Declare `columns` of the input or CAST so that columns stay; if",
        false => "If",
    }
}

/// Where the contract of a step that is published lies.
pub struct Place {
    uri: Uri,
    template: String,
    format: Format,
    folders: Vec<String>,
    delimiter: Option<char>,
    allow: bool,
    table: Option<Table>,
}

/// The table of Glue that the step names.
struct Table {
    catalog: Catalog,
    keys: Vec<Field>,
    destination: Uri,
}

impl Table {
    fn of(program: &Program, step: &Step) -> Result<Option<Table>, HandlerError> {
        let (Some(catalog), Some(destination)) = (&step.output.catalog, program.destination(step)?) else {
            return Ok(None);
        };
        let keys = glue::keys(program, catalog).map_err(HandlerError::invalid)?;
        Ok(Some(Table { catalog: catalog.clone(), keys, destination }))
    }
}

impl Place {
    pub fn of(program: &Program, step: &Step, template: &str) -> Result<Place, HandlerError> {
        let (folder, rest) = table_prefix(template, &program.pipeline.key);
        Ok(Place {
            uri: contract_uri(&program.folder(folder)?, rest),
            template: rest.to_owned(),
            format: step.output.format,
            folders: step.output.layout.folders(),
            delimiter: (step.output.format == Format::Csv).then(|| step.output.delimiter()),
            allow: step.output.schema_change_allowed,
            table: Table::of(program, step)?,
        })
    }

    /// Checks that columns like these may be published.
    pub async fn check(&self, ctx: &Ctx, publication: &Publication) -> Result<(), HandlerError> {
        if let Some(why) = self.not_for_the_table(ctx, publication).await? {
            let (step, run) = (&publication.step, &publication.run);
            let why = format!("`{step}` of {run} is complete and not published: {why}");
            return Err(HandlerError::new(errors::EXPECTATION_FAILED, why));
        }
        let Some(Difference { what, in_columns }) = self.difference(ctx, publication, changes).await? else {
            return Ok(());
        };
        let (step, run, otherwise) = (&publication.step, &publication.run, otherwise(in_columns));
        Err(HandlerError::new(
            errors::EXPECTATION_FAILED,
            format!(
                "`{step}` of {run} is complete and not published: it is not as the last publication was: {what}. \
                 {otherwise} readers are to get something else, set schema_change = \"allow\" under [step.output] of \
                 `{step}`"
            ),
        ))
    }

    /// Why what is published would be refused in the end, as far as it is decided before a row is made: its columns where
    /// the publication states them.
    pub async fn foreseen(&self, ctx: &Ctx, publication: &Publication) -> Result<Option<String>, HandlerError> {
        let all = |was: &_, is: &_| changes_of_files(was, is).or_else(|| changes(was, is));
        if let Some(why) = self.not_for_the_table(ctx, publication).await? {
            return Ok(Some(why));
        }
        let changed = self.difference(ctx, publication, all).await?;
        Ok(changed.map(|Difference { what, in_columns }| {
            format!(
                "it would not be as the last publication was: {what}. {} readers are to get something else, set \
                 schema_change = \"allow\" under [step.output] of `{}`",
                otherwise(in_columns),
                publication.step
            )
        }))
    }

    /// Why the table of Glue that the step names could not have such columns: of their own, beside those of the last
    /// publication, and beside the table's, as far as it can be seen.
    async fn not_for_the_table(&self, ctx: &Ctx, publication: &Publication) -> Result<Option<String>, HandlerError> {
        let Some(Table { catalog, keys, destination }) = &self.table else { return Ok(None) };
        let table = |why: String| Some(format!("table {}: {why}", catalog.name()));
        let next = match fields(&publication.columns, &catalog.partition) {
            Ok(next) => next,
            Err(why) => return Ok(table(why)),
        };
        let step = format!("{}/{}", publication.pipeline, publication.step);
        let claim = Claim { step: &step, keys, columns: &next, may_change: self.allow };
        if let Some(why) = glue::seen(ctx, catalog, destination).await.and_then(|found| fit(&found, &claim).err()) {
            return Ok(table(why));
        }
        if !self.allow || next.is_empty() {
            return Ok(None);
        }
        let found = records::load::<Contract>(&*ctx.store, &self.uri).await?;
        let before = found.and_then(|(contract, _)| fields(&contract.columns, &catalog.partition).ok());
        Ok(before.and_then(|before| merged(&before, &next).err()).and_then(table))
    }

    /// Nothing where a change is allowed.
    async fn difference(
        &self,
        ctx: &Ctx,
        publication: &Publication,
        changes: fn(&Contract, &Contract) -> Option<Difference>,
    ) -> Result<Option<Difference>, HandlerError> {
        if self.allow {
            return Ok(None);
        }
        let found = records::load::<Contract>(&*ctx.store, &self.uri).await?;
        Ok(found.and_then(|(contract, _)| changes(&contract, &self.contract(publication))))
    }

    /// What the publication promises to readers.
    fn contract(&self, publication: &Publication) -> Contract {
        Contract {
            v: RECORD_VERSION,
            template: self.template.clone(),
            run: publication.run.clone(),
            format: self.format,
            columns: publication.columns.clone(),
            folders: Some(self.folders.clone()),
            delimiter: self.delimiter,
        }
    }

    pub async fn write(&self, ctx: &Ctx, publication: &Publication) -> Result<(), HandlerError> {
        if publication.columns.is_empty() {
            return Ok(());
        }
        let uri = &self.uri;
        let next = &self.contract(publication);
        update(ctx, uri, |there: Option<Contract>| async move {
            Ok(match there.is_some_and(|there| changes(&there, next).is_none() && there.states_all_of(next)) {
                true => Change::Keep(()),
                false => Change::Write(next.clone(), ()),
            })
        })
        .await
    }
}
