//! What a host is told of the world while one case runs: the time, and what the replay store answers.

use std::future::ready;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use trustplane::host::{Consuming, Host, Memory, ReplayStore};
use trustplane_core::{AuditEvent, Component, Consumed, ReplayKey, UnixTime};
use trustplane_wasm_tests::case::{Case, Store};
use trustplane_wasm_tests::core_subject::verifier_of;

/// Long before any passport of the cases was issued.
const BEFORE: u64 = 24 * 60 * 60;

/// The world of one host.
pub struct Script {
    now: AtomicU64,
    store: Mutex<Store>,
    asked: AtomicUsize,
    events: Mutex<Vec<String>>,
}

/// A store that answers as the case says; a fresh or replayed passport is really consumed.
struct Scripted {
    script: Arc<Script>,
    live: Memory,
    full: Memory,
    cold: Memory,
}

impl Script {
    /// A host of this kind with this configuration, and its world.
    pub fn host(config: &str, fetched_at: u64, component: Component) -> (Host, Arc<Self>) {
        let script = Arc::new(Self {
            now: AtomicU64::new(fetched_at),
            store: Mutex::new(Store::Fresh),
            asked: AtomicUsize::new(0),
            events: Mutex::default(),
        });
        let began = UnixTime::from_secs(fetched_at - BEFORE);
        let store = Scripted {
            script: Arc::clone(&script),
            live: Memory::new(1 << 16, began, 2),
            full: Memory::new(0, began, 2),
            // It begins after every passport.
            cold: Memory::new(1, UnixTime::from_secs(1 << 40), 2),
        };
        let verifier = verifier_of(config, UnixTime::from_secs(fetched_at)).ok();
        let (clock, log) = (Arc::clone(&script), Arc::clone(&script));
        let host = Host::new(verifier, store)
            .with_component(component)
            .with_clock(move || UnixTime::from_secs(clock.now.load(Ordering::SeqCst)))
            .with_audit(move |event, component| log.record(event, component));
        (host, script)
    }

    /// Sets the world up as the case says.
    pub fn set(&self, case: &Case) {
        self.now.store(case.now, Ordering::SeqCst);
        *self.store.lock().expect("no thread panics with it in hand") = case.store;
    }

    /// How often the replay store was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The one event since the last time; none where nothing was decided.
    pub fn event(&self) -> Result<Option<Value>, String> {
        let events = std::mem::take(&mut *self.events.lock().expect("as above"));
        match events.as_slice() {
            [] => Ok(None),
            [event] => serde_json::from_str(event).map(Some).map_err(|error| format!("the audit event: {error}")),
            more => Err(format!("{} audit events of one request", more.len())),
        }
    }

    fn record(&self, event: &AuditEvent, component: Component) -> io::Result<()> {
        self.events.lock().map_err(|_| io::ErrorKind::Other)?.push(event.to_json(component));
        Ok(())
    }
}

impl ReplayStore for Scripted {
    fn consume<'s>(&'s self, key: &ReplayKey, now: UnixTime) -> Consuming<'s> {
        self.script.asked.fetch_add(1, Ordering::SeqCst);
        let store = *self.script.store.lock().expect("as above");
        match store {
            Store::Fresh | Store::Replayed => self.live.consume(key, now),
            Store::Full => self.full.consume(key, now),
            Store::Cold => self.cold.consume(key, now),
            Store::Unavailable => Box::pin(ready(Consumed::Unavailable)),
        }
    }
}
