//! Redirections: files, descriptors and here-documents in the place of the three streams.

use super::{
    ast::{Action, Redirect},
    expand,
    fs::{Content, Device, Errno},
    io::{Input, OpenFile, Output},
    process::{Dialect, Process, Stop},
};
use std::sync::Arc;

/// Applies redirections in order. The error is `Ok` when a message was written and the command
/// just fails.
///
/// # Errors
/// A file that cannot be opened.
pub async fn apply(p: &mut Process, redirects: &[Redirect]) -> Result<(), Result<(), Stop>> {
    for redirect in redirects {
        let target = expand::text(p, &redirect.target).await.map_err(Err)?;
        one(p, redirect, &target).await?;
    }
    Ok(())
}

async fn one(p: &mut Process, redirect: &Redirect, target: &str) -> Result<(), Result<(), Stop>> {
    let opened = match redirect.action {
        Action::Text => {
            p.stdin = Input::text(target.as_bytes());
            Ok(())
        }
        Action::Read => match source(p, target) {
            Ok(input) => {
                p.stdin = input;
                Ok(())
            }
            Err(why) => Err(why),
        },
        Action::Write | Action::Append => {
            let append = redirect.action == Action::Append;
            match sink(p, target, append) {
                Ok(output) => {
                    set(p, redirect.fd.unwrap_or(1), output);
                    Ok(())
                }
                Err(why) => Err(why),
            }
        }
        Action::Both | Action::BothAppend => {
            match sink(p, target, redirect.action == Action::BothAppend) {
                Ok(output) => {
                    p.stdout = output.clone();
                    p.stderr = output;
                    Ok(())
                }
                Err(why) => Err(why),
            }
        }
        Action::Duplicate => return duplicate(p, redirect.fd.unwrap_or(1), target).await,
    };
    match opened {
        Ok(()) => Ok(()),
        Err(why) => {
            p.say(unopened(p.dialect, redirect.action == Action::Read, target, why)).await;
            Err(Ok(()))
        }
    }
}

/// What a shell says of a file it cannot open.
fn unopened(dialect: Dialect, reading: bool, target: &str, why: Errno) -> String {
    let missing = why == Errno::Missing;
    match (dialect, reading) {
        (Dialect::Bash, _) => format!("{target}: {why}"),
        (Dialect::Busybox, true) if missing => format!("can't open {target}: no such file"),
        (Dialect::Busybox, true) => format!("can't open {target}: {why}"),
        (Dialect::Busybox, false) if missing => {
            format!("can't create {target}: nonexistent directory")
        }
        (Dialect::Busybox, false) => format!("can't create {target}: {why}"),
        (Dialect::Dash, true) if missing => format!("cannot open {target}: No such file"),
        (Dialect::Dash, true) => format!("cannot open {target}: {why}"),
        (Dialect::Dash, false) if missing => {
            format!("cannot create {target}: Directory nonexistent")
        }
        (Dialect::Dash, false) => format!("cannot create {target}: {why}"),
    }
}

fn set(p: &mut Process, fd: u32, output: Output) {
    match fd {
        1 => p.stdout = output,
        2 => p.stderr = output,
        // Descriptors beyond the three streams are opened, and nothing more.
        _ => {}
    }
}

async fn duplicate(p: &mut Process, fd: u32, target: &str) -> Result<(), Result<(), Stop>> {
    let from = match (fd, target) {
        (0, "-") => {
            p.stdin = Input::empty();
            return Ok(());
        }
        (_, "-") => Output::Null,
        (0, _) => return Ok(()),
        (_, "1") => p.stdout.clone(),
        (_, "2") => p.stderr.clone(),
        (1, file) if file.parse::<u32>().is_err() => {
            // `>& file` is `&> file`.
            let Ok(output) = sink(p, file, false) else {
                p.say(format!("{file}: {}", Errno::Denied)).await;
                return Err(Ok(()));
            };
            p.stderr = output.clone();
            output
        }
        _ => {
            p.say(format!("{target}: Bad file descriptor")).await;
            return Err(Ok(()));
        }
    };
    set(p, fd, from);
    Ok(())
}

/// Opens a path for reading.
///
/// # Errors
/// It is not there, or not to be read.
pub fn source(p: &Process, target: &str) -> Result<Input, Errno> {
    let path = p.path(target);
    let node = p.fs.stat(&path, &p.who)?;
    match node.content {
        Content::Device(Device::Input) => Ok(p.stdin.clone()),
        Content::Device(Device::Zero | Device::Full) => Ok(Input::zero()),
        Content::Device(Device::Random) => Ok(Input::text(&chance(p))),
        Content::Directory => Err(Errno::IsDirectory),
        _ => Ok(Input::text(&p.fs.read(&path, &p.who)?)),
    }
}

/// Bytes that look like chance: what a device gives before it is closed.
fn chance(p: &Process) -> Vec<u8> {
    let mut state = p.budget_chance() | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..256 << 10).map(|_| next()).collect()
}

/// Opens a path for writing.
///
/// # Errors
/// It is a directory, or not to be written.
pub fn sink(p: &Process, target: &str, append: bool) -> Result<Output, Errno> {
    if target.is_empty() {
        return Err(Errno::Missing);
    }
    let path = p.path(target);
    if let Ok(node) = p.fs.stat(&path, &p.who)
        && let Content::Device(device) = node.content
    {
        return Ok(match device {
            Device::Output => p.stdout.clone(),
            Device::Errors => p.stderr.clone(),
            Device::Full => Output::Full,
            _ => Output::Null,
        });
    }
    p.fs.write(&path, b"", append, &p.who, p.clock.now())?;
    let (fs, who, clock) = (p.fs.clone(), p.who.clone(), Arc::clone(&p.clock));
    Ok(Output::File(Arc::new(OpenFile { fs, path, who, clock })))
}
