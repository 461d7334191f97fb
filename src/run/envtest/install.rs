//! `pocketshift envtest`: lays the folder out and says how a shell points suites at it.

use super::PARTS;
use crate::{
    config::{Envtest, Shell},
    platform::link,
};
use std::{env, fs, io::ErrorKind, path::Path};

/// Variable that says where suites find the programs.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Lays the folder out and prints the line for the shell.
///
/// # Errors
/// One line for people.
pub fn install(asked: &Envtest) -> Result<(), String> {
    let folder = std::path::absolute(asked.folder()?).map_err(|e| e.to_string())?;
    let failed = |path: &Path, e: std::io::Error| format!("cannot write {}: {e}", path.display());
    let own = env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    fs::create_dir_all(&folder).map_err(|e| failed(&folder, e))?;
    for (name, _) in PARTS {
        let path = folder.join(name);
        place(&own, &path).map_err(|e| failed(&path, e))?;
    }
    println!("{}", line(asked.shell, &folder));
    Ok(())
}

/// Puts a link to this program in a place, instead of whatever link was there. Somebody's own
/// programs are left alone.
fn place(own: &Path, path: &Path) -> std::io::Result<()> {
    match fs::read_link(path) {
        Ok(to) if to == own => return Ok(()),
        // A rename replaces: whoever starts the program meanwhile finds the old or the new one.
        Ok(_) => {
            let next = path.with_extension("next");
            match fs::remove_file(&next) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            link(own, &next)?;
            return fs::rename(next, path);
        }
        Err(_) => {}
    }
    link(own, path)
}

/// The line that a shell evaluates.
fn line(shell: Shell, folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    match shell {
        Shell::Sh => format!("export {ASSETS}='{}'", folder.replace('\'', r"'\''")),
        Shell::Fish => {
            format!("set -gx {ASSETS} '{}'", folder.replace('\\', r"\\").replace('\'', r"\'"))
        }
        Shell::Powershell => format!("$Env:{ASSETS} = '{}'", folder.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_every_shell() {
        let folder = Path::new("/it's here");
        assert_eq!(line(Shell::Sh, folder), r"export KUBEBUILDER_ASSETS='/it'\''s here'");
        assert_eq!(line(Shell::Fish, folder), r"set -gx KUBEBUILDER_ASSETS '/it\'s here'");
        assert_eq!(line(Shell::Powershell, folder), "$Env:KUBEBUILDER_ASSETS = '/it''s here'");
    }

    #[test]
    fn links_are_replaced_and_programs_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("etcd");
        for own in ["/one", "/two", "/two"] {
            place(own.as_ref(), &path).unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), Path::new(own));
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, "somebody's").unwrap();
        assert_eq!(place("/two".as_ref(), &path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
}
