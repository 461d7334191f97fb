//! Images through the catalogue's hooks.

use crate::{
    error::{Causes, Error},
    images::image,
    kinds::Cx,
    object::Value,
};

/// What the server reads out of an image, and what an update may not touch.
pub fn settle(image: &mut Value, old: Option<&Value>, _cx: &Cx<'_>) -> Result<(), Error> {
    match old {
        None => image::create(image),
        Some(old) => image::update(image, old),
    }
    Ok(())
}

/// Checks an image.
pub fn validate(image: &Value, _old: Option<&Value>, out: &mut Causes) {
    image::validate(image, "", out);
}
