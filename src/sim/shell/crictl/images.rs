//! The verbs about images.

use super::{
    Call, NodeImage, fatal, log,
    table::{Table, short, size},
};
use crate::{
    catalog::reference::Reference,
    object::{Value, json},
    sim::shell::process::Done,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// An image as protobuf prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: String,
    repo_tags: &'a [String],
    repo_digests: &'a [String],
    size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Value>,
    username: &'a str,
    pinned: bool,
}

fn shown(image: &NodeImage) -> Shown<'_> {
    let uid = image.user.parse::<i64>().ok();
    Shown {
        id: image.id.clone(),
        repo_tags: &image.tags,
        repo_digests: &image.digests,
        size: image.size.to_string(),
        uid: uid.map(|uid| json!({"value": uid.to_string()})),
        username: if uid.is_some() { "" } else { &image.user },
        pinned: image.pinned,
    }
}

/// The image a user means: by ID, the beginning of one, or a name that may be short.
fn find<'a>(images: &'a [NodeImage], text: &str) -> Option<&'a NodeImage> {
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
        #[derive(Serialize)]
        struct List<'a> {
            images: Vec<Shown<'a>>,
        }
        return call.write(&List { images: images.iter().map(shown).collect() }).await;
    }
    if call.o.has('q') {
        let ids: String = images.iter().map(|i| format!("{}\n", i.id)).collect();
        call.p.out(ids).await?;
        return Ok(0);
    }
    if call.o.has('v') {
        return verbose(&call, &images).await;
    }
    let digests = call.o.has('e');
    let pinned = call.o.has('r');
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
        let cut = |id: &str| if call.o.has('n') { id.to_owned() } else { short(id) };
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

/// `crictl imagefsinfo`
pub async fn usage(call: Call<'_>) -> Done {
    let usage = call.runtime.images().usage();
    let one = |mountpoint: &str, bytes: u64, inodes: u64| {
        json!({
            "fsId": {"mountpoint": mountpoint},
            "inodesUsed": {"value": inodes.to_string()},
            "timestamp": usage.at.as_nanosecond().to_string(),
            "usedBytes": {"value": bytes.to_string()},
        })
    };
    let table = match call.table(false).await {
        Ok(table) => table,
        Err(code) => return Ok(code),
    };
    if !table {
        let json = json!({"status": {
            "containerFilesystems": [one(&usage.containers, 0, 0)],
            "imageFilesystems": [one(&usage.mountpoint, usage.bytes, usage.inodes)],
        }});
        return call.write(&json).await;
    }
    let rows = [
        ("Container", 0, 0, &usage.containers),
        ("Image", usage.bytes, usage.inodes, &usage.mountpoint),
    ];
    for (label, bytes, inodes, mountpoint) in rows {
        call.p
            .out(format!(
                "{label} Filesystem \nTimeStamp[0]: {}\nDisk[0]: {}\nInodes[0]: {inodes}\n\
                 Mountpoint[0]: {mountpoint}\n",
                usage.at.as_nanosecond(),
                size(bytes, 4),
            ))
            .await?;
    }
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
