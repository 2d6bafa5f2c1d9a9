//! A closed loop of keep-alive connections: each sends its next request when its last is answered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::timeout;

/// Connections at a time.
pub const CONNECTIONS: usize = 16;
/// A machine that needs longer for one run gives no figure at all.
const LIMIT: Duration = Duration::from_secs(60);

/// A request as bytes.
#[derive(Clone, Debug)]
pub struct Wire {
    pub head: Vec<u8>,
    pub body: Arc<[u8]>,
}

/// What a run saw.
#[derive(Debug)]
pub struct Seen {
    pub elapsed: Duration,
    /// Sorted.
    pub latencies: Vec<Duration>,
    pub statuses: BTreeMap<u16, usize>,
}

/// Work that the connections share.
struct Queue {
    wires: Vec<Wire>,
    sent: usize,
    total: usize,
    seen: Vec<(Duration, u16)>,
}

impl Seen {
    pub fn percentile(&self, of_hundred: usize) -> Duration {
        self.latencies.get(self.latencies.len() * of_hundred / 100).copied().unwrap_or_default()
    }
}

/// Sends `total` requests: `wires`, over and over.
pub fn run(address: SocketAddr, wires: Vec<Wire>, total: usize) -> io::Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let queue = Rc::new(RefCell::new(Queue { wires, sent: 0, total, seen: Vec::with_capacity(total) }));
    let begun = Instant::now();
    LocalSet::new().block_on(&runtime, async {
        let start = |_| tokio::task::spawn_local(connection(address, Rc::clone(&queue)));
        let connections: Vec<_> = (0..CONNECTIONS.min(total)).map(start).collect();
        let all = async {
            for connection in connections {
                connection.await.map_err(io::Error::other)??;
            }
            io::Result::Ok(())
        };
        timeout(LIMIT, all).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    })?;
    let elapsed = begun.elapsed();
    let seen = std::mem::take(&mut queue.borrow_mut().seen);
    let mut statuses = BTreeMap::new();
    for (_, status) in &seen {
        *statuses.entry(*status).or_default() += 1;
    }
    let mut latencies: Vec<_> = seen.into_iter().map(|(latency, _)| latency).collect();
    latencies.sort_unstable();
    Ok(Seen { elapsed, latencies, statuses })
}

async fn connection(address: SocketAddr, queue: Rc<RefCell<Queue>>) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    loop {
        // One write for a small request; a large body is not copied.
        let (mut head, body) = {
            let mut queue = queue.borrow_mut();
            if queue.sent == queue.total {
                return Ok(());
            }
            let Wire { head, body } = &queue.wires[queue.sent % queue.wires.len()];
            let wire = (head.clone(), Arc::clone(body));
            queue.sent += 1;
            wire
        };
        let small = body.len() <= 64 * 1024;
        if small {
            head.extend_from_slice(&body);
        }
        let begun = Instant::now();
        stream.write_all(&head).await?;
        if !small {
            stream.write_all(&body).await?;
        }
        let status = answer(&mut stream, &mut buffer).await?;
        queue.borrow_mut().seen.push((begun.elapsed(), status));
    }
}

/// Reads one whole answer of known length.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<u16> {
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
    let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let (Some(status), Some(length)) = (status, length) else {
        return Err(io::Error::other(format!("an answer that is not understood: {text}")));
    };
    while buffer.len() < head + length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(status)
}
