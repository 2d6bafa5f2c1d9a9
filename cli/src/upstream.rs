//! The service behind the verifier, for demonstrations and tests: it echoes and counts.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// An HTTP/1.1 service on a free port of this host that answers with what it was sent.
///
/// It runs on a thread of its own and ends when it is dropped.
#[derive(Debug)]
pub struct Echo {
    address: SocketAddr,
    heads: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the service saw of one request.
#[derive(Debug, Serialize)]
struct Seen {
    method: String,
    path: String,
    /// Repeats included, in order; a value that is no UTF-8 is replaced where it is not.
    headers: Vec<(String, String)>,
    body: String,
}

impl Echo {
    /// Starts the service.
    pub fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let heads = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = oneshot::channel();
        let counter = Arc::clone(&heads);
        let thread = thread::Builder::new().name("echo".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, counter) => {}
                    // Dropping the sender stops the service too.
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, heads, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many request heads have arrived, whatever became of their bodies.
    pub fn count(&self) -> u64 {
        self.heads.load(Ordering::SeqCst)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed there.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, heads: Arc<AtomicU64>) {
    loop {
        // Running out of descriptors is the only common error, and passes.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        let heads = Arc::clone(&heads);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &heads));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new());
            // A caller that goes away in the middle of a request is no event here.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, heads: &AtomicU64) -> Result<Response<Full<Bytes>>, Infallible> {
    heads.fetch_add(1, Ordering::SeqCst);
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: (head.headers.iter()).map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
        body: text(&body),
    };
    // Strings always serialise.
    let mut json = serde_json::to_vec(&seen).unwrap_or_default();
    json.push(b'\n');
    let mut response = Response::new(Full::new(Bytes::from(json)));
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}
