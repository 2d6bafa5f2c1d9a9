//! The functions that the host calls, and the contexts they are about.
//!
//! Exactly the callbacks that this filter has a use for: each one that is exported costs a call for
//! every request. No callback panics, and none lets a request pass that it does not know.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic;

use crate::host::{self, Level};
use crate::plugin::{Request, Root};
use crate::session::Flow;

/// What callbacks return for "yes" and for [`Flow::Pause`].
const TRUE: u32 = 1;

thread_local! {
    /// A module is one thread. The host gives out the numbers, so no caller can choose one.
    static CONTEXTS: RefCell<Contexts> = const { RefCell::new(Contexts::new()) };
}

struct Contexts {
    roots: BTreeMap<u32, Root>,
    requests: BTreeMap<u32, Box<Request>>,
}

impl Contexts {
    const fn new() -> Self {
        Self { roots: BTreeMap::new(), requests: BTreeMap::new() }
    }
}

/// Runs `act`; nothing, should the host call back while another callback runs.
fn with_contexts<R>(act: impl FnOnce(&mut Contexts) -> R) -> Option<R> {
    CONTEXTS.with(|contexts| contexts.try_borrow_mut().ok().map(|mut contexts| act(&mut contexts)))
}

/// Runs `act` on a request. One that is not known has no configuration, and so is refused.
fn with_request(context: u32, act: impl FnOnce(&mut Request) -> Flow) -> u32 {
    match with_contexts(|contexts| act(contexts.requests.entry(context).or_default())) {
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
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    let _created = with_contexts(|contexts| {
        if root == 0 {
            contexts.roots.insert(context, Root::default());
        } else {
            let request = contexts.roots.get_mut(&root).map(Root::request).unwrap_or_default();
            contexts.requests.insert(context, Box::new(request));
        }
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
    let _configured = with_contexts(|contexts| contexts.roots.entry(root).or_default().configure(size));
    TRUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: usize, end: u32) -> u32 {
    with_request(context, |request| request.head(end != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, total: usize, end: u32) -> u32 {
    with_request(context, |request| request.body(total, end != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, count: usize) -> u32 {
    with_request(context, |request| request.trailers(count))
}

/// wasm-nginx-module logs an error for every request without it.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(_context: u32) -> u32 {
    TRUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    let _deleted = with_contexts(|contexts| {
        if contexts.requests.remove(&context).is_none() {
            contexts.roots.remove(&context);
        }
    });
}
