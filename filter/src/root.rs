//! A configuration, as the host's callbacks meet it.

use std::rc::Rc;

use trustplane_core::KeyCacheSettings;
use trustplane_core::json::Limits;

use crate::follow::{Follower, News, Told};
use crate::gate::{Fault, Gate, Rules};
use crate::host::{self, HostData, Level};
use crate::pairs::read_pairs;
use crate::replay::Store;
use crate::request::Request;

/// How soon a worker sees what another one published, in milliseconds.
const TICK_MS: u32 = 500;

/// One configuration of the filter. A changed one is another root in the same module, beside this
/// one, which serves what began under it.
#[derive(Default)]
pub struct Root {
    gate: Rc<Gate>,
    /// The configuration, while only the clock is missing to judge by it.
    waiting: Option<Vec<u8>>,
    /// Brings newer bundles.
    follower: Option<Follower>,
    /// The call whose answer it waits for.
    call: Option<u32>,
}

impl Root {
    /// Takes the configuration that the host has ready; whatever is wrong with it denies everything.
    pub fn configure(&mut self, size: usize) {
        *self = match host::configuration(size) {
            Some(bytes) if bytes.len() == size => Self::read(bytes),
            _ => Self::refuse(&Fault::Truncated),
        };
    }

    /// What the worker's cache of keys takes, as far as this says.
    pub fn keys(&self) -> Option<KeyCacheSettings> {
        self.gate.keys()
    }

    /// A request that begins now.
    pub fn request(&mut self) -> Request {
        self.begin_waiting();
        Request::new(Rc::clone(&self.gate))
    }

    fn read(bytes: Vec<u8>) -> Self {
        let now = host::now();
        match Rules::read(&bytes, now) {
            Ok((rules, follower)) => {
                let ready = match &rules.store {
                    Store::Shared(store) => now.and_then(|now| store.begin(&HostData, now)).is_some(),
                    Store::Callout(_) => true,
                };
                if ready {
                    host::log(Level::Info, "trustplane: configured");
                } else {
                    host::log(
                        Level::Error,
                        "trustplane: shared data does not answer; requests are denied until it does",
                    );
                }
                let mut root = Self { gate: Rc::new(Gate::Ready(Box::new(rules))), follower, ..Self::default() };
                if let Some(follower) = &mut root.follower {
                    if !host::tick_every(TICK_MS) {
                        host::log(Level::Error, "trustplane: the host has no timer; the bundles stay as they are");
                    }
                    // Another worker, or a configuration before this one, may have newer bundles.
                    let news = follower.catch_up(&HostData);
                    root.hear(news);
                }
                root
            }
            Err(Fault::Clock) => Self { waiting: Some(bytes), ..Self::refuse(&Fault::Clock) },
            Err(fault) => Self::refuse(&fault),
        }
    }

    /// Some time has passed.
    pub fn tick(&mut self) {
        let Some(now) = host::now() else {
            return;
        };
        self.begin_waiting();
        if let Some(follower) = &mut self.follower {
            let news = follower.tick(&HostData, now);
            self.hear(news);
        }
    }

    /// Whether this call is the one whose answer is waited for.
    pub fn awaits(&self, token: u32) -> bool {
        self.call == Some(token)
    }

    /// The answer is there.
    pub fn answered(&mut self, size: usize) {
        self.call = None;
        let Some(follower) = &mut self.follower else {
            return;
        };
        let mut map = host::call_response_headers().unwrap_or_default();
        let body = match size {
            0 => Some(Vec::new()),
            // No document is larger, so none is copied.
            size if size > Limits::DOCUMENT.max_bytes => None,
            size => host::call_response_body(size).filter(|body| body.len() == size),
        };
        let news = match (read_pairs(&mut map), body) {
            (Some(headers), Some(body)) => follower.answered(&HostData, Some((&headers, body))),
            _ => follower.answered(&HostData, None),
        };
        self.hear(news);
    }

    fn hear(&mut self, news: News) {
        let News { bundles, ask, told } = news;
        if let (Some((policy, trust)), Gate::Ready(rules)) = (bundles, &*self.gate) {
            self.gate = Rc::new(Gate::Ready(Box::new(rules.over(policy, trust))));
        }
        match told {
            Some(Told::Replaced(what)) => host::log(Level::Info, &format!("trustplane: bundles in force: {what}")),
            Some(Told::Failed(why)) => {
                host::log(Level::Error, &format!("trustplane: the bundles stay as they are: {why}"));
            }
            None => {}
        }
        if let Some(ask) = ask {
            self.call = host::http_call(&ask.cluster, &ask.headers, "", ask.timeout_ms);
            if self.call.is_none()
                && let Some(follower) = &mut self.follower
            {
                let news = follower.unsent();
                self.hear(news);
            }
        }
    }

    fn begin_waiting(&mut self) {
        if self.waiting.is_some() && host::now().is_some() {
            *self = self.waiting.take().map(Self::read).unwrap_or_default();
        }
    }

    fn refuse(fault: &Fault) -> Self {
        host::log(Level::Error, &format!("trustplane: every request is denied: {fault}"));
        Self::default()
    }
}
