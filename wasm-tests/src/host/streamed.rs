//! Envoy's way: each part of a request passes the guest as it arrives.

use super::call::Verdict;
use super::stream::{Flow, Visible};
use super::{Delivery, Host, LocalResponse, Moment, Pair, StreamId, length};

impl Host {
    pub(super) fn headers_streamed(&mut self, id: StreamId, end: bool) {
        let hold = self.state().profile.delivery == Delivery::Stream { hold: true };
        let stream = self.stream_mut(id);
        stream.headers_there = true;
        stream.seen_end = end;
        let count = self.count_headers(id);
        let arguments = [count, u32::from(end)];
        let verdict = self.callback(id, Moment::Headers, "proxy_on_request_headers", &arguments);
        let stream = self.stream_mut(id);
        match verdict {
            Verdict::Over => {}
            Verdict::Pause => stream.flow = if hold { Flow::Holding } else { Flow::Stopped },
            Verdict::Continue => {
                stream.headers_there = false;
                stream.release_head();
                if end {
                    stream.complete();
                }
            }
        }
    }

    pub(super) fn body_streamed(&mut self, id: StreamId, bytes: &[u8], end: bool) {
        let limit = self.state().profile.body_limit.unwrap_or(usize::MAX);
        let stream = self.stream_mut(id);
        if stream.flow == Flow::Stopped {
            stream.queue.body.extend_from_slice(bytes);
            stream.queue.any_body = true;
            stream.queue.end |= end;
            return;
        }
        stream.seen_end |= end;
        if stream.buffering {
            stream.buffered.extend_from_slice(bytes);
            stream.visible = Visible::Buffered;
        } else {
            stream.chunk = bytes.to_vec();
            stream.visible = Visible::Chunk;
        }
        let arguments = [length(stream.body().len()), u32::from(end)];
        let verdict = self.callback(id, Moment::Body, "proxy_on_request_body", &arguments);
        let stream = self.stream_mut(id);
        match verdict {
            Verdict::Over => {}
            Verdict::Pause => {
                stream.flow = Flow::Holding;
                if !stream.buffering {
                    stream.buffered.append(&mut stream.chunk);
                    stream.buffering = true;
                }
                stream.visible = Visible::Buffered;
                if stream.buffered.len() > limit {
                    stream.reply(LocalResponse::by_host(413, "request_payload_too_large"));
                }
            }
            Verdict::Continue => {
                stream.visible = Visible::Nothing;
                stream.flow = Flow::Running;
                // A head that was paused goes with the first body that is not:
                // a callout pending since the headers does not hold it.
                stream.release_head();
                stream.send_buffered();
                let chunk = std::mem::take(&mut stream.chunk);
                stream.send_body(&chunk);
                if end {
                    stream.complete();
                }
            }
        }
    }

    pub(super) fn trailers_streamed(&mut self, id: StreamId, trailers: Vec<Pair>) {
        let stream = self.stream_mut(id);
        stream.trailers = trailers;
        if stream.flow == Flow::Stopped {
            stream.queue.trailers = true;
            return;
        }
        self.show_trailers(id);
    }

    fn show_trailers(&mut self, id: StreamId) {
        let stream = self.stream_mut(id);
        stream.trailers_there = true;
        stream.seen_end = true;
        let count = length(stream.trailers.len());
        let verdict = self.callback(id, Moment::Trailers, "proxy_on_request_trailers", &[count]);
        let stream = self.stream_mut(id);
        match verdict {
            Verdict::Over => {}
            Verdict::Pause => {
                stream.flow = Flow::Holding;
                stream.holds_trailers = true;
            }
            Verdict::Continue => {
                stream.trailers_there = false;
                stream.release_head();
                stream.send_buffered();
                stream.send_trailers();
                stream.complete();
            }
        }
    }

    /// `proxy_continue_stream`, after the callback that called it.
    pub(super) fn resume_streamed(&mut self, id: StreamId) {
        let stream = self.stream_mut(id);
        let flow = std::mem::take(&mut stream.flow);
        if flow == Flow::Running {
            stream.violation("a request that was not paused was resumed");
        }
        stream.release_head();
        if flow == Flow::Stopped {
            self.replay_queue(id);
            return;
        }
        let chunk = std::mem::take(&mut stream.chunk);
        stream.send_buffered();
        stream.send_body(&chunk);
        stream.visible = Visible::Nothing;
        if stream.holds_trailers {
            stream.send_trailers();
        }
        if stream.seen_end {
            stream.complete();
        }
    }

    /// What arrived while everything was stopped passes the guest now.
    fn replay_queue(&mut self, id: StreamId) {
        let stream = self.stream_mut(id);
        let queue = std::mem::take(&mut stream.queue);
        if stream.seen_end {
            stream.complete();
        }
        if queue.any_body {
            self.body_streamed(id, &queue.body, queue.end);
        }
        if queue.trailers && !self.stream(id).settled() {
            self.show_trailers(id);
        }
    }
}
