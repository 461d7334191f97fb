//! Commands that run other commands, or say where they are.

use super::{options, own};
use crate::sim::shell::{
    call,
    options::Known,
    process::{Done, Process, Variable},
    words,
};

pub async fn env(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "iu:", long: &[("ignore-environment", 'i')], strict: true };
    let Some(o) = options(p, argv, &known).await else { return Ok(125) };
    let mut child = p.fork()?;
    if o.has('i') {
        child.vars.clear();
    }
    for name in o.values('u') {
        child.vars.remove(name);
    }
    let mut rest = o.rest.as_slice();
    while let Some((name, value)) = rest.first().and_then(|w| w.split_once('=')) {
        let variable = Variable { value: value.into(), exported: true, read_only: false };
        child.vars.insert(name.to_owned(), variable);
        rest = &rest[1..];
    }
    if rest.is_empty() {
        for line in child.environment() {
            p.out(line + "\n").await?;
        }
        return Ok(0);
    }
    if child.which(&rest[0]).is_none() {
        p.err(format!("env: '{}': No such file or directory", rest[0])).await;
        return Ok(127);
    }
    call::external(&mut child, rest).await
}

pub async fn printenv(p: &mut Process, argv: &[String]) -> Done {
    if argv.len() == 1 {
        for line in p.environment() {
            p.out(line + "\n").await?;
        }
        return Ok(0);
    }
    let mut code = 0;
    for name in &argv[1..] {
        match p.vars.get(name).filter(|v| v.exported) {
            Some(v) => p.out(format!("{}\n", v.value)).await?,
            None => code = 1,
        }
    }
    Ok(code)
}

pub async fn which(p: &mut Process, argv: &[String]) -> Done {
    let mut code = 0;
    for name in argv[1..].iter().filter(|a| !a.starts_with('-')) {
        match p.which(name) {
            Some(path) => p.out(format!("{path}\n")).await?,
            None => {
                let path = p.var("PATH").unwrap_or("").to_owned();
                p.err(format!("{}: no {name} in ({path})", own(argv))).await;
                code = 1;
            }
        }
    }
    Ok(code)
}

pub async fn xargs(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "n:I:0rtP:d:L:", long: &[("null", '0')], strict: true };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let bytes = p.stdin.all(crate::sim::shell::io::LARGEST).await?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let items: Vec<String> = if o.has('0') {
        text.split('\0').filter(|t| !t.is_empty()).map(str::to_owned).collect()
    } else if o.has('I') || o.has('d') || o.has('L') {
        text.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned).collect()
    } else {
        words::quoted(&text)
    };
    let echo = ["echo".to_owned()];
    let command = if o.rest.is_empty() { &echo[..] } else { &o.rest };
    if items.is_empty() && (o.has('r') || o.has('I')) {
        return Ok(0);
    }
    let mut calls = Vec::new();
    if let Some(mark) = o.value('I') {
        for item in &items {
            calls.push(command.iter().map(|w| w.replace(mark, item)).collect::<Vec<_>>());
        }
    } else {
        let size = o.value('n').or(o.value('L')).and_then(|n| n.parse().ok()).unwrap_or(5000);
        let mut chunks: Vec<&[String]> = items.chunks(std::cmp::max(size, 1)).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        calls.extend(chunks.into_iter().map(|c| [command, c].concat()));
    }
    let mut code = 0;
    for call in calls {
        p.step().await?;
        match call::external(p, &call).await? {
            0 => {}
            127 => return Ok(127),
            255 => return Ok(124),
            _ => code = 123,
        }
    }
    Ok(code)
}

/// Another root: `chroot /host` is how an administrator reaches a node's own files and programs.
pub async fn chroot(p: &mut Process, argv: &[String]) -> Done {
    let Some(root) = argv.get(1) else {
        p.err("chroot: missing operand\nTry 'chroot --help' for more information.").await;
        return Ok(125);
    };
    if p.who.uid != 0 {
        p.err(format!("chroot: cannot change root directory to '{root}': Operation not permitted"))
            .await;
        return Ok(125);
    }
    let mut child = p.fork()?;
    child.fs = match p.fs.rooted(&p.path(root), &p.who) {
        Ok(fs) => fs,
        Err(why) => {
            p.err(format!("chroot: cannot change root directory to '{root}': {why}")).await;
            return Ok(125);
        }
    };
    child.cwd = "/".into();
    child.set("PWD", "/");
    let shell = vec![p.var("SHELL").unwrap_or("/bin/sh").to_owned(), "-i".to_owned()];
    let command = if argv.len() > 2 { &argv[2..] } else { &shell };
    if child.which(&command[0]).is_none() {
        p.err(format!("chroot: failed to run command '{}': No such file or directory", command[0]))
            .await;
        return Ok(127);
    }
    call::external(&mut child, command).await
}
