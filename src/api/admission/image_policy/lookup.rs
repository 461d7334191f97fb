//! What an image name means in a namespace.

use crate::{
    images::{
        IMAGES, STREAMS,
        reference::{DEFAULT_TAG, Reference},
        resolve,
    },
    kinds::shown_stream,
    object::{ObjectExt, Value},
    store::Snapshot,
};

/// Looks names up.
pub struct Lookup<'a> {
    pub snapshot: &'a Snapshot,
    /// Where short names are looked for.
    pub namespace: &'a str,
    /// Whether registry and namespace in a name are to be ignored, and streams to be used that do
    /// not offer themselves.
    pub all_names: bool,
}

impl Lookup<'_> {
    /// What to write instead of a name; `None` leaves it alone.
    pub fn find(&self, image: &str) -> Option<String> {
        let name = Reference::parse(image).ok().filter(|r| r.id.is_empty())?;
        let short = name.registry.is_empty() && name.namespace.is_empty();
        let local = self.all_names || short;
        let namespace = if local { self.namespace } else { &name.namespace };
        let tag = if name.tag.is_empty() { DEFAULT_TAG } else { &name.tag };
        let stream = self.snapshot.get(STREAMS, namespace, &name.name)?;
        let stream = shown_stream(stream, self.snapshot);
        let repository = Reference::parse(stream.str_at("status.dockerImageRepository"));
        let of_cluster = repository.as_ref().is_ok_and(|r| r.registry == name.registry);
        let offered = self.all_names || stream.is_true("spec.lookupPolicy.local");
        if !offered || !(local || of_cluster) {
            return None;
        }
        match self.tagged(&stream, tag) {
            // Nothing there yet: at least nobody asks the public registries for it.
            None => Some(Reference { tag: tag.into(), ..repository.ok()? }.exact()),
            Some(image) if local => {
                let spec = resolve::latest_pull_spec(&stream, tag)?;
                let found = Reference::parse(&spec).ok()?;
                Some(Reference { tag: String::new(), id: image, ..found }.exact())
            }
            Some(_) => None,
        }
    }

    /// The image a tag stands for now, if that is known by its digest.
    fn tagged(&self, stream: &Value, tag: &str) -> Option<String> {
        let image = resolve::latest(stream, tag)?.str_at("image");
        self.snapshot.get(IMAGES, "", image).map(|_| image.to_owned())
    }
}
