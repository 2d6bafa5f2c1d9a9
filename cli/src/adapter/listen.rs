use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::Adapter;

/// How long to wait when the process has no descriptor left to accept with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

impl Adapter {
    /// Accepts and serves connections until `stop` says so, then ends those under way. Whether all of
    /// them ended in time.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) -> bool {
        let all = self.limits.connections;
        let permits = Arc::new(Semaphore::new(all));
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = accept(&listener, &permits) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let connection = Arc::clone(&self).connection(stream, stop.clone());
                    tokio::spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
        drop(listener);
        // All permits are back when the last connection is gone.
        let gone = permits.acquire_many(u32::try_from(all).unwrap_or(u32::MAX));
        timeout(self.limits.drain_time, gone).await.is_ok()
    }
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}
