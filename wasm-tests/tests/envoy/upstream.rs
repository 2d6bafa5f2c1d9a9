//! The service behind Envoy: it keeps every request it sees, byte for byte.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use trustplane_wasm_tests::subject::Forwarded;

/// A service on a free port of this host. It ends with the process.
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Forwarded>>>,
}

impl Upstream {
    /// Starts it.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keep = Arc::clone(&keep);
                thread::spawn(move || serve(&stream, &keep));
            }
        });
        Ok(Self { address, seen })
    }

    /// How many requests have arrived, however little of each came.
    pub fn count(&self) -> usize {
        self.seen.lock().expect("no thread panics with the list in hand").len()
    }

    /// Every request so far, however little of it came.
    pub fn seen(&self) -> Vec<Forwarded> {
        self.seen.lock().expect("no thread panics with the list in hand").clone()
    }
}

fn serve(stream: &TcpStream, seen: &Mutex<Vec<Forwarded>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let head = lines(&mut reader)?;
        let Some(((method, _), headers)) = head.split_first() else { return Ok(()) };
        let index = {
            // The head counts, whatever becomes of the body.
            let mut seen = seen.lock().expect("as above");
            seen.push(Forwarded { headers: headers.to_vec(), body: Vec::new() });
            seen.len() - 1
        };
        let body = body(&mut reader, headers)?;
        seen.lock().expect("as above")[index].body = body;
        let payload: &[u8] = if method.starts_with("HEAD ") { b"" } else { b"ok" };
        let mut out = stream;
        out.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", payload.len()).as_bytes())?;
        out.write_all(payload)?;
    }
}

/// The lines up to an empty one, split at the colon; the first one has no value.
fn lines(reader: &mut impl io::BufRead) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(Vec::new());
        }
        let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
        if line.is_empty() {
            return Ok(found);
        }
        let colon = line.iter().position(|byte| *byte == b':').filter(|_| !found.is_empty());
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        found.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
    }
}

fn body(reader: &mut impl io::BufRead, headers: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let header = |name: &str| headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_slice());
    let mut body = Vec::new();
    if header("transfer-encoding").is_none() {
        let size = header("content-length").and_then(|size| std::str::from_utf8(size).ok()?.parse().ok());
        reader.take(size.unwrap_or(0)).read_to_end(&mut body)?;
        return Ok(body);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        if size == 0 {
            let _trailers = lines(reader)?;
            return Ok(body);
        }
        reader.take(size).read_to_end(&mut body)?;
        reader.read_line(&mut line)?;
    }
}
