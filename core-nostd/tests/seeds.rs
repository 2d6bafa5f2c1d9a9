//! The seeds of the fuzz targets, each as it is, cut at every byte and changed at every byte.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

#[path = "../fuzz/judge.rs"]
mod judge;
#[path = "../fuzz/walk.rs"]
mod walk;

use walk::from_seeds;

/// Bytes that mean something to one of the readers.
const TELLING: &[u8] = b"\0\n\"\\{}[],:%+&=;/.~0-\x7f\xff";

#[test]
fn what_the_reader_takes_is_read_back_from_its_canonical_form() {
    assert!(from_seeds("json", TELLING, judge::json) > 1000);
}

#[test]
fn no_document_stops_the_loader() {
    assert!(from_seeds("policy", TELLING, judge::policy) > 10000);
}

#[test]
fn a_normal_form_is_its_own() {
    assert!(from_seeds("query", TELLING, judge::query) > 1000);
}

#[test]
fn no_head_without_a_passport_is_allowed() {
    assert!(from_seeds("request", TELLING, judge::request) > 5000);
}
