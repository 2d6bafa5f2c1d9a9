//! nginx's way: the head waits at the proxy until the body has been read.

use super::call::Verdict;
use super::stream::{Flow, Visible};
use super::{Delivery, Host, Moment, StreamId, length};

impl Host {
    pub(super) fn headers_whole(&mut self, id: StreamId) {
        self.stream_mut(id).headers_there = true;
        let told_end = self.state().profile.delivery == Delivery::OnceIfAsked;
        let arguments = [self.count_headers(id), u32::from(told_end)];
        let verdict = self.callback(id, Moment::Headers, "proxy_on_request_headers", &arguments);
        let stream = self.stream_mut(id);
        match verdict {
            Verdict::Over => return,
            Verdict::Pause => stream.flow = Flow::Stopped,
            Verdict::Continue => stream.head_done = true,
        }
        self.advance(id);
    }

    pub(super) fn body_whole(&mut self, id: StreamId, bytes: &[u8], end: bool) {
        let stream = self.stream_mut(id);
        stream.buffered.extend_from_slice(bytes);
        stream.queue.end |= end;
        self.advance(id);
    }

    /// `proxy_continue_stream`, or on APISIX the end of a callout.
    pub(super) fn resume_whole(&mut self, id: StreamId) {
        let stream = self.stream_mut(id);
        match std::mem::take(&mut stream.flow) {
            Flow::Running => stream.violation("a request that was not paused was resumed"),
            Flow::Stopped => stream.head_done = true,
            Flow::Holding => {}
        }
        self.advance(id);
    }

    /// As far as the request has come and the guest lets it.
    fn advance(&mut self, id: StreamId) {
        let stream = self.stream(id);
        if !stream.head_done || !stream.queue.end || stream.flow != Flow::Running {
            return;
        }
        if !stream.body_done {
            self.stream_mut(id).body_done = true;
            if self.body_is_shown(id) && self.show_body(id) != Verdict::Continue {
                return;
            }
        }
        let stream = self.stream_mut(id);
        if stream.settled() {
            return;
        }
        stream.headers_there = false;
        stream.seen_end = true;
        stream.release_head();
        stream.send_buffered();
        stream.complete();
    }

    fn body_is_shown(&self, id: StreamId) -> bool {
        let stream = self.stream(id);
        if self.state().profile.delivery != Delivery::OnceIfAsked {
            return !stream.buffered.is_empty();
        }
        let asked = stream.outcome.properties.get("wasm_process_req_body");
        asked.is_some_and(|asked| !asked.is_empty())
    }

    fn show_body(&mut self, id: StreamId) -> Verdict {
        let stream = self.stream_mut(id);
        stream.visible = Visible::Buffered;
        stream.seen_end = true;
        let body = stream.buffered.clone();
        if !body.is_empty() {
            self.state_mut().stale_body.clone_from(&body);
        }
        let arguments = [length(body.len()), 1];
        let verdict = self.callback(id, Moment::Body, "proxy_on_request_body", &arguments);
        if verdict == Verdict::Pause {
            self.stream_mut(id).flow = Flow::Holding;
        }
        verdict
    }
}
