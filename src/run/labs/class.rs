//! The commands about a class.

use super::{ask, named, plain};
use crate::{
    config::{ClassArgs, ClassWhat, LabOutput},
    labs::judge::Grade,
    object::{ObjectExt, Value},
};
use std::path::Path;

/// Does what a command says.
pub(super) async fn command(asked: &ClassArgs) -> Result<(), String> {
    match asked.what {
        ClassWhat::Start => start(asked).await,
        ClassWhat::List => show(asked, &ask(&asked.flags, "GET", "/class", "").await?),
        ClassWhat::Export => {
            let to = asked.to.as_deref().ok_or("say where with --to DIR")?;
            export(asked, to).await
        }
        ClassWhat::Finish => {
            if let Some(to) = &asked.to {
                export(asked, to).await?;
            }
            let name = name(asked)?;
            let ended = ask(&asked.flags, "DELETE", &format!("/{name}?class="), "").await?;
            println!("{name} is finished for {} students", ended["students"]);
            Ok(())
        }
    }
}

fn name(asked: &ClassArgs) -> Result<&str, String> {
    plain(asked.name.as_deref().ok_or("say which exercise")?)
}

async fn start(asked: &ClassArgs) -> Result<(), String> {
    let students = asked.students.ok_or("say how many with --students")?;
    let (exercise, text) = named(name(asked)?, &asked.flags)?;
    let path = format!("/{}/start?students={students}", plain(&exercise.name)?);
    show(asked, &ask(&asked.flags, "POST", &path, &text).await?)
}

/// Prints addresses and passwords.
fn show(asked: &ClassArgs, class: &Value) -> Result<(), String> {
    if asked.flags.output == LabOutput::Json {
        println!("{class:#}");
        return Ok(());
    }
    let rows = class.list_at("items");
    if rows.is_empty() {
        println!("there is no class");
    }
    for row in rows {
        println!(
            "{}  {}  {}  kubeadmin {}",
            row.str_at("student"),
            row.str_at("password"),
            row.str_at("console"),
            row.str_at("administrator.password"),
        );
    }
    Ok(())
}

/// Writes down what everybody has done: grades, what they were made of, and the board.
async fn export(asked: &ClassArgs, to: &Path) -> Result<(), String> {
    let name = name(asked)?;
    let failed = |e: std::io::Error| format!("{}: {e}", to.display());
    std::fs::create_dir_all(to).map_err(failed)?;
    let write = |file: String, text: String| std::fs::write(to.join(file), text).map_err(failed);
    let board = ask(&asked.flags, "GET", "/board", "").await?;
    let ours = |row: &&Value| row.str_at("grade.name") == name && !row.str_at("url").is_empty();
    let mut many = 0;
    for row in board.list_at("items").iter().filter(ours) {
        let student = plain(row.str_at("student"))?;
        let grade: Grade = crate::object::from_value(row["grade"].clone())
            .map_err(|e| format!("no grade: {e}"))?;
        let path = format!("/{name}/recording?student={student}");
        let kept = ask(&asked.flags, "GET", &path, "").await?;
        write(format!("{student}.grade.json"), format!("{:#}\n", row["grade"]))?;
        write(format!("{student}.junit.xml"), grade.junit())?;
        write(format!("{student}.recording.json"), format!("{kept}\n"))?;
        many += 1;
    }
    write("board.json".into(), format!("{board:#}\n"))?;
    println!("{many} students are in {}", to.display());
    Ok(())
}
