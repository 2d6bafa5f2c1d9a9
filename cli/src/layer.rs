//! A `tower` layer, so that a service verifies for itself, without a proxy in front.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use trustplane::{host::Host, layer::VerifyLayer};
//! # fn wrap(host: Arc<Host>) {
//! // Around the outermost service: routers that strip prefixes would change what was signed.
//! let layer = VerifyLayer::new(host);
//! # let _ = layer;
//! # }
//! ```
//!
//! The service inside sees a request only after its passport was consumed, with a body of
//! [`Held`] bytes and the headers that tell who called. What is denied is answered here. A
//! service that ends TLS itself says so by [`Secured`](crate::host::Secured) in the request's
//! extensions, or the host's settings pin the scheme.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::Either;
use hyper::body::{Body, Bytes};
use hyper::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::host::{DenyBody, Held, Host};

/// Puts [`Verify`] around a service.
#[derive(Clone, Debug)]
pub struct VerifyLayer {
    host: Arc<Host>,
}

/// A service behind the verification.
#[derive(Clone, Debug)]
pub struct Verify<S> {
    host: Arc<Host>,
    inner: S,
}

impl VerifyLayer {
    /// Judged by this host.
    pub fn new(host: Arc<Host>) -> Self {
        Self { host }
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;

    fn layer(&self, inner: S) -> Verify<S> {
        Verify { host: Arc::clone(&self.host), inner }
    }
}

impl<S, B, R> Service<Request<B>> for Verify<S>
where
    S: Service<Request<Held<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<Either<DenyBody, R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready goes with the request; a clone of it may not be.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let host = Arc::clone(&self.host);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match host.authorize(&mut parts, body).await {
                Ok(held) => Ok(inner.call(Request::from_parts(parts, held)).await?.map(Either::Right)),
                Err(refused) => Ok(refused.response().map(Either::Left)),
            }
        })
    }
}
