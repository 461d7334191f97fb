//! The verbs about images.

use super::{
    Call, NodeImage, fatal, log,
    message::{Message, fields, number, plain},
    table::{Table, short, size},
};
use crate::{
    catalog::reference::Reference,
    object::{Value, json},
    sim::shell::process::Done,
};
use std::collections::BTreeMap;

/// An image as protobuf prints it.
fn shown(image: &NodeImage) -> Message {
    let uid = image.user.parse::<i64>().ok();
    let mut all = vec![
        ("id", plain(&*image.id)),
        ("repoTags", plain(&*image.tags)),
        ("repoDigests", plain(&*image.digests)),
        ("size", plain(image.size.to_string())),
    ];
    all.extend(uid.map(|uid| ("uid", plain(json!({"value": uid.to_string()})))));
    let name = if uid.is_some() { "" } else { &image.user };
    all.extend([("username", plain(name)), ("pinned", plain(image.pinned))]);
    Message::Fields(all)
}

/// The image a user means: by ID, the beginning of one, or a name that may be short.
pub fn find<'a>(images: &'a [NodeImage], text: &str) -> Option<&'a NodeImage> {
    let id = text.strip_prefix("sha256:").unwrap_or(text);
    let hex = !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit());
    if hex && let Some(found) = images.iter().find(|i| i.id.starts_with(id)) {
        return Some(found);
    }
    let names: Vec<String> =
        Reference::candidates(text).ok()?.iter().map(Reference::full).collect();
    images.iter().find(|i| i.tags.iter().chain(&i.digests).any(|n| names.contains(n)))
}

fn sorted(call: &Call<'_>) -> Vec<NodeImage> {
    let mut images = call.runtime.images().list();
    let key = |i: &NodeImage| i.tags.first().or(i.digests.first()).unwrap_or(&i.id).clone();
    images.sort_by_key(key);
    images
}

/// `crictl images`
pub async fn list(call: Call<'_>) -> Done {
    let mut images = sorted(&call);
    if let Some(name) = call.o.rest.first() {
        let found = find(&images, name).cloned();
        images = found.into_iter().collect();
    }
    let images = match filter(images, &call) {
        Ok(images) => images,
        Err(why) => return fatal(call.p, format!("listing images: {why}")).await,
    };
    if !matches!(call.o.value('o'), None | Some("table")) {
        let all = Message::List(images.iter().map(shown).collect());
        return call.write(&fields([("images", all)])).await;
    }
    if call.o.has('q') {
        let ids: String = images.iter().map(|i| format!("{}\n", i.id)).collect();
        call.p.out(ids).await?;
        return Ok(0);
    }
    if call.o.has('v') {
        return verbose(&call, &images).await;
    }
    let digests = call.o.has('E');
    let pinned = call.o.has('P');
    let titles = [
        ("IMAGE", true),
        ("TAG", true),
        ("DIGEST", digests),
        ("IMAGE ID", true),
        ("SIZE", true),
        ("PINNED", pinned),
    ];
    let titles: Vec<&str> = titles.iter().filter(|(_, on)| *on).map(|(t, _)| *t).collect();
    let mut table = Table::new(&titles);
    for image in &images {
        let (repository, digest) = image
            .digests
            .first()
            .map_or(("<none>", "<none>"), |d| d.split_once('@').unwrap_or((d, "<none>")));
        let cut = |id: &str| if call.o.has('T') { id.to_owned() } else { short(id) };
        let id = cut(&image.id);
        let pairs: Vec<(&str, &str)> = match image.tags.is_empty() {
            true => vec![(repository, "<none>")],
            false => image.tags.iter().filter_map(|t| t.rsplit_once(':')).collect(),
        };
        for (name, tag) in pairs {
            let mut row = vec![name.to_owned(), tag.to_owned()];
            row.extend(digests.then(|| cut(digest)));
            row.extend([id.clone(), size(image.size, 3)]);
            row.extend(pinned.then(|| image.pinned.to_string()));
            table.row(row);
        }
    }
    call.p.out(table.text()).await?;
    Ok(0)
}

/// `--filter`, with the conditions of the client.
fn filter(mut images: Vec<NodeImage>, call: &Call<'_>) -> Result<Vec<NodeImage>, String> {
    for condition in call.o.values('f') {
        match condition.split_once('=') {
            Some(("dangling", yes)) => {
                images.retain(|i| i.tags.is_empty() == (yes == "true"));
            }
            Some(("reference", pattern)) => {
                let regex = super::super::commands::regex(pattern).map_err(|e| e.to_string())?;
                let name = |i: &NodeImage| {
                    i.digests.first().and_then(|d| d.split('@').next()).unwrap_or("").to_owned()
                };
                images.retain(|i| regex.is_match(&name(i)));
            }
            _ => return Err(format!("filter images: unknown filter flag: {condition}")),
        }
    }
    Ok(images)
}

async fn verbose(call: &Call<'_>, images: &[NodeImage]) -> Done {
    for image in images {
        let mut text = format!("ID: {}\n", image.id);
        image.tags.iter().for_each(|t| text.push_str(&format!("RepoTags: {t}\n")));
        image.digests.iter().for_each(|d| text.push_str(&format!("RepoDigests: {d}\n")));
        text.push_str(&format!("Size: {}\n", image.size));
        match image.user.parse::<i64>() {
            Ok(uid) => text.push_str(&format!("Uid: value:{uid}\n")),
            Err(_) if image.user.is_empty() => {}
            Err(_) => text.push_str(&format!("Username: {}\n", image.user)),
        }
        call.p.out(text + "\n").await?;
    }
    Ok(0)
}

/// `crictl imagefsinfo`, in the form of the clients that know of one file system.
pub async fn usage(call: Call<'_>) -> Done {
    let usage = call.runtime.images().usage();
    let at = usage.at.as_nanosecond();
    let table = match call.table(false).await {
        Ok(table) => table,
        Err(code) => return Ok(code),
    };
    if !table {
        let status = fields([
            ("timestamp", plain(at.to_string())),
            ("fsId", fields([("mountpoint", plain(&*usage.mountpoint))])),
            ("usedBytes", number(usage.bytes)),
            ("inodesUsed", number(usage.inodes)),
        ]);
        return call.write(&fields([("status", status)])).await;
    }
    call.p
        .out(format!(
            "TimeStamp: {at}\nDisk: {}\nInodes: {}\nMountpoint: {}\n",
            size(usage.bytes, 4),
            usage.inodes,
            usage.mountpoint,
        ))
        .await?;
    Ok(0)
}

/// `crictl inspecti`
pub async fn inspect(call: Call<'_>) -> Done {
    let images = sorted(&call);
    let ids = call.o.rest.clone();
    let ids = if ids.is_empty() { images.iter().map(|i| i.id.clone()).collect() } else { ids };
    let mut found = Vec::new();
    for id in &ids {
        let Some(image) = find(&images, id) else {
            return fatal(call.p, format!("no such image \"{id}\" present")).await;
        };
        let user = if image.user.is_empty() { json!({}) } else { json!({"User": image.user}) };
        found.push(json!({
            "status": shown(image),
            "info": {"imageSpec": {"architecture": "amd64", "os": "linux", "config": user}},
        }));
    }
    let table = match call.table(false).await {
        Ok(table) => table,
        Err(code) => return Ok(code),
    };
    if table {
        for image in ids.iter().filter_map(|id| find(&images, id)) {
            let mut text = format!("ID: {}\n", image.id);
            image.tags.iter().for_each(|t| text.push_str(&format!("Tag: {t}\n")));
            image.digests.iter().for_each(|d| text.push_str(&format!("Digest: {d}\n")));
            text.push_str(&format!("Size: {}\n", size(image.size, 3)));
            call.p.out(text).await?;
        }
        return Ok(0);
    }
    match <[Value; 1]>::try_from(found) {
        Ok([one]) => call.write(&one).await,
        Err(many) => call.write(&many).await,
    }
}

/// `crictl pull`
pub async fn pull(call: Call<'_>) -> Done {
    let Some(name) = call.o.rest.first() else {
        return fatal(call.p, "image name cannot be empty").await;
    };
    match call.runtime.images().pull(name).await {
        Ok(reference) => {
            call.p.out(format!("Image is up to date for {reference}\n")).await?;
            Ok(0)
        }
        Err(why) => {
            let inner = format!("rpc error: code = Unknown desc = {why}");
            log(call.p, "error", format!("PullImage from image service failed: {inner}")).await;
            fatal(call.p, format!("pulling image: {inner}")).await
        }
    }
}

/// `crictl rmi`
pub async fn remove(call: Call<'_>) -> Done {
    let images = sorted(&call);
    let (all, prune) = (call.o.has('a'), call.o.has('q'));
    let mut wanted: BTreeMap<String, bool> =
        call.o.rest.iter().map(|id| (id.clone(), true)).collect();
    if all || prune {
        let free = images.iter().filter(|i| !(prune && i.pinned));
        wanted.extend(free.map(|i| (i.id.clone(), true)));
    }
    if prune {
        for container in call.runtime.containers() {
            wanted.insert(container.image, false);
        }
    }
    if wanted.is_empty() {
        if all || prune {
            log(call.p, "info", "No images to remove").await;
            return Ok(0);
        }
        call.p.out("NAME:\n   crictl rmi - Remove one or more images\n\nUSAGE:\n   crictl rmi [command options] IMAGE-ID [IMAGE-ID...]\n").await?;
        return Ok(0);
    }
    let mut problems = Vec::new();
    for id in wanted.iter().filter(|(_, remove)| **remove).map(|(id, _)| id) {
        let Some(image) = find(&images, id) else {
            problems.push(format!("no such image {id}"));
            continue;
        };
        if image.tags.len() > 1 && id.contains([':', '/']) && !id.starts_with("sha256:") {
            let text = format!(
                "Image {id:?} has multiple tags. Removing this image will delete all of the following tags:"
            );
            log(call.p, "warning", text).await;
            for tag in &image.tags {
                log(call.p, "warning", format!("  {tag}")).await;
            }
        }
        match call.runtime.images().remove(&image.id).await {
            Ok(()) => {
                let gone = if image.tags.is_empty() { &image.digests } else { &image.tags };
                let text: String = gone.iter().map(|n| format!("Deleted: {n}\n")).collect();
                call.p.out(text).await?;
            }
            Err(_) if prune => {}
            Err(why) => {
                let inner = format!("rpc error: code = Unknown desc = {why}");
                log(call.p, "error", format!("RemoveImage from image service failed: {inner}"))
                    .await;
                problems.push(format!("error of removing image {id:?}: {inner}"));
            }
        }
    }
    match problems.as_slice() {
        [] => Ok(0),
        [one] => fatal(call.p, one).await,
        many => fatal(call.p, format!("[{}]", many.join(", "))).await,
    }
}
