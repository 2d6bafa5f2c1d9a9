use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::thread::{JoinHandle, spawn};

use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use trustplane_broker::{Access, BoundSocket, Services};

use crate::exit::Fault;

/// The broker's services on a Unix socket, on a thread of their own; they end with this value.
#[derive(Debug)]
pub struct ServiceThread {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl ServiceThread {
    /// Starts what `make` makes and waits until it listens.
    pub(super) fn start(socket: &Path, make: impl FnOnce(&Runtime) -> Result<Services, Fault>) -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(fault)?;
        let (bound, listener) = BoundSocket::bind(socket, Access::default()).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let (stop, stopped) = watch::channel(false);
        let services = Arc::new(make(&runtime)?);
        let thread = spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = UnixListener::from_std(listener) else { return };
                services.serve(listener, stopped).await;
                drop(bound);
            });
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for ServiceThread {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed there.
            let _ = thread.join();
        }
    }
}

/// A fault of the service.
pub(super) fn fault(err: impl Display) -> Fault {
    Fault::of("services", err.to_string())
}
