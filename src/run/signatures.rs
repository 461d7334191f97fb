//! Copies the signatures that registries keep beside images into the images that were imported from
//! there.
//! Source: openshift-controller-manager `pkg/image/controller/signature`.
//!
//! Registries that are simulated here keep none and are not asked. Signatures are only added: what an
//! image has stays, for it may have been verified.

use crate::{
    access::authn::service_account_caller,
    api::{Body, Options, Request, Server, Verb, computed::images::Sources},
    controllers::imageimport::{MANAGER, USER},
    images::{IMAGES, reference::Reference},
    importer::Keyring,
    kinds,
    object::{ObjectExt, Value, hex, json, time},
    store::Entry,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Most images that are asked about at a time.
const WORKERS: usize = 5;
/// Most signatures of an image; one that would have more is left as it is.
const MOST: usize = 10;
/// Seconds until all images are asked about again.
const AGAIN: i64 = 3600;
/// Says of images that were pushed here.
const MANAGED: &str = "openshift.io/image.managed";
/// The only kind of signature.
const TYPE: &str = "AtomicImageV1";

/// Looks at images as they come and change, and at all of them every hour, as long as the server
/// runs.
pub async fn tend(server: Arc<Server>) {
    let mut changed = server.store.feed().signal(IMAGES);
    let clock = Arc::clone(&server.world.wall);
    let later = || {
        let at = clock.now().saturating_add(SignedDuration::from_secs(AGAIN));
        clock.sleep_until(at.unwrap_or_else(|_| clock.now()))
    };
    let (mut reached, mut over) = (0, later());
    loop {
        let snapshot = server.store.snapshot();
        let new = |entry: &&Arc<Entry>| entry.rev > reached;
        let new: Vec<Arc<Entry>> = snapshot.list(IMAGES, "").filter(new).cloned().collect();
        reached = snapshot.rev;
        stream::iter(new).for_each_concurrent(WORKERS, |entry| look(&server, entry)).await;
        tokio::select! {
            biased;
            alive = changed.changed() => if alive.is_err() { return },
            // When that is must not hang on the wall's clock where all is to be the same again.
            () = &mut over, if !server.world.repeats => (reached, over) = (0, later()),
        }
    }
}

/// Asks for one image's signatures and writes down those that are new.
async fn look(server: &Arc<Server>, entry: Arc<Entry>) {
    let mut image = entry.value();
    let Some(at) = outside(server, &image) else { return };
    let _busy = server.world.activity.hold();
    let authorities = Sources::read(&server.store.snapshot()).authorities;
    let asked = async {
        server.importer.session(Keyring::default(), authorities).signatures(&at, false).await
    };
    match server.importer.in_one_turn(asked).await {
        Ok(found) => {
            let now = time::seconds(server.world.clock.now());
            if add(&mut image, &found, &now) {
                write(server, image).await;
            }
        }
        // Private registries and such that are gone are no error.
        Err(error) => tracing::debug!(%error, image = image.name(), "no signatures"),
    }
}

/// Where an image came from, if a registry that is not simulated may have signatures of it.
fn outside(server: &Server, image: &Value) -> Option<Reference> {
    if image.annotation(MANAGED) == Some("true") {
        return None;
    }
    let at = Reference::parse(image.str_at("dockerImageReference")).ok()?.with_defaults();
    (!at.id.is_empty() && !server.importer.leads(at.api_host())).then_some(at)
}

/// Adds the signatures that an image does not have; answers whether there were any.
fn add(image: &mut Value, found: &[Vec<u8>], now: &str) -> bool {
    let mut all = image.list_at("signatures").to_vec();
    let before = all.len();
    for content in found {
        let name = format!("{}@{}", image.name(), hex(&Sha256::digest(content)));
        if !all.iter().any(|s| s.name() == name) {
            let metadata = json!({"name": name, "creationTimestamp": now});
            let content = STANDARD.encode(content);
            all.push(json!({"metadata": metadata, "type": TYPE, "content": content}));
        }
    }
    if all.len() > MOST || all.len() == before {
        return false;
    }
    image.set_at("signatures", all);
    true
}

async fn write(server: &Arc<Server>, image: Value) {
    let account = USER.trim_start_matches("system:serviceaccount:").split_once(':');
    let (Some((namespace, account)), Some(kind)) = (account, kinds::by_resource(IMAGES)) else {
        return;
    };
    let request = Request {
        caller: Arc::new(service_account_caller(namespace, account)),
        verb: Verb::Update,
        kind,
        sub: "",
        namespace: String::new(),
        name: image.name().into(),
        options: Options { field_manager: MANAGER.into(), ..Options::default() },
        body: Body::Object(image, Vec::new()),
    };
    // Who has changed meanwhile is looked at again.
    if let Err(error) = server.call(request).await {
        tracing::debug!(%error, "signatures are not written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(image: &Value) -> Vec<&str> {
        image.list_at("signatures").iter().map(|s| s.name()).collect()
    }

    #[test]
    fn signatures_are_added_and_kept() {
        let mut image = json!({"metadata": {"name": "sha256:1"}, "signatures":
            [{"metadata": {"name": "sha256:1@own"}, "type": "atomic", "content": "eA=="}]});
        let (one, two) = (b"one".to_vec(), b"two".to_vec());
        assert!(add(&mut image, std::slice::from_ref(&one), "now"));
        let sum = format!("sha256:1@{}", hex(&Sha256::digest(b"one")));
        assert_eq!(names(&image), ["sha256:1@own", sum.as_str()]);
        assert!(!add(&mut image, std::slice::from_ref(&one), "later"));
        assert!(add(&mut image, &[two, one], "later"));
        assert_eq!(image["signatures"][1]["metadata"]["creationTimestamp"], "now");
        assert!(!add(&mut image, &[], "later"));
        let many: Vec<Vec<u8>> = (0..9_u8).map(|i| vec![i]).collect();
        assert!(!add(&mut image, &many, "later"));
        assert_eq!(names(&image).len(), 3);
    }
}
