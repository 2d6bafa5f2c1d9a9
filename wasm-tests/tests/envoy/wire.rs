//! HTTP/1.1 to the byte: no library in between that would mend what a case breaks.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use trustplane_wasm_tests::case::Case;

/// Far more than any answer takes: who waits so long hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Long enough for a part of a body to arrive on its own.
const PAUSE: Duration = Duration::from_millis(3);

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(held, _)| held == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends the case's request over a connection of its own, and reads the whole answer.
pub fn send(address: SocketAddr, case: &Case, request_id: Option<&str>) -> Result<Reply, String> {
    exchange(address, case, request_id).map_err(|error| format!("the exchange failed: {error}"))
}

fn exchange(address: SocketAddr, case: &Case, request_id: Option<&str>) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (head, framing) = head(case, request_id);
    stream.write_all(&head)?;
    // A refusal may come, and the connection go, before the body is through.
    let _refused = body(&mut stream, case, framing);
    read_reply(&mut stream, case.method.0 == b"HEAD")
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Framing {
    Whole,
    Chunked,
}

fn head(case: &Case, request_id: Option<&str>) -> (Vec<u8>, Framing) {
    let own = |name: &str| case.headers.iter().any(|(held, _)| held == name);
    let mut head = Vec::new();
    let mut line = |parts: &[&[u8]]| {
        head.extend(parts.iter().copied().flatten());
        head.extend_from_slice(b"\r\n");
    };
    line(&[&case.method.0, b" ", &case.target.0, b" HTTP/1.1"]);
    line(&[b"host: ", &case.authority.0]);
    for (name, value) in &case.headers {
        line(&[name.as_bytes(), b": ", &value.0]);
    }
    if let Some(id) = request_id {
        line(&[b"x-request-id: ", id.as_bytes()]);
    }
    let chunked =
        (case.body_chunks.len() > 1 && !own("content-length")) || own("transfer-encoding") || !case.trailers.is_empty();
    let size = case.body().len();
    if chunked && !own("transfer-encoding") {
        line(&[b"transfer-encoding: chunked"]);
    }
    if !chunked && !own("content-length") && (size > 0 || case.method.0 == b"POST") {
        line(&[b"content-length: ", size.to_string().as_bytes()]);
    }
    line(&[]);
    (head, if chunked { Framing::Chunked } else { Framing::Whole })
}

fn body(stream: &mut TcpStream, case: &Case, framing: Framing) -> io::Result<()> {
    for chunk in &case.body_chunks {
        sleep(PAUSE);
        match framing {
            Framing::Whole => stream.write_all(&chunk.0)?,
            // An empty chunk would end the body.
            Framing::Chunked if chunk.0.is_empty() => {}
            Framing::Chunked => {
                let size = format!("{:x}\r\n", chunk.0.len());
                stream.write_all(&[size.as_bytes(), &chunk.0, b"\r\n"].concat())?;
            }
        }
    }
    if framing == Framing::Chunked {
        sleep(PAUSE);
        stream.write_all(b"0\r\n")?;
        for (name, value) in &case.trailers {
            stream.write_all(&[name.as_bytes(), b": ", &value.0, b"\r\n"].concat())?;
        }
        stream.write_all(b"\r\n")?;
    }
    Ok(())
}

fn read_reply(stream: &mut TcpStream, headless: bool) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            // "100 Continue" is not the answer yet.
            if !bytes.starts_with(b"HTTP/1.1 1") {
                break end;
            }
            bytes.drain(..end + 4);
            continue;
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece)? {
            0 => return Err(io::Error::other(format!("closed after {} bytes", bytes.len()))),
            size => bytes.extend_from_slice(&piece[..size]),
        }
    };
    let mut reply = parse_head(&String::from_utf8_lossy(&bytes[..end]))?;
    reply.body = bytes[end + 4..].to_vec();
    let size = reply.header("content-length").and_then(|size| size.parse().ok()).unwrap_or(0);
    if headless {
        return Ok(reply);
    }
    let mut rest = vec![0; usize::saturating_sub(size, reply.body.len())];
    stream.read_exact(&mut rest)?;
    reply.body.extend(rest);
    Ok(reply)
}

fn parse_head(head: &str) -> io::Result<Reply> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status line: {head}")))?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Ok(Reply { status, headers, body: Vec::new() })
}
