//! A closed loop of keep-alive connections: each sends its next request when its last is answered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use tokio::time::timeout;

use super::{Lane, Wire};

/// Connections at a time.
pub const CONNECTIONS: usize = 16;
/// A machine that needs longer for one run gives no figure at all.
const LIMIT: Duration = Duration::from_secs(60);

/// What a run saw.
#[derive(Debug)]
pub struct Seen {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Sorted.
    pub latencies: Vec<Duration>,
    /// How often each came.
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
    /// The latency that so many of a hundred requests stay below.
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
    let mut lane = Lane::open(address).await?;
    loop {
        let wire = {
            let mut queue = queue.borrow_mut();
            if queue.sent == queue.total {
                return Ok(());
            }
            let wire = queue.wires[queue.sent % queue.wires.len()].clone();
            queue.sent += 1;
            wire
        };
        let begun = Instant::now();
        let answer = lane.send(&wire).await?;
        queue.borrow_mut().seen.push((begun.elapsed(), answer.status));
    }
}
