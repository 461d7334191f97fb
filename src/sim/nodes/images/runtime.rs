//! What a shell on the node does to its images through the container runtime, past the kubelet.
//! Source: CRI-O `server/image_remove.go` and `image_pull.go`.

use super::inventory::{Inventory, Loss, RESOURCE, StoredImage};
use crate::{
    catalog::reference::Reference,
    controllers::{View, Write},
    object::{ObjectExt, Value, encode},
    sim::registries::{self, Asker, Refusal},
    store::{self, Expect, Op, Store},
};

/// Changes what a node holds, however many others do so meanwhile.
///
/// # Errors
/// What the work or the disk says.
pub async fn change<T>(
    store: &Store,
    node: &str,
    mut work: impl FnMut(&mut Inventory) -> Result<T, String>,
) -> Result<T, String> {
    loop {
        let objects = store.snapshot();
        let entry = objects.get_key(RESOURCE, node);
        let mut inventory = entry.map(|e| (*e.lens::<Inventory>()).clone()).unwrap_or_default();
        let done = work(&mut inventory)?;
        let op = Op::Put {
            resource: RESOURCE.into(),
            key: node.into(),
            expect: entry.map_or(Expect::Absent, |e| Expect::Rev(e.rev)),
            body: encode(&inventory.object(node, None)),
            claims: vec![],
        };
        match store.commit(vec![op]).await {
            Ok(_) => return Ok(done),
            Err(store::Error::Io(why) | store::Error::Away(why)) => return Err(why),
            // Somebody else was quicker.
            Err(_) => {}
        }
    }
}

/// Shortest beginning of an ID that is taken for one.
const SHORTEST_ID: usize = 3;

/// Removes an image by ID, or takes a name from it; an image without names goes, one that a
/// container was made from does not. What is not there is no error.
///
/// # Errors
/// The runtime's words.
pub fn remove(
    view: &View,
    node: &str,
    inventory: &mut Inventory,
    name: &str,
) -> Result<(), String> {
    let now = Loss { rev: view.objects.rev, at: view.now };
    let by_id = |i: &StoredImage| name.len() >= SHORTEST_ID && i.id.starts_with(name);
    if let Some(image) = inventory.images.iter().find(|i| by_id(i)) {
        let id = image.id.clone();
        return delete(view, node, inventory, &id, now);
    }
    for full in Reference::candidates(name)?.iter().map(Reference::full) {
        let Some(at) = inventory.images.iter().position(|i| i.is_called(&full)) else { continue };
        let image = &inventory.images[at];
        if image.names.iter().any(|n| *n != full) {
            inventory.untag(at, &full, now);
            return Ok(());
        }
        let id = image.id.clone();
        return delete(view, node, inventory, &id, now);
    }
    Ok(())
}

fn delete(
    view: &View,
    node: &str,
    inventory: &mut Inventory,
    id: &str,
    now: Loss,
) -> Result<(), String> {
    let image = inventory.images.iter().find(|i| i.id == id);
    if let Some(container) = image.and_then(|i| user(view, node, i)) {
        return Err(format!(
            "delete image: image used by {container}: image is in use by a container"
        ));
    }
    inventory.remove(id, now);
    Ok(())
}

/// A container that was made from an image.
fn user(view: &View, node: &str, image: &StoredImage) -> Option<String> {
    view.pods_on(node).find_map(|entry| {
        let pod = entry.lean();
        let lists = ["status.initContainerStatuses", "status.containerStatuses"];
        let of = |s: &&Value| {
            let digest = s.str_at("imageID").split_once('@').map_or("", |(_, d)| d);
            image.digests.iter().any(|d| d == digest)
        };
        let found = lists.iter().flat_map(|l| pod.list_at(l)).find(of)?;
        Some(found.str_at("containerID").trim_start_matches("cri-o://").to_owned())
    })
}

/// Pulls an image with the node's own keys; answers it. `view` is asked again after a registry on
/// the network has answered.
///
/// # Errors
/// The runtime's words.
pub async fn pull(
    store: &Store,
    view: impl Fn() -> View,
    node: &str,
    name: &str,
) -> Result<StoredImage, String> {
    let mut answered = store.feed().signal(registries::PULLS);
    let since = view().now;
    let asker = Asker { id: node, since };
    let offer = loop {
        answered.mark_unchanged();
        let now = view();
        match offer(&now, asker, name)? {
            Ok(offer) => break offer,
            Err(Refusal::Refused(why)) => return Err(why),
            Err(Refusal::Unavailable(why)) => return Err(format!("RegistryUnavailable: {why}")),
            Err(Refusal::Open(name)) => {
                if let Some(question) = registries::question(&now, None, asker, &name) {
                    ask(store, question).await?;
                }
                answered.changed().await.map_err(|_| "context canceled".to_owned())?;
            }
        }
    };
    let now = view();
    let now = Loss { rev: now.objects.rev, at: now.now };
    change(store, node, |inventory| Ok(inventory.add(&offer, now).clone())).await
}

/// What the registries say to a node itself.
///
/// # Errors
/// What is wrong with the name.
pub fn offer(
    view: &View,
    asker: Asker<'_>,
    name: &str,
) -> Result<Result<registries::Offer, Refusal>, String> {
    let names = Reference::candidates(name)?;
    let keys = |repository: &str| registries::keys(view, &Value::Null, repository);
    Ok(registries::ask(view, asker, &names, keys))
}

/// Writes a question; who has written it at the same time has asked the same.
async fn ask(store: &Store, question: Write) -> Result<(), String> {
    let key = question.body.name().to_owned();
    let expect = match question.body.str_at("metadata.resourceVersion").parse() {
        Ok(revision) => Expect::Rev(revision),
        Err(_) => Expect::Absent,
    };
    let (resource, body) = (question.resource.shared(), encode(&question.body));
    let op = Op::Put { resource, key: key.into(), expect, body, claims: vec![] };
    match store.commit(vec![op]).await {
        Err(store::Error::Io(why) | store::Error::Away(why)) => Err(why),
        _ => Ok(()),
    }
}
