//! What builds are made from.

use super::{cleaned, image, secret_name};
use crate::{
    error::Causes,
    kinds::workloads::field::Field,
    object::{json, name},
};
use std::collections::HashSet;

/// Longest Dockerfile that may stand in an object.
const LONGEST_DOCKERFILE: usize = 60_000;

/// Checks the source of a build's spec.
pub fn check(spec: &Field<'_>, out: &mut Causes) {
    let source = spec.get("source");
    let has = |name: &str| source.get(name).is_set();
    let strategy = |name: &str| spec.get(&format!("strategy.{name}"));
    let (docker, pipeline) = (strategy("dockerStrategy"), strategy("jenkinsPipelineStrategy"));
    let some = ["git", "binary", "dockerfile", "images"].into_iter().any(has);
    if docker.is_set() && !pipeline.is_set() && !some {
        let why =
            "must provide a value for at least one source input(git, binary, dockerfile, images).";
        out.invalid(source.path.as_str(), &json!(""), why);
    }
    let (git, binary) = (source.get("git"), source.get("binary"));
    if git.is_set() && binary.is_set() && !strategy("customStrategy").is_set() {
        let both = [
            (git, "may not be set when binary is also set"),
            (binary, "may not be set when git is also set"),
        ];
        both.iter().for_each(|(field, why)| out.invalid(field.path.as_str(), &json!(""), why));
        return;
    }
    if git.is_set() {
        repository(&git.get("uri"), out);
    }
    if binary.is_set() {
        file_name(&binary.get("asFile"), out);
    }
    let dockerfile = source.get("dockerfile");
    if dockerfile.text().len() > LONGEST_DOCKERFILE {
        let why = format!("must be smaller than {LONGEST_DOCKERFILE} bytes");
        out.invalid(dockerfile.path.as_str(), &json!(""), why);
    }
    images(&source.get("images"), out);
    let from_repository = pipeline.is_set() && pipeline.get("jenkinsfile").text().is_empty();
    if from_repository && !git.is_set() {
        let why =
            "must be set when using Jenkins Pipeline strategy with Jenkinsfile from a git repo";
        out.invalid(git.path.as_str(), &json!(""), why);
    }
    let docker = docker.is_set();
    mounted(&source.get("secrets"), "secret", "must be valid secret name", docker, out);
    mounted(&source.get("configMaps"), "configMap", "must be valid configMap name", docker, out);
    secret_name(&source.get("sourceSecret"), out);
    let folder = source.get("contextDir");
    if !folder.text().is_empty() && cleaned(folder.text()).starts_with("..") {
        folder.invalid(out, "context dir must not be a relative path");
    }
}

/// The address of a repository: a URL, `host:path` or a path.
fn repository(uri: &Field<'_>, out: &mut Causes) {
    let text = uri.text();
    if text.is_empty() {
        return uri.required(out, "");
    }
    let known = ["http://", "https://", "git://", "ssh://", "ftp://", "ftps://", "rsync://"];
    if text.contains("://")
        && known.iter().any(|scheme| text.starts_with(scheme))
        && let Err(why) = url::Url::parse(text)
    {
        uri.invalid(out, format!("parse {text:?}: {why}"));
    }
}

fn file_name(file: &Field<'_>, out: &mut Causes) {
    let clean = cleaned(file.text());
    let clean = clean.strip_prefix('/').unwrap_or(&clean);
    let odd = clean.is_empty() || clean == "." || clean.starts_with("..");
    if !file.text().is_empty() && (odd || clean.contains(['/', '\\'])) {
        let why = "file name may not contain slashes or relative path segments and must be a valid POSIX filename";
        file.invalid(out, why);
    }
}

fn images(all: &Field<'_>, out: &mut Causes) {
    for source in all.items() {
        image(&source.get("from"), out);
        secret_name(&source.get("pullSecret"), out);
        let (paths, names) = (source.get("paths"), source.get("as"));
        if paths.list().is_empty() && names.list().is_empty() {
            for field in [&paths, &names] {
                field.required(out, "must specify 'paths' or 'as'");
            }
        }
        for path in paths.items() {
            copied(&path, out);
        }
        for name in names.items().iter().filter(|name| name.text().is_empty()) {
            name.invalid(out, "must not be empty");
        }
    }
    let mut seen = HashSet::new();
    for name in all.items().iter().flat_map(|source| source.get("as").items()) {
        if !name.text().is_empty() && !seen.insert(name.text()) {
            name.duplicate(out);
        }
    }
}

const UPWARDS: &str = "destination dir cannot start with '..'";

/// What is taken out of an image, and where it goes.
fn copied(path: &Field<'_>, out: &mut Causes) {
    let (from, to) = (path.get("sourcePath"), path.get("destinationDir"));
    from.needs_text(out);
    to.needs_text(out);
    if !from.text().starts_with('/') {
        out.invalid(from.path.as_str(), &json!(from.text()), "must be an absolute path");
    }
    if to.text().starts_with('/') {
        to.invalid(out, "must be a relative path");
    }
    if cleaned(to.text()).starts_with("..") {
        to.invalid(out, UPWARDS);
    }
}

/// Secrets or config maps that are laid beside the source.
fn mounted(all: &Field<'_>, what: &str, misnamed: &str, docker: bool, out: &mut Causes) {
    for item in all.items() {
        let named = item.get(&format!("{what}.name"));
        let place = item.get(what);
        if named.text().is_empty() {
            place.required(out, "");
        }
        if !name::subdomain_problems(named.text()).is_empty() {
            let shown = item.value.cloned().unwrap_or_default();
            out.invalid(place.path.as_str(), &shown, misnamed);
        }
        let to = item.get("destinationDir");
        if cleaned(to.text()).starts_with("..") {
            to.invalid(out, UPWARDS);
        }
        if docker && to.text().starts_with('/') {
            to.invalid(out, "for the docker strategy the destinationDir has to be relative path");
        }
    }
}
