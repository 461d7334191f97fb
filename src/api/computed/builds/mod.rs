//! Subresources of BuildConfigs and Builds that are requests of their own: `instantiate`,
//! `instantiatebinary`, `webhooks`, `clone` and `log`.
//! Source: openshift-apiserver `pkg/build/apiserver`.

mod binary;
mod log;
mod webhooks;

use super::{Handled, answer, ordinary};
use crate::{
    api::{Answer, Body, Options, Request, Response, Server, Verb, write::ATTEMPTS},
    builds::{BUILDS, CONFIGS, generate},
    error::Error,
    kinds::{self, Kind, Served, ServedKind},
    object::{ObjectExt, Value},
};
use std::sync::{Arc, LazyLock};

static REQUEST: LazyLock<ServedKind> = LazyLock::new(|| {
    ServedKind::of(&Kind {
        group: "build.openshift.io",
        kind: "BuildRequest",
        plural: "buildrequests",
        schema: "com.github.openshift.api.build.v1.BuildRequest",
        ..Kind::BASE
    })
});

/// Answers requests for a build of a config.
pub fn instantiate(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(async move {
        let asked = body(&server, &request)?;
        let build = start(&server, &request, &asked).await?;
        Ok(answer(201, build))
    })
}

/// Answers requests for a build of what comes with them.
pub fn instantiate_binary(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(binary::create(server, request))
}

/// Answers those who tell of a change.
pub fn webhooks(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(webhooks::hear(server, request))
}

/// Answers requests to do a build again.
pub fn clone(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(async move {
        let asked = body(&server, &request)?;
        again(&server, &request, &asked).await.map(|build| answer(201, build))
    })
}

/// Answers the log of a build.
pub fn log(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(log::read(server, request))
}

/// The body of a request for a build.
fn body(server: &Server, request: &Request) -> Result<Value, Error> {
    let kind = Served::BuiltIn(&REQUEST);
    let (object, duplicates) = request.object()?;
    let mut value = object.clone();
    let asked = Request { kind, sub: "", ..request.clone() };
    server.decode(&asked, &mut value, duplicates, &mut Vec::new())?;
    Ok(value)
}

/// Makes the next build of a config.
async fn start(server: &Arc<Server>, request: &Request, asked: &Value) -> Result<Value, Error> {
    let name = request.name.as_str();
    for _ in 0..ATTEMPTS {
        let snapshot = server.store.snapshot();
        let config = snapshot.get(CONFIGS, &request.namespace, name).map(|e| e.value());
        let config = config.ok_or_else(|| Error::not_found(CONFIGS, name))?;
        let (next, build) = generate::of_config(&snapshot, &config, asked)?;
        drop(snapshot);
        if let Some(build) = make(server, request, Some(next), build).await? {
            return Ok(build);
        }
    }
    Err(Error::stale(CONFIGS, name))
}

async fn again(server: &Arc<Server>, request: &Request, asked: &Value) -> Result<Value, Error> {
    let name = request.name.as_str();
    for _ in 0..ATTEMPTS {
        let snapshot = server.store.snapshot();
        let build = snapshot.get(BUILDS, &request.namespace, name).map(|e| e.value());
        let build = build.ok_or_else(|| generate::missing(name))?;
        let config = build.str_at("status.config.name");
        let config = snapshot.get(CONFIGS, &request.namespace, config).map(|e| e.value());
        let (next, build) = generate::of_build(&build, config.as_ref(), asked)?;
        drop(snapshot);
        if let Some(build) = make(server, request, next, build).await? {
            return Ok(build);
        }
    }
    Err(Error::stale(BUILDS, name))
}

/// First the number is the config's, then the build has it. Nothing when somebody else was quicker.
async fn make(
    server: &Arc<Server>,
    request: &Request,
    config: Option<Value>,
    build: Value,
) -> Result<Option<Value>, Error> {
    if let Some(config) = config.filter(|_| !request.options.dry_run) {
        let name = config.name().to_owned();
        match write(server, request, (Verb::Update, CONFIGS), name, config).await {
            Ok(_) => {}
            Err(Error::Conflict { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    write(server, request, (Verb::Create, BUILDS), String::new(), build).await.map(Some)
}

/// A write that whoever may make builds may cause.
async fn write(
    server: &Arc<Server>,
    request: &Request,
    (verb, resource): (Verb, &str),
    name: String,
    object: Value,
) -> Result<Value, Error> {
    let options = Options {
        field_manager: request.options.manager().to_owned(),
        dry_run: request.options.dry_run,
        ..Options::default()
    };
    let kind = kinds::by_resource(resource).ok_or(Error::NoSuchPath)?;
    let body = Body::Object(object, Vec::new());
    let own = Request { verb, kind, sub: "", name, options, body, ..request.clone() };
    match ordinary(Arc::clone(server), own).await? {
        Answer { response: Response::One(_, item), .. } => Ok(item.value()),
        _ => Err(Error::Internal("a write answered without an object".into())),
    }
}
