use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trustplane_core::{Head, Header};

/// A body up to this size goes out in one write with its head; a larger one is not copied.
const SMALL: usize = 64 * 1024;

/// A request as bytes.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Up to the empty line, and with it.
    pub head: Vec<u8>,
    /// The rest.
    pub body: Arc<[u8]>,
}

/// A head, in its parts.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    method: &'a [u8],
    target: &'a [u8],
    authority: &'a [u8],
    headers: Vec<Header<'a>>,
}

/// What came back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the connection takes no further request.
    pub closes: bool,
}

/// One keep-alive connection over HTTP/1.1; requests go through it one after the other.
#[derive(Debug)]
pub struct Lane {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Answer {
    /// "200", or status and reason.
    pub fn word(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        match body.get("reason").and_then(Value::as_str) {
            Some(reason) => format!("{} {reason}", self.status),
            None => self.status.to_string(),
        }
    }
}

impl Wire {
    /// What stands in its head: method, target, authority and the other headers.
    pub fn parts(&self) -> Option<Parts<'_>> {
        let mut lines = str::from_utf8(&self.head).ok()?.split("\r\n").take_while(|line| !line.is_empty());
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.as_bytes(), first.next()?.as_bytes());
        let headers = lines.map(|line| line.split_once(": ").map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let mut headers = headers.collect::<Option<Vec<_>>>()?;
        let host = headers.iter().position(|(name, _)| *name == b"host")?;
        let (_, authority) = headers.remove(host);
        Some(Parts { method, target, authority, headers })
    }
}

impl Parts<'_> {
    /// As a host gives it to the core.
    pub fn head(&self) -> Head<'_> {
        let Self { method, target, authority, headers } = self;
        Head { method, target, authority, tls: false, headers }
    }
}

impl Lane {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request; its answer is still to be read.
    pub async fn write(&mut self, wire: &Wire) -> io::Result<()> {
        if wire.body.is_empty() {
            return self.stream.write_all(&wire.head).await;
        }
        if wire.body.len() <= SMALL {
            return self.stream.write_all(&[&wire.head, &*wire.body].concat()).await;
        }
        self.stream.write_all(&wire.head).await?;
        self.stream.write_all(&wire.body).await
    }

    /// Reads one whole answer of known length.
    pub async fn read(&mut self) -> io::Result<Answer> {
        let Self { stream, buffer } = self;
        buffer.clear();
        let head = loop {
            if stream.read_buf(buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = str::from_utf8(&buffer[..head]).map_err(io::Error::other)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let (mut length, mut closes) = (None, false);
        for line in lines {
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse::<usize>().ok();
            }
            closes |= line == "connection: close";
        }
        let (Some(status), Some(length)) = (status, length) else {
            return Err(io::Error::other(format!("an answer that is not understood: {text}")));
        };
        while buffer.len() < head + length {
            if stream.read_buf(buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Answer { status, body: buffer[head..head + length].to_vec(), closes })
    }

    /// Sends one request and reads its answer.
    pub async fn send(&mut self, wire: &Wire) -> io::Result<Answer> {
        self.write(wire).await?;
        self.read().await
    }
}
