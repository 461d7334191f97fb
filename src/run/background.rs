//! A server in the background: started, looked at, read and stopped by commands.
//!
//! The server holds a lock on a file in its data folder as long as it lives, with its process ID in
//! it; nothing else says that it runs.

use super::kubeconfig::Admin;
use crate::{
    config::{Folder, KUBECONFIG, Start},
    platform,
    world::{Clock, SystemClock, within},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Variable that tells the server that it is to run in the background: the file it holds.
const HELD: &str = "POCKETSHIFT_BACKGROUND";
/// That file, and what the server says, in the data folder.
const RUNNING: &str = "running";
const LOG: &str = "pocketshift.log";
/// Both.
pub const FILES: [&str; 2] = [RUNNING, LOG];

/// How often is looked for what another process does, and how long.
const LOOK: SignedDuration = SignedDuration::from_millis(20);
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// What the server holds while it runs in the background.
pub struct Held(#[expect(dead_code, reason = "held, not read")] Option<File>);

/// Takes the place in the background, if that is where this process is to be.
///
/// # Errors
/// One line for people, when somebody else has it.
pub fn hold() -> Result<Held, String> {
    let Some(path) = std::env::var_os(HELD).map(PathBuf::from) else { return Ok(Held(None)) };
    // Whatever becomes of the terminal it was started from is not its business.
    platform::leave_terminal();
    let shown = path.display();
    let mut file = open(&path).map_err(|e| format!("cannot write {shown}: {e}"))?;
    file.try_lock().map_err(|_| "a server runs in the background already".to_owned())?;
    file.set_len(0)
        .and_then(|()| write!(file, "{}", std::process::id()))
        .map_err(|e| e.to_string())?;
    Ok(Held(Some(file)))
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true);
    platform::private(&mut options).open(path)
}

/// The process that holds a folder's place in the background.
fn running(folder: &Path) -> Option<u32> {
    let mut file = File::options().read(true).write(true).open(folder.join(RUNNING)).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.read_to_string(&mut text).ok()?;
            text.trim().parse().ok()
        }
        _ => None,
    }
}

/// Ends when `look` has an answer, or after a while without one.
async fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = SystemClock;
    let look = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            clock.sleep_until(clock.now().saturating_add(LOOK).unwrap_or(Timestamp::MAX)).await;
        }
    };
    within(&clock, PATIENCE, look).await
}

/// Starts a server in the background and returns when it is ready.
///
/// # Errors
/// One line for people; then none was left behind.
pub async fn start(asked: &Start) -> Result<(), String> {
    let folder = asked.serve.folder.path()?;
    if let Some(pid) = running(&folder) {
        println!("it runs already (process {}); see `pocketshift status`", pid);
        return Ok(());
    }
    let mut server = command(asked, &folder)?;
    let failed = |what: &Path, e: std::io::Error| format!("cannot write {}: {e}", what.display());
    std::fs::create_dir_all(&folder).map_err(|e| failed(&folder, e))?;
    let path = folder.join(LOG);
    let log = open(&path).and_then(|log| log.set_len(0).map(|()| log));
    let log = log.map_err(|e| failed(&path, e))?;
    let errors = log.try_clone().map_err(|e| failed(&path, e))?;
    server.stdin(Stdio::null()).stdout(log).stderr(errors);
    let mut child = server.spawn().map_err(|e| format!("cannot start: {e}"))?;
    let said = until(|| greeting(&path, &mut child)).await;
    match said {
        Some(Ok(text)) => {
            // Nobody may be reading.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(())
        }
        Some(Err(why)) => Err(why),
        None => {
            // It has not come up: nobody would look for it.
            let _ = child.kill();
            Err(format!("it was not ready in time; see {}", path.display()))
        }
    }
}

/// The command that serves with the flags of `start`.
fn command(asked: &Start, folder: &Path) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let mut command = Command::new(program);
    let words = std::env::args_os().skip(2).filter(|word| word != "--set-context");
    command.arg("serve").args(words).env(HELD, folder.join(RUNNING));
    if asked.set_context {
        if asked.serve.kubeconfig.is_some() {
            return Err("say --kubeconfig FILE or --set-context, not both".into());
        }
        command.arg("--kubeconfig").arg(of_user()?);
    } else if asked.serve.in_memory && asked.serve.kubeconfig.is_none() {
        // Where the other commands look for it.
        command.arg("--kubeconfig").arg(folder.join(KUBECONFIG));
    }
    Ok(command)
}

/// The kubeconfig that the user's clients read: the first that `KUBECONFIG` names, or the usual one.
fn of_user() -> Result<PathBuf, String> {
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let first = std::env::split_paths(&named).find(|p| !p.as_os_str().is_empty());
    let usual = || etcetera::home_dir().ok().map(|home| home.join(".kube").join("config"));
    first.or_else(usual).ok_or_else(|| "there is no home folder; say --kubeconfig FILE".into())
}

/// What a server has said when it is ready, or why it ended before.
fn greeting(log: &Path, child: &mut Child) -> Option<Result<String, String>> {
    let ended = child.try_wait().ok()?;
    let text = std::fs::read_to_string(log).ok()?;
    if let Some(at) = text.find("pocketshift ").filter(|_| text.contains("-u kubeadmin")) {
        return Some(Ok(text[at..].to_owned()));
    }
    let last = text.lines().rev().find_map(|line| line.strip_prefix("pocketshift: "));
    ended.map(|status| Err(last.map_or_else(|| format!("it ended: {status}"), str::to_owned)))
}

/// Tells whether a server runs in the background.
///
/// # Errors
/// One line for people, when none does.
pub fn status(folder: &Folder) -> Result<(), String> {
    let folder = folder.path()?;
    let Some(pid) = running(&folder) else { return Err("no server runs in the background".into()) };
    let kubeconfig = folder.join(KUBECONFIG);
    println!("running (process {}), log {}", pid, folder.join(LOG).display());
    if let Ok(admin) = Admin::read(&kubeconfig) {
        println!("kubeconfig {}, registries {}", kubeconfig.display(), admin.registry);
    }
    Ok(())
}

/// Stops the server in the background; returns when it has ended.
///
/// # Errors
/// One line for people.
pub async fn stop(folder: &Folder) -> Result<(), String> {
    let folder = folder.path()?;
    let Some(pid) = running(&folder) else {
        println!("no server runs in the background");
        return Ok(());
    };
    platform::end(pid).map_err(|e| format!("cannot stop process {}: {e}", pid))?;
    let ended = until(|| running(&folder).is_none().then_some(())).await;
    ended.ok_or_else(|| format!("process {} does not end", pid))?;
    println!("stopped");
    Ok(())
}

/// Prints what the server in the background has said, and goes on with it until it ends if asked to.
///
/// # Errors
/// One line for people.
pub async fn logs(folder: &Folder, follow: bool) -> Result<(), String> {
    let folder = folder.path()?;
    let path = folder.join(LOG);
    let mut log = File::open(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let clock = SystemClock;
    loop {
        let runs = running(&folder).is_some();
        // A log that was begun anew is read from its start.
        let (at, size) = (log.stream_position(), log.metadata().map(|m| m.len()));
        if matches!((at, size), (Ok(at), Ok(size)) if at > size) {
            log.rewind().map_err(|e| e.to_string())?;
        }
        let copied = std::io::copy(&mut log, &mut std::io::stdout());
        if copied.is_err() || !follow || !runs {
            return Ok(());
        }
        clock.sleep_until(clock.now().saturating_add(LOOK).unwrap_or(Timestamp::MAX)).await;
    }
}
