//! A request, as the host's callbacks meet it. Nothing here decides: [`Session`] says what to do, and
//! is told what the host answered.

use std::rc::Rc;

use trustplane_core::{Consumed, Denied, Hold, KeyCache, KeyCacheSettings, ReplayKey, Reply, UnixTime, Upstream};

use crate::gate::Gate;
use crate::head::Heading;
use crate::host::{self, HostData};
use crate::observe;
use crate::pairs::{read_pairs, write_pairs};
use crate::replay::{Callout, Store};
use crate::session::{Callback, Event, Flow, Session, Step};

/// One request.
pub struct Request {
    gate: Rc<Gate>,
    session: Session,
    call: Option<Call>,
}

/// A question to the replay service that is not answered yet.
#[derive(Clone, Copy)]
struct Call {
    token: u32,
    id: [u8; 32],
}

impl Default for Request {
    /// A request without a configuration: it is refused.
    fn default() -> Self {
        Self::new(Rc::default())
    }
}

impl Request {
    /// A request under these rules.
    pub fn new(gate: Rc<Gate>) -> Self {
        let hold = match &*gate {
            Gate::Ready(rules) => rules.hold,
            Gate::Shut => Hold::default(),
        };
        Self { gate, session: Session::new(hold), call: None }
    }

    /// What the worker's cache of keys takes, as far as this says.
    pub fn keys(&self) -> Option<KeyCacheSettings> {
        self.gate.keys()
    }

    /// The head is there.
    pub fn head(&mut self, end: bool, keys: &mut KeyCache) -> Flow {
        let now = host::now();
        self.judge(end, keys, now).unwrap_or_else(|| self.run(Event::Fault, now));
        self.session.flow(Callback::Head)
    }

    /// The host holds `total` bytes of the body.
    pub fn body(&mut self, total: usize, end: bool) -> Flow {
        self.later(Event::Body { total, end })
    }

    /// The body has ended, with trailers.
    pub fn trailers(&mut self, count: usize) -> Flow {
        self.later(Event::Trailers(count))
    }

    fn later(&mut self, event: Event<'_>) -> Flow {
        // What follows an allowed head needs nothing from the host.
        if self.session.flow(Callback::Later) == Flow::Pause {
            self.run(event, host::now());
        }
        self.session.flow(Callback::Later)
    }

    /// `None` when there is nothing to judge by, or the host does not tell of what.
    fn judge(&mut self, end: bool, keys: &mut KeyCache, now: Option<UnixTime>) -> Option<()> {
        let gate = Rc::clone(&self.gate);
        let Gate::Ready(rules) = &*gate else {
            return None;
        };
        let tls = if rules.scheme_from_connection { host::tls()? } else { false };
        let mut map = host::request_headers()?;
        let heading = Heading::new(read_pairs(&mut map)?);
        self.run(Event::Head { verifier: &rules.verifier, keys, head: heading.head(tls), end }, now);
        Some(())
    }

    /// Does what the session asks for, until it asks for nothing more. No time passes in between.
    fn run(&mut self, event: Event<'_>, now: Option<UnixTime>) {
        let mut step = self.session.on(event, now);
        loop {
            step = match step {
                Step::Read { start, size } => {
                    let piece = host::body(start, size);
                    self.session.on(Event::Piece(piece.as_deref()), now)
                }
                Step::Consume(key) => match self.consume(&key, now) {
                    Some(consumed) => self.session.on(Event::Consumed(consumed), now),
                    None => return,
                },
                Step::Edit => {
                    let made = self.session.edits().is_some_and(edit);
                    self.session.on(Event::Edited(made), now)
                }
                Step::Admit(allowed) => return observe::record(allowed.event(), self.audits()),
                Step::Refuse(denied) => return self.refuse(&denied),
                Step::Rest => return,
            };
        }
    }

    /// Consumes a passport; `None` when the answer comes later, to [`Self::answered`].
    fn consume(&mut self, key: &ReplayKey, now: Option<UnixTime>) -> Option<Consumed> {
        let (Gate::Ready(rules), Some(now)) = (&*self.gate, now) else {
            return Some(Consumed::Unavailable);
        };
        match &rules.store {
            Store::Shared(store) => Some(store.consume(&HostData, key, now)),
            Store::Callout(callout) => {
                let token = callout.question(key, now).and_then(|question| {
                    host::http_call(&callout.cluster, &question.headers, &question.body, callout.timeout_ms)
                });
                self.call = token.map(|token| Call { token, id: *key.id() });
                self.call.is_none().then_some(Consumed::Unavailable)
            }
        }
    }

    /// The token of the call whose answer this request waits for.
    pub fn awaits(&self) -> Option<u32> {
        self.call.map(|call| call.token)
    }

    /// The answer is there, with a body of this size, or what the host makes of none.
    pub fn answered(&mut self, size: usize) {
        let Some(call) = self.call.take() else {
            return;
        };
        let consumed = read_answer(&call.id, size).unwrap_or(Consumed::Unavailable);
        self.run(Event::Consumed(consumed), host::now());
        let passes = self.session.flow(Callback::Later) == Flow::Continue;
        if passes && !host::continue_request() {
            host::close_request();
        }
    }

    /// The session is closed by now: whatever becomes of the answer, nothing passes.
    fn refuse(&self, denied: &Denied) {
        observe::record(denied.event(), self.audits());
        let reply = Reply::new(denied.reason());
        let headers: Vec<_> = reply.headers().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let headers = write_pairs(&headers).unwrap_or_default();
        let details = denied.reason().as_str();
        if !host::send_local_response(reply.status().into(), details, reply.body(), &headers) {
            // Without an answer the caller would wait for a timeout.
            host::close_request();
        }
    }

    /// Without a configuration that says otherwise, everything is told.
    fn audits(&self) -> bool {
        match &*self.gate {
            Gate::Ready(rules) => rules.audit,
            Gate::Shut => true,
        }
    }
}

/// Reads the answer that the host holds now.
fn read_answer(id: &[u8; 32], size: usize) -> Option<Consumed> {
    if !Callout::plausible(size) {
        return None;
    }
    let mut map = host::call_response_headers()?;
    let body = host::call_response_body(size)?;
    Some(Callout::outcome(id, &read_pairs(&mut map)?, &body))
}

fn edit(upstream: &Upstream) -> bool {
    upstream.remove().all(host::remove_request_header)
        && upstream.set().all(|(name, value)| host::replace_request_header(name, value))
}
