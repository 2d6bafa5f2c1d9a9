//! HTTP/2, without TLS: where trailers reach a filter and header values arrive as they were sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;

use trustplane_wasm_tests::case::{self, Case};

use crate::wire::Reply;

const PATIENCE: Duration = Duration::from_secs(20);

/// Sends the case's request over a connection of its own, and reads the whole answer.
pub fn send(address: SocketAddr, case: &Case, request_id: Option<&str>) -> Result<Reply, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let exchange = async { timeout(PATIENCE, exchange(address, case, request_id)).await };
    let reply = runtime.block_on(exchange).map_err(|_| "the exchange failed: no answer".to_owned())?;
    reply.map_err(|error| format!("the exchange failed: {error}"))
}

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(address: SocketAddr, case: &Case, request_id: Option<&str>) -> Result<Reply, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    // It ends with the sender; its errors reach the sender as well.
    tokio::spawn(connection);

    let uri = [b"http://", case.authority.0.as_slice(), &case.target.0].concat();
    let mut request = Request::builder().method(case.method.0.as_slice()).uri(uri.as_slice()).body(())?;
    *request.headers_mut() = map(&case.headers)?;
    if let Some(id) = request_id {
        request.headers_mut().insert("x-request-id", HeaderValue::from_str(id)?);
    }
    let body = Frames::of(case)?;
    let response = sender.send_request(request.map(|()| body)).await?;
    let (head, body) = response.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await?.to_bytes().into(),
    })
}

/// A body in the parts it was given in; its end comes with the last one.
pub struct Frames(VecDeque<Frame<Bytes>>);

impl Frames {
    /// The case's body and trailers.
    pub fn of(case: &Case) -> Result<Self, Failure> {
        let chunks = case.body_chunks.iter().map(|chunk| Frame::data(chunk.0.clone().into()));
        let mut frames = Self(chunks.collect());
        if !case.trailers.is_empty() {
            frames.0.push_back(Frame::trailers(map(&case.trailers)?));
        }
        Ok(frames)
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// Pairs as the HTTP library has them.
pub fn map(pairs: &[(String, case::Bytes)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_bytes(&value.0)?);
    }
    Ok(map)
}
