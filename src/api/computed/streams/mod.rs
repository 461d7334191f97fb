//! `pods/exec`, `attach`, `portforward` and `log`, and the proxies: checked here, carried by whoever speaks to the client.
//! Source: `pkg/registry/core/pod/rest` and, for what the node would say, `pkg/kubelet/server`.

mod dial;
mod kubelet;
mod nodelogs;
mod options;
mod paced;
mod pod;
mod proxy;
#[cfg(test)]
mod tests;

use super::Handled;
use crate::{
    access,
    api::{
        Answer, Request, Response, Server, Session, Task, Verb, admission,
        write::{Attempt, Draft, lists},
    },
    error::Error,
    object::{ObjectExt, Value},
    runtime::{Containers, LogStream, Target},
    world::BoxFuture,
};
use futures_util::StreamExt;
use paced::Paced;
use std::{io, sync::Arc};

/// Answers requests to run a command.
pub fn exec(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(async move { process(&server, &request).await })
}

/// Answers requests to join a container's main process.
pub fn attach(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(async move { process(&server, &request).await })
}

/// Answers requests to forward ports.
pub fn port_forward(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(async move { forward(&server, &request).await })
}

/// Answers requests for a container's log.
pub fn log(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(async move { read_log(&server, &request) })
}

pub use proxy::proxy;

/// What runs in pods, or the honest answer that nothing does.
fn containers(server: &Server, request: &Request) -> Result<Arc<dyn Containers>, Error> {
    server
        .containers
        .clone()
        .ok_or_else(|| Error::NotImplemented(format!("pods/{} is not built yet", request.sub)))
}

/// A WebSocket client asks with GET, an SPDY client with POST; either needs the right to create.
fn allowed(server: &Server, request: &Request) -> Result<(), Error> {
    if request.verb == Verb::Create {
        return Ok(());
    }
    let wanted = access::Attributes { verb: "create", ..access::Attributes::of(request) };
    let snapshot = server.store.snapshot();
    server.access.authorizer.check(&snapshot, &request.caller, &wanted)
}

/// Lets whoever outside has a say refuse a connection.
async fn asked(server: &Server, request: &Request, options: Value) -> Result<(), Error> {
    let snapshot = server.store.snapshot();
    let mut draft = Draft::of(options);
    Attempt::create(server, request, &snapshot).run(lists::CONNECT, &mut draft).await
}

async fn process(server: &Server, request: &Request) -> Result<Answer, Error> {
    let options = options::process(&request.options.parameters);
    let snapshot = server.store.snapshot();
    let (_, pod) = Server::stored(&snapshot, request)?;
    let of_creation = admission::Attributes {
        sub: "",
        ..server.attributes(&snapshot, request, Verb::Create, &request.name, None)
    };
    admission::may_enter(&pod, &of_creation, request.sub)?;
    allowed(server, request)?;
    asked(server, request, options::shown(request.sub, &request.options.parameters)).await?;
    let container = pod::container(&pod, &options.container)?;
    pod::placed(&pod)?;
    dial::session(&snapshot, &*containers(server, request)?, &pod)?;
    if !options.streams.stdin && !options.streams.stdout && !options.streams.stderr {
        let text = "you must specify at least 1 of stdin, stdout, stderr";
        return Err(Error::Backend(400, text.into()));
    }
    let attach = request.sub == "attach";
    let pod = containers(server, request)?.known(pod);
    if !pod::runs(&pod, &container) {
        return Err(Error::Backend(500, pod::gone(&pod, &container, attach)));
    }
    let mut streams = options.streams;
    // A terminal has one output. Whether a running process has one was decided at its start.
    if attach {
        streams.tty = pod::has_terminal(&pod, &container);
    }
    streams.stderr &= !streams.tty;
    let task = Task::Process {
        target: target(request, container),
        command: (!attach).then_some(options.command),
        streams,
    };
    session(server, request, task, &pod)
}

fn session(server: &Server, request: &Request, task: Task, pod: &Value) -> Result<Answer, Error> {
    let containers = containers(server, request)?;
    let node = pod.str_at("spec.nodeName").into();
    Ok(Response::Session(Session { task, containers, node }).into())
}

fn target(request: &Request, container: String) -> Target {
    Target { namespace: request.namespace.clone(), pod: request.name.clone(), container }
}

async fn forward(server: &Server, request: &Request) -> Result<Answer, Error> {
    allowed(server, request)?;
    asked(server, request, options::shown(request.sub, &request.options.parameters)).await?;
    let ports = options::ports(&request.options.parameters)?;
    let snapshot = server.store.snapshot();
    let (_, pod) = Server::stored(&snapshot, request)?;
    pod::placed(&pod)?;
    dial::session(&snapshot, &*containers(server, request)?, &pod)?;
    let pod = containers(server, request)?.known(pod);
    if !pod::is_up(&pod) {
        let name = format!("{}_{}", pod.name(), pod.namespace());
        return Err(Error::Backend(500, format!("pod not found ({name:?})")));
    }
    let task =
        Task::Forward { namespace: request.namespace.clone(), pod: request.name.clone(), ports };
    session(server, request, task, &pod)
}

fn read_log(server: &Server, request: &Request) -> Result<Answer, Error> {
    let now = server.world.clock.now();
    let (wanted, options) = options::log(&request.name, &request.options.parameters, now)?;
    let snapshot = server.store.snapshot();
    let (_, pod) = Server::stored(&snapshot, request)?;
    let container = pod::container(&pod, &wanted)?;
    if pod.str_at("spec.nodeName").is_empty() {
        return Ok(Response::Nothing.into());
    }
    let containers = containers(server, request)?;
    dial::log(&snapshot, &*containers, &pod, &container, request)?;
    pod::has_log(&pod, &container, options.previous).map_err(Error::BadRequest)?;
    let lost = containers.lost(pod.str_at("spec.nodeName"));
    let lines = containers.logs(target(request, container), options)?;
    Ok(paced(server, lines, lost))
}

/// A log at a pace, until the server stops; it breaks off when its node is lost.
fn paced(server: &Server, lines: LogStream, lost: BoxFuture<()>) -> Answer {
    let mut stopping = server.stopping.clone();
    let stopped = async move { stopping.wait_for(|s| *s).await.is_ok() };
    let lines = Paced::new(lines, Arc::clone(&server.world.wall)).take_until(Box::pin(stopped));
    let whole = futures_util::stream::unfold(Some((lines, lost)), |state| async {
        let (mut lines, mut lost) = state?;
        tokio::select! {
            biased;
            line = lines.next() => line.map(|line| (Ok(line), Some((lines, lost)))),
            () = &mut lost => Some((Err(io::ErrorKind::ConnectionReset.into()), None)),
        }
    });
    Response::Log(Box::pin(whole)).into()
}

/// The status of a container, of whichever sort it is.
fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
        .iter()
        .flat_map(|list| pod.list_at(&format!("status.{list}")))
        .find(|s| s.str_at("name") == container)
}
