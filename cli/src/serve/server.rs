use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;
use trustplane_broker::accept_each;

use super::answer::Reply;
use super::listener::{Listener, Stream};

/// Connections at once; more wait in the kernel's queue.
const MOST_CONNECTIONS: u32 = 32;
/// A head of a request comes at once or not at all, and so does the rest.
const HEAD_TIME: Duration = Duration::from_secs(5);
const BODY_TIME: Duration = Duration::from_secs(5);
/// From the first byte of a connection to its last: one request.
const CONNECTION_TIME: Duration = Duration::from_secs(15);
const HEAD_BYTES: usize = 16 << 10;

/// What is asked at a path.
pub(crate) trait Endpoint: Send + Sync + 'static {
    /// Where it is.
    const PATH: &'static str;
    /// The longest question.
    const MOST_BYTES: usize;

    /// Answers a question; it may read files.
    fn answer(&self, body: &[u8]) -> Reply;
}

/// Serves until `stop` ends, then ends the connections under way.
pub(crate) async fn serve<E: Endpoint>(listener: Listener, endpoint: Arc<E>, stop: impl Future<Output = ()>) {
    let host = listener.host();
    let serve = |stream| connection(stream, Arc::clone(&endpoint), host);
    // Every connection ends by itself.
    accept_each(listener, MOST_CONNECTIONS, stop, serve).await.ended().await;
}

async fn connection<E: Endpoint>(stream: Box<dyn Stream>, endpoint: Arc<E>, host: Option<SocketAddr>) {
    let service = service_fn(|request| {
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<Response<Full<Bytes>>, Infallible>(answer(endpoint, request, host).await.into_response()) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES).keep_alive(false);
    // What the peer did wrong is the peer's to mend.
    let _ = timeout(CONNECTION_TIME, server.serve_connection(TokioIo::new(stream), service)).await;
}

async fn answer<E: Endpoint>(endpoint: Arc<E>, request: Request<Incoming>, host: Option<SocketAddr>) -> Reply {
    if let Err(refused) = check::<E, _>(&request, host) {
        return refused;
    }
    let body = match timeout(BODY_TIME, Limited::new(request.into_body(), E::MOST_BYTES).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(err)) if err.is::<LengthLimitError>() => {
            let problem = format!("the document is longer than {} bytes", E::MOST_BYTES);
            return Reply::refused(StatusCode::PAYLOAD_TOO_LARGE, &problem);
        }
        Ok(Err(_)) => return Reply::refused(StatusCode::BAD_REQUEST, "the document ended before its length"),
        Err(_) => return Reply::refused(StatusCode::REQUEST_TIMEOUT, "no document within five seconds"),
    };
    let answered = tokio::task::spawn_blocking(move || endpoint.answer(&body)).await;
    answered.unwrap_or_else(|_| Reply::refused(StatusCode::INTERNAL_SERVER_ERROR, "no answer; see standard error"))
}

fn check<E: Endpoint, B>(request: &Request<B>, host: Option<SocketAddr>) -> Result<(), Reply> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let refuse = |status, problem: &str| Err(Reply::refused(status, problem));
    // A page in this user's browser reaches loopback too: it says where it comes from, or has its own
    // name resolve to this host.
    if request.headers().contains_key(ORIGIN) {
        return refuse(StatusCode::FORBIDDEN, "web pages are not answered");
    }
    if let Some(address) = host {
        let names = [address.to_string(), format!("localhost:{}", address.port())];
        if !header(HOST).is_some_and(|host| names.iter().any(|name| name == host)) {
            return refuse(StatusCode::MISDIRECTED_REQUEST, "the host is not the address that is listened on");
        }
    }
    if request.uri().path() != E::PATH {
        return refuse(StatusCode::NOT_FOUND, &format!("expected {}", E::PATH));
    }
    if request.method() != Method::POST {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "expected POST");
    }
    let content_type = header(CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or_default().trim());
    if content_type.is_none_or(|own| !own.eq_ignore_ascii_case("application/json")) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected the content type application/json");
    }
    Ok(())
}
