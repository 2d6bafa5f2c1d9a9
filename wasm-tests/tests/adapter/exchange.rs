//! Requests to the byte, and what came back.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use trustplane::clock;
use trustplane_wasm_tests::load::{Order, Wire};
use trustplane_wasm_tests::store::Fallible;

use crate::process::Documents;

/// Nothing here takes so long, but where a machine is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request that passes once.
pub fn signed(documents: &Documents, body: &[u8]) -> Fallible<Wire> {
    let order = Order::new(documents.callers.number(), &Arc::from(body), clock::now());
    Ok(documents.callers.sign(&order)?)
}

/// The same with more header lines.
pub fn with(wire: &Wire, lines: &str) -> Wire {
    let mut head = wire.head.clone();
    head.truncate(head.len() - 2);
    head.extend_from_slice(lines.as_bytes());
    head.extend_from_slice(b"\r\n");
    Wire { head, body: Arc::clone(&wire.body) }
}

/// One request, and what came back.
pub fn exchange(address: SocketAddr, wire: &Wire) -> Fallible<String> {
    let wire = with(wire, "");
    raw(address, &[&wire.head, &*wire.body].concat())
}

/// Sends these bytes and reads until the first answer is there, or the other side is done.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Fallible<String> {
    read(address, bytes, complete)
}

/// Sends these bytes and reads until the other side is done.
pub fn to_end(address: SocketAddr, bytes: &[u8]) -> Fallible<String> {
    read(address, bytes, |_| false)
}

fn read(address: SocketAddr, bytes: &[u8], enough: fn(&[u8]) -> bool) -> Fallible<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A refusal may come, and the connection go, before the body is through.
    let _refused = stream.write_all(bytes);
    let mut seen = Vec::new();
    while !enough(&seen) {
        let mut piece = [0; 65536];
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(size) => seen.extend_from_slice(&piece[..size]),
        }
    }
    Ok(String::from_utf8_lossy(&seen).into_owned())
}

/// Whether the first answer is there as a whole.
fn complete(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let size = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    size.is_some_and(|size| body.len() >= size)
}

/// Status and reason.
pub fn word(answer: &str) -> String {
    let status = answer.split(' ').nth(1).unwrap_or("no answer");
    let reason = answer.split("\"reason\":\"").nth(1).and_then(|rest| rest.split('"').next());
    reason.map_or_else(|| status.to_owned(), |reason| format!("{status} {reason}"))
}

/// Both are the same.
pub fn expect(what: &str, expected: &str, found: &str) -> Fallible<()> {
    hold(expected == found, &format!("{what}: expected {expected}, got {found}"))
}

/// It is so; else what was seen is told.
pub fn hold(statement: bool, seen: &impl std::fmt::Debug) -> Fallible<()> {
    if statement { Ok(()) } else { Err(format!("{seen:?}").into()) }
}
