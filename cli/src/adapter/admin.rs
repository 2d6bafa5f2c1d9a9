use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use trustplane_broker::accept_each;

use super::Adapter;

/// Connections at once.
const CONNECTIONS: u32 = 32;
const HEAD_TIME: Duration = Duration::from_secs(5);
/// A connection is for one question or a few.
const CONNECTION_TIME: Duration = Duration::from_secs(60);

/// `GET /healthz`, `/readyz` and `/metrics`.
#[derive(Debug)]
pub struct Admin {
    adapter: Arc<Adapter>,
    /// What whoever follows the bundles has to tell.
    bundles: RwLock<String>,
    stopping: RwLock<bool>,
}

impl Admin {
    /// Of this adapter.
    pub fn new(adapter: Arc<Adapter>) -> Self {
        Self { adapter, bundles: RwLock::default(), stopping: RwLock::default() }
    }

    /// Takes what there is to tell of the bundles.
    pub fn tell(&self, bundles: String) {
        *self.bundles.write().unwrap_or_else(PoisonError::into_inner) = bundles;
    }

    /// Is not ready any more, so that no new callers are sent here.
    pub fn stop(&self) {
        *self.stopping.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Serves for as long as it is polled.
    pub async fn listen(self: Arc<Self>, listener: TcpListener) {
        accept_each(listener, CONNECTIONS, pending::<()>(), |stream| Arc::clone(&self).connection(stream)).await;
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request: Request<Incoming>| async {
            let request = request;
            Ok::<_, Infallible>(self.answer(&request))
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        let _ = timeout(CONNECTION_TIME, server.serve_connection(TokioIo::new(stream), service)).await;
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        }
        match request.uri().path() {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => match *self.stopping.read().unwrap_or_else(PoisonError::into_inner) {
                false if self.adapter.host().verifier().is_some() => plain(StatusCode::OK, "ready\n"),
                _ => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            },
            "/metrics" => plain(StatusCode::OK, self.metrics()),
            _ => plain(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    fn metrics(&self) -> String {
        let mut text = self.adapter.host().decisions().render();
        text += "# HELP trustplane_upstream_failures_total Allowed requests that the service behind failed.\n\
                 # TYPE trustplane_upstream_failures_total counter\n";
        text += &format!("trustplane_upstream_failures_total {}\n", self.adapter.upstream_failures());
        text += "# HELP trustplane_judged_total Requests whose head was judged, by thread.\n\
                 # TYPE trustplane_judged_total counter\n";
        for (thread, count) in self.adapter.host().shares().iter().enumerate() {
            text += &format!("trustplane_judged_total{{thread=\"{thread}\"}} {count}\n");
        }
        text + &self.bundles.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
