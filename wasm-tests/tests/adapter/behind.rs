//! A service that takes its time.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// It answers after a while, in two parts with a while in between. It ends with the process.
pub struct Slow {
    pub address: SocketAddr,
    heads: Arc<AtomicUsize>,
}

impl Slow {
    pub fn start(first: Duration, second: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let heads = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                thread::spawn(move || serve(&stream, first, second, &counter));
            }
        });
        Ok(Self { address, heads })
    }

    /// How many requests have arrived.
    pub fn count(&self) -> usize {
        self.heads.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: &TcpStream, first: Duration, second: Duration, heads: &AtomicUsize) -> io::Result<()> {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut piece = [0; 4096];
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            size => seen.extend_from_slice(&piece[..size]),
        }
    }
    heads.fetch_add(1, Ordering::SeqCst);
    thread::sleep(first);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\none")?;
    thread::sleep(second);
    stream.write_all(b"two")
}
