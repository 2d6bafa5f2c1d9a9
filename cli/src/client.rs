//! A small HTTP/1.1 client that sends exactly the headers it is given.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer takes longer from a verifier that decides.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request as it goes onto the wire.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Message {
    /// Upper case.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The `Host` header.
    pub authority: String,
    /// Every other header.
    pub headers: Vec<(String, String)>,
    /// The body; its length is added when there is one.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// One connection; requests go through it one after the other.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// The request cannot be written as HTTP.
    Malformed(hyper::http::Error),
    /// The connection failed.
    Connect(std::io::Error),
    /// The exchange failed.
    Exchange(hyper::Error),
    /// Nothing came in time.
    Timeout,
}

impl Message {
    /// Replaces every header of this name by one with this value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Removes every header of this name.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Answer {
    /// The reason code of a denial: the body must be the contract's, and nothing else.
    pub fn reason(&self) -> Option<String> {
        let Value::Object(body) = serde_json::from_slice(&self.body).ok()? else { return None };
        let known = body.len() == 2 && body.get("allowed") == Some(&Value::Bool(false));
        body.get("reason").and_then(Value::as_str).filter(|_| known).map(str::to_owned)
    }
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self, ClientError> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await.map_err(|_| ClientError::Timeout)?;
        let stream = stream.map_err(ClientError::Connect)?;
        // A request is written in several pieces; they must not wait for each other.
        stream.set_nodelay(true).map_err(ClientError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(ClientError::Exchange)?;
        // It ends with the sender; its errors reach the sender as well.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends one request and reads the whole answer.
    pub async fn send(&mut self, message: &Message) -> Result<Answer, ClientError> {
        let exchange = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(message.to_http()?).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        timeout(PATIENCE, exchange).await.unwrap_or(Err(ClientError::Timeout))
    }
}

/// One request over a connection of its own.
pub async fn send(address: SocketAddr, message: &Message) -> Result<Answer, ClientError> {
    Connection::open(address).await?.send(message).await
}

impl Message {
    fn to_http(&self) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(self.target.as_str())
            .header("host", self.authority.as_str());
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|err| ClientError::Malformed(err.into()))?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|err| ClientError::Malformed(err.into()))?;
            request = request.header(name, value);
        }
        request.body(Full::new(Bytes::from(self.body.clone()))).map_err(ClientError::Malformed)
    }
}

impl From<hyper::Error> for ClientError {
    fn from(err: hyper::Error) -> Self {
        Self::Exchange(err)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(err) => write!(f, "the request is no HTTP: {err}"),
            Self::Connect(err) => write!(f, "no connection: {err}"),
            Self::Exchange(err) => write!(f, "the exchange failed: {err}"),
            Self::Timeout => write!(f, "no answer within {} s", PATIENCE.as_secs()),
        }
    }
}

impl std::error::Error for ClientError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bare_denial_has_a_reason() {
        let answer = |body: &'static str| Answer { status: 403, headers: HeaderMap::new(), body: Bytes::from(body) };
        assert_eq!(answer(r#"{"allowed":false,"reason":"jti_replay"}"#).reason().as_deref(), Some("jti_replay"));
        for body in [
            "",
            "[]",
            r#"{"reason":"x"}"#,
            r#"{"allowed":true,"reason":"x"}"#,
            r#"{"allowed":false,"reason":"x","more":1}"#,
        ] {
            assert_eq!(answer(body).reason(), None, "{body}");
        }
    }

    #[test]
    fn setting_a_header_leaves_one_of_its_name() {
        let mut message =
            Message { headers: vec![("A".into(), "1".into()), ("a".into(), "2".into())], ..Message::default() };
        message.set("a", "3");
        assert_eq!(message.headers, [("a".to_owned(), "3".to_owned())]);
        assert_eq!(message.header("A"), Some("3"));
    }
}
