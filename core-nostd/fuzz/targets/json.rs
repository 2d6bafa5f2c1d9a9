//! Whatever the strict reader takes, its canonical form is read back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trustplane_core::json::{Limits, canonical, parse};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = parse(bytes, Limits::DOCUMENT) {
        let text = canonical(&value);
        let again = parse(text.as_bytes(), Limits::DOCUMENT).expect("a canonical form is JSON");
        assert_eq!(canonical(&again), text);
    }
});
