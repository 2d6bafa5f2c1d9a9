//! The tower layer, in this process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Request, Response, Version};
use tokio::runtime::Runtime;
use tower_layer::Layer as _;
use tower_service::Service;

use trustplane::host::{Held, Secured};
use trustplane::layer::{Verify, VerifyLayer};
use trustplane_core::Component;
use trustplane_wasm_tests::case::{Case, Cases, Store};
use trustplane_wasm_tests::subject::{Answer, Forwarded, Subject};

use crate::http2::{Frames, map};
use crate::reply;
use crate::script::Script;
use crate::wire::Reply;

/// The layer around a service that keeps what it sees, one for each configuration.
pub struct InProcess<'c> {
    cases: &'c Cases,
    runtime: Runtime,
    seen: Seen,
    gates: BTreeMap<&'c str, (Verify<Inside>, Arc<Script>)>,
}

type Seen = Arc<Mutex<Vec<Forwarded>>>;

/// The service inside.
#[derive(Clone)]
struct Inside(Seen);

impl<'c> InProcess<'c> {
    /// For these cases.
    pub fn new(cases: &'c Cases) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        Ok(Self { cases, runtime, seen: Seen::default(), gates: BTreeMap::new() })
    }

    /// Why no such request can be in the process.
    pub fn cannot_be(case: &Case) -> Option<String> {
        request(case).err()
    }

    fn present(&mut self, case: &'c Case) -> Result<Answer, String> {
        let profile = self.cases.profile(case);
        let seen = &self.seen;
        let (gate, script) = self.gates.entry(&case.profile).or_insert_with(|| {
            let (host, script) = Script::host(&profile.config, profile.fetched_at, Component::Verifier);
            (VerifyLayer::new(Arc::new(host)).layer(Inside(Arc::clone(seen))), script)
        });
        script.set(case);
        let asked = script.asked();
        let request = request(case)?;
        let reply = self.runtime.block_on(async {
            let response = gate.call(request).await.unwrap_or_else(|never| match never {});
            let (head, body) = response.into_parts();
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let body = body.collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>(Reply {
                status: head.status.as_u16(),
                headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
                body: body.to_bytes().into(),
            })
        })?;
        if case.settled_before_replay() && script.asked() != asked {
            return Err("the replay store was asked, and might have burnt the jti".into());
        }
        let seen = std::mem::take(&mut *self.seen.lock().expect("no thread panics with the list in hand"));
        reply::answer(&reply, script.event()?, &seen, "verifier")
    }
}

impl<'c> Subject<'c> for InProcess<'c> {
    fn decide(&mut self, case: &'c Case) -> Result<Answer, String> {
        if case.store == Store::Replayed {
            let first = self.present(case)?;
            if first.reason != "request_allowed" {
                return Err(format!("the first presentation: {}", first.reason));
            }
        }
        self.present(case)
    }
}

/// As a server hands over what came over HTTP/2, or over HTTP/1.1 where an authority or a target can be
/// told no other way.
fn request(case: &Case) -> Result<Request<Frames>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let uri = [b"http://", case.authority.0.as_slice(), &case.target.0].concat();
    let whole = case.target.0.starts_with(b"/") && !case.authority.0.is_empty() && !case.authority.0.contains(&b',');
    let builder = Request::builder().method(case.method.0.as_slice());
    let builder = match whole {
        true => builder.version(Version::HTTP_2).uri(uri.as_slice()),
        false => builder.uri(case.target.0.as_slice()),
    };
    let mut request = builder.body(Frames::of(case).map_err(|error| text(&error))?).map_err(|error| text(&error))?;
    let headers = request.headers_mut();
    *headers = map(&case.headers).map_err(|error| text(&error))?;
    if !whole {
        let host = HeaderValue::from_bytes(&case.authority.0).map_err(|error| text(&error))?;
        headers.insert("host", host);
    }
    if case.tls {
        request.extensions_mut().insert(Secured);
    }
    Ok(request)
}

impl Service<Request<Held<Frames>>> for Inside {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Held<Frames>>) -> Self::Future {
        let seen = Arc::clone(&self.0);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap_or_else(|never| match never {});
            let headers = head.headers.iter();
            let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
            let forwarded = Forwarded { headers, body: body.to_bytes().into() };
            seen.lock().expect("as above").push(forwarded);
            Ok(Response::new(Full::from("ok")))
        })
    }
}
