//! Commands about users and groups.

use super::options;
use crate::sim::shell::{
    options::Known,
    process::{Done, Process},
};

/// A name in `/etc/passwd` or `/etc/group`.
fn lookup(p: &Process, file: &str, id: u32) -> Option<String> {
    let bytes = p.fs.read(file, &p.who).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().find(|l| l.split(':').nth(2) == Some(&id.to_string()))?;
    line.split(':').next().map(str::to_owned)
}

/// The name of a user.
pub fn user_name(p: &Process, uid: u32) -> Option<String> {
    lookup(p, "/etc/passwd", uid)
}

/// The name of a group.
pub fn group_name(p: &Process, gid: u32) -> Option<String> {
    lookup(p, "/etc/group", gid)
}

pub async fn whoami(p: &mut Process, _: &[String]) -> Done {
    match user_name(p, p.who.uid) {
        Some(name) => {
            p.out(format!("{name}\n")).await?;
            Ok(0)
        }
        None => {
            p.err(format!("whoami: cannot find name for user ID {}", p.who.uid)).await;
            Ok(1)
        }
    }
}

pub async fn id(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("ugGnrZ")).await else { return Ok(1) };
    let (uid, gids) = (p.who.uid, p.who.groups.clone());
    let gid = gids.first().copied().unwrap_or(0);
    let user = user_name(p, uid);
    let group = |g: u32| group_name(p, g);
    let plain = |name: Option<String>, id: u32| match name.filter(|_| o.has('n')) {
        Some(name) => name,
        None => id.to_string(),
    };
    let text = match o.last("ugG") {
        Some('u') => plain(user, uid),
        Some('g') => plain(group(gid), gid),
        Some(_) => gids.iter().map(|g| plain(group(*g), *g)).collect::<Vec<_>>().join(" "),
        None => {
            let named = |id: u32, name: Option<String>| match name {
                Some(name) => format!("{id}({name})"),
                None => id.to_string(),
            };
            let groups: Vec<String> = gids.iter().map(|g| named(*g, group(*g))).collect();
            format!(
                "uid={} gid={} groups={}",
                named(uid, user),
                named(gid, group(gid)),
                groups.join(",")
            )
        }
    };
    p.out(text + "\n").await?;
    Ok(0)
}

pub async fn groups(p: &mut Process, _: &[String]) -> Done {
    let name = |g: &u32| group_name(p, *g).unwrap_or_else(|| g.to_string());
    let names: Vec<String> = p.who.groups.iter().map(name).collect();
    p.out(names.join(" ") + "\n").await?;
    Ok(0)
}
