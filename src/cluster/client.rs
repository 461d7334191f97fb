//! A `kube::Client` of a cluster in this program: its requests go over pipes, not over a port.

use super::{Cluster, Error, HOST};
use crate::run::host::Pipes;
use http::{Request, Uri, uri};
use hyper_util::{
    client::legacy::{
        Client as Legacy, Error as LegacyError, ResponseFuture,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo},
};
use kube::client::Body;
use std::{
    convert::Infallible,
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tower_service::Service;

impl Cluster {
    /// A client for its administrator, in this process: nothing of what it sends goes over a port. It must
    /// not outlive the cluster for long: without that it finds every connection closed.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use k8s_openapi::api::core::v1::Namespace;
    /// let cluster = pocketshift::Cluster::start().await?;
    /// let namespaces: kube::Api<Namespace> = kube::Api::all(cluster.client()?);
    /// assert!(namespaces.get_opt("default").await?.is_some());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub fn client(&self) -> Result<kube::Client, Error> {
        let pipes = Arc::new(HOST.pipes(&self.name)?);
        let requests = Legacy::builder(TokioExecutor::new()).build(Connector(pipes));
        Ok(kube::Client::new(Requests(requests), "default"))
    }
}

/// Sends requests; they name no server.
#[derive(Clone)]
struct Requests(Legacy<Connector, Body>);

impl Service<Request<Body>> for Requests {
    type Response = http::Response<hyper::body::Incoming>;
    type Error = LegacyError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LegacyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> ResponseFuture {
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(uri::Scheme::HTTP);
        parts.authority = Some(uri::Authority::from_static("kubernetes.default.svc"));
        // With a scheme, an authority and a path there is nothing to be wrong with.
        if let Ok(whole) = Uri::from_parts(parts) {
            *request.uri_mut() = whole;
        }
        self.0.request(request)
    }
}

/// Makes connections.
#[derive(Clone)]
struct Connector(Arc<Pipes>);

impl Service<Uri> for Connector {
    type Response = TokioIo<Pipe>;
    type Error = Infallible;
    type Future = Ready<Result<TokioIo<Pipe>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(Ok(TokioIo::new(Pipe(self.0.open()))))
    }
}

/// The client's end of a connection.
struct Pipe(DuplexStream);

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
