//! Requests for groups that other servers serve, passed on with who asks.
//! Source: kube-aggregator `pkg/apiserver/handler_proxy.go`, client-go `transport` (auth proxy).

use super::{Caller, Server, aggregation::Remote};
pub use crate::webhook::Answered;
use crate::{
    runtime::Fetch,
    webhook::{Pass, Unreached},
};
use std::fmt::Write as _;

impl Server {
    /// Passes a request on to the server of a group and version.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn pass(
        &self,
        remote: &Remote,
        caller: &Caller,
        mut fetch: Fetch,
    ) -> Result<Answered, Unreached> {
        fetch.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("x-remote-"));
        fetch.headers.extend(who(caller));
        let pass = Pass {
            service: &remote.service,
            ca_bundle: &remote.ca_bundle,
            blind: remote.blind,
            snapshot: &self.store.snapshot(),
            containers: self.containers.as_deref(),
            fetch,
        };
        self.webhooks.pass(pass).await
    }
}

/// The headers that say who asks.
fn who(caller: &Caller) -> Vec<(String, String)> {
    let mut out = vec![("X-Remote-User".to_owned(), caller.name.clone())];
    if !caller.uid.is_empty() {
        out.push(("X-Remote-Uid".into(), caller.uid.clone()));
    }
    out.extend(caller.groups.iter().map(|g| ("X-Remote-Group".into(), g.clone())));
    for (key, values) in &caller.extra {
        let name = format!("X-Remote-Extra-{}", escaped(key));
        out.extend(values.iter().map(|v| (name.clone(), v.clone())));
    }
    out
}

/// A key as the end of a header's name.
fn escaped(key: &str) -> String {
    let mut out = String::new();
    for byte in key.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte);
        // Writing to a String never fails.
        let _ =
            if plain { write!(out, "{}", char::from(byte)) } else { write!(out, "%{byte:02X}") };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_said_in_headers() {
        let mut caller = Caller {
            name: "ann".into(),
            groups: vec!["a".into(), "b".into()],
            ..Caller::default()
        };
        caller.extra.push(("example.com/a b%".into(), vec!["1".into()]));
        let shown: Vec<String> = who(&caller).iter().map(|(n, v)| format!("{n}: {v}")).collect();
        let expected = [
            "X-Remote-User: ann",
            "X-Remote-Group: a",
            "X-Remote-Group: b",
            "X-Remote-Extra-example.com%2Fa%20b%25: 1",
        ];
        assert_eq!(shown, expected);
    }
}
