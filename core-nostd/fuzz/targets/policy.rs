//! No document stops the loader, and what loads answers any path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trustplane_core::json::{Limits, parse};
use trustplane_core::{Pin, Policy, Trust};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = parse(bytes, Limits::DOCUMENT) {
        if let Ok(policy) = Policy::load(&value, &Pin::UnsignedDev) {
            for route in policy.routes() {
                let _ = policy.route(route.method(), "/a/b/c");
            }
        }
        let _ = Trust::load(&value, &Pin::UnsignedDev);
    }
});
