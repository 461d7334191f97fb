//! `tar`: makes and reads archives in memory, which is what copying files in and out needs.
//! The format is left to the `tar` crate, used on byte slices only.

use super::gzip::{packed, unpacked};
use crate::sim::shell::{
    fs::{Content, Errno, absolute},
    pattern::Pattern,
    process::{Done, Process},
};
use std::io::Read;

/// Largest archive that is read or made.
const LARGEST: usize = 64 << 20;

#[derive(Default)]
struct Call {
    act: char,
    file: Option<String>,
    folder: Option<String>,
    gzip: bool,
    verbose: bool,
    names: Vec<String>,
    excluded: Vec<Pattern>,
    version: bool,
}

fn understand(argv: &[String]) -> Result<Call, String> {
    let mut call = Call::default();
    let mut args = argv[1..].iter();
    let mut first = true;
    while let Some(arg) = args.next() {
        let bundle = first && !arg.starts_with('-');
        first = false;
        let letters = match arg.strip_prefix("--") {
            Some("create") => "c",
            Some("extract" | "get") => "x",
            Some("list") => "t",
            Some("gzip") => "z",
            Some("file") => "f",
            Some("directory") => "C",
            Some("version") => {
                call.version = true;
                continue;
            }
            Some(long) if long.starts_with("exclude=") => {
                call.excluded.push(Pattern::of(&long["exclude=".len()..]));
                continue;
            }
            // What changes owners, modes or times is passed over.
            Some(_) => continue,
            None if arg == "-" => {
                call.names.push(arg.clone());
                continue;
            }
            None if bundle => arg.as_str(),
            None => match arg.strip_prefix('-') {
                Some(letters) => letters,
                None => {
                    call.names.push(arg.clone());
                    continue;
                }
            },
        };
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            match letter {
                'c' | 'x' | 't' => call.act = letter,
                'z' => call.gzip = true,
                'v' => call.verbose = true,
                'f' | 'C' => {
                    let inline = rest.as_str().to_owned();
                    // In a bundle the values follow the letters, one argument each.
                    let value = if inline.is_empty() || bundle {
                        args.next().cloned()
                    } else {
                        rest = "".chars();
                        Some(inline)
                    };
                    let value =
                        value.ok_or(format!("option requires an argument -- '{letter}'"))?;
                    if letter == 'f' { call.file = Some(value) } else { call.folder = Some(value) }
                }
                'm' | 'p' | 'o' | 'h' | 'P' => {}
                other => return Err(format!("invalid option -- '{other}'")),
            }
        }
    }
    Ok(call)
}

pub async fn tar(p: &mut Process, argv: &[String]) -> Done {
    let call = match understand(argv) {
        Ok(call) => call,
        Err(why) => {
            p.err(format!("tar: {why}\nTry 'tar --help' or 'tar --usage' for more information."))
                .await;
            return Ok(2);
        }
    };
    if call.version {
        p.out("tar (GNU tar) 1.34\n").await?;
        return Ok(0);
    }
    let mut base = p.fork()?;
    if let Some(folder) = &call.folder {
        let path = p.path(folder);
        if !p.fs.stat(&path, &p.who).is_ok_and(|n| n.is_directory()) {
            let why = p.fs.stat(&path, &p.who).err().unwrap_or(Errno::NotDirectory);
            p.err(format!(
                "tar: {folder}: Cannot open: {why}\ntar: Error is not recoverable: exiting now"
            ))
            .await;
            return Ok(2);
        }
        base.cwd = absolute("/", &path);
    }
    match call.act {
        'c' => create(p, &base, &call).await,
        'x' | 't' => extract(p, &base, &call).await,
        _ => {
            p.err("tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\nTry 'tar --help' or 'tar --usage' for more information.").await;
            Ok(2)
        }
    }
}

/// Whether a pattern fits the path, a folder on its way, or the end of either after a slash.
fn is_excluded(path: &str, patterns: &[Pattern]) -> bool {
    if patterns.is_empty() {
        return false;
    }
    let cuts = || path.match_indices('/').map(|(at, _)| at);
    let ends = cuts().chain([path.len()]);
    let mut tails = ends.flat_map(|end| {
        let starts = cuts().map(|at| at + 1).filter(move |at| *at < end);
        std::iter::once(0).chain(starts).map(move |start| &path[start..end])
    });
    tails.any(|tail| patterns.iter().any(|pattern| pattern.matches(tail)))
}

async fn create(p: &mut Process, base: &Process, call: &Call) -> Done {
    if call.names.is_empty() {
        p.err("tar: Cowardly refusing to create an empty archive\nTry 'tar --help' or 'tar --usage' for more information.").await;
        return Ok(2);
    }
    let mut builder = tar::Builder::new(Vec::new());
    let mut code = 0;
    for name in &call.names {
        if name.starts_with('/') {
            p.err("tar: Removing leading `/' from member names").await;
        }
        let root = base.path(name).trim_end_matches('/').to_owned();
        let all = match base.fs.walk(&root, &base.who) {
            Ok(all) => all,
            Err(why) => {
                p.err(format!("tar: {name}: Cannot stat: {why}")).await;
                code = 2;
                continue;
            }
        };
        for (rest, node) in all {
            p.step().await?;
            let shown = format!("{}{rest}", name.trim_end_matches('/'));
            let inner = shown.trim_start_matches('/');
            if is_excluded(inner, &call.excluded) {
                continue;
            }
            let mut header = tar::Header::new_gnu();
            header.set_mode(node.mode);
            header.set_uid(node.uid.into());
            header.set_gid(node.gid.into());
            header.set_mtime(node.changed.as_second().max(0) as u64);
            header.set_size(0);
            let added = match &node.content {
                Content::Directory => {
                    header.set_entry_type(tar::EntryType::Directory);
                    builder.append_data(&mut header, format!("{inner}/"), &[][..])
                }
                Content::Link(to) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    builder.append_link(&mut header, inner, to)
                }
                Content::Device(_) => continue,
                _ => match base.fs.read(&format!("{root}{rest}"), &base.who) {
                    Ok(bytes) => {
                        p.budget.spend(bytes.len() / 256 + 1)?;
                        header.set_size(bytes.len() as u64);
                        builder.append_data(&mut header, inner, &bytes[..])
                    }
                    Err(why) => {
                        p.err(format!("tar: {shown}: Cannot open: {why}")).await;
                        code = 2;
                        continue;
                    }
                },
            };
            if added.is_err() || builder.get_ref().len() > LARGEST {
                p.err(format!("tar: {shown}: Cannot write: {}", Errno::NoSpace)).await;
                return Ok(2);
            }
            if call.verbose {
                p.err(&shown).await;
            }
        }
    }
    // Writing to memory does not fail.
    let mut bytes = builder.into_inner().unwrap_or_default();
    if call.gzip {
        bytes = packed(&bytes);
    }
    match call.file.as_deref() {
        None | Some("-") => p.out(bytes).await?,
        Some(file) => {
            if let Err(why) = p.fs.write(&p.path(file), &bytes, false, &p.who, p.clock.now()) {
                p.err(format!(
                    "tar: {file}: Cannot open: {why}\ntar: Error is not recoverable: exiting now"
                ))
                .await;
                return Ok(2);
            }
        }
    }
    if code != 0 {
        p.err("tar: Exiting with failure status due to previous errors").await;
    }
    Ok(code)
}

async fn extract(p: &mut Process, base: &Process, call: &Call) -> Done {
    let bytes = match call.file.as_deref() {
        None | Some("-") => p.stdin.all(LARGEST).await?,
        Some(file) => {
            match p.fs.read(&p.path(file), &p.who) {
                Ok(bytes) => bytes.to_vec(),
                Err(why) => {
                    p.err(format!("tar: {file}: Cannot open: {why}\ntar: Error is not recoverable: exiting now")).await;
                    return Ok(2);
                }
            }
        }
    };
    let bytes = if call.gzip || bytes.starts_with(&[0x1f, 0x8b]) {
        let Some(plain) = unpacked(&bytes, LARGEST) else {
            p.err("gzip: stdin: not in gzip format\ntar: Child returned status 1").await;
            return Ok(2);
        };
        plain
    } else {
        bytes
    };
    let members = match members(&bytes) {
        Ok(members) => members,
        Err(()) => {
            p.err("tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors").await;
            return Ok(2);
        }
    };
    let mut code = 0;
    for member in members {
        p.step().await?;
        let named = |n: &String| {
            let n = n.trim_end_matches('/');
            member.name == n || member.name.starts_with(&format!("{n}/"))
        };
        if !call.names.is_empty() && !call.names.iter().any(named) {
            continue;
        }
        if call.act == 't' || call.verbose {
            let slash = if member.content == Content::Directory { "/" } else { "" };
            p.out(format!("{}{slash}\n", member.name)).await?;
        }
        if call.act == 't' {
            continue;
        }
        if let Err(why) = put(base, &member) {
            p.err(format!("tar: {}: Cannot open: {why}", member.name)).await;
            code = 2;
        }
    }
    if code != 0 {
        p.err("tar: Exiting with failure status due to previous errors").await;
    }
    Ok(code)
}

struct Member {
    name: String,
    mode: u32,
    content: Content,
}

/// Members an archive may have.
const MOST: usize = 20_000;

fn members(bytes: &[u8]) -> Result<Vec<Member>, ()> {
    let mut archive = tar::Archive::new(bytes);
    let mut found = Vec::new();
    for entry in archive.entries().map_err(drop)? {
        let mut entry = entry.map_err(drop)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_end_matches('/').to_owned();
        let mode = entry.header().mode().unwrap_or(0o644) & 0o7777;
        let content = match entry.header().entry_type() {
            tar::EntryType::Directory => Content::Directory,
            tar::EntryType::Symlink | tar::EntryType::Link => {
                let to = entry.link_name_bytes().map(|b| String::from_utf8_lossy(&b).into_owned());
                Content::Link(to.unwrap_or_default())
            }
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                let mut data = Vec::new();
                entry.read_to_end(&mut data).map_err(drop)?;
                Content::File(data.into())
            }
            _ => continue,
        };
        found.push(Member { name, mode, content });
        if found.len() > MOST {
            return Err(());
        }
    }
    Ok(found)
}

/// Puts a member below the directory; names that lead out of it are refused.
fn put(p: &Process, member: &Member) -> Result<(), Errno> {
    let inner = member.name.trim_start_matches('/');
    if inner.split('/').any(|part| part == "..") {
        return Err(Errno::NotPermitted);
    }
    let path = absolute(&p.cwd, inner);
    let now = p.clock.now();
    super::files::parents(p, crate::sim::shell::fs::split(&path).0, 0o755)?;
    match &member.content {
        Content::Directory => {
            match p.fs.create(&path, Content::Directory, member.mode, &p.who, now) {
                Err(Errno::Exists) => Ok(()),
                other => other,
            }
        }
        Content::File(bytes) => {
            p.fs.write(&path, bytes, false, &p.who, now)?;
            match p.fs.change(&path, &p.who, |n| n.mode = member.mode) {
                Err(Errno::NotPermitted) => Ok(()),
                other => other,
            }
        }
        other => {
            // A link takes the place of what was there.
            let _ = p.fs.remove(&path, false, &p.who);
            p.fs.create(&path, other.clone(), 0o777, &p.who, now)
        }
    }
}
