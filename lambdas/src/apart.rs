//! No step publishes to where a path of its run is read from: it would read its own result the next time. Nor do two
//! steps publish into each other, or any into the folder of the runs' state, by whatever links these are one place.
//! The links are followed here, once, before anything of a run is written; what they come to is decided in
//! `core::location`.

use crate::{Ctx, HandlerError, Program};
use spotmill_core::ids::Uri;
use spotmill_core::listing::PathPattern;
use spotmill_core::location::{Output, Place, Reading, apart};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Where a pattern leads, and the links below it with where each leads.
type Resolved = (Uri, Vec<(Uri, Uri)>);

pub async fn refuse(ctx: &Ctx, program: &Program) -> Result<(), HandlerError> {
    let mut outputs = Vec::new();
    for (step, destination) in program.destinations()? {
        let real = ctx.store.real(&destination).await?;
        let place = Place { written: destination, real };
        outputs.push(Output { step: step.name.clone(), place, ending: step.output.ending() });
    }
    if outputs.is_empty() {
        return Ok(());
    }
    let (mut inputs, mut found) = (Vec::new(), BTreeMap::<Uri, Resolved>::new());
    for (step, pattern) in program.patterns()? {
        // Steps that read one path have it looked at once.
        let (real, links) = match found.entry(pattern.clone()) {
            Entry::Occupied(of_another) => of_another.get().clone(),
            Entry::Vacant(place) => place.insert(resolved(ctx, &pattern).await?).clone(),
        };
        inputs.push(Reading { step: step.name.clone(), place: Place { written: pattern, real }, links });
    }
    let state = Place { real: ctx.store.real(&ctx.root).await?, written: ctx.root.clone() };
    apart(&outputs, &inputs, &state).map_err(HandlerError::invalid)
}

/// The pattern with its literal beginning resolved, and the links that stand below that, where the pattern reads below them.
async fn resolved(ctx: &Ctx, written: &Uri) -> Result<Resolved, HandlerError> {
    let pattern = PathPattern::new(written.as_str()).map_err(HandlerError::invalid)?;
    let Some((folder, rest)) = pattern.parts() else { return Ok((ctx.store.real(written).await?, Vec::new())) };
    let real = Uri::new(format!("{}{rest}", ctx.store.real(&folder).await?));
    match pattern.goes_deeper() {
        true => Ok((real, ctx.store.links(&pattern.prefix).await?)),
        false => Ok((real, Vec::new())),
    }
}
