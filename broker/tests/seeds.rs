//! The seeds of the fuzz targets, each as it is, cut at every byte and changed at every byte.

#[path = "../fuzz/judge.rs"]
mod judge;

use std::fs;
use std::path::Path;

/// Bytes that mean something to one of the readers.
const TELLING: &[u8] = b"\0\n\"\\{},\xff";

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
fn no_line_stops_the_reader_or_adds_a_line_to_the_transcript() {
    assert!(from_seeds("ipc", judge::ipc) > 10_000);
}
