//! A normal form is its own, and stands in every form it was taken in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trustplane_core::{QueryForm, normalize_query};

fuzz_target!(|raw: &[u8]| {
    if let Ok(normal) = normalize_query(raw) {
        assert_eq!(normalize_query(normal.as_bytes()).as_deref(), Ok(normal.as_str()));
        if QueryForm::Strict.read(Some(raw)).is_ok() {
            assert_eq!(normal.as_bytes(), raw);
            assert!(QueryForm::Unambiguous.read(Some(raw)).is_ok());
        }
    }
});
