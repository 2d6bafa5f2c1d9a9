use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use trustplane_wasm_tests::store::Fallible;

/// A way to `to` on which everything takes so much longer in each direction. It ends with the
/// runtime.
pub fn start(runtime: &Runtime, to: SocketAddr, longer: Duration) -> Fallible<SocketAddr> {
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    runtime.spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(to).await else {
                continue;
            };
            // Nothing is to wait for anything but its time.
            if near.set_nodelay(true).and(far.set_nodelay(true)).is_err() {
                continue;
            }
            let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(from_near, to_far, longer));
            tokio::spawn(carry(from_far, to_near, longer));
        }
    });
    Ok(address)
}

/// What came first arrives first, each piece so much later than it was sent.
async fn carry(mut from: impl AsyncRead + Unpin + Send + 'static, mut to: impl AsyncWrite + Unpin, longer: Duration) {
    let (sender, mut pieces) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(size @ 1..) = from.read(&mut piece).await {
            if sender.send((Instant::now() + longer, piece[..size].to_vec())).is_err() {
                return;
            }
        }
    });
    while let Some((due, piece)) = pieces.recv().await {
        sleep_until(due).await;
        // Whoever hung up hears nothing more.
        if to.write_all(&piece).await.is_err() {
            return;
        }
    }
}
