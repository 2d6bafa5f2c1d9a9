use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use trustplane_broker::accept_each;

use super::Adapter;

impl Adapter {
    /// Accepts and serves connections until `stop` says so, then ends those under way. Whether all of
    /// them ended in time.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) -> bool {
        let told = stop.clone();
        let serve = |stream| Arc::clone(&self).connection(stream, told.clone());
        let underway = accept_each(listener, self.limits.connections, stop.wait_for(|stop| *stop), serve).await;
        timeout(self.limits.drain_time, underway.ended()).await.is_ok()
    }
}
