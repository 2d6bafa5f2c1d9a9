//! What a user might run instead of the filter: a service that `ext_authz` asks over a Unix socket.
//!
//! It is our core, compiled natively, with its replay memory in the same process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::SystemTime;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;
use tokio::task::LocalSet;
use trustplane_core::{
    Admission, Checked, Consumed, Denied, FilterConfig, Head, KeyCache, KeyCacheSettings, UnixTime, Verifier,
};
use trustplane_wasm_tests::load::cpu::{self, Clock};

struct Service {
    verifier: Verifier,
    keys: RefCell<KeyCache>,
    /// Consumed passports, and until when.
    consumed: RefCell<BTreeMap<[u8; 32], UnixTime>>,
}

/// Starts a service on `socket`, on a thread of its own that ends with the process. That thread's
/// clock.
pub fn start(configuration: String, keys: KeyCacheSettings, socket: &Path) -> io::Result<Clock> {
    on_a_thread(socket, move || {
        let service = service(&configuration, keys)?;
        Ok(move |request: &Request<Incoming>| service.answer(request))
    })
}

/// Starts a service that lets everything pass: what asking one costs.
pub fn start_open(socket: &Path) -> io::Result<Clock> {
    on_a_thread(socket, || Ok(|_: &Request<Incoming>| Response::new(Empty::new())))
}

fn on_a_thread<A: Fn(&Request<Incoming>) -> Response<Empty<Bytes>> + 'static>(
    socket: &Path,
    make: impl FnOnce() -> io::Result<A> + Send + 'static,
) -> io::Result<Clock> {
    let socket = socket.to_owned();
    let (report, started) = mpsc::channel();
    thread::Builder::new().name("ext_authz".into()).spawn(move || {
        let served = cpu::pin(cpu::OTHERS).and_then(|()| serve(make()?, &socket, &report));
        // Once it serves, nobody listens any more.
        let _ = report.send(served.map(|()| Clock::of_this_thread()));
    })?;
    started.recv().map_err(io::Error::other)?
}

fn service(configuration: &str, keys: KeyCacheSettings) -> io::Result<Service> {
    let config = FilterConfig::parse(configuration.as_bytes()).map_err(io::Error::other)?;
    let (policy, trust) = config.load().map_err(io::Error::other)?;
    let checked_at = now();
    let verifier = Verifier::new(
        config.settings(),
        policy.map(|policy| Checked::new(policy, checked_at)),
        Checked::new(trust, checked_at),
    );
    Ok(Service { verifier, keys: RefCell::new(KeyCache::new(keys)), consumed: RefCell::default() })
}

fn serve(
    answer: impl Fn(&Request<Incoming>) -> Response<Empty<Bytes>> + 'static,
    socket: &Path,
    report: &mpsc::Sender<io::Result<Clock>>,
) -> io::Result<()> {
    let answer = Rc::new(answer);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = UnixListener::bind(socket)?;
        // Whoever waits for it has not gone away.
        let _ = report.send(Ok(Clock::of_this_thread()));
        loop {
            let (stream, _) = listener.accept().await?;
            let answer = Rc::clone(&answer);
            tokio::task::spawn_local(async move {
                let answer = service_fn(|request| {
                    let response = answer(&request);
                    async move { Ok::<_, Infallible>(response) }
                });
                // Envoy closes idle connections.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    })
}

impl Service {
    fn answer(&self, request: &Request<Incoming>) -> Response<Empty<Bytes>> {
        let mut response = Response::new(Empty::new());
        match self.judge(request) {
            Ok(headers) => {
                for (name, value) in headers {
                    if let Ok(value) = value.parse() {
                        response.headers_mut().insert(name, value);
                    }
                }
            }
            Err(denied) => {
                let status = denied.reason().status().try_into();
                *response.status_mut() = status.unwrap_or(hyper::StatusCode::FORBIDDEN);
            }
        }
        response
    }

    fn judge(&self, request: &Request<Incoming>) -> Result<Vec<(&'static str, String)>, Denied> {
        let now = now();
        let headers: Vec<_> =
            request.headers().iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())).collect();
        let authority = request.headers().get("host").map_or(&b""[..], |value| value.as_bytes());
        let head = Head {
            method: request.method().as_str().as_bytes(),
            target: request.uri().path_and_query().map_or("", |target| target.as_str()).as_bytes(),
            authority,
            tls: false,
            headers: &headers,
        };
        let proven = self.verifier.prove_with(&head, &mut self.keys.borrow_mut(), now)?;
        let admission = proven.settle(now)?;
        let consumed = self.consume(&admission, now);
        let allowed = admission.conclude(consumed, now)?;
        Ok(allowed.upstream().set().map(|(name, value)| (name, value.to_owned())).collect())
    }

    fn consume(&self, admission: &Admission, now: UnixTime) -> Consumed {
        let key = admission.replay_key();
        let mut consumed = self.consumed.borrow_mut();
        match consumed.insert(*key.id(), key.keep_until()) {
            Some(until) if until > now => Consumed::Replayed,
            _ => Consumed::Fresh,
        }
    }
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| since.as_secs()))
}
