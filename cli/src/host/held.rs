use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::body::{Body, Buf, Bytes, Frame, SizeHint};
use trustplane_core::{Allowed, BodyMode, Proven, Reason};

/// The body of a request that may pass: the bytes that were hashed, or the stream itself where the
/// route binds no more than its claimed digest.
#[derive(Debug)]
pub struct Held<B>(Kind<B>);

#[derive(Debug)]
enum Kind<B> {
    Stream(B),
    Whole(Full<Bytes>),
}

impl<B> Held<B> {
    /// Only a decision to allow makes one.
    pub(super) fn new(_allowed: &Allowed, whole: Option<Bytes>, body: B) -> Self {
        Self(match whole {
            Some(bytes) => Kind::Whole(Full::new(bytes)),
            None => Kind::Stream(body),
        })
    }
}

/// Reads a body to its end and hashes it; nothing, where the route does not bind its bytes.
pub(super) async fn read<B: Body + Unpin>(proven: &mut Proven, body: &mut B) -> Result<Option<Bytes>, Reason> {
    if proven.body_mode() == BodyMode::Claimed {
        return Ok(None);
    }
    // One copy, so that a body in small pieces takes no more memory than its size.
    let mut whole = Vec::new();
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        let frame = match frame {
            None => return Ok(Some(whole.into())),
            // A body cut short is not the one that was announced.
            Some(Err(_)) => return Err(Reason::VerifierUnavailable),
            Some(Ok(frame)) => frame,
        };
        match frame.into_data() {
            Ok(mut data) => {
                while data.has_remaining() {
                    let piece = data.chunk();
                    proven.feed(piece)?;
                    whole.extend_from_slice(piece);
                    let size = piece.len();
                    data.advance(size);
                }
            }
            Err(frame) if frame.trailers_ref().is_some_and(|trailers| !trailers.is_empty()) => proven.trailers()?,
            Err(_) => {}
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Held<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.0 {
            Kind::Stream(body) => Pin::new(body).poll_frame(context),
            Kind::Whole(bytes) => match Pin::new(bytes).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Ready(Some(Err(never))) => match never {},
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Stream(body) => body.is_end_stream(),
            Kind::Whole(bytes) => bytes.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Stream(body) => body.size_hint(),
            Kind::Whole(bytes) => bytes.size_hint(),
        }
    }
}
