//! A Workload API that says what a test wants: gRPC over HTTP/2, of which it needs one call.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use futures_util::stream::unfold;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixListener;
use tokio::runtime::Builder;
use tokio::sync::watch;

/// What every stream is told from now on.
#[derive(Clone, Debug)]
pub enum Say {
    /// Nothing.
    Nothing,
    /// This response.
    Response(Arc<Vec<u8>>),
    /// That the caller is nobody; the stream ends.
    Denied,
    /// The stream ends as if all were well.
    End,
}

/// It serves until it is dropped.
pub struct Api {
    say: watch::Sender<Say>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Api {
    pub fn start(socket: &Path, first: Say) -> Self {
        let (say, heard) = watch::channel(first);
        let (stop, mut stopped) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let _ = std::fs::remove_file(socket);
        let listener = runtime.block_on(async { UnixListener::bind(socket).unwrap() });
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                loop {
                    let stream = tokio::select! {
                        _ = stopped.wait_for(|stop| *stop) => return,
                        accepted = listener.accept() => accepted.unwrap().0,
                    };
                    let heard = heard.clone();
                    tokio::spawn(async move {
                        let service = service_fn(move |request| answer(request, heard.clone()));
                        let _ = http2::Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
            });
        });
        Self { say, stop, thread: Some(thread) }
    }

    pub fn say(&self, say: Say) {
        self.say.send_replace(say);
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.thread.take().unwrap().join().unwrap();
    }
}

type Body = StreamBody<std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>;

async fn answer(request: Request<Incoming>, heard: watch::Receiver<Say>) -> Result<Response<Body>, Infallible> {
    assert_eq!(request.uri().path(), "/SpiffeWorkloadAPI/FetchX509SVID");
    assert_eq!(request.headers()["workload.spiffe.io"], "true");
    let frames = unfold(Some((heard, true)), |state| async move {
        let (mut heard, mut first) = state?;
        loop {
            if !first && heard.changed().await.is_err() {
                return None;
            }
            first = false;
            let said = heard.borrow_and_update().clone();
            match said {
                Say::Nothing => {}
                Say::Response(message) => return Some((Ok(Frame::data(framed(&message))), Some((heard, false)))),
                Say::Denied => return Some((Ok(trailers("7", "no identity issued")), None)),
                Say::End => return Some((Ok(trailers("0", "")), None)),
            }
        }
    });
    let mut response = Response::new(StreamBody::new(Box::pin(frames) as _));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

fn trailers(status: &'static str, message: &'static str) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.insert("grpc-message", HeaderValue::from_static(message));
    Frame::trailers(trailers)
}

/// Not compressed, then the length.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat().into()
}

/// A field of bytes in a protobuf message.
pub fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(bytes);
    out
}
