//! The commands about labs: what is asked of a running server, and exercises that are played in a
//! cluster of their own.

use super::{client, cluster, clusters, kubeconfig::Admin};
use crate::{
    config::{LabArgs, LabCommand, LabFlags, LabOutput, Serve},
    labs::{self, exercise::Exercise, judge::Grade},
    object::{ObjectExt, Value},
};
use std::path::Path;

mod class;
mod kept;

/// Does what a command says.
///
/// # Errors
/// One line for people.
pub async fn command(command: &LabCommand) -> Result<(), String> {
    match command {
        LabCommand::List(flags) => list(flags).await,
        LabCommand::Show(lab) => show(lab).await,
        LabCommand::Start(lab) => start(lab).await,
        LabCommand::Status(lab) => {
            let status = asked(lab, "GET", "/status").await?;
            let text = ["title", "project", "user", "started"]
                .map(|f| format!("{f}: {}", status.str_at(f)));
            print(lab, &status, &text.join("\n"));
            Ok(())
        }
        LabCommand::Grade { lab, save, recording, until, catalog } => {
            let result = match recording {
                Some(path) => kept::graded(lab, path, *until, catalog.as_deref()).await?,
                None => graded(lab, save.as_deref()).await?,
            };
            print_grade(&result, lab.flags.output)
        }
        LabCommand::Hint(lab) => {
            let hint = asked(lab, "POST", "/hint").await?;
            print(lab, &hint, hint.str_at("hint").trim_end());
            Ok(())
        }
        LabCommand::Solve(lab) => {
            let done = asked(lab, "POST", "/solve").await?;
            let lines: Vec<&str> = done.list_at("lines").iter().filter_map(Value::as_str).collect();
            print(lab, &done, &lines.join("\n"));
            Ok(())
        }
        LabCommand::Finish(lab) => {
            let done = asked(lab, "DELETE", "").await?;
            print(lab, &done, &format!("{} is finished", lab.name));
            Ok(())
        }
        LabCommand::Check { files } => {
            let mut read = Vec::new();
            for file in files {
                read.push(labs::read(file)?);
            }
            check(&read).await
        }
        LabCommand::Class(asked) => class::command(asked).await,
        LabCommand::Board(flags) => board(flags).await,
    }
}

/// Prints an answer in the form that is wanted.
fn print(lab: &LabArgs, value: &Value, text: &str) {
    match lab.flags.output {
        LabOutput::Json => println!("{value:#}"),
        _ => println!("{text}"),
    }
}

/// The administrator of the cluster that is meant.
async fn admin(flags: &LabFlags) -> Result<Admin, String> {
    clusters::admin(&flags.at.at, flags.at.cluster.as_deref()).await
}

/// Asks the labs of a running server.
async fn ask(flags: &LabFlags, method: &str, path: &str, body: &str) -> Result<Value, String> {
    let admin = admin(flags).await?;
    at(&admin, method, path, body).await
}

async fn at(admin: &Admin, method: &str, path: &str, body: &str) -> Result<Value, String> {
    let path = format!("/console/desk/labs{path}");
    let answer =
        client::send_to(&admin.server, admin, method, &path, Some(body.to_owned())).await?;
    serde_json::from_str(&answer).map_err(|e| e.to_string())
}

/// Asks about a lab.
async fn asked(lab: &LabArgs, method: &str, what: &str) -> Result<Value, String> {
    let query = match lab.student.as_str() {
        "" => String::new(),
        student => format!("?student={student}"),
    };
    ask(&lab.flags, method, &format!("/{}{what}{query}", plain(&lab.name)?), "").await
}

/// A name that a path can hold as it is.
fn plain(name: &str) -> Result<&str, String> {
    let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits { Ok(name) } else { Err(format!("{name:?} is no name of an exercise")) }
}

fn text(lab: &LabArgs) -> Result<(Exercise, String), String> {
    named(&lab.name, &lab.flags)
}

/// The text of an exercise of the folder, or of one of ours.
fn named(name: &str, flags: &LabFlags) -> Result<(Exercise, String), String> {
    if let Some(folder) = &flags.dir {
        let own = labs::read_folder(folder)?.into_iter().find(|(e, _)| e.name == name);
        if let Some(found) = own {
            return Ok(found);
        }
    }
    let ours = labs::text(name).ok_or_else(|| {
        format!("there is no exercise {name:?}; `pocketshift lab list` names them")
    })?;
    Ok((Exercise::parse(ours)?, ours.to_owned()))
}

async fn list(flags: &LabFlags) -> Result<(), String> {
    let mut all: Vec<Exercise> = Vec::new();
    for name in labs::NAMES {
        all.extend(labs::text(name).map(Exercise::parse).transpose()?);
    }
    if let Some(folder) = &flags.dir {
        all.extend(labs::read_folder(folder)?.into_iter().map(|(e, _)| e));
    }
    if flags.output == LabOutput::Json {
        let rows = all.iter().map(|e| {
            crate::object::json!({"name": e.name, "title": e.title, "part": e.part,
                "guided": e.guided, "points": e.points()})
        });
        println!("{:#}", rows.collect::<Value>());
        return Ok(());
    }
    let mut part = "";
    for exercise in &all {
        if exercise.part != part {
            part = &exercise.part;
            println!("{part}");
        }
        let sort = if exercise.guided { "guided" } else { "graded" };
        println!(
            "  {:<24} {sort}  {:>2} points  {}",
            exercise.name,
            exercise.points(),
            exercise.title
        );
    }
    Ok(())
}

async fn show(lab: &LabArgs) -> Result<(), String> {
    let (exercise, _) = text(lab)?;
    if lab.flags.output == LabOutput::Json {
        let value = crate::object::json!({"name": exercise.name, "title": exercise.title,
            "text": exercise.text, "tasks": exercise.tasks, "points": exercise.points()});
        println!("{value:#}");
        return Ok(());
    }
    println!("# {}\n\n{}", exercise.title, exercise.text.trim_end());
    println!("\n## Tasks (project {})\n", exercise.project);
    for (number, task) in exercise.tasks.iter().enumerate() {
        println!("{}. {}", number + 1, task.trim_end());
    }
    if exercise.guided {
        println!("\n## Commands\n");
        exercise.solution.iter().for_each(|step| println!("    {}", step.line()));
    }
    println!("\n## What is looked at\n");
    for check in &exercise.checks {
        let points = if check.points == 1 { "point" } else { "points" };
        println!("- {} ({} {points})", check.title, check.points);
    }
    let name = &exercise.name;
    println!(
        "\nBegin with `pocketshift lab start {name}`, look with `pocketshift lab grade {name}`."
    );
    Ok(())
}

async fn start(lab: &LabArgs) -> Result<(), String> {
    let (exercise, text) = text(lab)?;
    let path = format!("/{}/start", plain(&exercise.name)?);
    let started = ask(&lab.flags, "POST", &path, &text).await?;
    let said = format!(
        "{} is started: oc login -u {} && oc project {}",
        exercise.name,
        started.str_at("status.user"),
        started.str_at("status.project"),
    );
    print(lab, &started, &said);
    Ok(())
}

async fn graded(lab: &LabArgs, save: Option<&Path>) -> Result<Grade, String> {
    let value = asked(lab, "GET", "/grade").await?;
    let result = crate::object::from_value(value).map_err(|e| format!("no grade: {e}"))?;
    if let Some(path) = save {
        let kept = asked(lab, "GET", "/recording").await?;
        let written = std::fs::write(path, kept.to_string());
        written.map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(result)
}

fn print_grade(grade: &Grade, form: LabOutput) -> Result<(), String> {
    match form {
        LabOutput::Text => print!("{}", grade.text()),
        LabOutput::Junit => print!("{}", grade.junit()),
        LabOutput::Json => {
            let value = crate::object::to_value(grade).map_err(|e| e.to_string())?;
            println!("{value:#}");
        }
    }
    Ok(())
}

async fn board(flags: &LabFlags) -> Result<(), String> {
    let board = ask(flags, "GET", "/board", "").await?;
    if flags.output == LabOutput::Json {
        println!("{board:#}");
        return Ok(());
    }
    if board.list_at("items").is_empty() {
        println!("no lab is under way");
    }
    for row in board.list_at("items") {
        let grade = &row["grade"];
        let marks =
            grade.list_at("checks").iter().map(|c| if c.is_true("passed") { '+' } else { '-' });
        println!(
            "{:<12} {:<24} {:>3} of {:<3} {}",
            row.str_at("student"),
            grade.str_at("name"),
            grade["points"],
            grade["of"],
            marks.collect::<String>(),
        );
    }
    Ok(())
}

/// Plays exercises in a cluster of their own, and says how each went.
///
/// # Errors
/// How many did not go as they say.
pub async fn check(exercises: &[(Exercise, String)]) -> Result<(), String> {
    let flags = Serve { instant: true, ..Serve::passing() };
    let cluster = cluster::start(&flags).await?;
    let admin = Admin::of_text(&cluster.kubeconfig_text);
    let admin = admin.ok_or("the cluster has no administrator")?;
    let mut bad = 0;
    for (exercise, text) in exercises {
        for (way, wanted) in ways(exercise) {
            let played = play(&admin, &exercise.name, text, &way).await;
            let name = &exercise.name;
            match played {
                Ok(grade) if grade.points == wanted => {
                    println!("ok   {name}: {way}: {wanted} of {} points", grade.of);
                }
                Ok(grade) => {
                    bad += 1;
                    println!(
                        "FAIL {name}: {way}: {} points, wanted {wanted}\n{}",
                        grade.points,
                        grade.text()
                    );
                }
                Err(why) => {
                    bad += 1;
                    println!("FAIL {name}: {way}: {why}");
                }
            }
        }
    }
    cluster.stop().await;
    if bad == 0 { Ok(()) } else { Err(format!("{bad} ways did not go as the exercises say")) }
}

/// A way through an exercise.
enum Way {
    Nothing,
    Solution,
    Wrong(usize, String),
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Way::Nothing => f.write_str("started"),
            Way::Solution => f.write_str("solved"),
            Way::Wrong(_, name) => f.write_str(name),
        }
    }
}

/// All ways, and what they earn.
fn ways(exercise: &Exercise) -> Vec<(Way, u32)> {
    let mut ways = vec![(Way::Nothing, 0), (Way::Solution, exercise.points())];
    let wrong = exercise.wrong.iter().enumerate();
    ways.extend(wrong.map(|(n, w)| (Way::Wrong(n, w.name.clone()), w.points)));
    ways
}

async fn play(admin: &Admin, name: &str, text: &str, way: &Way) -> Result<Grade, String> {
    at(admin, "POST", &format!("/{name}/start"), text).await?;
    let walked = match way {
        Way::Nothing => Ok(Value::Null),
        Way::Solution => at(admin, "POST", &format!("/{name}/solve"), "").await,
        Way::Wrong(n, _) => at(admin, "POST", &format!("/{name}/wrong?way={n}"), "").await,
    };
    let grade = at(admin, "GET", &format!("/{name}/grade"), "").await;
    at(admin, "DELETE", &format!("/{name}"), "").await?;
    walked?;
    crate::object::from_value(grade?).map_err(|e| e.to_string())
}
