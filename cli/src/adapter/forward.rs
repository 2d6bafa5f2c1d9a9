use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use super::{Adapter, hop};
use crate::host::Held;

/// What the adapter answers with: its own words, or what comes from behind as it comes.
pub(super) type Answer = Response<Either<Full<Bytes>, Incoming>>;

/// Connections to the service behind that are kept for later.
const IDLE_CONNECTIONS: usize = 256;
/// How long; less than servers commonly keep theirs.
const IDLE_TIME: Duration = Duration::from_secs(20);
/// How much of a refused request's body is still taken, so that its caller gets to the answer.
const LINGER_BYTES: usize = 1 << 20;
const LINGER_TIME: Duration = Duration::from_secs(1);

/// The service behind. It is asked with [`Held`] bodies alone, and only a decision to allow makes one.
pub struct Upstream {
    authority: Authority,
    client: Client<HttpConnector, Held<Incoming>>,
    failures: AtomicU64,
}

/// Why a URL names no service that the adapter can be in front of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpstreamError(String);

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(url: &str) -> Result<Self, UpstreamError> {
        let error = || UpstreamError(format!("expected http://host:port, found {url:?}"));
        let parts = url.parse::<Uri>().map_err(|_| error())?.into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        let plain = parts.scheme == Some(Scheme::HTTP);
        let authority = parts.authority.filter(|it| plain && bare && !it.as_str().contains('@')).ok_or_else(error)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        Ok(Self { authority, client, failures: AtomicU64::new(0) })
    }
}

impl Upstream {
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    async fn ask(&self, parts: Parts, body: Held<Incoming>, time: Duration) -> Answer {
        let Ok(request) = self.request(parts, body) else { return self.failed(StatusCode::BAD_GATEWAY) };
        match timeout(time, self.client.request(request)).await {
            Err(_) => self.failed(StatusCode::GATEWAY_TIMEOUT),
            // No upgrade was asked for.
            Ok(Ok(answer)) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                self.failed(StatusCode::BAD_GATEWAY)
            }
            Ok(Err(_)) => self.failed(StatusCode::BAD_GATEWAY),
            Ok(Ok(mut answer)) => {
                hop::remove(answer.headers_mut());
                *answer.version_mut() = Version::HTTP_11;
                answer.map(Either::Right)
            }
        }
    }

    fn request(&self, mut parts: Parts, body: Held<Incoming>) -> Result<Request<Held<Incoming>>, hyper::http::Error> {
        let host = HeaderValue::from_bytes(&crate::host::authority(&parts))?;
        let headers = &mut parts.headers;
        hop::remove(headers);
        // Framing is made anew for the body as it is held; "100 Continue" was answered here.
        headers.remove(CONTENT_LENGTH);
        headers.remove(EXPECT);
        headers.insert(HOST, host);
        let mut uri = hyper::http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.authority.clone());
        uri.path_and_query = parts.uri.path_and_query().cloned();
        let mut request = Request::new(body);
        *request.method_mut() = parts.method;
        *request.uri_mut() = Uri::from_parts(uri)?;
        *request.headers_mut() = parts.headers;
        Ok(request)
    }

    fn failed(&self, status: StatusCode) -> Answer {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut answer = Response::new(Either::Left(Full::from("the service behind does not answer\n")));
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        answer
    }
}

impl Adapter {
    /// Decides on a request and, if it may pass, asks the service behind.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (mut parts, body) = request.into_parts();
        match self.host.authorize(&mut parts, body).await {
            Ok(held) => self.upstream.ask(parts, held, self.limits.upstream_time).await,
            Err(refused) => {
                let answer = refused.response().map(Either::Left);
                linger(refused.rest);
                answer
            }
        }
    }
}

/// Reads on for a while: closing on a caller that still sends would reset the connection, and the answer
/// with it.
fn linger(mut body: Incoming) {
    use hyper::body::Body as _;
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(timeout(LINGER_TIME, async move {
        let mut left = LINGER_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = rest;
        }
    }));
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UpstreamError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_behind_is_a_host_and_a_port() {
        let name = |url: &str| url.parse::<Upstream>().map(|upstream| upstream.authority.to_string());
        assert_eq!(name("http://127.0.0.1:8080"), Ok("127.0.0.1:8080".into()));
        assert_eq!(name("http://orders.svc/"), Ok("orders.svc".into()));
        for url in ["https://a", "http://a/b", "http://a/?b", "http://u@a", "a:80", "unix:///a", ""] {
            assert_eq!(name(url), Err(UpstreamError(format!("expected http://host:port, found {url:?}"))));
        }
    }
}
