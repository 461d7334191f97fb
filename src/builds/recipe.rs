//! The image that comes of a build: a base, what is changed in its configuration, and one layer.

use super::dockerfile::{self, Instruction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is changed in the configuration of the base; `None` and empty mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Recipe {
    /// Pull spec of the base; empty for an image from nothing.
    pub base: String,
    /// Variables, in their order.
    pub env: Vec<(String, String)>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Ports, with their protocols.
    pub ports: Vec<String>,
    /// Volumes.
    pub volumes: Vec<String>,
    /// User.
    pub user: Option<String>,
    /// Working directory.
    pub workdir: Option<String>,
    /// Entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments.
    pub cmd: Option<Vec<String>>,
    /// Files of the layer, by their path.
    pub files: Vec<(String, String)>,
    /// The instructions, as the image's history tells them.
    pub history: Vec<String>,
    /// Seconds after its base that the image says it was made: not the clock's, so that the same
    /// inputs make the same image.
    pub later: i64,
}

impl Recipe {
    /// Sets a variable.
    pub fn set_env(&mut self, name: &str, value: &str) {
        match self.env.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.to_owned(),
            None => self.env.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Does what an instruction says, its variables put in already.
    pub fn apply(&mut self, step: &Instruction) {
        match step.name.as_str() {
            "ENV" => {
                for (name, value) in dockerfile::pairs(&step.rest) {
                    self.set_env(&name, &value);
                }
            }
            "LABEL" => self.labels.extend(dockerfile::pairs(&step.rest)),
            "EXPOSE" => self.ports.extend(
                dockerfile::words(&step.rest)
                    .into_iter()
                    .map(|port| if port.contains('/') { port } else { format!("{port}/tcp") }),
            ),
            "VOLUME" => match serde_json::from_str::<Vec<String>>(&step.rest) {
                Ok(list) => self.volumes.extend(list),
                Err(_) => self.volumes.extend(dockerfile::words(&step.rest)),
            },
            "USER" => self.user = Some(step.rest.clone()),
            "WORKDIR" => {
                let at = self.workdir.as_deref().unwrap_or("");
                self.workdir = Some(match step.rest.starts_with('/') {
                    true => step.rest.clone(),
                    false => format!("{}/{}", at.trim_end_matches('/'), step.rest),
                });
            }
            "CMD" => self.cmd = Some(step.command()),
            "ENTRYPOINT" => {
                self.entrypoint = Some(step.command());
                // A new entrypoint takes the base's arguments away.
                self.cmd.get_or_insert_with(Vec::new);
            }
            _ => {}
        }
        self.history.push(step.shown());
    }
}
