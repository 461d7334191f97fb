//! From a recording to a grade: pure, so that the same recording always earns the same.

use super::{
    exercise::{Changes, Check, CountCheck, Exercise, HistoryCheck, ObjectCheck},
    fields::{self, Field, find, shown},
    recording::Recording,
    words,
};
use crate::object::{Value, selector::Labels};
use serde::{Deserialize, Serialize};

/// What an exercise earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// Name of the exercise.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Points earned.
    pub points: u32,
    /// Points there are.
    pub of: u32,
    /// What was looked at.
    pub checks: Vec<Looked>,
}

/// A check and what it earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// What holds when it passes.
    pub title: String,
    /// Points earned.
    pub points: u32,
    /// Points there are.
    pub of: u32,
    /// Whether all of them were earned.
    pub passed: bool,
    /// What was seen; empty when it passed.
    pub reason: String,
}

/// Grades a recording.
pub fn grade(exercise: &Exercise, recording: &Recording) -> Grade {
    let checks: Vec<Looked> = exercise
        .checks
        .iter()
        .enumerate()
        .map(|(number, check)| {
            let (points, reason) = look(check, number, recording);
            let passed = points == check.points;
            Looked { title: check.title.clone(), points, of: check.points, passed, reason }
        })
        .collect();
    Grade {
        name: exercise.name.clone(),
        title: exercise.title.clone(),
        points: checks.iter().map(|c| c.points).sum(),
        of: exercise.points(),
        checks,
    }
}

/// Points of a check, and what was seen where they are not all.
fn look(check: &Check, number: usize, recording: &Recording) -> (u32, String) {
    if check.partial
        && let Some(object) = &check.object
    {
        return share(object, check.points, recording);
    }
    let seen = match check {
        Check { object: Some(object), .. } => object_holds(object, recording),
        Check { count: Some(count), .. } => count_holds(count, recording),
        Check { history: Some(history), .. } => history_holds(history, recording),
        // What was asked while the cluster was there; nothing said means that it was as it should.
        _ => match recording.answers.get(number).map(String::as_str) {
            Some("") => Ok(()),
            Some(why) => Err(why.to_owned()),
            None => Err("nobody has looked".into()),
        },
    };
    match seen {
        Ok(()) => (check.points, String::new()),
        Err(why) => (0, why),
    }
}

fn current<'a>(
    kind: &str,
    name: &str,
    recording: &'a Recording,
) -> Result<(String, Option<&'a Value>), String> {
    let kind = words::kind(kind)?.kind.to_string();
    let all = recording.now(&kind);
    let found = all.into_iter().find(|o| crate::object::ObjectExt::name(*o) == name);
    Ok((format!("{kind} {name}"), found))
}

fn object_holds(check: &ObjectCheck, recording: &Recording) -> Result<(), String> {
    let (what, object) = current(&check.kind, &check.name, recording)?;
    let object = object.ok_or_else(|| format!("{what} is not there"))?;
    fields::all(&check.fields, object).map_err(|why| format!("{what}: {why}"))
}

/// Each field earns its share; what is left over goes with the last.
fn share(check: &ObjectCheck, points: u32, recording: &Recording) -> (u32, String) {
    let (what, object) = match current(&check.kind, &check.name, recording) {
        Ok((what, Some(object))) => (what, object),
        Ok((what, None)) => return (0, format!("{what} is not there")),
        Err(why) => return (0, why),
    };
    let wrong: Vec<String> = check.fields.iter().filter_map(|f| f.judge(object).err()).collect();
    let all = check.fields.len().max(1) as u32;
    let good = all - wrong.len() as u32;
    let reason =
        if wrong.is_empty() { String::new() } else { format!("{what}: {}", wrong.join("; ")) };
    (points * good / all, reason)
}

fn count_holds(check: &CountCheck, recording: &Recording) -> Result<(), String> {
    let kind = words::kind(&check.kind)?;
    let labels = Labels::parse(&check.labels).map_err(|e| e.to_string())?;
    let all = recording.now(&kind.kind);
    let chosen: Vec<&Value> = all.into_iter().filter(|o| labels.matches_object(o)).collect();
    let good = chosen.iter().filter(|o| fields::all(&check.fields, o).is_ok()).count();
    let what = format!("{} of {} {}", good, chosen.len(), kind.plural.as_str());
    amount(good, check.is, check.at_least, check.at_most).map_err(|wanted| {
        let other = chosen.iter().find_map(|o| fields::all(&check.fields, o).err());
        let other = other.map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{what} are so{other}, wanted {wanted}")
    })
}

fn amount(
    seen: usize,
    is: Option<usize>,
    least: Option<usize>,
    most: Option<usize>,
) -> Result<(), String> {
    match (is, least, most) {
        (Some(is), ..) if seen != is => Err(is.to_string()),
        (_, Some(least), _) if seen < least => Err(format!("at least {least}")),
        (_, _, Some(most)) if seen > most => Err(format!("at most {most}")),
        _ => Ok(()),
    }
}

fn history_holds(check: &HistoryCheck, recording: &Recording) -> Result<(), String> {
    let kind = words::kind(&check.kind)?.kind.to_string();
    let what = format!("{kind} {}", check.name);
    if recording.torn {
        return Err("too much has happened: not all of it was kept".into());
    }
    let versions: Vec<_> = recording.of(&kind, &check.name).collect();
    if versions.is_empty() {
        return Err(format!("{what} was never there"));
    }
    if !check.deleted && versions.iter().any(|v| v.deleted) {
        return Err(format!("{what} was deleted"));
    }
    let begins = |o: &Value| fields::all(&check.after, o).is_ok();
    let Some(start) = versions.iter().position(|v| begins(&v.object)) else {
        return Err(format!(
            "{what}: {}",
            never(&check.after, versions.iter().map(|v| &*v.object))
        ));
    };
    let counted: Vec<&Value> = versions[start..].iter().map(|v| &*v.object).collect();
    for object in &counted {
        fields::all(&check.always, object).map_err(|why| format!("{what}: once {why}"))?;
    }
    if !counted.iter().any(|o| fields::all(&check.once, o).is_ok()) {
        return Err(format!("{what}: {}", never(&check.once, counted.iter().copied())));
    }
    match &check.changes {
        Some(changes) => changed(changes, &counted).map_err(|why| format!("{what}: {why}")),
        None => Ok(()),
    }
}

/// That fields never held together, and what they are at last.
fn never<'a>(fields: &[Field], objects: impl Iterator<Item = &'a Value>) -> String {
    let last = objects.last().and_then(|o| fields::all(fields, o).err());
    format!("it never came to it: {}", last.unwrap_or_default())
}

/// How often a field changed.
fn changed(wanted: &Changes, objects: &[&Value]) -> Result<(), String> {
    let values: Vec<String> = objects.iter().map(|o| shown(find(o, &wanted.path))).collect();
    let times = values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    amount(times, wanted.is, wanted.at_least, wanted.at_most)
        .map_err(|amount| format!("{} changed {times} times, wanted {amount}", wanted.path))
}

impl Grade {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let mark = if check.passed { "PASS" } else { "FAIL" };
            text += &format!("{mark} {:>2}/{:<2} {}\n", check.points, check.of, check.title);
            if !check.reason.is_empty() {
                text += &format!("           {}\n", check.reason);
            }
        }
        text + &format!("{}: {} of {} points\n", self.name, self.points, self.of)
    }

    /// For build servers.
    pub fn junit(&self) -> String {
        let escape = |text: &str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let text = text.replace('"', "&quot;");
            // What XML has no place for.
            text.replace(|c: char| c.is_control() && !['\n', '\t'].contains(&c), " ")
        };
        let failures = self.checks.iter().filter(|c| !c.passed).count();
        let cases: String = self.checks.iter().map(|check| {
            let name = escape(&check.title);
            let class = escape(&self.name);
            match check.passed {
                true => format!("  <testcase classname=\"{class}\" name=\"{name}\"/>\n"),
                false => format!(
                    "  <testcase classname=\"{class}\" name=\"{name}\"><failure message=\"{}\"/></testcase>\n",
                    escape(&format!("{} of {} points: {}", check.points, check.of, check.reason)),
                ),
            }
        }).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">\n{cases}</testsuite>\n",
            escape(&self.name),
            self.checks.len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{labs::recording::Version, object::json};
    use std::sync::Arc;

    fn version(available: i64, revision: &str, deleted: bool) -> Version {
        let object = json!({"kind": "Deployment",
            "metadata": {"name": "web", "annotations": {"deployment.kubernetes.io/revision": revision}},
            "spec": {"replicas": 10, "paused": revision == "1" && available == 9},
            "status": {"availableReplicas": available}});
        Version { object: Arc::new(object), kind: "Deployment".into(), deleted }
    }

    fn recording(versions: &[(i64, &str)]) -> Recording {
        let versions = versions.iter().map(|(n, revision)| version(*n, revision, false));
        Recording { versions: versions.collect(), ..Recording::default() }
    }

    /// What a check of so many points earns, and why not more.
    fn earns(check: &str, recording: &Recording) -> (u32, String) {
        let text = format!(
            "name: x\ntitle: x\npart: x\ntext: x\nproject: x\ntasks: []\nsolution: []\nchecks:\n- title: it\n  points: 3\n  {check}\n"
        );
        let exercise = Exercise::parse(&text).unwrap_or_else(|e| panic!("{check}: {e}"));
        let grade = grade(&exercise, recording);
        (grade.points, grade.checks[0].reason.clone())
    }

    #[test]
    fn the_past_counts() {
        let never = "history: {kind: Deployment, name: web, after: [{path: status.availableReplicas, is: 10}], \
            always: [{path: status.availableReplicas, atLeast: 8}], once: [{path: 'metadata.annotations[deployment.kubernetes.io/revision]', is: 2}]}";
        let good = recording(&[(0, "1"), (10, "1"), (8, "2"), (10, "2")]);
        assert_eq!(earns(never, &good), (3, String::new()));
        let (points, why) = earns(never, &recording(&[(10, "1"), (7, "2"), (10, "2")]));
        assert_eq!(
            (points, why.as_str()),
            (0, "Deployment web: once status.availableReplicas is 7, wanted at least 8")
        );
        let (_, why) = earns(never, &recording(&[(10, "1")]));
        assert!(why.contains("it never came to it") && why.contains("is \"1\", wanted 2"), "{why}");

        let once = "history: {kind: Deployment, name: web, once: [{path: spec.paused, is: true}], \
            changes: {path: 'metadata.annotations[deployment.kubernetes.io/revision]', is: 1}}";
        assert_eq!(earns(once, &recording(&[(10, "1"), (9, "1"), (10, "2")])).0, 3);
        let (_, why) = earns(once, &recording(&[(9, "1"), (10, "2"), (10, "3")]));
        assert!(why.ends_with("changed 2 times, wanted 1"), "{why}");

        let mut gone = recording(&[(10, "1")]);
        gone.versions.push(version(10, "1", true));
        assert_eq!(
            earns("history: {kind: Deployment, name: web}", &gone),
            (0, "Deployment web was deleted".into())
        );
        assert_eq!(earns("history: {kind: Deployment, name: web, deleted: true}", &gone).0, 3);
        let (_, why) = earns("object: {kind: Deployment, name: web}", &gone);
        assert_eq!(why, "Deployment web is not there");
        let torn = Recording { torn: true, ..recording(&[(10, "1")]) };
        assert_eq!(earns("history: {kind: Deployment, name: web}", &torn).0, 0);
    }

    #[test]
    fn what_is_there_counts() {
        let now = recording(&[(3, "1"), (10, "2")]);
        let part = "object: {kind: Deployment, name: web, fields: [{path: spec.replicas, is: 10}, {path: spec.x, is: 1}]}";
        assert_eq!(earns(part, &now), (0, "Deployment web: spec.x is not there, wanted 1".into()));
        assert_eq!(earns(&format!("partial: true\n  {part}"), &now).0, 1);
        let count = |rest: &str| format!("count: {{kind: Deployment, {rest}}}");
        assert_eq!(earns(&count("atLeast: 1"), &now).0, 3);
        assert_eq!(earns(&count("labels: 'app=web', is: 0"), &now).0, 3);
        let (_, why) = earns(&count("fields: [{path: spec.replicas, is: 9}], is: 1"), &now);
        assert_eq!(why, "0 of 1 deployments are so (spec.replicas is 10, wanted 9), wanted 1");
        let asked = "command: {labels: app=web, run: hostname, contains: web}";
        let said =
            |answer: &str| Recording { answers: vec![answer.into()], ..Recording::default() };
        assert_eq!(earns(asked, &said("")).0, 3);
        assert_eq!(earns(asked, &said("no pod is ready")), (0, "no pod is ready".into()));
    }
}
