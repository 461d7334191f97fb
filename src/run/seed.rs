//! Manifests applied before the server is ready (`--seed`).

use super::manifests::{apply_one, documents};
use crate::{api::Server, object::ObjectExt};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Field manager of seeded objects.
const MANAGER: &str = "pocketshift-seed";

/// Applies a manifest file, or every manifest of a folder in the order of their names.
///
/// # Errors
/// One line for people that names the file.
pub async fn apply(server: &Arc<Server>, path: &Path) -> Result<(), String> {
    for file in files(path)? {
        let shown = file.display();
        let text =
            std::fs::read_to_string(&file).map_err(|e| format!("cannot read {shown}: {e}"))?;
        for object in documents(&text).map_err(|e| format!("{shown}: {e}"))? {
            let said = format!("{} {:?}", object.str_at("kind"), object.name());
            let applied = apply_one(server, MANAGER, object).await;
            applied.map_err(|e| format!("{shown}: {said}: {e}"))?;
        }
    }
    Ok(())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let manifest = |p: &PathBuf| {
        p.extension().is_some_and(|x| ["yaml", "yml", "json"].iter().any(|known| x == *known))
    };
    let entries = std::fs::read_dir(path).map_err(failed)?.filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(manifest).collect();
    files.sort();
    Ok(files)
}
