use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long to wait when the process has no descriptor left to accept with.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// Where connections come from.
pub trait Accept {
    /// A connection.
    type Stream: Send + 'static;

    /// The next one.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// The connections that are under way.
#[derive(Debug)]
pub struct Underway {
    permits: Arc<Semaphore>,
    most: u32,
}

/// Takes connections until `stop` ends, at most `most` at once: more wait in the kernel's queue. What
/// `serve` makes of each runs by itself; then nothing listens any more.
pub async fn accept_each<L: Accept, F: Future<Output = ()> + Send + 'static>(
    listener: L,
    most: u32,
    stop: impl Future,
    mut serve: impl FnMut(L::Stream) -> F,
) -> Underway {
    let permits = Arc::new(Semaphore::new(most.try_into().unwrap_or(Semaphore::MAX_PERMITS)));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut stop => break,
            accepted = next(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                let connection = serve(stream);
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    Underway { permits, most }
}

async fn next<L: Accept>(listener: &L, permits: &Arc<Semaphore>) -> io::Result<(L::Stream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    Ok((listener.accept().await?, permit))
}

impl Underway {
    /// Waits until all of them have ended: all permits are back when the last one is gone.
    pub async fn ended(self) {
        let _ = self.permits.acquire_many(self.most).await;
    }
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(Self::accept(self).await?.0)
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(Self::accept(self).await?.0)
    }
}
