//! A cluster inside the test's own process, in memory, with all delays zero; and plain requests
//! against any cluster.

use http::{Method, Request, Response};
use kube::{
    Api, Client, Config,
    api::{ApiResource, DynamicObject},
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use pocketshift::{
    Cluster, api::Server, cluster::Builder, config::Serve, kinds::Served, run::Host,
};
use serde_json::{Value, json};
use std::{borrow::Borrow, sync::Arc};

/// A cluster and its administrator.
pub struct Lab {
    /// The cluster.
    pub cluster: Cluster,
    /// A client with the admin kubeconfig.
    pub client: Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    /// Status code.
    pub code: u16,
    /// Headers.
    pub headers: http::HeaderMap,
    /// Body.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body as JSON (`null` when it is none).
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
    /// A header, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
    /// The JSON body of an answer that must have this status code.
    #[track_caller]
    pub fn expect(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", self.text());
        self.json()
    }
}

/// The cheapest cluster, which serves nothing but what OpenShift serves.
pub fn builder() -> Builder {
    Cluster::builder().flags(["--plain-api"])
}

/// Such a cluster told more, in the words of the command line.
pub fn saying<const N: usize>(flags: [&str; N]) -> Builder {
    builder().flags(flags)
}

/// A host whose clusters are as cheap.
pub fn host() -> Arc<Host> {
    Host::new(&Serve { instant: true, plain_api: true, ..Serve::passing() })
}

impl Lab {
    /// Starts the cheapest cluster.
    pub async fn start() -> Lab {
        Lab::of(builder()).await
    }

    /// Starts what somebody has described.
    pub async fn of(builder: Builder) -> Lab {
        let cluster = builder.start().await.expect("the cluster starts");
        let client = client(cluster.kubeconfig(), None).await;
        Lab { cluster, client }
    }

    /// Where its API answers: `host:port`.
    pub fn address(&self) -> &str {
        self.cluster.url().trim_start_matches("https://")
    }

    /// The server itself, for what no client can see.
    pub fn server(&self) -> &Server {
        &self.cluster.inside().server
    }

    /// A client that acts for somebody else, by the administrator's right to impersonate.
    pub async fn acting_as(&self, user: &str) -> Client {
        client(self.cluster.kubeconfig(), Some(user)).await
    }

    /// A client that acts for somebody who has signed in.
    pub async fn signed_in(&self, user: &str) -> Client {
        let mut config = Kubeconfig::from_yaml(self.cluster.kubeconfig()).expect("kubeconfig");
        if let Some(info) = &mut config.auth_infos[0].auth_info {
            let groups = ["system:authenticated", "system:authenticated:oauth"];
            info.impersonate = Some(user.into());
            info.impersonate_groups = Some(groups.map(String::from).to_vec());
        }
        build(config).await
    }

    /// A client with this bearer token and nothing else.
    pub async fn with_token(&self, token: &str) -> Client {
        self.with_user(json!({"token": token})).await
    }

    /// A client that does not say who it is.
    pub async fn anonymous(&self) -> Client {
        self.with_user(json!({})).await
    }

    async fn with_user(&self, user: Value) -> Client {
        let mut config = Kubeconfig::from_yaml(self.cluster.kubeconfig()).expect("kubeconfig");
        config.auth_infos[0].auth_info = Some(serde_json::from_value(user).expect("a user"));
        build(config).await
    }

    /// A namespace to work in, usable at once: its service account is there, with its pull secret.
    pub async fn namespace(&self, name: &str) -> String {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        send(&self.client, "POST", "/api/v1/namespaces", "", Some(&body)).await.expect(201);
        let path = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        super::eventually("the default service account", || async {
            let reply = get(&self.client, &path).await;
            // Pods made before their account has a pull secret go without.
            let whole = reply.json()["imagePullSecrets"].is_array();
            if whole { Ok(()) } else { Err(reply.text()) }
        })
        .await;
        name.into()
    }

    /// Objects of a kind, in a namespace or cluster-wide.
    pub fn objects(&self, kind: impl Borrow<Served>, namespace: &str) -> Api<DynamicObject> {
        objects(&self.client, kind, namespace)
    }

    /// Stops the cluster as SIGTERM would.
    pub async fn stop(self) {
        drop(self.client);
        self.cluster.stop().await;
    }
}

/// Objects of a kind, in a namespace or cluster-wide (`""`).
pub fn objects(client: &Client, kind: impl Borrow<Served>, namespace: &str) -> Api<DynamicObject> {
    let kind = kind.borrow();
    let resource = ApiResource {
        group: kind.group.to_string(),
        version: kind.version.to_string(),
        api_version: kind.api_version().into(),
        kind: kind.kind.to_string(),
        plural: kind.plural.to_string(),
    };
    match namespace {
        "" => Api::all_with(client.clone(), &resource),
        ns => Api::namespaced_with(client.clone(), ns, &resource),
    }
}

/// A client for a kubeconfig, perhaps impersonating a user.
pub async fn client(kubeconfig: &str, user: Option<&str>) -> Client {
    let mut config = Kubeconfig::from_yaml(kubeconfig).expect("kubeconfig");
    if let (Some(user), Some(info)) = (user, &mut config.auth_infos[0].auth_info) {
        info.impersonate = Some(user.into());
    }
    build(config).await
}

async fn build(kubeconfig: Kubeconfig) -> Client {
    let options = KubeConfigOptions::default();
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a usable kubeconfig");
    config.read_timeout = Some(super::BOUND);
    // Tests see every answer, also those that ask to try again.
    config.default_retry = false;
    Client::try_from(config).expect("a client")
}

/// One request, answered whole. `accept` empty means JSON.
pub async fn send(
    client: &Client,
    method: &str,
    path: &str,
    accept: &str,
    body: Option<&Value>,
) -> Reply {
    let accept = if accept.is_empty() { "application/json" } else { accept };
    let content = match (method, body.is_some_and(Value::is_array)) {
        ("PATCH", true) => "application/json-patch+json",
        ("PATCH", false) => "application/merge-patch+json",
        _ => "application/json",
    };
    let bytes = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
    request(client, method, path, &[("accept", accept), ("content-type", content)], bytes).await
}

/// One request with a JSON body that may come to nothing; the code and the answer.
pub async fn try_send(
    client: &Client,
    method: &str,
    path: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let request = http::Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string().into_bytes())).ok()?;
    let (code, _, answer) = whole(client, request).await?;
    Some((code, answer))
}

/// One GET that may come to nothing; the code, whether there was a warning, and the answer.
pub async fn try_get(client: &Client, path: &str) -> Option<(u16, bool, Value)> {
    whole(client, http::Request::builder().uri(path).body(Body::from(vec![])).ok()?).await
}

async fn whole(client: &Client, request: http::Request<Body>) -> Option<(u16, bool, Value)> {
    let (parts, body) = client.send(request).await.ok()?.into_parts();
    let bytes = body.collect_bytes().await.ok()?;
    let answer = serde_json::from_slice(&bytes).unwrap_or_default();
    Some((parts.status.as_u16(), parts.headers.contains_key("warning"), answer))
}

/// One GET, answered whole.
pub async fn get(client: &Client, path: &str) -> Reply {
    send(client, "GET", path, "", None).await
}

/// One request with any headers and body, answered whole.
pub async fn request(
    client: &Client,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Reply {
    let response = open(client, method, path, headers, body).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect_bytes().await.expect("the whole answer").to_vec();
    Reply { code: parts.status.as_u16(), headers: parts.headers, bytes }
}

/// One request whose answer is read by the caller.
pub async fn open(
    client: &Client,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Response<Body> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).expect("a method"))
        .uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body)).expect("a request");
    client.send(request).await.unwrap_or_else(|e| panic!("{method} {path}: {e}"))
}
