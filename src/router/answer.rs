//! One request through the router: its route, its pod, and what is changed on the way there and
//! back.

use super::{
    Router, cookies,
    headers::{self, Asker, Headers},
    options::Algorithm,
    pages,
    road::{Insecure, Road, Termination},
    servers::{Server, Servers},
    table::Table,
    upgrades::{self, Switched},
};
use crate::{
    runtime::{Containers, Fetch, Fetched, Shown, Unreached},
    store::Snapshot,
    tls,
    world::within,
};
use jiff::SignedDuration;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::Ordering,
};

/// Most time until a pod takes a connection. Source: the router's `timeout connect`.
const CONNECT: SignedDuration = SignedDuration::from_secs(5);

/// A request as it reaches the router.
pub struct RouterRequest {
    /// Address of the client.
    pub client: IpAddr,
    /// Port it came in at.
    pub port: u16,
    /// Whether the router is its proxy: then no port is part of names.
    pub proxied: bool,
    /// Whether it came over HTTP/2.
    pub second: bool,
    /// The request; `secure` says whether it came with TLS, `host` is its Host header.
    pub request: Fetch,
}

/// What the router does about it.
pub enum Reply {
    /// It answers.
    Answer(Fetched),
    /// It hands on what a pod answers, and then whatever both sides say, until they have been silent
    /// for so long.
    Switch(Fetched, Switched, SignedDuration),
    /// It closes the connection without a word.
    HangUp,
}

impl From<Fetched> for Reply {
    fn from(answer: Fetched) -> Reply {
        Reply::Answer(answer)
    }
}

impl Router {
    /// Answers a request.
    pub async fn answer(&self, containers: &dyn Containers, ask: RouterRequest) -> Reply {
        let objects = self.objects();
        let path = ask.request.path.split('?').next().unwrap_or_default();
        let Some(route) = Table::of(&objects).find(&ask.request.host, path).cloned() else {
            return pages::unavailable().into();
        };
        let road = route.lens::<Road>();
        let secure = ask.request.secure;
        let tls = road.termination != Termination::None;
        if tls && !secure && road.insecure == Insecure::Redirect {
            return self.redirect(&ask).into();
        }
        if !road.is_open(secure) {
            return pages::unavailable().into();
        }
        if !road.options.allows(ask.client) {
            return Reply::HangUp;
        }
        let now = self.world.wall.now();
        let admitted = self.clients.admit(&road.options, &road.uid, ask.client, now);
        let Ok(_carried) = admitted else { return Reply::HangUp };
        let servers = Servers::of(&objects, &route);
        match self.carry(containers, &objects, &road, &servers, ask).await {
            (answer, Some(switched)) => Reply::Switch(answer, switched, road.options.tunnel),
            (answer, None) => answer.into(),
        }
    }

    fn redirect(&self, ask: &RouterRequest) -> Fetched {
        let host = &ask.request.host;
        let name = host.split(':').next().unwrap_or_default();
        let port = self.https.load(Ordering::Relaxed);
        let path = &ask.request.path;
        pages::redirect(match port {
            443 => format!("https://{name}{path}"),
            _ if ask.proxied => format!("https://{name}{path}"),
            port => format!("https://{name}:{port}{path}"),
        })
    }

    /// Carries a request to one of a route's servers, and its answer back.
    async fn carry(
        &self,
        containers: &dyn Containers,
        objects: &Snapshot,
        road: &Road,
        servers: &Servers,
        ask: RouterRequest,
    ) -> (Fetched, Option<Switched>) {
        let RouterRequest { client, port, second, mut request, .. } = ask;
        let known =
            cookies::take(&mut request.headers, &road.cookie).filter(|_| road.options.cookies);
        let usual = if servers.services > 1 { Algorithm::RoundRobin } else { Algorithm::Random };
        let rule = road.options.balance.unwrap_or(usual);
        let chance = |n| self.world.entropy.of(&["routes"]).below(n);
        let chosen =
            self.balance.choose(&road.uid, servers, rule, client, known.as_deref(), &chance);
        let Some((server, _busy)) = chosen else { return (pages::unavailable(), None) };
        // Headers are looked back at by actions alone.
        let asked = if road.response.is_empty() { Headers::new() } else { request.headers.clone() };
        let protocol = upgrades::wanted(&request.headers).map(str::to_owned);
        let secure = request.secure;
        prepare(&mut request, road, &Asker { client, port, host: "", secure, second });
        request.port = server.port;
        request.secure = road.termination == Termination::Reencrypt;
        if request.secure && !self.trusts(containers, objects, road, server) {
            return (pages::unavailable(), None);
        }
        let to = (server.address, server.port);
        let asking = ask_pod(containers, to, request, protocol.as_deref());
        let (mut answer, switched) = match self.reach(asking, road.options.timeout).await {
            Ok(answer) => answer,
            Err(page) => return (page, None),
        };
        headers::passed_on(&mut answer.headers);
        if !road.response.is_empty() {
            let said = answer.headers.clone();
            headers::act(&road.response, &mut answer.headers, &asked, &said);
        }
        if let Some(hsts) = road.options.hsts.as_ref().filter(|_| secure) {
            answer.headers.push(("strict-transport-security".into(), hsts.clone()));
        }
        if road.options.cookies && known.as_deref() != Some(&server.id) {
            cookies::give(&mut answer.headers, road, server);
        }
        (answer, switched)
    }

    /// Waits for a pod; what the router says itself when that fails.
    async fn reach<T>(
        &self,
        asking: impl Future<Output = Result<T, Unreached>>,
        timeout: SignedDuration,
    ) -> Result<T, Fetched> {
        let clock = &*self.world.wall;
        match within(clock, timeout, asking).await {
            None => Err(pages::too_late()),
            Some(Ok(answer)) => Ok(answer),
            Some(Err(Unreached::Refused)) => Err(pages::unavailable()),
            Some(Err(Unreached::Dropped)) => {
                let until = clock.now().checked_add(CONNECT).unwrap_or_default();
                clock.sleep_until(until).await;
                Err(pages::unavailable())
            }
            Some(Err(Unreached::Closed)) => Err(pages::bad_gateway()),
        }
    }

    /// Whether what a server shows is signed by whom the route says, or by the cluster for its
    /// service.
    fn trusts(
        &self,
        containers: &dyn Containers,
        objects: &Snapshot,
        road: &Road,
        server: &Server,
    ) -> bool {
        let chain = match containers.shows((server.address, server.port)) {
            Shown::Pair { cert, .. } => cert,
            // What signs itself is signed by nobody.
            Shown::Unknown | Shown::Plain => return false,
        };
        let now = self.world.wall.now();
        match road.tls.destination_ca_certificate.as_str() {
            "" => {
                let name = format!("{}.{}.svc", server.service, road.namespace);
                let there = objects.get("services", &road.namespace, &server.service).is_some();
                there && tls::is_trusted(&chain, &self.settings.ca_pem, Some(&name), now)
            }
            own => tls::is_trusted(&chain, own, None, now),
        }
    }
}

/// Asks a pod, and to switch protocols if the client wants that.
pub(super) async fn ask_pod(
    containers: &dyn Containers,
    to: (Ipv4Addr, u16),
    request: Fetch,
    protocol: Option<&str>,
) -> Result<(Fetched, Option<Switched>), Unreached> {
    let Some(protocol) = protocol else {
        return Ok((containers.forward(to, request).await?, None));
    };
    let connection = containers.dial(to, request.secure).await?;
    upgrades::ask(connection, &request, protocol).await.ok_or(Unreached::Closed)
}

/// Makes of a client's request what the pod gets.
fn prepare(request: &mut Fetch, road: &Road, asker: &Asker<'_>) {
    let asked = if road.request.is_empty() { Headers::new() } else { request.headers.clone() };
    headers::passed_on(&mut request.headers);
    let asker = Asker { host: &request.host, ..*asker };
    headers::note(&mut request.headers, &asker, road.options.forwarded);
    headers::act(&road.request, &mut request.headers, &asked, &Headers::new());
    if let Some(target) = &road.options.rewrite_target {
        request.path = rewritten(&request.path, &road.path, target);
    }
}

/// A path with its route's part replaced. Source: the template's `replace-path`.
fn rewritten(path: &str, route: &str, target: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    let rest = path.strip_prefix(route).unwrap_or(path);
    let rest = if target == "/" { rest.strip_prefix('/').unwrap_or(rest) } else { rest };
    let path = format!("{target}{rest}");
    query.map_or_else(|| path.clone(), |q| format!("{path}?{q}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_rewritten() {
        let rows = [
            ("/foo/bar", "/foo", "/", "/bar"),
            ("/foo", "/foo", "/", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo/bar?a=/foo", "/foo", "/app", "/app/bar?a=/foo"),
            ("/x", "", "/", "/x"),
        ];
        for (path, route, target, expected) in rows {
            assert_eq!(rewritten(path, route, target), expected, "{path} {route} {target}");
        }
    }
}
