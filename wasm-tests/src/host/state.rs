//! What the hostcalls of one VM act on.

use std::collections::BTreeMap;

use wasmi::{Memory, TypedFunc};

use super::fault::Faults;
use super::metric::Metrics;
use super::stream::Stream;
use super::{Answer, Callout, LocalResponse, LogLine, Profile, SharedStore};

pub(super) struct State {
    pub(super) profile: Profile,
    pub(super) shared: SharedStore,
    pub(super) vm_id: String,
    pub(super) now_nanos: u64,
    /// During `_initialize`, when most hostcalls trap.
    pub(super) starting: bool,
    pub(super) memory: Option<Memory>,
    pub(super) allocate: Option<TypedFunc<u32, u32>>,
    pub(super) vm_config: Vec<u8>,
    /// Readable only while the guest is being configured.
    pub(super) plugin_config: Option<Vec<u8>>,
    pub(super) roots: Vec<u32>,
    pub(super) streams: BTreeMap<u32, Stream>,
    pub(super) last_context: u32,
    /// The context of the running callback, and the one the guest chose since.
    pub(super) current: u32,
    pub(super) effective: Option<u32>,
    /// What the guest asked for in this callback, done when it returns.
    pub(super) deferred: Vec<(u32, Deferred)>,
    pub(super) properties: BTreeMap<String, Vec<u8>>,
    pub(super) tick_period_ms: u32,
    pub(super) metrics: Metrics,
    pub(super) logs: Vec<LogLine>,
    pub(super) log_level: u32,
    pub(super) upstreams: Option<Vec<String>>,
    pub(super) callouts: Vec<Callout>,
    pub(super) pending: Vec<u32>,
    pub(super) answer: Option<Answer>,
    pub(super) faults: Faults,
    pub(super) suppressed: Vec<String>,
    /// APISIX keeps the last body it saw, and serves it to a request without one.
    pub(super) stale_body: Vec<u8>,
}

pub(super) enum Deferred {
    Resume,
    Close,
    Reply(LocalResponse),
}

impl State {
    pub(super) fn new(profile: Profile, shared: SharedStore, vm_id: &str) -> Self {
        Self {
            profile,
            shared,
            vm_id: vm_id.to_owned(),
            now_nanos: 1_700_000_000_000_000_000,
            starting: true,
            memory: None,
            allocate: None,
            vm_config: Vec::new(),
            plugin_config: None,
            roots: Vec::new(),
            streams: BTreeMap::new(),
            last_context: 0,
            current: 0,
            effective: None,
            deferred: Vec::new(),
            properties: BTreeMap::new(),
            tick_period_ms: 0,
            metrics: Metrics::default(),
            logs: Vec::new(),
            log_level: 0,
            upstreams: None,
            callouts: Vec::new(),
            pending: Vec::new(),
            answer: None,
            faults: Faults::default(),
            suppressed: Vec::new(),
            stale_body: Vec::new(),
        }
    }

    /// A new VM in this worker: what the process holds stays, contexts are lost.
    pub(super) fn reset(&mut self) {
        self.starting = true;
        self.memory = None;
        self.allocate = None;
        self.roots.clear();
        for stream in self.streams.values_mut() {
            stream.lost = true;
        }
        self.pending.clear();
        self.deferred.clear();
        self.effective = None;
        self.tick_period_ms = 0;
    }

    pub(super) fn next_context(&mut self) -> u32 {
        self.last_context += 1;
        self.last_context
    }

    /// The context that hostcalls act on.
    pub(super) fn acting(&self) -> u32 {
        match self.effective {
            Some(chosen) if self.knows(chosen) => chosen,
            _ => self.current,
        }
    }

    pub(super) fn knows(&self, context: u32) -> bool {
        let stream = self.streams.get(&context);
        self.roots.contains(&context) || stream.is_some_and(|stream| !stream.lost)
    }

    pub(super) fn stream(&self) -> Option<&Stream> {
        self.streams.get(&self.acting())
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut Stream> {
        let acting = self.acting();
        self.streams.get_mut(&acting)
    }
}
