//! An exercise as its file says it. The schema is published as `openapi/exercise.schema.json`.

use super::{fields::Field, words};
use crate::object::{Value, name, read};
use jiff::SignedDuration;
use serde::Deserialize;

/// An exercise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Exercise {
    /// Its name on the command line.
    pub name: String,
    /// What it is about, in a line.
    pub title: String,
    /// The part of the course it belongs to.
    pub part: String,
    /// Whether its tasks say every step; a graded one says only what shall come about.
    #[serde(default)]
    pub guided: bool,
    /// What there is to know, in Markdown.
    pub text: String,
    /// The project the student works in.
    pub project: String,
    /// What is there before the student begins.
    #[serde(default)]
    pub setup: Setup,
    /// What happens later, whatever the student does.
    #[serde(default)]
    pub events: Vec<Scheduled>,
    /// What the student shall do.
    pub tasks: Vec<String>,
    /// What is looked at for the grade.
    pub checks: Vec<Check>,
    /// Help, one after the other.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Commands that earn full points.
    pub solution: Vec<Step>,
    /// Ways that do not, and what they earn.
    #[serde(default)]
    pub wrong: Vec<Wrong>,
}

/// What is there before the student begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// What the clock shows, and how it runs.
    pub clock: Option<Clock>,
    /// What vendors publish besides, as a catalogue's file says it: `registries` and `images`.
    pub catalog: Option<Value>,
    /// Who can sign in besides.
    #[serde(default)]
    pub users: Vec<ExtraUser>,
    /// Objects; those without a namespace are in the project.
    #[serde(default)]
    pub manifests: Vec<Value>,
    /// Rules of faults that are in force from then on, as `pocketshift fault` knows them.
    #[serde(default)]
    pub faults: Vec<Value>,
    /// Commands, run as the student's user in the project (`pocketshift …`: as the administrator).
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// The clock at the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// How far it is moved on.
    pub step: Option<String>,
    /// How fast it runs; 0 stands still.
    pub rate: Option<f64>,
}

/// Somebody who can sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraUser {
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
    /// A cluster role in the project: `admin`, `edit`, `view`.
    #[serde(default)]
    pub role: String,
}

/// Commands at a moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// How long after the start, in the cluster's time.
    pub after: String,
    /// Commands.
    pub steps: Vec<Step>,
}

/// A command.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// Only a command.
    Plain(String),
    /// A command with an input.
    Fed {
        /// The command.
        run: String,
        /// What it reads.
        input: String,
    },
}

impl Step {
    /// The command, as it is typed.
    pub fn line(&self) -> &str {
        match self {
            Step::Plain(line) | Step::Fed { run: line, .. } => line,
        }
    }
    /// What it reads.
    pub fn input(&self) -> &str {
        match self {
            Step::Plain(_) => "",
            Step::Fed { input, .. } => input,
        }
    }
}

/// A way that does not earn all points.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    /// What is wrong about it.
    pub name: String,
    /// Its commands.
    pub steps: Vec<Step>,
    /// What it earns.
    pub points: u32,
}

/// Something that is looked at; exactly one of what it looks at is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What holds when it passes.
    pub title: String,
    /// What it is worth.
    pub points: u32,
    /// Whether each field earns its share; else it is all or nothing.
    #[serde(default)]
    pub partial: bool,
    /// An object as it is now.
    pub object: Option<ObjectCheck>,
    /// How many objects there are now.
    pub count: Option<CountCheck>,
    /// What an object was since the start.
    pub history: Option<HistoryCheck>,
    /// What a command in a container says.
    pub command: Option<CommandCheck>,
    /// What a route answers.
    pub http: Option<HttpCheck>,
}

/// Which object is meant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectCheck {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What holds of it.
    #[serde(default)]
    pub fields: Vec<Field>,
}

/// How many objects there are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CountCheck {
    /// Their kind.
    pub kind: String,
    /// A label selector.
    #[serde(default)]
    pub labels: String,
    /// What holds of those that are counted.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Exactly so many.
    pub is: Option<usize>,
    /// So many or more.
    pub at_least: Option<usize>,
    /// So many or fewer.
    pub at_most: Option<usize>,
}

/// What an object was, from version to version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryCheck {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Versions before the first of which this holds do not count.
    #[serde(default)]
    pub after: Vec<Field>,
    /// Holds of every version.
    #[serde(default)]
    pub always: Vec<Field>,
    /// Holds of some version.
    #[serde(default)]
    pub once: Vec<Field>,
    /// How often a field changed.
    pub changes: Option<Changes>,
    /// Whether it may have been deleted.
    #[serde(default)]
    pub deleted: bool,
}

/// How often a field changed its value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Changes {
    /// The field.
    pub path: String,
    /// Exactly so often.
    pub is: Option<usize>,
    /// So often or more.
    pub at_least: Option<usize>,
    /// So often or less.
    pub at_most: Option<usize>,
}

/// A command in a container of a ready pod.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandCheck {
    /// Labels of the pod.
    pub labels: String,
    /// The command, as a shell takes it.
    pub run: String,
    /// What its output contains.
    pub contains: String,
}

/// A request through a route.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// Name of the route.
    pub route: String,
    /// Path.
    #[serde(default)]
    pub path: String,
    /// Status.
    pub status: u16,
    /// What the answer contains.
    #[serde(default)]
    pub contains: String,
}

/// Largest file of an exercise.
pub const LARGEST: usize = 256 << 10;

impl Exercise {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Exercise, String> {
        if text.len() > LARGEST {
            return Err(format!("an exercise has at most {LARGEST} bytes"));
        }
        let exercise: Exercise = read::yaml_as(text).map_err(|why| quoting(text, why))?;
        exercise.check().map_err(|(word, why)| why + &somewhere(text, &word))?;
        Ok(exercise)
    }

    /// All points there are.
    pub fn points(&self) -> u32 {
        self.checks.iter().map(|c| c.points).sum()
    }

    /// Kinds of objects of no project that checks look at.
    pub fn beside(&self) -> Vec<String> {
        let kinds = self.checks.iter().flat_map(Check::kinds).filter_map(|k| words::kind(k).ok());
        kinds.filter(|kind| !kind.namespaced).map(|kind| kind.stored_as().to_owned()).collect()
    }

    /// What the types do not say; with a word of the text that leads to the place.
    fn check(&self) -> Result<(), (String, String)> {
        for (what, value) in [("name", &self.name), ("project", &self.project)] {
            if let Some(why) = name::label_problems(value).first() {
                return Err((value.clone(), format!("{what}: {value:?}: {why}")));
            }
        }
        if self.checks.is_empty() {
            return Err(("checks".into(), "checks: there are none".into()));
        }
        for check in &self.checks {
            let wrong = check.problem();
            wrong.map_err(|why| {
                (check.title.clone(), format!("checks: {:?}: {why}", check.title))
            })?;
        }
        let step = self.setup.clock.iter().filter_map(|c| c.step.as_ref());
        let step = step.map(|step| ("setup: clock: step", step));
        let after = self.events.iter().map(|event| ("events: after", &event.after));
        for (what, said) in step.chain(after) {
            let why = || (said.clone(), format!("{what}: {said:?} is no duration"));
            said.parse::<SignedDuration>().map_err(|_| why())?;
        }
        let events = self.events.iter().flat_map(|e| &e.steps);
        let wrong = self.wrong.iter().flat_map(|w| &w.steps);
        for step in self.setup.steps.iter().chain(events).chain(&self.solution).chain(wrong) {
            let line = step.line();
            super::commands::known(line)
                .map_err(|why| (line.to_owned(), format!("{line:?}: {why}")))?;
        }
        for wrong in &self.wrong {
            if wrong.points > self.points() {
                let why = format!("wrong: {:?}: there are {} points", wrong.name, self.points());
                return Err((wrong.name.clone(), why));
            }
        }
        Ok(())
    }
}

impl Check {
    /// What is wrong about it.
    fn problem(&self) -> Result<(), String> {
        let kinds = [
            self.object.is_some(),
            self.count.is_some(),
            self.history.is_some(),
            self.command.is_some(),
            self.http.is_some(),
        ];
        if kinds.iter().filter(|there| **there).count() != 1 {
            return Err("exactly one of object, count, history, command and http".into());
        }
        if self.points == 0 {
            return Err("points: at least 1".into());
        }
        self.fields().into_iter().try_for_each(Field::check)?;
        for kind in self.kinds() {
            words::kind(kind)?;
        }
        if let Some(count) = &self.count {
            crate::object::selector::Labels::parse(&count.labels).map_err(|e| e.to_string())?;
            amount("count", count.is, count.at_least, count.at_most)?;
        }
        if let Some(history) = &self.history
            && let Some(changes) = &history.changes
        {
            amount("changes", changes.is, changes.at_least, changes.at_most)?;
        }
        Ok(())
    }

    /// The kinds it looks at.
    fn kinds(&self) -> impl Iterator<Item = &str> {
        let all = [
            self.object.as_ref().map(|c| c.kind.as_str()),
            self.count.as_ref().map(|c| c.kind.as_str()),
            self.history.as_ref().map(|c| c.kind.as_str()),
        ];
        all.into_iter().flatten()
    }

    /// All its fields.
    fn fields(&self) -> Vec<&Field> {
        let object = self.object.iter().flat_map(|c| &c.fields);
        let count = self.count.iter().flat_map(|c| &c.fields);
        let history =
            self.history.iter().flat_map(|h| h.after.iter().chain(&h.always).chain(&h.once));
        object.chain(count).chain(history).collect()
    }
}

fn amount(
    what: &str,
    is: Option<usize>,
    least: Option<usize>,
    most: Option<usize>,
) -> Result<(), String> {
    match is.or(least).or(most) {
        Some(_) => Ok(()),
        None => Err(format!("{what}: say is, atLeast or atMost")),
    }
}

/// Where a word of an exercise stands, as a sentence ends with it; nothing where it does not.
pub fn somewhere(text: &str, word: &str) -> String {
    let found = place(text, word);
    found.map(|(line, column)| format!(" at line {line}, column {column}")).unwrap_or_default()
}

/// What is wrong, with the line that it speaks of.
fn quoting(text: &str, why: String) -> String {
    let number =
        why.rsplit_once("at line ").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
    let line = number.and_then(|n: usize| text.lines().nth(n.checked_sub(1)?));
    let shown: String = line.unwrap_or_default().trim().chars().take(80).collect();
    if shown.is_empty() { why } else { format!("{why}: {shown:?}") }
}

/// Line and column of the first place of a word.
fn place(text: &str, word: &str) -> Option<(usize, usize)> {
    let word = word.lines().next().filter(|w| !w.is_empty())?;
    let found = text.lines().enumerate();
    found.filter_map(|(n, line)| Some((n + 1, line.find(word)? + 1))).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;
    use std::collections::BTreeSet;

    const SMALL: &str = "\
name: small
title: A small one
part: tests
text: Nothing.
project: shop
tasks: [Do it.]
checks:
- title: It is there
  points: 2
  object: {kind: Deployment, name: web, fields: [{path: spec.replicas, is: 2}]}
solution:
- oc scale deployment/web --replicas 2
";

    #[test]
    fn a_file_is_read() {
        let read = Exercise::parse(SMALL).unwrap();
        assert_eq!((read.points(), read.guided, read.solution.len()), (2, false, 1));
    }

    /// The fields of a type, as it names them to whoever uses another.
    fn fields<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
        let why = crate::object::from_value::<T>(json!({"zzz": 1})).err().unwrap().to_string();
        why.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_schema_knows_what_the_types_know() {
        let schema: Value =
            serde_json::from_str(include_str!("../../openapi/exercise.schema.json")).unwrap();
        let check = "/$defs/check/properties";
        let rows = [
            (String::new(), fields::<Exercise>()),
            ("/properties/setup".into(), fields::<Setup>()),
            ("/properties/setup/properties/clock".into(), fields::<Clock>()),
            ("/properties/setup/properties/users/items".into(), fields::<ExtraUser>()),
            ("/properties/events/items".into(), fields::<Scheduled>()),
            ("/properties/wrong/items".into(), fields::<Wrong>()),
            ("/$defs/field".into(), fields::<Field>()),
            ("/$defs/check".into(), fields::<Check>()),
            (format!("{check}/object"), fields::<ObjectCheck>()),
            (format!("{check}/count"), fields::<CountCheck>()),
            (format!("{check}/history"), fields::<HistoryCheck>()),
            (format!("{check}/history/properties/changes"), fields::<Changes>()),
            (format!("{check}/command"), fields::<CommandCheck>()),
            (format!("{check}/http"), fields::<HttpCheck>()),
        ];
        for (place, known) in rows {
            let said = schema.pointer(&format!("{place}/properties")).and_then(Value::as_object);
            let said: BTreeSet<String> = said.unwrap().keys().map(|key| key.to_string()).collect();
            assert_eq!(said, known, "{place}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let rows = [
            ("tasks:", "taks:", "taks"),
            ("points: 2", "points: two", "\"points: two\""),
            ("name: small", "name: Small", "line 1, column 7"),
            ("  object:", "  objekt:", "objekt"),
            ("kind: Deployment", "kind: Deploymint", "line 8"),
            ("is: 2", "iz: 2", "iz"),
            ("[{path: spec.replicas, is: 2}]", "[{path: 'spec..x', is: 2}]", "line 8"),
            ("oc scale deployment/web", "oc scala deployment/web", "line 12, column 3"),
            ("points: 2", "points: 0", "at least 1"),
        ];
        for (from, to, expected) in rows {
            let text = SMALL.replacen(from, to, 1);
            let why = Exercise::parse(&text).unwrap_err();
            assert!(why.contains(expected) && why.contains("line"), "{to}: {why}");
        }
        assert!(Exercise::parse(&"x".repeat(LARGEST + 1)).is_err());
    }
}
