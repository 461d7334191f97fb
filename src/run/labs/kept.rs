//! Grades of what was kept: of a lab's own recording, or of a recording of all that arrived at a cluster,
//! which a new cluster does again.

use super::{LabArgs, text};
use crate::{
    labs::{
        Witness,
        exercise::Exercise,
        judge::{Grade, grade},
        recording::Recording,
    },
    run::replay::Replayed,
};
use std::{path::Path, sync::Arc};

/// Grades a file.
///
/// # Errors
/// One line for people.
pub(super) async fn graded(
    lab: &LabArgs,
    path: &Path,
    until: Option<usize>,
    catalog: Option<&Path>,
) -> Result<Grade, String> {
    let shown = path.display();
    let file = std::fs::read(path).map_err(|e| format!("{shown}: {e}"))?;
    // A lab's own recording is an object in JSON.
    let result = match file.trim_ascii_start().starts_with(b"{") {
        true if until.is_some() => Err("a lab's own recording has no steps".to_owned()),
        true => own(lab, &file),
        false => replayed(lab, &file, until, catalog).await,
    };
    result.map_err(|why| format!("{shown}: {why}"))
}

fn own(lab: &LabArgs, file: &[u8]) -> Result<Grade, String> {
    let kept = Recording::read(file)?;
    let exercise = match folders(lab)? {
        Some(exercise) => exercise,
        None if kept.exercise.is_empty() => text(lab)?.0,
        None => Exercise::parse(&kept.exercise)?,
    };
    match exercise.name == lab.name {
        true => Ok(grade(&exercise, &kept)),
        false => Err(format!("it is a recording of {}, not of {}", exercise.name, lab.name)),
    }
}

/// The exercise of the folder, where one is named: it grades instead of the text that was recorded.
fn folders(lab: &LabArgs) -> Result<Option<Exercise>, String> {
    lab.flags.dir.is_some().then(|| text(lab)).transpose().map(|own| own.map(|(e, _)| e))
}

async fn replayed(
    lab: &LabArgs,
    file: &[u8],
    until: Option<usize>,
    catalog: Option<&Path>,
) -> Result<Grade, String> {
    let by = folders(lab)?;
    let again = Replayed::begin(file, catalog, until).await?;
    let mut witness = Witness::new(Arc::clone(&again.inside.labs), &lab.name);
    let done = again.steps(until, || witness.look()).await;
    let result = match done {
        Ok(_) => witness.grade(by).await,
        Err(why) => Err(why),
    };
    again.host.stop().await;
    result
}
