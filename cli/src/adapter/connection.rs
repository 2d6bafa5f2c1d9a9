use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Adapter, Limits};
use crate::host::Secured;

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Between two looks at a preface that comes in parts.
const LOOK: Duration = Duration::from_millis(5);
/// No server of ours takes more headers.
const MOST_HEADERS: usize = 128;

/// The requests of one connection.
struct Activity {
    open: AtomicUsize,
    /// When the last one ended.
    idle_since: Mutex<Instant>,
}

/// A request under way.
struct Open(Arc<Activity>);

/// The body of an answer, which is part of its request.
struct Counted<B> {
    body: B,
    _open: Open,
}

/// Which protocol the peer speaks.
enum Protocol {
    Http1,
    Http2,
}

impl Adapter {
    /// Serves one connection to its end.
    pub(super) async fn connection(self: Arc<Self>, stream: TcpStream, stop: watch::Receiver<bool>) {
        let time = self.limits.head_time;
        // What the peer did wrong is the peer's to mend.
        let _ = stream.set_nodelay(true);
        match self.certificate.as_ref().map(super::Certificate::acceptor) {
            None => {
                let Ok(Ok(protocol)) = timeout(time, Protocol::of(&stream)).await else { return };
                self.serve(stream, &protocol, false, stop).await;
            }
            Some(acceptor) => {
                let Ok(Ok(stream)) = timeout(time, acceptor.accept(stream)).await else { return };
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                self.serve(stream, &protocol, true, stop).await;
            }
        }
    }

    async fn serve(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        protocol: &Protocol,
        secured: bool,
        stop: watch::Receiver<bool>,
    ) {
        let activity = Arc::new(Activity { open: AtomicUsize::new(0), idle_since: Mutex::new(Instant::now()) });
        let (adapter, begun) = (Arc::clone(&self), Arc::clone(&activity));
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (adapter, open) = (Arc::clone(&adapter), Open::begin(&begun));
            async move {
                if secured {
                    request.extensions_mut().insert(Secured);
                }
                Ok::<_, Infallible>(adapter.answer(request).await.map(|body| Counted { body, _open: open }))
            }
        });
        let activity = &*activity;
        let (limits, stream) = (&self.limits, TokioIo::new(stream));
        match protocol {
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(limits.head_time).max_headers(MOST_HEADERS);
                // hyper's floor.
                let head = usize::try_from(limits.head_bytes).unwrap_or(usize::MAX).max(8192);
                drive(builder.max_buf_size(head).serve_connection(stream, service), activity, limits, stop).await;
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.timer(TokioTimer::new()).max_concurrent_streams(limits.streams);
                builder.max_header_list_size(limits.head_bytes);
                builder.keep_alive_interval(limits.head_time).keep_alive_timeout(limits.head_time);
                drive(builder.serve_connection(stream, service), activity, limits, stop).await;
            }
        }
    }
}

impl Protocol {
    /// Looks at how the connection begins, and leaves it there.
    async fn of(stream: &TcpStream) -> io::Result<Self> {
        let mut start = [0; PREFACE.len()];
        loop {
            let size = stream.peek(&mut start).await?;
            let seen = start.get(..size).unwrap_or_default();
            match size {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ if !PREFACE.starts_with(seen) => return Ok(Self::Http1),
                _ if size == PREFACE.len() => return Ok(Self::Http2),
                _ => sleep(LOOK).await,
            }
        }
    }
}

impl Open {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(activity))
    }
}

impl Activity {
    /// Ends when there was no request for so long.
    async fn idle(&self, time: Duration) {
        loop {
            let until = *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner) + time;
            if self.open.load(Ordering::SeqCst) > 0 {
                sleep(time).await;
            } else if until <= Instant::now() {
                return;
            } else {
                sleep_until(until).await;
            }
        }
    }
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Serves until the peer ends, or is idle for too long, or everything is to stop.
async fn drive<E>(
    connection: impl GracefulConnection<Error = E>,
    activity: &Activity,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) {
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = activity.idle(limits.head_time) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits.drain_time, connection).await;
}
