//! The functions that the host calls, and the contexts they are about.
//!
//! Exactly the callbacks that this filter has a use for: each one that is exported costs a call for
//! every request. No callback panics, and none lets a request pass that it does not know.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic;

use trustplane_core::{KeyCache, KeyCacheSettings};

use crate::host::{self, Level};
use crate::request::Request;
use crate::root::Root;
use crate::session::Flow;

/// What callbacks return for "yes" and for [`Flow::Pause`].
const TRUE: u32 = 1;

thread_local! {
    /// A module is one thread. The host gives out the numbers, so no caller can choose one.
    static CONTEXTS: RefCell<Contexts> = const { RefCell::new(Contexts::new()) };
}

/// What the host knows by a number.
enum Context {
    Root(Box<Root>),
    Request(Box<Request>),
    /// A call, by its token: whose request waits for the answer.
    Call(u32),
}

struct Contexts {
    /// One map for all: a map compiles to several KiB for each type it holds.
    known: HashMap<u64, Context, BuildHasherDefault<Numbers>>,
    /// Keys that verified before, under whichever configuration, and what their cache may take.
    keys: Option<(KeyCacheSettings, KeyCache)>,
}

/// Spreads the host's numbers, which nobody else chooses.
#[derive(Default)]
struct Numbers(u64);

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio of 2^64, odd.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A context's key.
fn context(number: u32) -> u64 {
    u64::from(number)
}

/// A call's key: the host counts calls apart from contexts.
fn call(token: u32) -> u64 {
    u64::from(token) | 1 << 32
}

impl Contexts {
    const fn new() -> Self {
        Self { known: HashMap::with_hasher(BuildHasherDefault::new()), keys: None }
    }

    fn request(&mut self, number: u32) -> Option<&mut Request> {
        match self.known.get_mut(&context(number))? {
            Context::Request(request) => Some(request),
            Context::Root(_) | Context::Call(_) => None,
        }
    }

    fn root(&mut self, number: u32) -> Option<&mut Root> {
        match self.known.get_mut(&context(number))? {
            Context::Root(root) => Some(root),
            Context::Request(_) | Context::Call(_) => None,
        }
    }
}

/// Runs `act`; nothing, should the host call back while another callback runs.
fn with_contexts<R>(act: impl FnOnce(&mut Contexts) -> R) -> Option<R> {
    CONTEXTS.with(|contexts| contexts.try_borrow_mut().ok().map(|mut contexts| act(&mut contexts)))
}

/// Runs `act` on a request. One that is not known has no configuration, and so is refused.
fn with_request(number: u32, act: impl FnOnce(&mut Request, &mut KeyCache) -> Flow) -> u32 {
    let flow = with_contexts(|contexts| {
        let Contexts { known, keys } = contexts;
        let key = context(number);
        let Context::Request(request) = known.entry(key).or_insert_with(|| Context::Request(Box::default())) else {
            return None;
        };
        // A request without a configuration asks no key.
        let mut none = None;
        let keys = match request.keys() {
            Some(settings) => &mut keys.get_or_insert_with(|| (settings, KeyCache::new(settings))).1,
            None => none.insert(KeyCache::none()),
        };
        let flow = act(request, keys);
        if let Some(token) = request.awaits() {
            known.insert(call(token), Context::Call(number));
        }
        Some(flow)
    });
    match flow.flatten() {
        Some(Flow::Continue) => 0,
        Some(Flow::Pause) | None => 1,
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    panic::set_hook(Box::new(|panic| {
        // The place alone: a message may hold what a caller sent.
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        host::log(Level::Critical, &format!("trustplane: the module ends at {place}"));
    }));
}

/// Memory for the host to fill; [`host`] takes it back as the boxed slice that it is.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Box::into_raw(Box::<[u8]>::new_uninit_slice(size)).cast()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(number: u32, root: u32) {
    let _created = with_contexts(|contexts| {
        let created = match root {
            0 => Context::Root(Box::default()),
            root => Context::Request(Box::new(contexts.root(root).map(Root::request).unwrap_or_default())),
        };
        contexts.known.insert(context(number), created);
    });
}

/// ngx_wasm_module loads no module without it.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_root: u32, _configuration_size: usize) -> u32 {
    TRUE
}

/// Never fails: where it fails on a worker alone, Envoy leaves the filter out and lets every
/// request pass.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: usize) -> u32 {
    let _configured = with_contexts(|contexts| {
        contexts.known.entry(context(root)).or_insert_with(|| Context::Root(Box::default()));
        let wanted = contexts.root(root).and_then(|root| {
            root.configure(size);
            root.keys()
        });
        // A cache of another size is made anew, by the next request.
        if contexts.keys.as_ref().is_some_and(|(own, _)| wanted.is_some_and(|wanted| wanted != *own)) {
            contexts.keys = None;
        }
    });
    TRUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: usize, end: u32) -> u32 {
    with_request(context, |request, keys| request.head(end != 0, keys))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, total: usize, end: u32) -> u32 {
    with_request(context, |request, _| request.body(total, end != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, count: usize) -> u32 {
    with_request(context, |request, _| request.trailers(count))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    let _ticked = with_contexts(|contexts| contexts.root(root).map(|root| root.tick()));
}

/// An answer that nobody waits for any more is let go: its caller has left.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(root: u32, token: u32, _headers: usize, size: usize, _trailers: usize) {
    let _answered = with_contexts(|contexts| {
        let Some(Context::Call(context)) = contexts.known.remove(&call(token)) else {
            return contexts.root(root).filter(|root| root.awaits(token)).map(|root| root.answered(size));
        };
        let request = contexts.request(context)?;
        // The host is about the root now; what follows must be about the request.
        if host::set_effective_context(context) {
            request.answered(size);
        } else {
            host::log(Level::Error, "trustplane: the host does not let a request be answered");
        }
        Some(())
    });
}

/// wasm-nginx-module logs an error for every request without it.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(_context: u32) -> u32 {
    TRUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(number: u32) {
    let _deleted = with_contexts(|contexts| match contexts.known.remove(&context(number)) {
        Some(Context::Request(request)) => request.awaits().and_then(|token| contexts.known.remove(&call(token))),
        Some(Context::Root(_) | Context::Call(_)) | None => None,
    });
}
