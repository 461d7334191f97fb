//! One of the two servers, and what it answers.

use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use std::{error::Error, path::Path};

/// A server.
pub struct Side {
    client: Client,
}

/// What it said.
pub struct Answer {
    /// Status code.
    pub code: u16,
    /// Texts of the Warning headers.
    pub warnings: Vec<String>,
    /// Body.
    pub body: Value,
}

impl Answer {
    /// Everything, for people.
    pub fn shown(&self) -> String {
        format!("{} {:?}\n{:#}", self.code, self.warnings, self.body)
    }
}

impl Side {
    /// The server a kubeconfig names.
    pub async fn connect(kubeconfig: &Path) -> Result<Side, Box<dyn Error>> {
        let file = Kubeconfig::read_from(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        Ok(Side { client: Client::try_from(config)? })
    }

    /// One request.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: &Value,
    ) -> Result<Answer, Box<dyn Error>> {
        let bytes = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("accept", "application/json")
            .header("content-type", content)
            .header("user-agent", "differential")
            .body(Body::from(bytes))?;
        let (head, body) = self.client.send(request).await?.into_parts();
        let bytes = body.collect_bytes().await?;
        let text = |v: &http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
        Ok(Answer {
            code: head.status.as_u16(),
            warnings: head.headers.get_all("warning").iter().map(text).collect(),
            body: serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))),
        })
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> Result<Answer, Box<dyn Error>> {
        self.send("GET", path, "application/json", &Value::Null).await
    }

    /// Makes a namespace with the service account that pods need, which an API server alone does not
    /// make.
    pub async fn namespace(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts");
        for (path, kind, name) in
            [("/api/v1/namespaces", "Namespace", name), (&account, "ServiceAccount", "default")]
        {
            let body = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
            let answer = self.send("POST", path, "application/json", &body).await?;
            if ![201, 409].contains(&answer.code) {
                return Err(answer.shown().into());
            }
        }
        Ok(())
    }
}
