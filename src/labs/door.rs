//! What is asked of the labs over the desk, and who may ask what: everybody who is signed in may
//! read and be graded; starting, solving and finishing is an administrator's.

use super::{Labs, exercise::Exercise, judge::Grade, library, running::Running};
use crate::{
    access::{Attributes, Credentials, Impersonation},
    api::Caller,
    http::{AtDesk, Desk},
    object::{Value, json, to_value},
};
use actix_web::{HttpResponse, http::StatusCode};
use futures_util::{FutureExt, future::LocalBoxFuture};
use std::sync::Arc;

/// Where labs are asked for.
const PATH: &str = "/labs";
/// Who works on labs that are started for nobody in particular.
const USER: &str = "developer";

/// A refusal: a status and a text.
type Refused = (StatusCode, String);

impl Desk for Labs {
    fn answer(&self, asked: AtDesk) -> LocalBoxFuture<'_, HttpResponse> {
        let path = asked.path.clone();
        let Some(rest) = path.strip_prefix(PATH).filter(|r| r.is_empty() || r.starts_with('/'))
        else {
            return self.desk.answer(asked);
        };
        let rest = rest.trim_start_matches('/').to_owned();
        async move {
            match self.labs(&asked, &rest).await {
                Ok(value) => HttpResponse::Ok().json(value),
                Err((status, message)) => {
                    let said = json!({"errors": [{"code": "REFUSED", "message": message}]});
                    HttpResponse::build(status).json(said)
                }
            }
        }
        .boxed_local()
    }
}

fn conflict(why: String) -> Refused {
    (StatusCode::CONFLICT, why)
}

impl Labs {
    async fn labs(&self, asked: &AtDesk, rest: &str) -> Result<Value, Refused> {
        let caller = self.caller(asked)?;
        let (name, what) = rest.split_once('/').unwrap_or((rest, ""));
        match (asked.method.as_str(), name, what) {
            ("GET", "", "") => return Ok(self.list()),
            ("GET", "board", "") => {
                let seen = asked.query.get("seen").unwrap_or_default();
                let (board, seen) = self.board_after(seen).await;
                let rows = board.into_iter().map(
                    |mark| json!({"student": mark.student, "url": mark.url, "grade": graded(&mark.grade)}),
                );
                return Ok(json!({"items": rows.collect::<Vec<_>>(), "seen": seen}));
            }
            ("GET", "class", "") => {
                self.administrator(&caller)?;
                return Ok(self.list_class());
            }
            _ => {}
        }
        let labs = self.of(asked.query.get("student").unwrap_or_default()).map_err(conflict)?;
        match (asked.method.as_str(), what) {
            ("GET", "") => labs.show(name),
            ("GET", "status") => Ok(labs.find(name).map_err(conflict)?.status()),
            ("GET", "grade") => {
                let running = labs.find(name).map_err(conflict)?;
                Ok(graded(&labs.grade(&running).await))
            }
            ("GET", "recording") => {
                self.administrator(&caller)?;
                let running = labs.find(name).map_err(conflict)?;
                Ok(labs.recording(&running).await.write())
            }
            ("POST", "hint") => {
                let running = labs.find(name).map_err(conflict)?;
                let hint = running.hint();
                labs.keep(&running).await;
                Ok(json!({"hint": hint.unwrap_or_else(|| "There are no more hints.".into())}))
            }
            _ => {
                self.administrator(&caller)?;
                let (asked, name, what) = (asked.clone(), name.to_owned(), what.to_owned());
                // Whoever goes away leaves nothing half done.
                let work = async move { labs.change(&asked, &name, &what).await };
                let done = actix_web::rt::spawn(work).await;
                done.map_err(|e| conflict(e.to_string()))?.map_err(conflict)
            }
        }
    }

    async fn change(&self, asked: &AtDesk, name: &str, what: &str) -> Result<Value, String> {
        match (asked.method.as_str(), what) {
            ("POST", "start") => {
                let text = exercise_text(asked, name)?;
                match asked.query.get("students") {
                    Some(many) => {
                        let many = many.parse().map_err(|_| format!("{many:?} is no number"))?;
                        self.begin_class(&text, many).await
                    }
                    None => {
                        let running = self.start(&text, USER).await?;
                        Ok(shown(&running.exercise, Some(&running)))
                    }
                }
            }
            ("POST", "solve") => {
                let running = self.find(name)?;
                Ok(json!({"lines": self.solve(&running).await?}))
            }
            ("POST", "wrong") => {
                let running = self.find(name)?;
                let way = asked.query.get("way").and_then(|w| w.parse::<usize>().ok());
                let way = way
                    .and_then(|w| running.exercise.wrong.get(w))
                    .ok_or("there is no such way")?;
                let walked = self.walk(&running, &way.steps).await;
                Ok(json!({"lines": walked.map_err(|why| format!("wrong: {}: {why}", way.name))?}))
            }
            ("DELETE", "") if asked.query.get("class").is_some() => {
                Ok(json!({"finished": name, "students": self.end_class(name).await?}))
            }
            ("DELETE", "") => {
                self.finish(name).await?;
                Ok(json!({"finished": name}))
            }
            _ => Err("there is nothing to do so".into()),
        }
    }

    fn list(&self) -> Value {
        let running = self.running.lock();
        let rows = library::all().map(Exercise::parse).filter_map(Result::ok).map(|e| {
            let started = running.contains_key(&e.name);
            json!({"name": e.name, "title": e.title, "part": e.part, "guided": e.guided,
                "points": e.points(), "started": started})
        });
        json!({"items": rows.collect::<Vec<_>>()})
    }

    fn show(&self, name: &str) -> Result<Value, Refused> {
        let running = self.find(name).ok();
        let unknown = || (StatusCode::NOT_FOUND, format!("there is no exercise {name:?}"));
        match &running {
            Some(running) => Ok(shown(&running.exercise, Some(running))),
            None => {
                let exercise = library::text(name).and_then(|t| Exercise::parse(t).ok());
                Ok(shown(&exercise.ok_or_else(unknown)?, None))
            }
        }
    }

    fn caller(&self, asked: &AtDesk) -> Result<Arc<Caller>, Refused> {
        let bearer = asked.authorization.split_once(' ').map(|(_, token)| token.trim());
        let certificate = asked.subject.as_ref().map(|s| (s.0.as_str(), s.1.as_slice()));
        if bearer.is_none() && certificate.is_none() {
            return Err((StatusCode::UNAUTHORIZED, "authentication required".into()));
        }
        let credentials = Credentials { bearer, certificate };
        let known = self.server.authenticate(&credentials, &Impersonation::default());
        known.map_err(|e| (StatusCode::UNAUTHORIZED, e.to_string()))
    }

    fn administrator(&self, caller: &Caller) -> Result<(), Refused> {
        let everything =
            Attributes { verb: "*", group: "*", resource: "*", ..Attributes::default() };
        let snapshot = self.server.store.snapshot();
        let may = self.server.access.authorizer.check(&snapshot, caller, &everything);
        may.map_err(|_| {
            let why =
                format!("{:?} may not do this: it takes a cluster administrator", caller.name);
            (StatusCode::FORBIDDEN, why)
        })
    }
}

/// The exercise that comes along, or the one of ours that is named.
fn exercise_text(asked: &AtDesk, name: &str) -> Result<String, String> {
    if asked.body.is_empty() {
        let known = library::text(name);
        return known.map(str::to_owned).ok_or_else(|| format!("there is no exercise {name:?}"));
    }
    String::from_utf8(asked.body.to_vec()).map_err(|_| "the exercise is no text".to_owned())
}

/// What a student reads.
fn shown(exercise: &Exercise, running: Option<&Running>) -> Value {
    let checks = exercise.checks.iter().map(|c| json!({"title": c.title, "points": c.points}));
    let solution = exercise.solution.iter().map(|step| match step.input() {
        "" => step.line().to_owned(),
        input => format!("{} <<EOF\n{input}EOF", step.line()),
    });
    let mut value = json!({
        "name": exercise.name, "title": exercise.title, "part": exercise.part,
        "guided": exercise.guided, "text": exercise.text, "tasks": exercise.tasks,
        "checks": checks.collect::<Vec<_>>(), "points": exercise.points(),
        "hints": exercise.hints.len(), "project": exercise.project,
    });
    if exercise.guided {
        value["commands"] = solution.collect();
    }
    if let Some(running) = running {
        value["status"] = running.status();
    }
    value
}
/// A grade as it is answered.
fn graded(grade: &Grade) -> Value {
    to_value(grade).unwrap_or_default()
}
