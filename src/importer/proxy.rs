//! The way to registries on the network where a proxy stands before it.
//! Source of the rules: Go's `golang.org/x/net/http/httpproxy`, whose environment variables and
//! exceptions hyper-util's matcher reads as well.

use super::{
    dial::{Wire, broken},
    fault::FetchError,
};
use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::{
    client::proxy::matcher::{Builder, Intercept, Matcher},
    rt::TokioIo,
};
use std::net::IpAddr;
use url::Url;

/// Which URLs go through which proxy.
pub struct Proxies(Matcher);

/// A proxy to go through.
pub struct Proxy(Intercept);

impl Default for Proxies {
    /// None at all.
    fn default() -> Proxies {
        Proxies::of(Matcher::builder())
    }
}

impl Proxies {
    /// Those that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of this process name.
    pub fn from_environment() -> Proxies {
        Proxies(Matcher::from_env())
    }

    /// Those that were set one by one.
    pub(super) fn of(builder: Builder) -> Proxies {
        Proxies(builder.build())
    }

    /// The proxy for a URL. This machine is never asked for through one.
    pub(super) fn find(&self, url: &Url) -> Option<Proxy> {
        let host = url.host_str()?.trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let uri = url.as_str().parse::<Uri>().ok().filter(|_| !here)?;
        self.0.intercept(&uri).map(Proxy)
    }
}

impl Proxy {
    /// Its host and port.
    ///
    /// # Errors
    /// It speaks what we do not.
    pub fn place(&self) -> Result<(&str, u16), FetchError> {
        let uri = self.0.uri();
        match (uri.scheme_str(), uri.host()) {
            (Some("http"), Some(host)) => {
                Ok((host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80)))
            }
            (scheme, _) => {
                let scheme = scheme.unwrap_or_default();
                Err(FetchError::other(format!("proxy scheme {scheme:?} is not supported")))
            }
        }
    }

    /// Who we are to it, if anybody.
    pub fn login(&self) -> Option<&HeaderValue> {
        self.0.basic_auth()
    }

    /// Has it connect to a host and port.
    ///
    /// # Errors
    /// Why it did not.
    pub async fn tunnel(
        &self,
        wire: Box<dyn Wire>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Wire>, FetchError> {
        let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(wire))
            .await
            .map_err(|e| broken(&e))?;
        // Ends with the tunnel.
        tokio::spawn(connection.with_upgrades());
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let place = format!("{host}:{port}");
        let mut request = Request::connect(&place).header(header::HOST, &place);
        if let Some(login) = self.login() {
            request = request.header(header::PROXY_AUTHORIZATION, login);
        }
        let request = request.body(Empty::new()).map_err(|e| FetchError::other(e.to_string()))?;
        let answer = sender.send_request(request).await.map_err(|e| broken(&e))?;
        if !answer.status().is_success() {
            // Go tells the reason and nothing else.
            let reason = answer.status().canonical_reason().unwrap_or("unknown status code");
            return Err(FetchError::other(reason));
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(|e| broken(&e))?;
        Ok(Box::new(TokioIo::new(upgraded)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_through_which_proxy() {
        let proxies = Proxies::of(
            Matcher::builder()
                .http("http://p.io:3128")
                .https("http://u:s@p.io")
                .no("direct.io,10.0.0.0/8,.inner.io"),
        );
        let rows = [
            ("https://quay.io/v2/", Some(("p.io", 80))),
            ("http://quay.io:5000/v2/", Some(("p.io", 3128))),
            ("https://direct.io/v2/", None),
            ("https://a.inner.io/v2/", None),
            ("https://10.1.2.3/v2/", None),
            ("http://localhost:5000/v2/", None),
            ("http://127.0.0.9:5000/v2/", None),
            ("http://[::1]:5000/v2/", None),
        ];
        for (url, expected) in rows {
            let found = proxies.find(&Url::parse(url).unwrap());
            assert_eq!(found.as_ref().map(|p| p.place().unwrap()), expected, "{url}");
        }
        let quay = Url::parse("https://quay.io/").unwrap();
        assert_eq!(proxies.find(&quay).unwrap().login().unwrap(), "Basic dTpz");
        assert!(Proxies::default().find(&quay).is_none());
        let socks = Proxies::of(Matcher::builder().all("socks5://p.io"));
        assert!(socks.find(&quay).unwrap().place().is_err());
    }
}
