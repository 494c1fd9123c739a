//! No step publishes to where a path of its run is read from: it would read its own result the next time. Nor do two
//! steps publish into each other, or any into the folder of the runs' state, by whatever links these are one place.
//! The links are followed here, once, before anything of a run is written; what they come to is decided in
//! `core::location`.

use crate::{Ctx, HandlerError, Program};
use spotmill_core::ids::Uri;
use spotmill_core::listing::PathPattern;
use spotmill_core::location::{Output, Place, Reading, apart};

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
    let mut inputs = Vec::new();
    for (step, pattern) in program.patterns()? {
        let (real, links) = resolved(ctx, &pattern).await?;
        inputs.push(Reading { step: step.name.clone(), place: Place { written: pattern, real }, links });
    }
    let state = Place { real: ctx.store.real(&ctx.root).await?, written: ctx.root.clone() };
    apart(&outputs, &inputs, &state).map_err(HandlerError::invalid)
}

/// The pattern with its literal beginning resolved, and the links that stand below that.
async fn resolved(ctx: &Ctx, written: &Uri) -> Result<(Uri, Vec<(Uri, Uri)>), HandlerError> {
    let pattern = PathPattern::new(written.as_str()).map_err(HandlerError::invalid)?;
    let text = written.as_str();
    let Some(star) = text.find('*') else { return Ok((ctx.store.real(written).await?, Vec::new())) };
    let folder = text[..star].rfind('/').unwrap_or(0);
    let real = ctx.store.real(&Uri::new(&text[..folder])).await?;
    Ok((Uri::new(format!("{real}{}", &text[folder..])), ctx.store.links(&pattern.prefix).await?))
}
