use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use trustplane_core::{Denied, Reply};

/// The body of an answer to a denied request.
pub type DenyBody = Full<Bytes>;

/// A request that does not pass.
#[derive(Debug)]
#[must_use]
pub struct Refused<B> {
    /// Why.
    pub denied: Denied,
    /// What of it was not read.
    pub rest: B,
    /// Whether its answer has no body, for `HEAD` asked (RFC 9110 section 9.3.2).
    pub bodyless: bool,
}

impl<B> Refused<B> {
    /// The answer, byte for byte that of every other host.
    pub fn response(&self) -> Response<DenyBody> {
        let reply = Reply::new(self.denied.reason());
        let body = Bytes::copy_from_slice(reply.body().as_bytes());
        let size = HeaderValue::from(body.len());
        let mut response = Response::new(Full::new(if self.bodyless { Bytes::new() } else { body }));
        response.headers_mut().insert(CONTENT_LENGTH, size);
        *response.status_mut() = StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        for (name, value) in reply.headers() {
            // A reason's code is plain ASCII.
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
