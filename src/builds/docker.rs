//! What the instructions of a Dockerfile make: the stages of a build one after the other, of which the
//! last is the image. Source: buildah `imagebuildah`, and openshift/builder, which adds to its end.

use super::{
    dockerfile::{self, Instruction},
    own,
    recipe::Recipe,
    script::{Failure, Input, Script, layer, provenance, text},
};
use crate::object::{ObjectExt, Value};

/// A stage: what it is called, its number is its place.
struct DockerStage {
    name: String,
    recipe: Recipe,
}

/// The stages so far, and the variables of the Dockerfile.
struct DockerBuild<'a> {
    spec: &'a Value,
    stages: Vec<DockerStage>,
    /// Names and values given or written with `ARG`; those before the first stage are for `FROM`.
    arguments: Vec<(String, Option<String>)>,
}

/// Carries out the Dockerfile of a build.
pub fn of(script: &mut Script, build: &Value, spec: &Value, input: Option<&Input>) {
    let read = text(spec, input).and_then(|text| {
        dockerfile::read(&text).map_err(|why| Failure {
            reason: "ManageDockerfileFailed",
            line: format!("error: failed to parse dockerfile: {why}"),
        })
    });
    let steps = match read {
        Ok(steps) => steps,
        Err(failure) => {
            script.fetch.fails = Some(failure);
            return;
        }
    };
    let from = spec.str_at("strategy.dockerStrategy.from.name");
    if !from.is_empty() {
        script.fetch.lines.push(format!("Replaced Dockerfile FROM image {from}"));
    }
    script.build.seconds = 4;
    let stages = steps.iter().filter(|s| s.name == "FROM").count();
    let (mut number, mut at) = (0, 0);
    let mut docker = DockerBuild { spec, stages: Vec::new(), arguments: Vec::new() };
    let later = script.recipe.later;
    for (i, step) in steps.iter().enumerate() {
        let mut step = docker.expanded(step);
        if step.name == "FROM" {
            (number, at) = (number + 1, 0);
            if number == stages && !from.is_empty() {
                step.rest = from.to_owned();
            }
            docker.begin(&step, later);
        }
        at += 1;
        let own = steps[i..].iter().skip(1).take_while(|s| s.name != "FROM").count() + at;
        // The last stage gets what says where the image comes from.
        let total = if number == stages { own + 2 } else { own };
        let prefix =
            if stages > 1 && number > 0 { format!("[{number}/{stages}] ") } else { String::new() };
        script.build.lines.push(format!("{prefix}STEP {at}/{total}: {}", step.shown()));
        script.build.fails = docker.carry_out(&step);
        script.build.seconds += i64::from(step.name == "RUN");
        if script.build.fails.is_some() {
            return;
        }
    }
    let total = at + 2;
    let prefix = if stages > 1 { format!("[{stages}/{stages}] ") } else { String::new() };
    script.recipe = docker.stages.pop().map(|s| s.recipe).unwrap_or_default();
    let recipe = &mut script.recipe;
    for env in spec.list_at("strategy.dockerStrategy.env") {
        recipe.set_env(env.str_at("name"), env.str_at("value"));
    }
    provenance(recipe, build, spec);
    layer(recipe, spec, input);
    let env: Vec<String> = recipe.env.iter().map(|(n, v)| format!("{n:?}={v:?}")).collect();
    let labels: Vec<String> = recipe.labels.iter().map(|(n, v)| format!("{n:?}={v:?}")).collect();
    let lines = &mut script.build.lines;
    lines.push(format!("{prefix}STEP {}/{total}: ENV {}", total - 1, env.join(" ")));
    lines.push(format!("{prefix}STEP {total}/{total}: LABEL {}", labels.join(" ")));
}

impl DockerBuild<'_> {
    /// An instruction with its variables put in.
    fn expanded(&self, step: &Instruction) -> Instruction {
        let env = self.stages.last().map_or(&[][..], |s| &s.recipe.env);
        let value = |name: &str| {
            let set = env.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let argument = || self.arguments.iter().rev().find(|(n, _)| n == name)?.1.clone();
            set.or_else(argument)
        };
        // The shell does it where one runs.
        let rest = match step.name.as_str() {
            "RUN" | "CMD" | "ENTRYPOINT" => step.rest.clone(),
            _ => dockerfile::expanded(&step.rest, &value),
        };
        Instruction { name: step.name.clone(), rest }
    }

    /// Begins a stage: with an image, or where an earlier stage ended.
    fn begin(&mut self, step: &Instruction, later: i64) {
        let words: Vec<&str> =
            step.rest.split_whitespace().filter(|w| !w.starts_with("--")).collect();
        let image = words.first().copied().unwrap_or_default();
        let named = words.get(1).is_some_and(|w| w.eq_ignore_ascii_case("as"));
        let name = if named { words.get(2).copied().unwrap_or_default() } else { "" };
        let recipe = match self.stage(image) {
            Some(stage) => stage.recipe.clone(),
            None => {
                let base = if image == "scratch" { String::new() } else { image.to_owned() };
                Recipe { base, later, ..Recipe::default() }
            }
        };
        self.stages.push(DockerStage { name: name.to_lowercase(), recipe });
    }

    fn stage(&self, name: &str) -> Option<&DockerStage> {
        let name = name.to_lowercase();
        self.stages.iter().find(|s| !name.is_empty() && s.name == name)
    }

    /// Does what an instruction says; how it fails, if it does.
    fn carry_out(&mut self, step: &Instruction) -> Option<Failure> {
        let failed = |why: String| {
            Some(Failure {
                reason: "DockerBuildFailed",
                line: format!("error: build error: {why}"),
            })
        };
        match step.name.as_str() {
            "FROM" => return None,
            "ARG" => {
                let (name, default) = match step.rest.split_once('=') {
                    Some((n, d)) => (n.to_owned(), Some(dockerfile::words(d).join(" "))),
                    None => (step.rest.clone(), None),
                };
                let value = self.given(&name).or(default);
                self.arguments.push((name, value));
                return None;
            }
            "COPY" | "ADD" => {
                if let Some(from) = self.unknown_stage(&step.rest) {
                    return failed(format!("no stage or image found with that name: {from:?}"));
                }
            }
            "RUN" => {
                let code = dockerfile::code(&step.rest);
                if code != 0 {
                    let shown = step.command().join(" ");
                    let step = step.shown();
                    return failed(format!(
                        "error building at STEP {step:?}: error while running runtime: exit status {code}: {shown}"
                    ));
                }
            }
            _ => {}
        }
        if let Some(stage) = self.stages.last_mut() {
            stage.recipe.apply(step);
        }
        None
    }

    /// What the build gives for an argument.
    fn given(&self, name: &str) -> Option<String> {
        let given = own(self.spec, "dockerStrategy").map_or(&[][..], |d| d.list_at("buildArgs"));
        let found = given.iter().find(|a| a.str_at("name") == name);
        found.map(|a| a.str_at("value").to_owned())
    }

    /// Where something is copied from that is no earlier stage and cannot be an image.
    fn unknown_stage<'a>(&self, rest: &'a str) -> Option<&'a str> {
        let from = rest.split_whitespace().find_map(|w| w.strip_prefix("--from="))?;
        let number = from.parse::<usize>().is_ok_and(|n| n + 1 < self.stages.len());
        let earlier = &self.stages[..self.stages.len().saturating_sub(1)];
        let named = earlier.iter().any(|s| s.name == from.to_lowercase());
        let image = from.contains(['/', ':']);
        (!number && !named && !image).then_some(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn built(dockerfile: &str) -> Script {
        let spec =
            json!({"source": {"dockerfile": dockerfile}, "strategy": {"dockerStrategy": {}}});
        let build = json!({"metadata": {"name": "b-1", "namespace": "n"}, "spec": spec});
        let mut script = Script::default();
        of(&mut script, &build, &spec, None);
        script
    }

    #[test]
    fn the_last_stage_is_the_image() {
        let script = built(
            "FROM golang:1.22 AS build\nENV A=1\nRUN go build\nFROM build AS more\nLABEL x=y\n\
             FROM ubi9\nCOPY --from=build /app /app\nCOPY --from=1 /x /x\nCMD [\"/app\"]",
        );
        assert_eq!(script.build.fails, None);
        assert_eq!(script.recipe.base, "ubi9");
        assert!(!script.recipe.env.iter().any(|(name, _)| name == "A"));
        let lines: Vec<&str> = script.build.lines.iter().map(String::as_str).collect();
        assert_eq!(lines[0], "[1/3] STEP 1/3: FROM golang:1.22 AS build");
        assert_eq!(lines[3], "[2/3] STEP 1/2: FROM build AS more");
        assert_eq!(lines[5], "[3/3] STEP 1/6: FROM ubi9");
        assert!(lines[9].starts_with("[3/3] STEP 5/6: ENV "), "{lines:?}");
    }

    #[test]
    fn a_stage_begins_where_another_ended() {
        let script = built("FROM ubi9 AS Base\nENV A=1\nUSER 7\nFROM base\nENV B=2");
        assert_eq!(
            (script.recipe.base.as_str(), script.recipe.user.as_deref()),
            ("ubi9", Some("7"))
        );
        let names: Vec<&str> = script.recipe.env.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names[..2], ["A", "B"]);
    }

    #[test]
    fn a_stage_that_is_not_there_fails() {
        let script = built("FROM ubi9\nCOPY --from=build /app /app");
        let failure = script.build.fails.unwrap();
        assert_eq!(failure.reason, "DockerBuildFailed");
        assert_eq!(
            failure.line,
            "error: build error: no stage or image found with that name: \"build\""
        );
    }
}
