//! HTTP/1.1 on a second Unix socket, for verifiers and operators; no key is needed for it.

mod bundle;
mod consume;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::accept::accept_each;
use crate::broker::Broker;
use crate::bundle::{BundleFile, BundleKind};
use crate::identity::spiffe::SpiffeSource;
use crate::metrics::Metrics;
use crate::replay::Replay;

/// Connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: u32 = 256;
/// A head of a request comes at once or not at all.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// No request here needs more head than this.
const HEAD_BYTES: usize = 16 << 10;
/// How often bundles are looked at when nobody asks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The endpoints; each is there only if it is configured.
#[derive(Default)]
pub struct Services {
    health: bool,
    metrics: Option<(Arc<Metrics>, Option<Arc<Broker>>)>,
    bundles: Vec<BundleFile>,
    replay: Option<Replay>,
    spiffe: Option<SpiffeSource>,
}

impl Services {
    /// Adds `GET /healthz`.
    pub fn with_health(mut self) -> Self {
        self.health = true;
        self
    }

    /// Adds `GET /metrics`.
    pub fn with_metrics(mut self, metrics: Arc<Metrics>, broker: Option<Arc<Broker>>) -> Self {
        self.metrics = Some((metrics, broker));
        self
    }

    /// Adds `GET /v1/bundles/trust` or `/policy`.
    pub fn with_bundle(mut self, file: BundleFile) -> Self {
        self.bundles.push(file);
        self
    }

    /// Adds `POST /v1/replay/consume`.
    pub fn with_replay(mut self, replay: Replay) -> Self {
        self.replay = Some(replay);
        self
    }

    /// Adds what is known of the workload's identity to the metrics.
    pub fn with_spiffe(mut self, spiffe: SpiffeSource) -> Self {
        self.spiffe = Some(spiffe);
        self
    }

    /// Answers one request.
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match &self.replay {
            Some(replay) if request.uri().path() == consume::PATH => consume::answer(replay, request).await,
            _ => self.read(&request).await,
        }
    }

    /// Answers a request that changes nothing.
    async fn read<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let known = match path {
            "/healthz" => self.health,
            "/metrics" => self.metrics.is_some(),
            path => self.bundle_at(path).is_some(),
        };
        if !known {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return not_allowed("GET, HEAD");
        }
        match (path, &self.metrics, self.bundle_at(path)) {
            ("/metrics", Some((metrics, broker)), _) => {
                let mut text = metrics.render(broker.as_ref().map(|broker| broker.gauges()));
                if let Some(replay) = &self.replay {
                    text += &replay.counts().render();
                }
                if let Some(spiffe) = &self.spiffe {
                    text += &spiffe.render();
                }
                self.look().await;
                text += &bundle::render(&self.bundles);
                plain(StatusCode::OK, text)
            }
            (_, _, Some(file)) => bundle::answer(file, request).await,
            _ => plain(StatusCode::OK, "ok\n"),
        }
    }

    fn bundle_at(&self, path: &str) -> Option<&BundleFile> {
        let kind = match path {
            "/v1/bundles/policy" => BundleKind::Policy,
            "/v1/bundles/trust" => BundleKind::Trust,
            _ => return None,
        };
        self.bundles.iter().find(|file| file.kind() == kind)
    }

    async fn look(&self) {
        for file in &self.bundles {
            file.current().await;
        }
    }

    /// Looks at the bundles also while nobody asks, so that what is wrong with them is told in time.
    async fn follow(self: Arc<Self>) {
        while !self.bundles.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look().await;
        }
    }

    /// Accepts and serves connections until `stop` says so, then ends those under way.
    pub async fn serve(self: Arc<Self>, listener: UnixListener, mut stop: watch::Receiver<bool>) {
        let following = tokio::spawn(Arc::clone(&self).follow());
        let told = stop.clone();
        let serve = |stream| Arc::clone(&self).connection(stream, told.clone());
        let underway = accept_each(listener, MAX_CONNECTIONS, stop.wait_for(|stop| *stop), serve).await;
        following.abort();
        underway.ended().await;
    }

    async fn connection(self: Arc<Self>, stream: UnixStream, mut stop: watch::Receiver<bool>) {
        let services = &*self;
        let service =
            service_fn(|request: Request<Incoming>| async move { Ok::<_, Infallible>(services.answer(request).await) });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        // What the peer did wrong is the peer's to mend.
        let told = tokio::select! {
            _ = connection.as_mut() => false,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        if told {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(HEAD_TIME, connection).await;
        }
    }
}

fn not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    respond(status, text.into(), HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))
}

fn respond(status: StatusCode, body: Bytes, content_type: HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
