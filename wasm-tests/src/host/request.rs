//! Driving requests: whole ones, or step by step to interleave them.

use super::stream::Stream;
use super::{AfterTrap, Host, LocalResponse, Moment, Outcome, Pair, RequestInput, StreamId, Unconfigured};

impl Host {
    /// One whole request: all its parts, then the answers to its callouts, then
    /// its end.
    pub fn request(&mut self, input: &RequestInput) -> Outcome {
        let id = self.begin(input.headers.clone());
        let last = input.body.len();
        let empty_end = input.separate_end && last > 0 && input.trailers.is_none();
        self.headers(id, last == 0 && input.trailers.is_none());
        for (index, chunk) in input.body.iter().enumerate() {
            let end = index + 1 == last && input.trailers.is_none() && !empty_end;
            self.body(id, chunk, end);
        }
        if empty_end {
            self.body(id, b"", true);
        }
        if let Some(trailers) = &input.trailers {
            self.trailers(id, trailers.clone());
        }
        self.settle();
        self.end(id)
    }

    /// A new request: its context is made, nothing is shown yet.
    pub fn begin(&mut self, headers: Vec<Pair>) -> StreamId {
        if self.failed.is_some() && self.state().profile.after_trap == AfterTrap::Reload {
            let reloaded = self.reload().expect("the module loaded before");
            let _configured = reloaded.expect("configure the host first");
        }
        let root = self.root();
        let state = self.state_mut();
        let id = StreamId(state.next_context());
        let log_start = state.logs.len();
        let stream = Stream { headers, root, log_start, ..Stream::default() };
        state.streams.insert(id.0, stream);
        self.open(id, root);
        id
    }

    fn open(&mut self, id: StreamId, root: u32) {
        let profile = &self.state().profile;
        let (status, after_trap) = (profile.trap_status, profile.after_trap);
        let unusable = self.failed.is_some() && after_trap != AfterTrap::SameVm;
        let bypass = if self.configured {
            unusable && after_trap == AfterTrap::Bypass
        } else {
            profile.unconfigured == Unconfigured::Bypass
        };
        if bypass {
            self.stream_mut(id).outcome.bypassed = true;
        } else if unusable || !self.configured {
            let refusal = LocalResponse::by_host(status, "wasm_fail_stream");
            self.stream_mut(id).reply(refusal);
        } else {
            self.stream_mut(id).created = true;
            let called = self.call(id.0, "proxy_on_context_create", &[id.0, root]);
            match called {
                Ok(_) => self.run_deferred(),
                Err(why) => self.trapped(id, Moment::Headers, why),
            }
        }
    }

    /// The headers arrive. `end`: nothing follows.
    pub fn headers(&mut self, id: StreamId, end: bool) {
        if self.stream(id).settled() {
            return;
        }
        if self.state().profile.streams() {
            self.headers_streamed(id, end);
        } else {
            self.stream_mut(id).queue.end = end;
            self.headers_whole(id);
        }
    }

    /// A part of the body arrives. `end`: nothing follows.
    pub fn body(&mut self, id: StreamId, bytes: &[u8], end: bool) {
        if self.stream(id).settled() {
            return;
        }
        if self.state().profile.streams() {
            self.body_streamed(id, bytes, end);
        } else {
            self.body_whole(id, bytes, end);
        }
    }

    /// The trailers arrive, and with them the end. nginx drops them.
    pub fn trailers(&mut self, id: StreamId, trailers: Vec<Pair>) {
        if self.stream(id).settled() {
            return;
        }
        if self.state().profile.streams() {
            self.trailers_streamed(id, trailers);
        } else {
            self.body_whole(id, b"", true);
        }
    }

    /// What happened to a request so far.
    pub fn outcome(&self, id: StreamId) -> Outcome {
        let stream = self.stream(id);
        Outcome {
            metrics: self.state().metrics.values().clone(),
            logs: self.state().logs[stream.log_start..].to_vec(),
            paused_forever: !stream.settled(),
            ..stream.outcome.clone()
        }
    }

    /// The request is over, or its client gone: the guest logs it and drops it.
    /// Its callouts stay under way.
    pub fn end(&mut self, id: StreamId) -> Outcome {
        // Access logs may read the headers again.
        let readable = self.state().profile.streams();
        self.stream_mut(id).headers_there = readable;
        let log = self.state().profile.log_callback;
        let steps = ["proxy_on_log", "proxy_on_done", "proxy_on_delete"];
        for export in steps.iter().skip(usize::from(!log)) {
            let stream = self.stream(id);
            let unusable = self.state().profile.after_trap != AfterTrap::SameVm;
            if stream.lost || !stream.created || (self.failed.is_some() && unusable) {
                break;
            }
            if let Err(why) = self.call(id.0, export, &[id.0]) {
                self.fail(&why);
                self.stream_mut(id).outcome.trapped = Some(why);
            }
        }
        let outcome = self.outcome(id);
        self.state_mut().streams.remove(&id.0);
        outcome
    }

    pub(super) fn stream(&self, id: StreamId) -> &Stream {
        let stream = self.state().streams.get(&id.0);
        stream.expect("a request that has begun and not ended")
    }

    pub(super) fn stream_mut(&mut self, id: StreamId) -> &mut Stream {
        let stream = self.state_mut().streams.get_mut(&id.0);
        stream.expect("a request that has begun and not ended")
    }
}
