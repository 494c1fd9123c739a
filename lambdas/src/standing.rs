//! Files of publications in folders of their own: of those only what stands is data, whatever else still lies beside it.
//! The destination's manifest says which stands; where there is none, the files speak for themselves.

use crate::destination::contents_quietly;
use crate::{Ctx, HandlerError};
use spotmill_core::destination::{Contents, State, foldered};
use spotmill_core::ids::Uri;
use spotmill_platform::ports::ObjectMeta;
use std::collections::BTreeMap;

/// Without the files of publications that do not stand.
pub async fn only(ctx: &Ctx, objects: Vec<ObjectMeta>) -> Result<Vec<ObjectMeta>, HandlerError> {
    let mut manifests: BTreeMap<String, Option<Contents>> = BTreeMap::new();
    for object in &objects {
        if let Some((destination, _)) = foldered(object.uri.as_str())
            && !manifests.contains_key(destination)
        {
            let found = contents_quietly(ctx, &Uri::new(destination)).await?;
            manifests.insert(destination.to_owned(), found);
        }
    }
    let stands = |object: &ObjectMeta| {
        let Some((destination, id)) = foldered(object.uri.as_str()) else { return true };
        let Some(Some(contents)) = manifests.get(destination) else { return true };
        contents.find(id).is_some_and(|p| p.state == State::Stands)
    };
    Ok(objects.into_iter().filter(stands).collect())
}
