//! Commands that change files: `mkdir`, `rm`, `cp`, `mv`, `touch`, `ln`, `chmod` and their like.

use super::{options, own};
use crate::sim::shell::{
    fs::{Content, Errno, Node, split},
    options::Known,
    process::{Done, Process},
};

pub async fn mkdir(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "pvm:", long: &[("parents", 'p'), ("mode", 'm')], strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let mode = o.value('m').and_then(|m| u32::from_str_radix(m, 8).ok()).unwrap_or(0o755);
    let mut code = 0;
    if o.rest.is_empty() {
        p.err("mkdir: missing operand\nTry 'mkdir --help' for more information.").await;
        return Ok(1);
    }
    for name in &o.rest {
        p.step().await?;
        let path = p.path(name);
        let done = if o.has('p') { parents(p, &path, mode) } else { folder(p, &path, mode) };
        if let Err(why) = done {
            p.err(super::wording::said(
                p,
                format!("mkdir: cannot create directory '{name}': {why}"),
            ))
            .await;
            code = 1;
        }
    }
    Ok(code)
}

fn folder(p: &Process, path: &str, mode: u32) -> Result<(), Errno> {
    p.fs.create(path, Content::Directory, mode, &p.who, p.clock.now())
}

/// Makes a directory and those above it.
pub fn parents(p: &Process, path: &str, mode: u32) -> Result<(), Errno> {
    let mut at = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        at = format!("{at}/{part}");
        match p.fs.stat(&at, &p.who) {
            Ok(node) if node.is_directory() => {}
            Ok(_) => return Err(Errno::NotDirectory),
            Err(Errno::Missing) => folder(p, &at, mode)?,
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

pub async fn rmdir(p: &mut Process, argv: &[String]) -> Done {
    let mut code = 0;
    for name in argv[1..].iter().filter(|a| !a.starts_with('-')) {
        let path = p.path(name);
        let why = match p.fs.lstat(&path, &p.who) {
            Err(why) => Some(why),
            Ok(node) if !node.is_directory() => Some(Errno::NotDirectory),
            Ok(_) => p.fs.remove(&path, false, &p.who).err(),
        };
        if let Some(why) = why {
            p.err(format!("rmdir: failed to remove '{name}': {why}")).await;
            code = 1;
        }
    }
    Ok(code)
}

pub async fn rm(p: &mut Process, argv: &[String]) -> Done {
    let long = &[("recursive", 'r'), ("force", 'f'), ("verbose", 'v')];
    let known = Known { letters: "rRfivd", long, strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let deep = o.has('r') || o.has('R');
    if o.rest.is_empty() && !o.has('f') {
        p.err("rm: missing operand\nTry 'rm --help' for more information.").await;
        return Ok(1);
    }
    let mut code = 0;
    for name in &o.rest {
        p.step().await?;
        let path = p.path(name);
        let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or("");
        if deep && crate::sim::shell::fs::absolute("/", &path) == "/" {
            p.err("rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe").await;
            return Ok(1);
        }
        if matches!(last, "." | "..") {
            let why = format!("rm: refusing to remove '.' or '..' directory: skipping '{name}'");
            p.err(why).await;
            code = 1;
            continue;
        }
        let why = match p.fs.lstat(&path, &p.who) {
            Err(Errno::Missing) if o.has('f') => continue,
            Err(why) => why,
            Ok(node) if node.is_directory() && !deep => Errno::IsDirectory,
            Ok(_) => match p.fs.remove(&path, deep, &p.who) {
                Ok(()) if o.has('v') => {
                    p.out(format!("removed '{name}'\n")).await?;
                    continue;
                }
                Ok(()) => continue,
                Err(why) => why,
            },
        };
        p.err(super::wording::said(p, format!("rm: cannot remove '{name}': {why}"))).await;
        code = 1;
    }
    Ok(code)
}

pub async fn touch(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("acmd:t:r:")).await else { return Ok(1) };
    let (mut code, now) = (0, p.clock.now());
    for name in &o.rest {
        p.step().await?;
        let path = p.path(name);
        let done = match p.fs.stat(&path, &p.who) {
            Ok(_) if p.fs.may(&path, &p.who, 2) => {
                match p.fs.change(&path, &p.who, |node| node.changed = now) {
                    // Who may write may also touch.
                    Err(Errno::NotPermitted) => p.fs.write(&path, b"", true, &p.who, now),
                    other => other,
                }
            }
            Ok(_) => Err(Errno::Denied),
            Err(Errno::Missing) if o.has('c') => Ok(()),
            Err(Errno::Missing) => p.fs.write(&path, b"", true, &p.who, now),
            Err(why) => Err(why),
        };
        if let Err(why) = done {
            p.err(super::wording::said(p, format!("touch: cannot touch '{name}': {why}"))).await;
            code = 1;
        }
    }
    Ok(code)
}

/// Sources and where each goes: the last argument, or a place inside it when it is a directory.
async fn targets(p: &Process, name: &str, files: &[String]) -> Option<Vec<(String, String)>> {
    let Some((last, sources)) = files.split_last().filter(|(_, s)| !s.is_empty()) else {
        let what = if files.is_empty() {
            "missing file operand".to_owned()
        } else {
            format!("missing destination file operand after '{}'", files[0])
        };
        p.err(format!("{name}: {what}\nTry '{name} --help' for more information.")).await;
        return None;
    };
    let inside = p.fs.stat(&p.path(last), &p.who).is_ok_and(|n| n.is_directory());
    if sources.len() > 1 && !inside {
        p.err(format!("{name}: target '{last}': Not a directory")).await;
        return None;
    }
    let place = |source: &String| match inside {
        true => format!("{}/{}", last.trim_end_matches('/'), split(source).1),
        false => last.clone(),
    };
    Some(sources.iter().map(|s| (s.clone(), place(s))).collect())
}

pub async fn cp(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "rRafpvLPdm:i", long: &[("recursive", 'r')], strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let name = own(argv);
    let Some(pairs) = targets(p, name, &o.rest).await else { return Ok(1) };
    let deep = o.has('r') || o.has('R') || o.has('a');
    let mut code = 0;
    for (from, to) in pairs {
        p.step().await?;
        let source = p.path(&from);
        let node = match p.fs.stat(&source, &p.who) {
            Ok(node) => node,
            Err(why) => {
                p.err(super::wording::said(p, format!("{name}: cannot stat '{from}': {why}")))
                    .await;
                code = 1;
                continue;
            }
        };
        if node.is_directory() && !deep {
            p.err(format!("{name}: -r not specified; omitting directory '{from}'")).await;
            code = 1;
            continue;
        }
        if let Err(why) = copy(p, &source, &p.path(&to), &node, deep) {
            p.err(super::wording::said(
                p,
                format!("{name}: cannot create regular file '{to}': {why}"),
            ))
            .await;
            code = 1;
        }
    }
    Ok(code)
}

fn copy(p: &Process, from: &str, to: &str, node: &Node, deep: bool) -> Result<(), Errno> {
    let all = if deep { p.fs.walk(from, &p.who)? } else { vec![(String::new(), node.clone())] };
    if deep && format!("{to}/").starts_with(&format!("{from}/")) {
        return Err(Errno::Invalid);
    }
    let now = p.clock.now();
    for (rest, node) in all {
        let place = format!("{to}{rest}");
        let done = match &node.content {
            Content::File(_) => {
                let bytes = p.fs.read(&format!("{from}{rest}"), &p.who)?;
                p.fs.write(&place, &bytes, false, &p.who, now)?;
                p.fs.change(&place, &p.who, |new| new.mode = node.mode & 0o777 | 0o200)
            }
            other => p.fs.create(&place, other.clone(), node.mode, &p.who, now),
        };
        match done {
            Err(Errno::Exists | Errno::NotPermitted) => {}
            other => other?,
        }
    }
    Ok(())
}

pub async fn mv(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("fivnT")).await else { return Ok(1) };
    let Some(pairs) = targets(p, "mv", &o.rest).await else { return Ok(1) };
    let mut code = 0;
    for (from, to) in pairs {
        p.step().await?;
        if let Err(why) = p.fs.lstat(&p.path(&from), &p.who) {
            p.err(super::wording::said(p, format!("mv: cannot stat '{from}': {why}"))).await;
            code = 1;
        } else if let Err(why) = p.fs.rename(&p.path(&from), &p.path(&to), &p.who) {
            p.err(super::wording::said(p, format!("mv: cannot move '{from}' to '{to}': {why}")))
                .await;
            code = 1;
        }
    }
    Ok(code)
}

pub async fn ln(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("sfnvr")).await else { return Ok(1) };
    let (target, link) = match o.rest.as_slice() {
        [target] => (target.clone(), split(target).1.to_owned()),
        [target, link] => (target.clone(), link.clone()),
        _ => {
            p.err("ln: missing file operand\nTry 'ln --help' for more information.").await;
            return Ok(1);
        }
    };
    let mut path = p.path(&link);
    if !o.has('n') && p.fs.stat(&path, &p.who).is_ok_and(|n| n.is_directory()) {
        path = format!("{}/{}", path.trim_end_matches('/'), split(&target).1);
    }
    if o.has('f') {
        // What is not there need not go.
        let _ = p.fs.remove(&path, false, &p.who);
    }
    let now = p.clock.now();
    let done = if o.has('s') {
        p.fs.create(&path, Content::Link(target), 0o777, &p.who, now)
    } else {
        // A hard link is a copy here: nobody counts links.
        p.fs.stat(&p.path(&target), &p.who)
            .and_then(|node| p.fs.create(&path, node.content, node.mode, &p.who, now))
    };
    if let Err(why) = done {
        let kind = if o.has('s') { "symbolic" } else { "hard" };
        p.err(format!("ln: failed to create {kind} link '{link}': {why}")).await;
        return Ok(1);
    }
    Ok(0)
}

/// The mode after `u+x,g=rw` or `755`.
fn new_mode(spec: &str, old: u32, folder: bool) -> Option<u32> {
    if spec.bytes().all(|b| b.is_ascii_digit()) {
        return u32::from_str_radix(spec, 8).ok().filter(|m| *m <= 0o7777);
    }
    spec.split(',').try_fold(old, |mode, part| {
        let at = part.find(['+', '-', '='])?;
        let who = part[..at].chars().fold(0, |mask, c| {
            mask | match c {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                _ => 0o777,
            }
        });
        let who = if at == 0 { 0o777 } else { who };
        let bits = part[at + 1..].chars().try_fold(0, |bits, c| {
            Some(
                bits | match c {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if folder || old & 0o111 != 0 => 0o111,
                    'X' | 's' | 't' => 0,
                    _ => return None,
                },
            )
        })?;
        Some(match &part[at..=at] {
            "+" => mode | (bits & who),
            "-" => mode & !(bits & who),
            _ => (mode & !who) | (bits & who),
        })
    })
}

pub async fn chmod(p: &mut Process, argv: &[String]) -> Done {
    let flag = |a: &&String| ["-R", "-v", "-f", "--recursive"].contains(&a.as_str());
    let deep = argv.iter().any(|a| a == "-R" || a == "--recursive");
    let mut rest = argv[1..].iter().filter(|a| !flag(a));
    let (Some(spec), files) = (rest.next(), rest.collect::<Vec<_>>()) else { return Ok(1) };
    if files.is_empty() {
        p.err(format!(
            "chmod: missing operand after '{spec}'\nTry 'chmod --help' for more information."
        ))
        .await;
        return Ok(1);
    }
    if new_mode(spec, 0, false).is_none() {
        p.err(format!("chmod: invalid mode: '{spec}'\nTry 'chmod --help' for more information."))
            .await;
        return Ok(1);
    }
    change(p, "chmod", &files, deep, |node| {
        node.mode = new_mode(spec, node.mode, node.is_directory()).unwrap_or(node.mode);
    })
    .await
}

pub async fn chown(p: &mut Process, argv: &[String]) -> Done {
    let name = own(argv);
    let deep = argv.iter().any(|a| a == "-R");
    let mut rest = argv[1..].iter().filter(|a| !a.starts_with('-'));
    let Some(spec) = rest.next() else {
        p.err(format!("{name}: missing operand\nTry '{name} --help' for more information.")).await;
        return Ok(1);
    };
    let files: Vec<&String> = rest.collect();
    let (user, group) = match name {
        "chgrp" => ("", spec.as_str()),
        _ => spec.split_once(':').unwrap_or((spec, "")),
    };
    let id = |text: &str| match text {
        "" => Some(None),
        "root" => Some(Some(0)),
        other => other.parse().ok().map(Some),
    };
    let (Some(user), Some(group)) = (id(user), id(group)) else {
        p.err(format!("{name}: invalid user: '{spec}'")).await;
        return Ok(1);
    };
    if p.who.uid != 0 && user.is_some_and(|u: u32| u != p.who.uid) {
        for file in &files {
            p.err(format!("chown: changing ownership of '{file}': {}", Errno::NotPermitted)).await;
        }
        return Ok(1);
    }
    change(p, name, &files, deep, |node| {
        node.uid = user.unwrap_or(node.uid);
        node.gid = group.unwrap_or(node.gid);
    })
    .await
}

async fn change(
    p: &Process,
    name: &str,
    files: &[&String],
    deep: bool,
    edit: impl Fn(&mut Node),
) -> Done {
    let mut code = 0;
    for file in files {
        p.step().await?;
        let path = p.path(file);
        let all = match deep {
            true => p.fs.walk(&path, &p.who),
            false => p.fs.stat(&path, &p.who).map(|node| vec![(String::new(), node)]),
        };
        let all = match all {
            Ok(all) => all,
            Err(why) => {
                p.err(super::wording::said(p, format!("{name}: cannot access '{file}': {why}")))
                    .await;
                code = 1;
                continue;
            }
        };
        for (rest, _) in all {
            if let Err(why) = p.fs.change(&format!("{path}{rest}"), &p.who, &edit) {
                let what = if name == "chmod" { "permissions" } else { "ownership" };
                p.err(format!("{name}: changing {what} of '{file}{rest}': {why}")).await;
                code = 1;
            }
        }
    }
    Ok(code)
}

pub async fn readlink(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("femnqsvzP")).await else { return Ok(1) };
    let full = own(argv) == "realpath" || ['f', 'e', 'm'].iter().any(|letter| o.has(*letter));
    let end = match (o.has('z'), o.has('n') && o.rest.len() == 1) {
        (true, _) => "\0",
        (false, true) => "",
        (false, false) => "\n",
    };
    let mut code = 0;
    for name in &o.rest {
        let path = p.path(name);
        let shown = if full {
            p.fs.real(&path, &p.who).ok()
        } else {
            match p.fs.lstat(&path, &p.who).map(|n| n.content) {
                Ok(Content::Link(to)) => Some(to),
                _ => None,
            }
        };
        match shown {
            Some(shown) => p.out(format!("{shown}{end}")).await?,
            None => code = 1,
        }
    }
    Ok(code)
}

pub async fn mktemp(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("dqtp:u")).await else { return Ok(1) };
    let given = o.rest.first().cloned();
    let template = given.clone().unwrap_or_else(|| "tmp.XXXXXXXXXX".into());
    let marks = template.chars().rev().take_while(|c| *c == 'X').count();
    if marks < 3 {
        p.err(format!("mktemp: too few X's in template '{template}'")).await;
        return Ok(1);
    }
    let alphabet = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut state = p.budget_chance();
    let mut letter = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        alphabet[(state >> 33) as usize % alphabet.len()] as char
    };
    let tail: String = (0..marks).map(|_| letter()).collect();
    let name = format!("{}{tail}", &template[..template.len() - marks]);
    let folder = o.value('p').unwrap_or(p.var("TMPDIR").unwrap_or("/tmp"));
    let path =
        if given.is_some() && !o.has('t') { p.path(&name) } else { format!("{folder}/{name}") };
    let (content, mode) = match o.has('d') {
        true => (Content::Directory, 0o700),
        false => (Content::File(Default::default()), 0o600),
    };
    match p.fs.create(&path, content, mode, &p.who, p.clock.now()) {
        Ok(()) => {
            p.out(format!("{}\n", if given.is_some() && !o.has('t') { name } else { path })).await?
        }
        Err(why) => {
            p.err(format!("mktemp: failed to create file via template '{path}': {why}")).await;
            return Ok(1);
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_or_symbolic() {
        let rows = [
            ("755", 0o644, Some(0o755)),
            ("+x", 0o644, Some(0o755)),
            ("u+x", 0o644, Some(0o744)),
            ("go-r", 0o644, Some(0o600)),
            ("a=r,u+w", 0o777, Some(0o644)),
            ("999", 0, None),
            ("u?x", 0, None),
        ];
        for (spec, old, new) in rows {
            assert_eq!(new_mode(spec, old, false), new, "{spec}");
        }
    }
}
