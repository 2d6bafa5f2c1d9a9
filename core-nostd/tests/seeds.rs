//! The seeds of the fuzz targets, each as it is, cut at every byte and changed at every byte.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

#[path = "../fuzz/judge.rs"]
mod judge;

use std::fs;
use std::path::Path;

/// Bytes that mean something to one of the readers.
const TELLING: &[u8] = b"\0\n\"\\{}[],:%+&=;/.~0-\x7f\xff";

/// Judges the seeds of a target and all that is one step from them; answers how many that were.
fn from_seeds(target: &str, judge: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut judged = 0;
    for seed in fs::read_dir(folder).unwrap() {
        let seed = fs::read(seed.unwrap().path()).unwrap();
        judge(&seed);
        for at in 0..seed.len() {
            judge(&seed[..at]);
            let mut changed = seed.clone();
            for byte in TELLING {
                changed[at] = *byte;
                judge(&changed);
            }
        }
        judged += 1 + seed.len() * (1 + TELLING.len());
    }
    judged
}

#[test]
fn what_the_reader_takes_is_read_back_from_its_canonical_form() {
    assert!(from_seeds("json", judge::json) > 1000);
}

#[test]
fn no_document_stops_the_loader() {
    assert!(from_seeds("policy", judge::policy) > 10000);
}

#[test]
fn a_normal_form_is_its_own() {
    assert!(from_seeds("query", judge::query) > 1000);
}

#[test]
fn no_head_without_a_passport_is_allowed() {
    assert!(from_seeds("request", judge::request) > 5000);
}
