use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::accept;
use crate::broker::Broker;
use crate::connection::{self, Refusal};

/// Refused connections that are answered with care at once; more are answered and closed.
const FAREWELLS: usize = 64;

/// Accepts and serves connections until `stop` says so, then ends those under way.
pub async fn serve(broker: Arc<Broker>, listener: UnixListener, mut stop: watch::Receiver<bool>) {
    let farewells = Arc::new(Semaphore::new(FAREWELLS));
    let (alive, mut ended) = mpsc::channel::<()>(1);
    loop {
        let stream = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok((stream, _)) => admit(&broker, &farewells, &alive, stream),
            Err(_) => tokio::time::sleep(accept::PAUSE).await,
        }
    }
    drop((listener, alive));
    // Every connection ends by itself: its line, its answer and its farewell have a time each.
    let _ = ended.recv().await;
}

fn admit(broker: &Arc<Broker>, farewells: &Arc<Semaphore>, alive: &mpsc::Sender<()>, stream: UnixStream) {
    broker.metrics().connection();
    let peer = broker.peers().read(&stream);
    let alive = alive.clone();
    let shared = Arc::clone(broker);
    if let Some(slot) = broker.slots().take(peer.uid.known().copied()) {
        tokio::spawn(async move {
            connection::serve(shared, stream, peer, slot).await;
            drop(alive);
        });
        return;
    }
    match Arc::clone(farewells).try_acquire_owned() {
        Ok(permit) => {
            tokio::spawn(async move {
                connection::refuse(&shared, stream, &peer, Refusal::Overloaded).await;
                drop((permit, alive));
            });
        }
        Err(_) => {
            let _ = stream.try_write(&Refusal::Overloaded.answer(broker, &peer));
        }
    }
}
