//! Commands that show files: `ls`, `stat`, `du`, `df`, `mount`.

use super::{human, options, users};
use crate::sim::shell::{
    fs::{Content, Node, split},
    options::{Known, Options},
    process::{Done, Process, Stop},
};
use jiff::Timestamp;

const LS: Known = Known {
    letters: "1aAldhrtSRFiQpnogkLZCx",
    long: &[("all", 'a'), ("almost-all", 'A'), ("color", '1'), ("recursive", 'R')],
    strict: false,
};

pub async fn ls(p: &mut Process, argv: &[String]) -> Done {
    // `--color=auto` changes nothing here.
    let plain: Vec<String> = argv.iter().filter(|a| !a.starts_with("--color")).cloned().collect();
    let Some(o) = options(p, &plain, &LS).await else { return Ok(2) };
    let here = [".".to_owned()];
    let names = if o.rest.is_empty() { &here[..] } else { &o.rest };
    let (mut files, mut folders, mut code) = (Vec::new(), Vec::new(), 0);
    for name in names {
        let path = p.path(name);
        let long = o.has('l') && !name.ends_with('/');
        let node = match p.fs.lstat(&path, &p.who) {
            Ok(node) if matches!(node.content, Content::Link(_)) && !long => {
                p.fs.stat(&path, &p.who).unwrap_or(node)
            }
            Ok(node) => node,
            Err(why) => {
                p.err(super::wording::said(p, format!("ls: cannot access '{name}': {why}"))).await;
                code = 2;
                continue;
            }
        };
        if node.is_directory() && !o.has('d') {
            folders.push((name.clone(), path));
        } else {
            files.push((name.clone(), node));
        }
    }
    let mut first = files.is_empty();
    show(p, &o, files).await?;
    let titled = names.len() > 1 || o.has('R');
    folders.reverse();
    while let Some((name, path)) = folders.pop() {
        p.step().await?;
        let list = match p.fs.list(&path, &p.who) {
            Ok(list) => list,
            Err(why) => {
                p.err(super::wording::said(
                    p,
                    format!("ls: cannot open directory '{name}': {why}"),
                ))
                .await;
                code = 2;
                continue;
            }
        };
        if titled {
            p.out(format!("{}{name}:\n", if first { "" } else { "\n" })).await?;
        }
        first = false;
        let mut shown: Vec<(String, Node)> = Vec::new();
        if o.has('a') {
            let own = |path: &str| p.fs.stat(path, &p.who).unwrap_or_else(|_| Node::directory());
            shown.push((".".into(), own(&path)));
            shown.push(("..".into(), own(split(&path).0)));
        }
        let all = o.has('a') || o.has('A');
        shown.extend(list.into_iter().filter(|(n, _)| all || !n.starts_with('.')));
        if o.has('R') {
            let inner =
                shown.iter().filter(|(n, node)| node.is_directory() && n != "." && n != "..");
            let deeper: Vec<(String, String)> = inner
                .map(|(n, _)| {
                    let base = name.trim_end_matches('/');
                    (format!("{base}/{n}"), format!("{}/{n}", path.trim_end_matches('/')))
                })
                .collect();
            folders.extend(deeper.into_iter().rev());
        }
        if o.has('l') || o.has('n') || o.has('o') || o.has('g') {
            let blocks: usize = shown.iter().map(|(_, n)| n.size().div_ceil(4096) * 4).sum();
            let total = if o.has('h') { human(blocks as u64 * 1024) } else { blocks.to_string() };
            p.out(format!("total {total}\n")).await?;
        }
        show(p, &o, shown).await?;
    }
    Ok(code)
}

async fn show(p: &Process, o: &Options, mut files: Vec<(String, Node)>) -> Result<(), Stop> {
    if files.is_empty() {
        return Ok(());
    }
    match o.last("tS") {
        Some('t') => files.sort_by_key(|(_, n)| std::cmp::Reverse(n.changed)),
        Some(_) => files.sort_by_key(|(_, n)| std::cmp::Reverse(n.size())),
        None => files.sort_by_key(|(n, _)| (n.trim_start_matches('.').to_lowercase(), n.clone())),
    }
    if o.has('r') {
        files.reverse();
    }
    let mark = |name: &str, node: &Node| {
        let sign = match &node.content {
            Content::Directory if o.has('F') || o.has('p') => "/",
            Content::Link(_) if o.has('F') => "@",
            Content::File(_) | Content::Program(_) if o.has('F') && node.mode & 0o111 != 0 => "*",
            _ => "",
        };
        format!("{name}{sign}")
    };
    if !(o.has('l') || o.has('n') || o.has('o') || o.has('g')) {
        let names: Vec<String> = files.iter().map(|(name, node)| mark(name, node)).collect();
        let width = p.terminal.as_ref().filter(|_| p.stdout.is_terminal() && !o.has('1'));
        let text = match width {
            Some(terminal) => columns(&names, usize::from(terminal.size().0)),
            None => names.iter().map(|n| format!("{n}\n")).collect(),
        };
        return p.out(text).await;
    }
    let rows: Vec<[String; 4]> = files.iter().map(|(_, node)| facts(p, o, node)).collect();
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for ((name, node), row) in files.iter().zip(&rows) {
        let arrow = match &node.content {
            Content::Link(to) => format!(" -> {to}"),
            _ => String::new(),
        };
        let links = if node.is_directory() { 2 } else { 1 };
        p.out(format!(
            "{} {links} {:w0$} {:w1$} {:>w2$} {} {}{arrow}\n",
            mode(node),
            row[0],
            row[1],
            row[2],
            row[3],
            mark(name, node),
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
        ))
        .await?;
    }
    Ok(())
}

/// User, group, size and time.
fn facts(p: &Process, o: &Options, node: &Node) -> [String; 4] {
    let name = |found: Option<String>, id: u32| {
        found.filter(|_| !o.has('n')).unwrap_or_else(|| id.to_string())
    };
    let size = node.size() as u64;
    [
        name(users::user_name(p, node.uid), node.uid),
        name(users::group_name(p, node.gid), node.gid),
        if o.has('h') { human(size) } else { size.to_string() },
        time(node.changed, p.clock.now()),
    ]
}

/// Time as `ls -l` shows it: with the hour within half a year, else with the year.
fn time(at: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(at).as_secs();
    let format = if (-3600..15_778_476).contains(&age) { "%b %e %H:%M" } else { "%b %e  %Y" };
    at.strftime(format).to_string()
}

/// `drwxr-xr-x`
pub fn mode(node: &Node) -> String {
    let kind = match node.content {
        Content::Directory => 'd',
        Content::Link(_) => 'l',
        Content::Device(_) => 'c',
        _ => '-',
    };
    let bits = "rwxrwxrwx".chars().enumerate();
    let shown = bits.map(|(i, c)| if node.mode & (0o400 >> i) != 0 { c } else { '-' });
    let mut text: String = std::iter::once(kind).chain(shown).collect();
    for (bit, at, runs) in [(0o4000, 3, 0o100), (0o2000, 6, 0o010)] {
        if node.mode & bit != 0 {
            text.replace_range(at..=at, if node.mode & runs != 0 { "s" } else { "S" });
        }
    }
    if node.mode & 0o1000 != 0 {
        text.replace_range(9.., if node.mode & 1 != 0 { "t" } else { "T" });
    }
    text
}

/// Names in columns, read downwards.
fn columns(names: &[String], width: usize) -> String {
    let length = |n: &String| n.chars().count();
    for rows in 1..=names.len() {
        let widths: Vec<usize> =
            names.chunks(rows).map(|c| c.iter().map(length).max().unwrap_or(0) + 2).collect();
        if widths.iter().sum::<usize>() <= width + 2 || rows == names.len() {
            let line = |row: usize| {
                let cells = names.iter().skip(row).step_by(rows).zip(&widths);
                let text: String = cells.map(|(n, w)| format!("{n:w$}", w = *w)).collect();
                format!("{}\n", text.trim_end())
            };
            return (0..rows).map(line).collect();
        }
    }
    String::new()
}

pub async fn stat(p: &mut Process, argv: &[String]) -> Done {
    let known =
        Known { letters: "c:Lft", long: &[("format", 'c'), ("printf", 'c')], strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let mut code = 0;
    for name in &o.rest {
        let path = p.path(name);
        let found = if o.has('L') { p.fs.stat(&path, &p.who) } else { p.fs.lstat(&path, &p.who) };
        let node = match found {
            Ok(node) => node,
            Err(why) => {
                p.err(super::wording::said(p, format!("stat: cannot statx '{name}': {why}"))).await;
                code = 1;
                continue;
            }
        };
        let user = users::user_name(p, node.uid).unwrap_or_else(|| "UNKNOWN".into());
        let group = users::group_name(p, node.gid).unwrap_or_else(|| "UNKNOWN".into());
        let kind = match &node.content {
            Content::Directory => "directory",
            Content::Link(_) => "symbolic link",
            Content::Device(_) => "character special file",
            _ if node.size() == 0 => "regular empty file",
            _ => "regular file",
        };
        let text = match o.value('c') {
            Some(format) => {
                let values = [
                    ("%a", format!("{:o}", node.mode)),
                    ("%A", mode(&node)),
                    ("%u", node.uid.to_string()),
                    ("%g", node.gid.to_string()),
                    ("%U", user),
                    ("%G", group),
                    ("%s", node.size().to_string()),
                    ("%n", name.clone()),
                    ("%F", kind.to_owned()),
                    ("%Y", node.changed.as_second().to_string()),
                ];
                let fill = |t: String, (from, to): &(&str, String)| t.replace(from, to);
                values.iter().fold(format.to_owned(), fill) + "\n"
            }
            None => {
                let size = node.size();
                let at = node.changed.strftime("%Y-%m-%d %H:%M:%S.%9f %z");
                format!(
                    "  File: {name}\n  Size: {size:<10}\tBlocks: {:<10} IO Block: 4096   {kind}\n\
                     Access: ({:04o}/{})  Uid: ({:5}/{user:>8})   Gid: ({:5}/{group:>8})\n\
                     Access: {at}\nModify: {at}\nChange: {at}\n",
                    size.div_ceil(4096) * 8,
                    node.mode,
                    mode(&node),
                    node.uid,
                    node.gid,
                )
            }
        };
        p.out(text).await?;
    }
    Ok(code)
}

pub async fn du(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "shacd:k", long: &[("max-depth", 'd')], strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let here = [".".to_owned()];
    let names = if o.rest.is_empty() { &here[..] } else { &o.rest };
    let mut code = 0;
    for name in names {
        let all = match p.fs.walk(&p.path(name), &p.who) {
            Ok(all) => all,
            Err(why) => {
                p.err(super::wording::said(p, format!("du: cannot access '{name}': {why}"))).await;
                code = 1;
                continue;
            }
        };
        p.budget.spend(all.len())?;
        let depth = o.value('d').and_then(|d| d.parse().ok());
        let most: usize = if o.has('s') { 0 } else { depth.unwrap_or(usize::MAX) };
        let shown = |(rest, node): &&(String, Node)| {
            let level = rest.matches('/').count();
            level <= most && (node.is_directory() || o.has('a') || level == 0)
        };
        let mut rows: Vec<&(String, Node)> = all.iter().filter(shown).collect();
        rows.reverse();
        for (rest, _) in rows {
            let inside = format!("{rest}/");
            let below = all.iter().filter(|(r, _)| r == rest || r.starts_with(&inside));
            let bytes: usize = below.map(|(_, n)| n.size().div_ceil(4096) * 4096).sum();
            p.budget.spend(all.len() / 16 + 1)?;
            let size = match o.has('h') {
                true => human(bytes as u64),
                false => (bytes / 1024).to_string(),
            };
            p.out(format!("{size}\t{name}{rest}\n")).await?;
        }
    }
    Ok(code)
}

pub async fn df(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "hkTPai", long: &[("human-readable", 'h')], strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let mut rows = vec![[
        "Filesystem".to_owned(),
        if o.has('h') { "Size".into() } else { "1K-blocks".into() },
        "Used".into(),
        if o.has('h') { "Avail".into() } else { "Available".into() },
        "Use%".into(),
        "Mounted on".into(),
    ]];
    let all = p.fs.mounts();
    let mut wanted = Vec::new();
    for name in &o.rest {
        match p.fs.mount_of(&p.path(name), &p.who) {
            Ok(found) => wanted.push(found),
            Err(why) => {
                p.err(format!("df: {name}: {why}")).await;
                return Ok(1);
            }
        }
    }
    let all = all.into_iter().filter(|(_, mount)| mount.kind() != "cgroup2").collect();
    let list = if o.rest.is_empty() { all } else { wanted };
    for (at, mount) in list {
        let (whole, left) = mount.tree.lock().usage().1.state();
        let used = whole - left;
        let show = |n: usize| if o.has('h') { human(n as u64) } else { (n / 1024).to_string() };
        let percent = (used * 100).div_ceil(whole.max(1));
        let source = mount.source.clone();
        rows.push([source, show(whole), show(used), show(left), format!("{percent}%"), at]);
    }
    // GNU's least widths.
    let least = [14, 5, 5, 5, 4];
    let width = |i: usize| rows.iter().map(|r| r[i].len()).max().unwrap_or(0).max(least[i]);
    let w: Vec<usize> = (0..5).map(width).collect();
    for r in &rows {
        let line = format!(
            "{:w0$} {:>w1$} {:>w2$} {:>w3$} {:>w4$} {}\n",
            r[0],
            r[1],
            r[2],
            r[3],
            r[4],
            r[5],
            w0 = w[0],
            w1 = w[1],
            w2 = w[2],
            w3 = w[3],
            w4 = w[4],
        );
        p.out(line).await?;
    }
    Ok(0)
}

pub async fn mount(p: &mut Process, argv: &[String]) -> Done {
    let kind = match &argv[1..] {
        [flag, kind] if flag == "-t" => Some(kind.as_str()),
        _ => None,
    };
    if argv.len() > 1 && kind.is_none() {
        p.err(format!("mount: {}: must be superuser to use mount.", argv[argv.len() - 1])).await;
        return Ok(32);
    }
    for (at, mount) in p.fs.mounts() {
        let mode = if mount.read_only { "ro" } else { "rw" };
        let of = mount.kind();
        if kind.is_none_or(|kind| kind == of) {
            let source = &mount.source;
            p.out(format!("{source} on {at} type {of} ({mode},relatime,seclabel)\n")).await?;
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_columns() {
        let names: Vec<String> = ["a", "bb", "c", "d"].map(String::from).to_vec();
        assert_eq!(columns(&names, 80), "a  bb  c  d\n");
        assert_eq!(columns(&names, 8), "a   c\nbb  d\n");
    }

    #[test]
    fn modes_are_shown() {
        let mut node = Node::directory();
        assert_eq!(mode(&node), "drwxr-xr-x");
        node.mode = 0o1777;
        assert_eq!(mode(&node), "drwxrwxrwt");
        assert_eq!(mode(&Node::link("x")), "lrwxrwxrwx");
    }
}
