use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use trustplane_wasm_tests::store::Fallible;

/// The service behind every Envoy: it counts how often it saw the request of each passport.
#[derive(Debug)]
pub struct Upstream {
    pub address: SocketAddr,
    seen: Seen,
}

type Seen = Arc<Mutex<HashMap<u64, u32>>>;

impl Upstream {
    /// Starts it on a thread that ends with the process.
    pub fn start() -> Fallible<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let (address, seen) = (listener.local_addr()?, Seen::default());
        let shared = Arc::clone(&seen);
        thread::Builder::new().name("upstream".into()).spawn(move || runtime.block_on(serve(listener, shared)))?;
        Ok(Self { address, seen })
    }

    /// How many requests it saw.
    pub fn count(&self) -> u64 {
        self.lock().values().map(|count| u64::from(*count)).sum()
    }

    /// How often it saw the request of this passport.
    pub fn of(&self, number: u64) -> u32 {
        self.lock().get(&number).copied().unwrap_or_default()
    }

    /// How many passports it saw more than once.
    pub fn repeated(&self) -> usize {
        self.lock().values().filter(|count| **count > 1).count()
    }

    /// How many passports both saw.
    pub fn common(&self, other: &Self) -> usize {
        let other = other.lock();
        self.lock().keys().filter(|number| other.contains_key(number)).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, u32>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: std::net::TcpListener, seen: Seen) {
    let listener = TcpListener::from_std(listener).expect("the runtime runs");
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(request, &seen));
            // Envoy closes idle connections.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// Every request is `/orders/<number>`; another one counts as that of a passport there is not.
async fn answer(request: Request<Incoming>, seen: &Seen) -> Result<Response<Full<Bytes>>, Infallible> {
    let number = request.uri().path().strip_prefix("/orders/").and_then(|number| number.parse().ok());
    *seen.lock().unwrap_or_else(PoisonError::into_inner).entry(number.unwrap_or_default()).or_default() += 1;
    // A head alone counts; what becomes of the body does not matter.
    let _ = request.into_body().collect().await;
    Ok(Response::new(Full::new(Bytes::from_static(b"ok"))))
}
